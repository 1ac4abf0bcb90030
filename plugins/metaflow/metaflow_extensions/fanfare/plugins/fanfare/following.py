"""Follows a run of one task to its end: its log as it comes, and how it ended. It knows nothing of Metaflow but the exit code that forbids another try."""

import datetime
import json
import time
import uuid
from collections import namedtuple

# Metaflow's exit code for "do not try again".
NEVER_AGAIN = 202

ENDED = ("succeeded", "failed", "cancelled")

# How a task ended, as a process says it: its exit code, and what is to be told beside its log (None after a success).
Outcome = namedtuple("Outcome", ["code", "message"])

# Between two looks at a run whose log has ended, growing.
_PAUSES_SECONDS = (0.05, 2)

# After how long a task that still waits is asked what for.
_WAITED_SECONDS = 10


def outcome(run):
    """The outcome of a run of one task, as the server shows it once it has ended.

    A failure of the user's has the task's own exit code, so that the local runtime decides as if it had run the task itself; what an operator ended is not tried again, and what the platform could not do may be.
    """
    if run["status"] == "succeeded":
        return Outcome(0, None)
    where = "run %s on Fanfare" % run["run"]
    if run["status"] == "cancelled":
        return Outcome(NEVER_AGAIN, "Task was cancelled on Fanfare (run %s)." % run["run"])
    error = run.get("error") or {}
    kind, said = error.get("type"), error.get("message", "")
    if kind == "exit":
        # Its last lines are in the log that was shown.
        code = error.get("exit_code") or 1
        return Outcome(code, "Task failed with exit code %d (%s)." % (code, where))
    if kind == "killed":
        return Outcome(NEVER_AGAIN, "Task was killed on Fanfare: %s (%s)" % (said, where))
    if kind == "losses":
        return Outcome(1, "Task was lost: %s (%s)" % (said, where))
    return Outcome(1, "Task failed, %s: %s (%s)" % (kind, said, where))


def mflog(entry):
    """A line of the server's log as one of Metaflow's, with the time at which the worker read it.

    Those that the task printed it has put into Metaflow's datastore itself; of the worker's own remarks, which it does not know, Metaflow is told that they are to be kept here.
    """
    mark = "[!" if entry["stream"] == "fanfare" else ""
    return "%s[MFLOG|0|%sZ|task|%s]%s\n" % (mark, _time(entry["at"]), uuid.uuid4(), entry["text"])


def _time(text):
    # .NET has seven digits of a second, Python up to six.
    whole, _, rest = text.partition(".")
    if not rest:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    at = datetime.datetime.fromisoformat("%s.%s%s" % (whole, rest[:digits].ljust(6, "0")[:6], rest[digits:].replace("Z", "+00:00")))
    return at.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")


def follow(api, run, task, emit, say, sleep=time.sleep, clock=time.monotonic):
    """Follows a run of one task until it has ended.

    Parameters
    ----------
    api : FanfareClient
        Patient: it repeats by itself what no server could serve.
    run, task : str
        The run's id, and the task's name in it.
    emit : callable
        Takes each line of the log, as a dict with `at`, `stream` and `text`: of all attempts, one after the other.
    say : callable
        Takes remarks: what the task waits for, that an attempt was lost.

    Returns
    -------
    Outcome
        How it ended.
    """
    log = _Log(api, run, task, emit)
    since, explained, pause = clock(), None, _PAUSES_SECONDS[0]
    while True:
        if log.follow():
            pause = _PAUSES_SECONDS[0]
        shown = api.run(run)
        if shown is None:
            return Outcome(NEVER_AGAIN, "Run %s is not on Fanfare any more: it was removed there before its end was seen here." % run)
        if shown["status"] in ENDED:
            log.drain()
            return outcome(shown)
        state = api.task(run, task)
        if state is not None and state["attempt"] > log.attempt:
            say("The platform lost attempt %d of the task; it runs again as attempt %d." % (log.attempt, state["attempt"]))
            log.drain()
            log.turn_to(state["attempt"])
            continue
        if state is not None and state["attempt"] < 0 and clock() - since > _WAITED_SECONDS:
            explained = _explain(api, run, task, explained, say)
        sleep(pause)
        pause = min(_PAUSES_SECONDS[1], pause * 2)


def _explain(api, run, task, before, say):
    found = api.explain(run, task) or {}
    reason = " ".join([found.get("reason", ""), *found.get("details", [])]).strip()
    if reason and reason != before:
        say("The task waits: %s" % reason)
    return reason


class _Log(object):
    """Where in the logs of a task's attempts we are: an attempt, and a byte of its log."""

    def __init__(self, api, run, task, emit):
        self._api = api
        self._run = run
        self._task = task
        self._emit = emit
        self.attempt = 0
        self._position = 0

    def turn_to(self, attempt):
        self.attempt = attempt
        self._position = 0

    def follow(self):
        """Emits lines until nothing comes any more; whether there were any."""
        return self._all(self._api.follow_log(self._run, self._task, self.attempt, self._position))

    def drain(self):
        """Emits what an attempt that has ended still has."""
        self._all(self._api.log_from(self._run, self._task, self.attempt, self._position))

    def _all(self, lines):
        before = self._position
        for line in lines:
            self._position += len(line)
            self._emit(json.loads(line))
        return self._position > before
