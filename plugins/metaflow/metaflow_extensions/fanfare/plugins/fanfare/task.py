"""Runs one task of a Metaflow flow, as the command of a Fanfare step.

It is started in the directory of the code package, which tasks share, and imports nothing of Metaflow: what it does is to translate. $FANFARE_INPUT becomes
the arguments of Metaflow's `init` and `step`; what the task prints becomes a log in Metaflow's form beside what the worker keeps.

How Metaflow's own process comes about is another matter: here it is started anew, in warm.py it is forked.
"""

import argparse
import collections
import datetime
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

if __package__:
    from . import resume, triggered
else:
    import resume
    import triggered

# Metaflow numbers the attempts of a task from 0 to 5, and reads no others.
METAFLOW_ATTEMPTS = 6


def task_id(name, attempt):
    """Metaflow's id of a task, from its name here (`train[3,1]#0.2`): no number, so that Metaflow registers it; the same whenever it is asked for; and no other task's of the run, since flows
    name by it what they keep elsewhere.

    After the attempts that Metaflow knows the task goes on under a further id, and whoever reads it names the one whose attempt was accepted.
    """
    at, _, loops = name.partition("#")
    made, _, splits = at.partition("[")
    if splits:
        made += "-" + splits.rstrip("]").replace(",", "-")
    if loops:
        made += ".l" + loops
    tried = attempt // METAFLOW_ATTEMPTS
    return made if tried == 0 else "%s.a%d" % (made, tried)


def gang_ids(env, attempt=None):
    """Metaflow's ids of all tasks of the gang that a task is one of, in order; none for one that works alone.

    Parameters
    ----------
    env : mapping
        The task's environment.
    attempt : int, optional
        Of the ids under which the gang goes by at this attempt; by default the present one.
    """
    if "FANFARE_GANG_SIZE" not in env:
        return []
    at, mark, loops = env["FANFARE_TASK"].partition("#")
    step, _, splits = at.rstrip("]").partition("[")
    outer = splits.split(",")[:-1]
    names = ["%s[%s]%s%s" % (step, ",".join([*outer, str(index)]), mark, loops) for index in range(int(env["FANFARE_GANG_SIZE"]))]
    return [task_id(name, int(env["FANFARE_ATTEMPT"]) if attempt is None else attempt) for name in names]


def gang_env(env):
    """What Metaflow's current.parallel is read from."""
    if "FANFARE_GANG_SIZE" not in env:
        return {}
    return {
        "MF_PARALLEL_MAIN_IP": env["FANFARE_GANG_FIRST"],
        "MF_PARALLEL_NUM_NODES": env["FANFARE_GANG_SIZE"],
        "MF_PARALLEL_NODE_INDEX": env["FANFARE_GANG_INDEX"],
        "MF_PARALLEL_CONTROL_TASK_ID": gang_ids(env)[0],
    }


def retries(user_retries, attempt, failures):
    """Metaflow's --retry-count and --max-user-code-retries.

    Metaflow counts all attempts, and has @catch take over when that count is above the bound. Those that the platform lost are none of the user's: the bound moves with them, so that it takes over after the user's own
    failures and not before.
    """
    count = attempt % METAFLOW_ATTEMPTS
    return count, count + user_retries - failures


def parameter_text(value, is_json, is_mapped=False):
    """A parameter as Metaflow's `init` reads it from the environment; None where it has none.

    Parameters
    ----------
    value
        What the run has.
    is_json : bool
        Whether it is a JSON parameter of Metaflow's.
    is_mapped : bool, default False
        Whether an event gave it, of which a text is taken for the JSON that it holds, if it holds any.
    """
    if value is None:
        return None
    if isinstance(value, str) and is_mapped and _is_json(value):
        return value
    if is_json or isinstance(value, (dict, list)):
        return json.dumps(value)
    return value if isinstance(value, str) else str(value)


