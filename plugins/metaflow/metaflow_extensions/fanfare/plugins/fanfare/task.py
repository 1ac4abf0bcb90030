"""Runs one task of a Metaflow flow, as the command of a Fanfare step.

It is started in the directory of the code package, which tasks share, and imports nothing of Metaflow: what it does is to translate. $FANFARE_INPUT becomes
the arguments of Metaflow's `init` and `step`; what the task prints becomes a log in Metaflow's form beside what the worker keeps.
"""

import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import uuid

# Metaflow numbers the attempts of a task from 0 to 5, and reads no others.
METAFLOW_ATTEMPTS = 6


def task_id(name, attempt):
    """Metaflow's id of a task, from its name here (`train[3,1]#0.2`): no number, so that Metaflow registers it, and the same whenever it is asked for.

    After the attempts that Metaflow knows the task goes on under a further id, and whoever reads it names the one whose attempt was accepted.
    """
    at, _, loops = name.partition("#")
    _, _, splits = at.partition("[")
    made = "t"
    if splits:
        made += "-" + splits.rstrip("]").replace(",", "-")
    if loops:
        made += ".l" + loops
    tried = attempt // METAFLOW_ATTEMPTS
    return made if tried == 0 else "%s.a%d" % (made, tried)


def retries(user_retries, attempt, failures):
    """Metaflow's --retry-count and --max-user-code-retries.

    Metaflow counts all attempts, and has @catch take over when that count is above the bound. Those that the platform lost are none of the user's: the bound moves with them, so that it takes over after the user's own
    failures and not before.
    """
    count = attempt % METAFLOW_ATTEMPTS
    return count, count + user_retries - failures


def parameter_text(value, is_json):
    """A parameter as Metaflow's `init` reads it from the environment; None where it has none."""
    if is_json:
        return None if value is None else json.dumps(value)
    return None if value is None else value if isinstance(value, str) else str(value)


def main(arguments):
    options = parse(arguments)
    with open(os.environ["FANFARE_INPUT"], encoding="utf-8") as file:
        return run(Task, options, json.load(file))


def run(kind, options, task):
    code = os.environ["FANFARE_CODE"]
    work = tempfile.mkdtemp(prefix="metaflow-", dir=os.environ.get("TMPDIR"))
    try:
        _lay_out(code, work)
        if options.datastore == "local":
            # Cards are kept in the directory of this name that lies nearest above the working directory.
            os.symlink(options.datastore_root, os.path.join(work, ".metaflow"))
        return kind(options, task, code, work).run()
    finally:
        shutil.rmtree(work, ignore_errors=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="task.py")
    parser.add_argument("--script", required=True, help="The flow's file, in the code package.")
    parser.add_argument("--datastore", required=True)
    parser.add_argument("--datastore-root", required=True)
    parser.add_argument("--user-retries", type=int, default=0)
    parser.add_argument("--first", action="store_true", help="The flow's first step, which also registers the run and its parameters.")
    parser.add_argument("--splits", action="store_true", help="The first step within a foreach.")
    parser.add_argument("--json-parameter", action="append", default=[])
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--namespace")
    parser.add_argument("top", nargs="*", help="Options before Metaflow's command.")
    return parser.parse_args(arguments)


def _lay_out(code, work):
    # Tasks write into their working directory as they like; what is Metaflow's own is only read.
    for entry in os.scandir(code):
        target = os.path.join(work, entry.name)
        if entry.name.startswith(".mf_"):
            os.symlink(entry.path, target)
        elif entry.is_dir(follow_symlinks=False):
            shutil.copytree(entry.path, target, symlinks=True)
        else:
            shutil.copy2(entry.path, target, follow_symlinks=False)


