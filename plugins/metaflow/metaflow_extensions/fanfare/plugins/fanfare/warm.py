"""The fork server of a deployed flow: imports Metaflow and the flow once, and forks for each task.

The flow's own process is brought to where Metaflow has read the options and is about to look at its command; from there each call of Metaflow goes on in a
child, through the very frames that a fresh process would have come through. A task that needs one call of Metaflow is one process, whose log the worker keeps
where Metaflow has it. For others there are two, as in a cold start: task.py's part, which leads the group and keeps the log, and below it Metaflow's.

The worker's side of the protocol is in docs/tasks.md, Warm starts.
"""

import argparse
import atexit
import functools
import gc
import json
import os
import random
import signal
import stat
import sys
import threading
import traceback
import types

# What lies in the directory of this file must not go before modules of the flow.
sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
_packed = os.path.join(os.environ["FANFARE_CODE"], ".mf_code")
if _packed not in sys.path:
    sys.path.append(_packed)
from metaflow_extensions.fanfare.plugins.fanfare import local_files  # noqa: E402
from metaflow_extensions.fanfare.plugins.fanfare.remote_task import RemoteTask  # noqa: E402
from metaflow_extensions.fanfare.plugins.fanfare.task import Task, lay_out, options_of, outlive_the_task, python_env  # noqa: E402

# What the step's command would have run, by its program.
_KINDS = {"task.py": Task, "remote_task.py": RemoteTask}

_READ_ONLY = (os.path.devnull, "/dev/urandom", "/dev/random", "/dev/zero")


def main(arguments):
    options = _options(arguments)
    if "METAFLOW_EXTRACTED_ROOT" not in os.environ:
        # Once more, in the directory and with the environment that Metaflow's process has in a cold start.
        code = os.environ["FANFARE_CODE"]
        work = lay_out(code, os.environ["FANFARE_WARM_DIR"])
        os.chdir(work)
        os.execve(sys.executable, [sys.executable, "-u", __file__, *arguments], dict(os.environ, **python_env(code, work, os.environ)))
    server = _Server(options)
    try:
        server.load()
        code = 0
    except SystemExit as end:
        code = end.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
        code = 1
    if server.forked:
        _finish(code or 0, server.tell_end)
    return code


def _options(arguments):
    parser = argparse.ArgumentParser(prog="warm.py")
    parser.add_argument("--script", required=True, help="The flow's file, in the code package.")
    parser.add_argument("top", nargs="*", help="Options before Metaflow's command.")
    return parser.parse_args(arguments)