def _is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def signal_name(number):
    """`SIGKILL` for 9, and `signal N` for a number that has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


def _ending(number):
    name = signal_name(number)
    return "%s, %s" % (name, signal.strsignal(number).lower()) if name.startswith("SIG") else name


# One call of Metaflow: the words after the options, all of the environment, and whether what it prints is of no interest.
Command = collections.namedtuple("Command", "words env quiet")


def main(arguments, kind):
    task = kind(options_of(arguments), os.environ)
    task.lay_out()
    outlive_the_task()
    command = task.next()
    while command is not None:
        command = task.next(task.follow(*_start(task, command)))
    task.keep_log(_save_log)
    return task.code


def options_of(arguments):
    """The runner's own options; what follows `--` is `top`, Metaflow's options before its command."""
    parser = argparse.ArgumentParser(prog="task.py")
    parser.add_argument("--script", required=True, help="The flow's file, in the code package.")
    parser.add_argument("--datastore", required=True)
    parser.add_argument("--datastore-root", required=True)
    parser.add_argument("--user-retries", type=int, default=0)
    parser.add_argument("--first", action="store_true", help="The flow's first step, which also registers the run and its parameters.")
    parser.add_argument("--about", help="What the deployment says of itself; of no use to the task.")
    parser.add_argument("--splits", action="store_true", help="The first step within a foreach.")
    parser.add_argument("--json-parameter", action="append", default=[])
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--namespace")
    parser.add_argument("--resume-parameter", help="The parameter that says what the run resumes, which is none of the flow's.")
    parser.add_argument("--trigger-parameter", help="The parameter that says what started the run; those that begin with it say more. They are none of the flow's.")
    parser.add_argument("--mapped-parameter", action="append", default=[], help="One of JSON that an event may give.")
    parser.add_argument("top", nargs="*", help="Options before Metaflow's command.")
    return parser.parse_args(arguments)


def work_of(place):
    """The directory that the flow runs in, of a task whose own is `place`."""
    return os.path.join(place, "metaflow")


def lay_out(code, place, store=None):
    """Makes the directory that the flow runs in, whole or not at all: tasks write into theirs as they like; what is Metaflow's own is only read, and shared.

    Parameters
    ----------
    code : str
        Directory of the code package.
    place : str
        Where it is made.
    store : str, optional
        Root of a local datastore. Metaflow finds its cards there, since it looks for them in the directory of this name that lies nearest above the working directory.

    Returns
    -------
    str
        Its path.
    """
    made = tempfile.mkdtemp(prefix="metaflow-", dir=place)
    with os.scandir(code) as entries:
        for entry in entries:
            target = os.path.join(made, entry.name)
            if entry.name.startswith(".mf_"):
                os.symlink(entry.path, target)
            elif entry.is_dir(follow_symlinks=False):
                shutil.copytree(entry.path, target, symlinks=True)
            else:
                shutil.copy2(entry.path, target, follow_symlinks=False)
    if store is not None:
        os.symlink(store, os.path.join(made, ".metaflow"))
    work = work_of(place)
    os.rename(made, work)
    return work


def store_of(options):
    """Root of the datastore, if that is a local one; else None."""
    return options.datastore_root if options.datastore == "local" else None


def python_env(code, work, env):
    """What Python needs to find Metaflow, and Metaflow to find what was packed with the flow."""
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [os.path.join(code, ".mf_code"), env.get("PYTHONPATH")])),
        "METAFLOW_EXTRACTED_ROOT": work,
    }


def outlive_the_task():
    """The worker signals the whole group. What is to end is the task itself; this process goes on until its log is kept."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)