class Task(object):
    def __init__(self, options, task, code, work):
        self._options = options
        self._task = task
        self._work = work
        self._id, self._count, self._most = self._identity()
        self._env = dict(os.environ)
        self._env.update(
            {
                "PYTHONPATH": os.pathsep.join(filter(None, [os.path.join(code, ".mf_code"), os.environ.get("PYTHONPATH")])),
                "METAFLOW_EXTRACTED_ROOT": work,
                "METAFLOW_RUN_ID": task["run"],
                "METAFLOW_STEP_NAME": task["step"],
                "METAFLOW_TASK_ID": self._id,
                "METAFLOW_RETRY_COUNT": str(self._count),
            }
        )
        # A first step that a switch leads back to has inputs like any other.
        self._is_first = options.first and task.get("inputs") == []
        self._log = _Log(options, task, self._id, self._count, work, self._env)

    def _identity(self):
        """Metaflow's id of the task, its --retry-count and its --max-user-code-retries."""
        made = task_id(self._task["task"], self._task["attempt"])
        return (made, *retries(self._options.user_retries, self._task["attempt"], int(os.environ["FANFARE_FAILURES"])))

    def run(self):
        # The worker signals the whole group. What is to end is the task itself; this process goes on until its log is kept.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        try:
            code = self._first() if self._is_first else 0
            return code or self._step()
        finally:
            self._log.close()

    def _first(self):
        parameters = self._parameters_path()
        # A second attempt of the first step finds what the one before has registered, perhaps.
        if self._task["attempt"] > 0 and subprocess.call(self._metaflow("dump", "--max-value-size=0", parameters), cwd=self._work, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            return 0
        env = dict(self._env)
        for name, value in self._task["parameters"].items():
            text = parameter_text(value, name in self._options.json_parameter)
            if text is not None:
                env["METAFLOW_INIT_" + name.upper().replace("-", "_")] = text
        run, _, params = parameters.split("/")
        return self._call(self._metaflow("init", "--run-id", run, "--task-id", params, *self._tags()), env)

    def _step(self):
        paths = os.path.join(self._work, ".mf_inputs")
        with open(paths, "w", encoding="utf-8") as file:
            file.write(",".join(self._inputs()))
        command = self._metaflow("step", self._task["step"], "--run-id", self._task["run"], "--task-id", self._id, "--retry-count", str(self._count), "--max-user-code-retries", str(self._most), "--input-paths-filename", paths, *self._tags(), *self._further())
        if self._options.splits:
            command += ["--split-index", str(self._task["splits"][-1])]
        if self._options.namespace is not None:
            command.append("--namespace=" + self._options.namespace)
        return self._call(command, self._env)

    def _further(self):
        """Further options of Metaflow's `step`."""
        return []

    def _metaflow(self, *command):
        return [sys.executable, "-u", self._options.script, *self._options.top, *command]

    def _tags(self):
        return [word for tag in self._options.tag for word in ("--tag", tag)]

    def _parameters_path(self):
        return "%s/_parameters/params" % self._task["run"]

    def _inputs(self):
        if self._is_first:
            yield self._parameters_path()
        for done in self._task["inputs"] if self._task.get("inputs_file") is None else _lines(self._task["inputs_file"]):
            yield "%s/%s/%s" % (self._task["run"], done["step"], task_id(done["task"], done["attempt"]))

    def _call(self, command, env):
        process = subprocess.Popen(command, cwd=self._work, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        copies = [threading.Thread(target=self._log.copy, args=(source, name)) for source, name in ((process.stdout, "stdout"), (process.stderr, "stderr"))]
        for copy in copies:
            copy.start()
        code = process.wait()
        for copy in copies:
            copy.join()
        # As a shell says it.
        return 128 - code if code < 0 else code


class _Log(object):
    """The task's output in Metaflow's form, a stamp before each line, where Metaflow's datastore has it; and as it is for the worker."""

    def __init__(self, options, task, metaflow_task, attempt, work, env):
        self._options = options
        self._work = work
        self._env = env
        self._path = {name: os.path.join(work, ".mf_" + name) for name in ("stdout", "stderr")}
        self._flow = env["METAFLOW_FLOW_NAME"]
        self._pathspec = "/".join((self._flow, task["run"], task["step"], metaflow_task))
        if options.datastore == "local":
            # It can be read while it grows.
            place = os.path.join(options.datastore_root, self._pathspec)
            os.makedirs(place, exist_ok=True)
            self._path = {name: os.path.join(place, "%d.task_%s.log" % (attempt, name)) for name in self._path}
        self._files = {name: open(path, "ab", buffering=0) for name, path in self._path.items()}
        env.update(
            {
                "MFLOG_STDOUT": self._path["stdout"],
                "MFLOG_STDERR": self._path["stderr"],
                "MF_PATHSPEC": self._pathspec,
                "MF_DATASTORE": options.datastore,
                "MF_ATTEMPT": str(attempt),
                "MF_DATASTORE_ROOT": options.datastore_root,
            }
        )

    def copy(self, source, name):
        there = sys.stdout.buffer if name == "stdout" else sys.stderr.buffer
        for line in source:
            stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
            self._files[name].write(b"[MFLOG|0|%sZ|task|%s]%s" % (stamp.encode(), str(uuid.uuid4()).encode(), line))
            there.write(line)
            there.flush()

    def close(self):
        for file in self._files.values():
            file.close()
        if self._options.datastore != "local":
            subprocess.call([sys.executable, "-m", "metaflow.mflog.save_logs"], cwd=self._work, env=self._env)


def _lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
