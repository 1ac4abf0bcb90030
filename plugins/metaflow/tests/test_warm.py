"""The fork server of a flow, with this process in the worker's place; skipped where Metaflow cannot be imported."""

import importlib.util
import json
import os
import select
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

HAS_METAFLOW = importlib.util.find_spec("metaflow") is not None and importlib.util.find_spec("requests") is not None

SERVER = Path(__file__).parents[1] / "metaflow_extensions/fanfare/plugins/fanfare/warm.py"

FLOW = """
from metaflow import FlowSpec, step


class One(FlowSpec):
    @step
    def start(self):
        print("at work", flush=True)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    One()
"""


class Pipes(object):
    """A child's four pipes, under the paths by which the worker names its ends."""

    def __init__(self):
        self._ends = {}
        for name in ("stdout", "stderr", "status", "go"):
            read, write = os.pipe()
            self._ends[name] = (write, read) if name == "go" else (read, write)
        self.paths = {name: "/proc/%d/fd/%d" % (os.getpid(), theirs) for name, (_, theirs) in self._ends.items()}
        self.pipe = os.readlink("/proc/self/fd/%d" % self._ends["go"][1])

    @property
    def status(self):
        return self._ends["status"][0]

    def close_theirs(self):
        for _, theirs in self._ends.values():
            os.close(theirs)

    def go(self):
        os.write(self._ends["go"][0], b"go\n")

    def give_up(self):
        os.close(self._ends["go"][0])

    def read(self, name):
        """All that is still to come, up to the end of the last process that may write there."""
        with os.fdopen(self._ends[name][0], "rb") as stream:
            return stream.read().decode()

    def line(self):
        """The next line of the status."""
        said = b""
        while not said.endswith(b"\n"):
            said += os.read(self.status, 1)
        return said.decode()


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class Serving(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        self.task = self.root / "task"
        for name in ("code", "task", "store/.metaflow"):
            (self.root / name).mkdir(parents=True)
        (self.root / "code/flow.py").write_text(textwrap.dedent(FLOW))
        (self.task / "input").write_text(json.dumps({"run": "r1", "task": "start", "step": "start", "splits": [], "attempt": 0, "parameters": {}, "inputs": []}))
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("METAFLOW")},
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "FANFARE_CODE": str(self.root / "code"),
            "FANFARE_MARK": "mark.1",
            "METAFLOW_FLOW_NAME": "One",
            "METAFLOW_USER": "tester",
            "METAFLOW_HOME": str(self.root / "home"),
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(self.root / "store"),
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_DEFAULT_DATASTORE": "local",
        }
        self.store = ["--datastore", "local", "--datastore-root", str(self.root / "store/.metaflow")]

    def server(self):
        """One that is ready."""
        warm = tempfile.mkdtemp(dir=self.root)
        top = ["--quiet", "--metadata=local", "--datastore=local", "--datastore-root=" + self.store[-1], "--no-pylint", "--with=fanfare_internal"]
        started = subprocess.Popen([sys.executable, "-u", str(SERVER), "--script", "flow.py", "--", *top], env=dict(self.env, FANFARE_WARM_DIR=warm), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.addCleanup(started.wait)
        self.addCleanup(started.stdout.close)
        self.addCleanup(started.stdin.close)
        self.assertEqual(started.stdout.readline(), b"ready\n")
        return started

    def ask(self, server, **changed):
        pipes = Pipes()
        request = {
            "argv": ["python3", "task.py", "--script", "flow.py", *self.store, "--first"],
            "env": dict(self.env, FANFARE_MARK="mark.2", FANFARE_INPUT=str(self.task / "input"), FANFARE_OUTPUT=str(self.task / "output"), FANFARE_FAILURES="0", FANFARE_LOST="0", FANFARE_RUN="r1", FANFARE_TASK="start"),
            "cgroup": "",
            "logs": True,
            "pipe": pipes.pipe,
            **pipes.paths,
            **changed,
        }
        server.stdin.write(json.dumps(request).encode() + b"\n")
        return pipes

    def test_a_task_whose_server_was_killed_while_it_started_is_started_by_another(self):
        first = self.server()
        given_up = self.ask(first)
        self.assertRegex(given_up.line(), r"\Apid \d+\n\Z")
        first.kill()
        first.wait()
        # It has done nothing yet that another would find, or that would have to be undone while it may still be there.
        self.assertEqual(os.listdir(self.task), ["input"])

        again = self.ask(self.server())
        self.assertRegex(again.line(), r"\Apid \d+\n\Z")
        again.close_theirs()
        again.go()
        self.assertEqual((again.read("status"), again.read("stdout"), again.read("stderr")), ("exit 0\n", "at work\n", ""))
        self.assertTrue((self.task / "output").exists())

        given_up.close_theirs()
        given_up.give_up()
        self.assertEqual((given_up.read("status"), given_up.read("stdout"), given_up.read("stderr")), ("", "", ""))

    def test_a_child_that_comes_late_does_not_take_anothers_pipes(self):
        server = self.server()
        pipes = self.ask(server, pipe="pipe:[1]")
        # It says nothing there before it ends.
        said, _, _ = select.select([server.stdout, pipes.status], [], [])
        self.assertEqual(said, [server.stdout])
        self.assertRegex(server.stdout.readline(), rb"\Aended \d+ 125\n\Z")
        pipes.close_theirs()
        self.assertEqual((pipes.read("status"), pipes.read("stdout"), pipes.read("stderr")), ("", "", ""))
        self.assertEqual(os.listdir(self.task), ["input"])


if __name__ == "__main__":
    unittest.main()