class Task(object):
    """A task's way through Metaflow's commands.

    `lay_out` comes first. `next` gives one command after the other; whoever runs them lets `follow` take care of what they print, and calls `keep_log` at the end.

    Parameters
    ----------
    options : argparse.Namespace
        The step's command, as `options_of` reads it.
    env : mapping
        The task's environment.
    ended : int, optional
        The exit code, as a shell says it, with which a process ended that ran the task by itself, and that could not do what comes after it.
    """

    # How long what is left in the pipes is waited for, in seconds: a process that the task left behind may hold them open. The worker ends it.
    _LINGER = 1.0

    def __init__(self, options, env, ended=None):
        with open(env["FANFARE_INPUT"], encoding="utf-8") as file:
            self.options, self._task = self._given(options, json.load(file))
        self.code = None
        # The attempt's own directory, which goes with it.
        self._place = os.path.dirname(env["FANFARE_INPUT"])
        self.work = work_of(self._place)
        self._is_after = ended is not None
        self._id, self._count, self._most = self._identity(int(env["FANFARE_FAILURES"]))
        self._env = dict(env)
        self._env.update(python_env(env["FANFARE_CODE"], self.work, env))
        self._env.update(gang_env(env))
        self._env.update(triggered.publishing_env(env))
        self._env.update(triggered.env(self._task, options.trigger_parameter))
        self._env.update(
            {
                "METAFLOW_RUN_ID": self._task["run"],
                "METAFLOW_STEP_NAME": self._task["step"],
                "METAFLOW_TASK_ID": self._id,
                "METAFLOW_RETRY_COUNT": str(self._count),
            }
        )
        # A first step that a switch leads back to has inputs like any other.
        self._is_first = options.first and self._task.get("inputs") == []
        self._was_lost = env["FANFARE_LOST"] == "1"
        self._origin = resume.origin(self._task, options.resume_parameter)
        self._log = _Log(options, self._task, self._id, self._count, self.work, self._env)
        self._commands = self._in_order() if ended is None else self._after(ended)

    def lay_out(self):
        """Makes what the task works with in its attempt's directory. Until then it has changed nothing: a start that was given up may be made once more, by another process."""
        # The process that tells of another's end goes on where that one was, if it came so far.
        if not (self._is_after and os.path.isdir(self.work)):
            lay_out(self._env["FANFARE_CODE"], self._place, store_of(self.options))
        self._log.open()

    def _given(self, options, task):
        """The options and the input, as they are meant."""
        return options, task

    def _identity(self, failures):
        """Metaflow's id of the task, its --retry-count and its --max-user-code-retries."""
        return (task_id(self._task["task"], self._task["attempt"]), *retries(self.options.user_retries, self._task["attempt"], failures))

    def log_if_alone(self):
        """Where Metaflow's form of the output is to be kept, a path for each stream, of a task that needs one call of Metaflow and no more, so that nobody has to stay beside it; None of others."""
        alone = self.options.datastore == "local" and not self._is_first and not (self._was_lost and self._count > 0) and self._origin is None
        return dict(self._log.paths) if alone else None

    def next(self, code=None):
        """The command to run now, given the exit code of the one before. None when the task is over; `code` is its exit code then."""
        try:
            return self._commands.send(code)
        except StopIteration as end:
            self.code = end.value
            return None

    def follow(self, pid, wait, out, err):
        """Takes what a command prints, and waits for its end.

        Parameters
        ----------
        pid : int
            The command's process, a child of this one.
        wait : callable
            Waits for it, and returns its exit code, or a signal's number below zero.
        out, err : int
            Its output and errors, as descriptors to read from, which are closed here.

        Returns
        -------
        int
            Its exit code, as a shell says it.
        """
        copies = {out: _Copy(self._log, "stdout"), err: _Copy(self._log, "stderr")}
        ended = os.pidfd_open(pid)
        poll = select.poll()
        for source in (out, err, ended):
            poll.register(source, select.POLLIN)
        left = None
        while copies and (left is None or left > time.monotonic()):
            for source, _ in poll.poll(None if left is None else max(0, left - time.monotonic()) * 1000):
                if source == ended:
                    left = time.monotonic() + self._LINGER
                elif copies[source].read(source):
                    continue
                else:
                    copies.pop(source).close()
                    os.close(source)
                poll.unregister(source)
        for source, copy in copies.items():
            copy.close()
            os.close(source)
        os.close(ended)
        code = wait()
        return 128 - code if code < 0 else code

    def keep_log(self, save):
        """Closes the log. Where Metaflow's datastore does not lie on this machine, `save(env, work)` is to take it there."""
        self._log.close()
        if self.options.datastore != "local":
            save(self._env, self.work)

    def _in_order(self):
        code = 0
        if self._is_first:
            parameters = self._parameters_path()
            # A second attempt of the first step finds what the one before has registered, perhaps.
            known = self._task["attempt"] > 0 and (yield Command(["dump", "--max-value-size=0", parameters], self._env, True)) == 0
            if not known:
                run, _, params = parameters.split("/")
                code = yield Command(["init", "--run-id", run, "--task-id", params, *self._tags()], self._init_env(), False)
        if code == 0 and self._was_lost and self._count > 0:
            # Beyond Metaflow's attempts the one before has another id, which nothing that follows would name.
            code = yield Command(resume.adopt_arguments(self._task, self._id, self._count - 1), self._env, False)
            if code != resume.NOTHING_TO_CLONE:
                return code
            code = 0
        if code == 0 and self._origin is not None and resume.may_clone(self._task, self._origin):
            code = yield Command([*resume.clone_arguments(self._task, self._origin, task_id(self._task["task"], 0), self._id, self._count, gang_ids(self._env, attempt=0)), *self._tags()], self._env, False)
            if code != resume.NOTHING_TO_CLONE:
                return code
            code = 0
        code = code or (yield Command(self._step(), self._env, False))
        return (yield from self._after(code))

    def _after(self, code):
        if code - 128 in signal.valid_signals():
            # Metaflow tells of such an end by nothing but its silence.
            self._log.write("stderr", [("The task was ended by %s.\n" % _ending(code - 128)).encode()])
            yield Command(resume.end_arguments(self._task, self._id, self._count, code), self._env, True)
        return code

    def _init_env(self):
        env = dict(self._env)
        is_triggered = triggered.VARIABLE in self._env
        for name, value in self._task["parameters"].items():
            if name == self.options.resume_parameter or triggered.is_of(self.options.trigger_parameter, name):
                continue
            text = parameter_text(value, name in self.options.json_parameter, is_triggered and name in self.options.mapped_parameter)
            if text is not None:
                env["METAFLOW_INIT_" + name.upper().replace("-", "_")] = text
        return env

    def _step(self):
        paths = os.path.join(self.work, ".mf_inputs")
        with open(paths, "w", encoding="utf-8") as file:
            file.write(",".join(self._inputs()))
        words = ["step", self._task["step"], "--run-id", self._task["run"], "--task-id", self._id, "--retry-count", str(self._count), "--max-user-code-retries", str(self._most), "--input-paths-filename", paths, *self._tags()]
        if self.options.splits:
            words += ["--split-index", str(self._task["splits"][-1])]
        if "FANFARE_GANG_INDEX" in self._env:
            # Metaflow's words for the first of a gang and for the others.
            words += ["--ubf-context", "ubf_control" if self._env["FANFARE_GANG_INDEX"] == "0" else "ubf_task"]
        origin = self._origin_run()
        if origin is not None:
            words += ["--clone-run-id", origin]
        if self.options.namespace is not None:
            words.append("--namespace=" + self.options.namespace)
        return words

    def _origin_run(self):
        return None if self._origin is None else self._origin["run"]

    def _tags(self):
        return [word for tag in self.options.tag for word in ("--tag", tag)]

    def _parameters_path(self):
        return "%s/_parameters/params" % self._task["run"]

    def _inputs(self):
        if self._is_first:
            yield self._parameters_path()
        for done in resume.inputs(self._task):
            yield "%s/%s/%s" % (self._task["run"], done["step"], task_id(done["task"], done["attempt"]))


