"""Metaflow's test/core with flows that are deployed: its graphs, tests and checkers, in its context for local runs, each combination as a test of its own.

It lies beside a copy of that suite. Metaflow's own executor for schedulers is not used: it takes it that triggering a flow fails where a run is to, that a run whose last step
@catch saved has failed, waits for the end of one that failed until its time is up, gives no tags, and leaves out what resumes.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import pytest

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _HERE)

# Metaflow first, which looks for its extensions itself.
from run_tests import iter_graphs, iter_tests  # noqa: E402, I001
from metaflow_test.formatter import FlowFormatter  # noqa: E402
from metaflow_extensions.fanfare.plugins.fanfare.client import FanfareClient  # noqa: E402

with open(os.path.join(_HERE, "contexts.json"), encoding="utf-8") as file:
    _SUITE = json.load(file)
_CONTEXT = next(context for context in _SUITE["contexts"] if context["name"] == "python3-all-local")

# Tests take it that a task's namespace is that of METAFLOW_USER, which is the scheduler's name in one of a deployed flow.
_NAMESPACE = "user:fanfare"


def _combinations():
    graphs = sorted(iter_graphs(), key=lambda graph: graph["name"])
    for test in sorted(iter_tests(), key=lambda test: (test.PRIORITY, type(test).__name__)):
        name = type(test).__name__
        for graph in graphs:
            formatter = FlowFormatter(graph, test)
            if formatter.valid:
                # All graphs of a test are deployed under one name.
                yield pytest.param(formatter, id="%s-%s" % (name, graph["name"]), marks=pytest.mark.xdist_group(name))


@pytest.mark.parametrize("formatter", _combinations())
def test_core(formatter, tmp_path):
    flow = _Flow(formatter, tmp_path)
    flow.call("fanfare", "create", *flow.tags, "--namespace", _NAMESPACE)
    run = flow.start("trigger")
    ended = flow.wait(run)
    if formatter.should_resume:
        if ended != "failed":
            flow.fail("The run that was to be resumed %s." % ended)
        rerun = ["--step-to-rerun", formatter.resume_step] if formatter.resume_step else []
        run = flow.start("resume", "--origin-run-id", run, *rerun)
        ended = flow.wait(run)
    if ended != ("failed" if formatter.should_fail else "succeeded"):
        flow.fail("The run %s." % ended)
    for check in _CONTEXT["checks"]:
        flow.check(_SUITE["checks"][check]["class"], run)


class _Flow(object):
    """A combination's flow in a directory of its own, and what was said of it."""

    def __init__(self, formatter, place):
        self._said = ""
        self._work = os.path.join(str(place), "work")
        # Cards are looked for in the directory of this name that lies nearest above the working directory.
        os.mkdir(os.path.join(str(place), ".metaflow"))
        shutil.copytree(os.path.join(_HERE, "metaflow_test"), os.path.join(self._work, "metaflow_test"))
        for name in formatter.copy_files:
            shutil.copy2(os.path.join(_HERE, "tests", name), self._work)
        # What a run's options are given by is another variable for each command. A local run waits for no retry, so that tests leave @retry its two minutes.
        code = formatter.flow_code.replace("METAFLOW_RUN_", "METAFLOW_FANFARE_TRIGGER_")
        self._write("test_flow.py", re.sub(r"@retry\(times=(\d+)\)", r"@retry(times=\1, minutes_between_retries=0)", code))
        self._write("check_flow.py", formatter.check_code)
        given = {name.replace("METAFLOW_RUN_", "METAFLOW_FANFARE_TRIGGER_"): value for name, value in _CONTEXT["env"].items()}
        self._env = dict(
            os.environ,
            **given,
            METAFLOW_DATASTORE_SYSROOT_LOCAL=str(place),
            PYTHONPATH=os.pathsep.join((_HERE, os.environ["PYTHONPATH"])),
            PYTHONIOENCODING="utf_8",
        )
        self._api = FanfareClient()

    @property
    def tags(self):
        """The context's, and those of the namespaces in which the checkers look and the tasks are."""
        return [*(option for option in _CONTEXT["run_options"] if option.startswith("--tag=")), "--tag=user:" + _CONTEXT["env"]["METAFLOW_USER"], "--tag=" + _NAMESPACE]

    def call(self, *words):
        self._python("test_flow.py", *_CONTEXT["top_options"], *words)

    def start(self, verb, *arguments):
        self.call("fanfare", verb, "--run-id-file", "run-id", *arguments)
        with open(os.path.join(self._work, "run-id"), encoding="utf-8") as file:
            return file.read()

    def wait(self, run):
        """How the run ended: pytest's timeout bounds the wait."""
        while True:
            shown = self._api.run(run)
            if shown["status"] in ("succeeded", "failed", "cancelled"):
                break
            time.sleep(0.5)
        if shown.get("error"):
            self._said += shown["error"]["message"] + "\n"
        return shown["status"]

    def check(self, checker, run):
        self._python("check_flow.py", checker, run, *_CONTEXT["top_options"])

    def fail(self, why):
        """Fails the test with all that was said, which tells more than where the lines above stand."""
        pytest.fail(self._said + why, pytrace=False)

    def _python(self, *words):
        done = subprocess.run([sys.executable, *words], cwd=self._work, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, encoding="utf-8", errors="replace")
        self._said += "$ %s\n%s" % (" ".join(words), done.stdout)
        if done.returncode != 0:
            self.fail("The last command ended with exit code %d." % done.returncode)

    def _write(self, name, content):
        with open(os.path.join(self._work, name), "w", encoding="utf-8") as file:
            file.write(content)
