"""What a task can see of its own process, to be compared between a process that was started for it and one that was forked."""

import gc
import os
import random
import resource
import signal
import stat
import sys
import tempfile
import threading

from metaflow import FlowSpec, current, step


class Mine(object):
    """Pickled by the name of the program that it is part of."""

    def __init__(self, value):
        self.value = value


def descriptors():
    kinds = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            mode = os.fstat(int(name)).st_mode
        except OSError:
            continue
        kinds[name] = "pipe" if stat.S_ISFIFO(mode) else "device" if stat.S_ISCHR(mode) else "file" if stat.S_ISREG(mode) else "other"
    # Beyond these, a descriptor's number depends on the worker that was started.
    return {name: kind for name, kind in kinds.items() if int(name) < 3}


def own(text, work):
    return text.replace(work, "WORK")


class Probe(FlowSpec):
    @step
    def start(self):
        self.twice = [0, 1]
        self.next(self.look, foreach="twice")

    @step
    def look(self):
        work = os.getcwd()
        with open("here.txt", "x") as file:
            file.write("mine")
        own_names = ("FANFARE_RUN", "FANFARE_DEPLOYMENT", "FANFARE_MARK", "FANFARE_INPUT", "FANFARE_OUTPUT", "FANFARE_ARTIFACTS", "FANFARE_INPUT_ARTIFACTS")
        own_names += ("METAFLOW_RUN_ID", "METAFLOW_EXTRACTED_ROOT", "MFLOG_STDOUT", "MFLOG_STDERR", "MF_PATHSPEC")
        self.seen = {
            "env": {name: os.environ[name] for name in sorted(os.environ) if name not in own_names},
            "own": sorted(name for name in own_names if name in os.environ),
            "argv": [own(word, work) for word in sys.argv if current.run_id not in word],
            "path": [own(place, work) for place in sys.path],
            "main": own(sys.modules["__main__"].__file__, work),
            "name": type(self).__module__,
            "extracted": os.environ["METAFLOW_EXTRACTED_ROOT"] == work,
            "umask": os.umask(os.umask(0)),
            "signals": {number: str(signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP)},
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
            "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")},
            "descriptors": descriptors(),
            "streams": [(stream.fileno(), stream.encoding, stream.line_buffering, stream.write_through) for stream in (sys.stdin, sys.stdout, sys.stderr)],
            "input": sys.stdin.read(),
            "threads": threading.active_count(),
            "tasks": len(os.listdir("/proc/self/task")),
            "children": os.path.exists("/proc/self/task/%d/children" % os.getpid()) and open("/proc/self/task/%d/children" % os.getpid()).read(),
            # A fresh process is below the one that leads; a forked one may lead itself.
            "group": os.getpgrp() in (os.getppid(), os.getpid()),
            "tty": sys.stdout.isatty(),
            "flags": str(sys.flags),
            "gc": gc.isenabled(),
            "temporary": tempfile.gettempdir(),
            "step": (current.step_name, current.task_id, current.retry_count, current.username, current.origin_run_id),
        }
        self.drawn = random.random()
        self.pid = os.getpid()
        self.mine = Mine(self.index)
        os.system("echo from a child")
        print("from the task")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [each.seen for each in inputs]
        self.drawn = [each.drawn for each in inputs]
        self.mine = [each.mine.value for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Probe()