def _start(task, command):
    (out, outs), (err, errs) = os.pipe(), os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-u", task.options.script, *task.options.top, *command.words],
        cwd=task.work,
        env=command.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if command.quiet else outs,
        stderr=subprocess.DEVNULL if command.quiet else errs,
    )
    os.close(outs)
    os.close(errs)
    return process.pid, process.wait, out, err


def _save_log(env, work):
    subprocess.call([sys.executable, "-m", "metaflow.mflog.save_logs"], cwd=work, env=env)


class _Log(object):
    """The task's output in Metaflow's form, a stamp before each line, where Metaflow's datastore has it; and as it is for the worker."""

    def __init__(self, options, task, metaflow_task, attempt, work, env):
        pathspec = "/".join((env["METAFLOW_FLOW_NAME"], task["run"], task["step"], metaflow_task))
        # A local datastore's log can be read while it grows.
        place = os.path.join(options.datastore_root, pathspec) if options.datastore == "local" else os.path.join(work, ".mf_logs")
        self.paths = path = {name: os.path.join(place, "%d.task_%s.log" % (attempt, name)) for name in ("stdout", "stderr")}
        self._files = {}
        self._is_uploaded = options.datastore != "local"
        self._last = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
        env.update(
            {
                "MFLOG_STDOUT": path["stdout"],
                "MFLOG_STDERR": path["stderr"],
                "MF_PATHSPEC": pathspec,
                "MF_DATASTORE": options.datastore,
                "MF_ATTEMPT": str(attempt),
                "MF_DATASTORE_ROOT": options.datastore_root,
            }
        )

    def open(self):
        # They are uploaded at the end, be they empty; a local datastore needs no file to say that there is nothing.
        if self._is_uploaded:
            for name in self.paths:
                self._open(name)

    def _open(self, name):
        if name not in self._files:
            os.makedirs(os.path.dirname(self.paths[name]), exist_ok=True)
            self._files[name] = open(self.paths[name], "ab", buffering=0)
        return self._files[name]

    def write(self, name, lines):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamped = []
        for line in lines:
            # Metaflow's client sorts by the stamp, so no two lines may have the same.
            self._last = max(now, self._last + datetime.timedelta(microseconds=1))
            stamped.append(b"[MFLOG|0|%sZ|task|%s]%s" % (self._last.strftime("%Y-%m-%dT%H:%M:%S.%f").encode(), str(uuid.uuid4()).encode(), line))
        self._open(name).write(b"".join(stamped))
        left = memoryview(b"".join(lines))
        while left:
            left = left[os.write(1 if name == "stdout" else 2, left) :]

    def close(self):
        for file in self._files.values():
            file.close()


class _Copy(object):
    """One of a command's two streams on its way into the log, line by line."""

    def __init__(self, log, name):
        self._log = log
        self._name = name
        self._rest = b""

    def read(self, source):
        """Takes what there is; False at the end."""
        got = os.read(source, 65536)
        *lines, self._rest = (self._rest + got).split(b"\n")
        if lines:
            self._log.write(self._name, [line + b"\n" for line in lines])
        return len(got) > 0

    def close(self):
        if self._rest:
            self._log.write(self._name, [self._rest])
            self._rest = b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Task))