class _Server(object):
    def __init__(self, options):
        self._script = options.script
        self._top = options.top
        self.forked = False
        # In a child that is the whole task: the descriptor to tell the worker of its end.
        self._status = None
        # Nothing that the flow prints may come between the answers, nor anything that it reads be a request.
        self._requests = os.fdopen(os.dup(0), "rb")
        self._answers = os.fdopen(os.dup(1), "wb", buffering=0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        # What a fresh process would have been given, too.
        self._given = _descriptors()
        self._env = dict(os.environ)

    def load(self):
        """Runs the flow's file as the program that it is. Returns, or ends with an exception, in the children only, as they end."""
        path = os.path.abspath(self._script)
        program = types.ModuleType("__main__")
        program.__file__ = path
        program.__builtins__ = __builtins__
        # Before anything of Metaflow's: it gives the program what pickled artifacts refer to.
        self._program = sys.modules["__main__"] = program
        sys.argv = [self._script, *self._top, "step"]
        sys.path.insert(0, os.getcwd())
        from metaflow.cli_components.utils import LazyPluginCommandCollection

        # Metaflow looks its commands up when it has dealt with all options before them. The class, since what is of it is made when the flow imports metaflow.cli: it has the
        # options of the flow's own decorators then, and none of them before.
        self._resolve_command = LazyPluginCommandCollection.resolve_command
        LazyPluginCommandCollection.resolve_command = lambda start, context, words: self._at_command(start, context)
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
        exec(code, program.__dict__)

    def _at_command(self, start, context):
        from metaflow.system_context import _phase_from_cli_args, system_context

        # Metaflow's own connections to its service, which it opens again where it needs them.
        session = getattr(context.obj.metadata, "_session", None)
        if session is not None:
            session.close()
        words = self._serve()
        type(start).resolve_command = self._resolve_command
        context.saved_args = words
        system_context._update(phase=_phase_from_cli_args(words))
        return start.resolve_command(context, words)

    def _serve(self):
        """Serves until the server's end; in a child that goes on with Metaflow, returns the words of its command."""
        _import_what_tasks_do()
        why = _why_unfit(self._given)
        if why is not None:
            self._answer("unfit " + why)
            os._exit(0)
        # A fresh process would have run the flow's file, and that may have set some.
        self._set = {name: os.environ.get(name) for name in self._env.keys() | os.environ.keys() if os.environ.get(name) != self._env.get(name)}
        sys.stdout.flush()
        sys.stderr.flush()
        gc.collect()
        # The collector's marks would be writes to every page that the children share.
        gc.freeze()
        # Each child tells its end itself, if it can.
        signal.signal(signal.SIGCHLD, lambda *_: self._reap())
        self._answer("ready")
        for line in self._requests:
            request = json.loads(line)
            # Here, since each child would have to do it anew.
            kind, options = _runner(tuple(request["argv"]))
            try:
                child = os.fork()
            except OSError as error:
                _tell(request["status"], "%s\n" % error)
                continue
            if child == 0:
                return self._lead(request, kind, options)
        os._exit(0)

    def _reap(self):
        """Says how children ended, of which one that a signal ended could say nothing."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._answer("ended %d %d" % (pid, os.waitstatus_to_exitcode(status)))

    def _lead(self, request, kind, options):
        """The task's own process. Returns in the one that goes on with Metaflow: this one, or a child of it."""
        self.forked = True
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._requests.close()
        self._answers.close()
        code = 1
        task = log = None
        status, go = _join(request)
        try:
            task = kind(options, request["env"], request.get("ended"))
            # What it prints is kept by the worker then, if that can.
            log = task.log_if_alone() if request.get("logs") and "ended" not in request else None
        except BaseException:
            traceback.print_exc()
        _wait(request, status, go, log)
        try:
            if task is not None:
                task.lay_out()
        except BaseException:
            traceback.print_exc()
            task = log = None
        if log is not None:
            command = task.next()
            self._status = _Status(status)
            self._become(task, command)
            return command.words
        try:
            if task is not None:
                outlive_the_task()
                command = task.next()
                while command is not None:
                    (out, outs), (err, errs) = os.pipe(), os.pipe()
                    pid = os.fork()
                    if pid == 0:
                        for descriptor in (out, err, status):
                            os.close(descriptor)
                        self._become(task, command, (outs, errs))
                        return command.words
                    os.close(outs)
                    os.close(errs)
                    command = task.next(task.follow(pid, lambda pid=pid: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out, err))
                task.keep_log(_save_log)
                code = task.code
        except BaseException:
            traceback.print_exc()
        _Status(status).exit(code)
        os._exit(code)

    def tell_end(self, code):
        """Tells the worker of the end, in a child that is the whole task."""
        if self._status is not None:
            self._status.exit(code)

    def _become(self, task, command, streams=None):
        """Makes this process like one that was just started with the command; its output goes to `streams`, if they are not its own already."""
        if streams is not None:
            null = os.open(os.devnull, os.O_RDWR)
            for number, stream in enumerate(streams, 1):
                os.dup2(null if command.quiet else stream, number)
            for descriptor in (null, *streams):
                os.close(descriptor)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        env = dict(command.env, **self._set)
        _take({name: value for name, value in env.items() if value is not None})
        _publish_there()
        os.chdir(task.work)
        sys.argv = [self._script, *self._top, *command.words]
        sys.path[0] = task.work
        self._program.__file__ = os.path.join(task.work, self._script)
        # Python has given its own generator a new seed at the fork.
        numpy = sys.modules.get("numpy.random")
        if numpy is not None:
            numpy.seed()

    def _answer(self, line):
        try:
            self._answers.write(line.replace("\n", " ").encode() + b"\n")
        except BrokenPipeError:
            # The worker is gone; the requests end, too.
            pass


@functools.lru_cache(maxsize=64)
def _runner(command):
    _, program, *arguments = command
    return _KINDS[os.path.basename(program)], options_of(arguments)


def _join(request):
    """Leads a process group of its own, and has the task's streams; returns the descriptors to tell the worker of the end, and to wait for its word."""
    os.setsid()
    _mark(request["env"]["FANFARE_MARK"])
    try:
        status = os.open(request["status"], os.O_WRONLY)
        streams = [(os.open(os.devnull, os.O_RDONLY), 0), (os.open(request["stdout"], os.O_WRONLY), 1), (os.open(request["stderr"], os.O_WRONLY), 2)]
        # The last, since it is the first that the worker closes: where it is still there, the others were.
        go = os.open(request["go"], os.O_RDONLY)
        is_ours = request.get("pipe") in (None, os.readlink("/proc/self/fd/%d" % go))
    except OSError:
        is_ours = False
    if not is_ours:
        # The worker has given up, or is gone; what is under these paths now may be another task's.
        os._exit(125)
    for descriptor, number in streams:
        os.dup2(descriptor, number)
        os.close(descriptor)
    return status, go


def _wait(request, status, go, log):
    """Names this process to the worker, and where its log is to be kept, too. Until the worker has noted the group, it does nothing that would have to be found and ended."""
    try:
        os.write(status, b"pid %d%s\n" % (os.getpid(), b"" if log is None else b" " + json.dumps({"logs": log}).encode()))
        if not os.read(go, 16):
            os._exit(125)
    except OSError:
        os._exit(125)
    os.close(go)
    if request["cgroup"]:
        _tell(request["cgroup"], "%d\n" % os.getpid())


class _Status(object):
    """Where the worker is told of the end, by the process that has it and by none that is forked from it."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._process = os.getpid()
        self._is = self._identity()

    def exit(self, code):
        # The flow may have closed it, with whatever else it did not open, and have another file under its number.
        if self._process != os.getpid() or self._identity() != self._is:
            return
        try:
            os.write(self._descriptor, b"exit %d\n" % code)
        except OSError:
            # The worker is gone, and with it whoever wanted to know.
            pass

    def _identity(self):
        try:
            found = os.fstat(self._descriptor)
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _take(env):
    for name in set(os.environ) - set(env):
        del os.environ[name]
    for name, value in env.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _publish_there():
    """Has ArgoEvent publish where the task's environment says. Metaflow has read its configuration before there was a task."""
    from metaflow import metaflow_config

    url = os.environ.get("METAFLOW_ARGO_EVENTS_WEBHOOK_URL")
    if url is None or url == metaflow_config.ARGO_EVENTS_WEBHOOK_URL:
        return
    auth = os.environ.get("METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH", "none")
    metaflow_config.ARGO_EVENTS_WEBHOOK_URL, metaflow_config.ARGO_EVENTS_WEBHOOK_AUTH = url, auth
    events = sys.modules.get("metaflow.plugins.argo.argo_events")
    if events is not None:
        events.ARGO_EVENTS_WEBHOOK_AUTH = auth
        # The URL is the default of one of its parameters by now.
        init = events.ArgoEvent.__init__
        names = init.__code__.co_varnames[: init.__code__.co_argcount]
        defaults = list(init.__defaults__)
        defaults[names.index("url") - len(names)] = url
        init.__defaults__ = tuple(defaults)


def _mark(mark):
    """Puts the task's mark where the system shows a process' environment, which is memory of its own since its start: what leaves the group is found by it."""
    with open("/proc/self/stat", "rb") as file:
        # Fields 50 and 51 of proc(5), counted after the name in brackets.
        start, end = map(int, file.read().rpartition(b")")[2].split()[47:49])
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(start)
        shown = memory.read(end - start)
        name = b"FANFARE_MARK="
        at = 0 if shown.startswith(name) else shown.index(b"\0" + name) + 1
        old = shown[at:].partition(b"\0")[0]
        new = name + mark.encode()
        if len(new) != len(old):
            raise ValueError("FANFARE_MARK has another length than the fork server's.")
        memory.seek(start + at)
        memory.write(new)


def _import_what_tasks_do():
    import metaflow.cli_components.init_cmd
    import metaflow.cli_components.step_cmd
    import metaflow.mflog.save_logs
    import metaflow.task  # noqa: F401

    local_files.install()


def _descriptors():
    """What this process has open: a path, or what the system shows in its place, for each descriptor."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink("/proc/self/fd/" + name)
        except FileNotFoundError:
            # The one that the listing itself was read through.
            pass
    return found


def _why_unfit(given):
    """What of this process a fork would not carry over, or would carry over though no child may share it; None if it is fit."""
    try:
        _mark(os.environ["FANFARE_MARK"])
    except (OSError, ValueError) as error:
        return "the environment that the system shows of this process cannot be changed: %s" % error
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    if threads or len(os.listdir("/proc/self/task")) > 1:
        return "the flow starts threads while it is imported (%s)" % (", ".join(threads) or "in a native library")
    for descriptor, path in _descriptors().items():
        mode = os.fstat(descriptor).st_mode
        if given.get(descriptor) != path and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or path in _READ_ONLY):
            return "the flow opens %s while it is imported" % path
    for found in gc.get_objects():
        if _is_generator(found):
            return "the flow makes a random number generator while it is imported (%s): all tasks would draw the same numbers" % type(found).__name__
    return None


def _is_generator(found):
    if isinstance(found, random.Random):
        return found is not random._inst and not isinstance(found, random.SystemRandom)
    numpy = sys.modules.get("numpy.random")
    # The library's own is given a new seed in each child.
    return numpy is not None and isinstance(found, (numpy.Generator, numpy.RandomState)) and found is not getattr(numpy.mtrand, "_rand", None)


def _save_log(env, work):
    from metaflow.mflog.save_logs import save_logs

    _take(env)
    save_logs()


def _tell(path, text):
    with open(path, "w") as file:
        file.write(text)


def _finish(code, tell):
    """Ends the process as Python does, but for taking apart what dies with it."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    tell(code & 0xFF)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
