"""`python flow.py fanfare-compute step …`: the process that stands on this machine for a task that runs on Fanfare. The local runtime starts it in the task's place."""

import json
import os
import signal
import sys
import threading
import time
import uuid

from metaflow._vendor import click
from metaflow.metadata_provider.util import sync_local_metadata_from_datastore
from metaflow.metaflow_config import DATASTORE_LOCAL_DIR
from metaflow.mflog import TASK_LOG_SOURCE
from metaflow.util import get_username

from .client import FanfareClient, FanfareException
from .compute import TRAMPOLINE, run_tag
from .compute_spec import StepSpecCompiler
from .following import NEVER_AGAIN, Outcome, follow, mflog

# How long a server may be away while a task runs. The task goes on meanwhile; to give it up sooner would have a second one beside it.
_PATIENCE_SECONDS = 15 * 60

# Of that which ends a task: Metaflow gives this process five seconds after Ctrl-C.
_LAST_PATIENCE_SECONDS = 3

_PARENT_SECONDS = 1


class _Interrupted(BaseException):
    def __init__(self, number):
        super().__init__(number)
        self.number = number


@click.group()
def cli():
    pass


@cli.group(TRAMPOLINE, help="Commands that a local run uses for steps with @fanfare.")
def compute():
    pass


@compute.command(
    help="Execute a single task on Fanfare. This command calls the top-level step command on a worker with the given options. Typically you do not call this command directly; "
    "it is used internally by Metaflow."
)
@click.argument("step-name")
@click.argument("code-package-metadata")
@click.argument("code-package-sha")
@click.argument("code-package-url")
@click.argument("code-package-digest")
@click.option("--run-id", required=True, help="Passed to the top-level 'step'.")
@click.option("--task-id", required=True, help="Passed to the top-level 'step'.")
@click.option("--input-paths", default="", help="Passed to the top-level 'step'.")
@click.option("--split-index", default=None, type=int, help="Passed to the top-level 'step'.")
@click.option("--clone-run-id", default=None, help="Passed to the top-level 'step'.")
@click.option("--tag", "tags", multiple=True, default=None, help="Passed to the top-level 'step'.")
@click.option("--namespace", default=None, help="Passed to the top-level 'step'.")
@click.option("--retry-count", default=0, type=int, help="Passed to the top-level 'step'.")
@click.option("--max-user-code-retries", default=0, type=int, help="Passed to the top-level 'step'.")
@click.pass_obj
def step(
    obj,
    step_name,
    code_package_metadata,
    code_package_sha,
    code_package_url,
    code_package_digest,
    run_id,
    task_id,
    input_paths,
    split_index,
    clone_run_id,
    tags,
    namespace,
    retry_count,
    max_user_code_retries,
):
    package = (code_package_metadata, code_package_sha, code_package_url)
    spec = StepSpecCompiler(obj, package, get_username(), obj.flow._graph[step_name]).compile()
    parameters = {
        "run": run_id,
        "task": task_id,
        "attempt": retry_count,
        "most_retries": max_user_code_retries,
        "inputs": input_paths,
        "split": split_index,
        "tags": list(tags or ()),
        "namespace": namespace,
        "origin_run": clone_run_id,
    }
    task = _SentTask(spec, code_package_digest, parameters, run_tag(run_id))
    try:
        with _Signals():
            if retry_count:
                _rest(obj.flow._graph[step_name])
            ended = task.run()
    except BrokenPipeError:
        # Nobody reads what the task prints: the local runtime is gone, and whoever looks for it has not noticed yet.
        task.cancel()
        ended = Outcome(128 + signal.SIGPIPE, None)
    except _Interrupted as interrupted:
        task.cancel()
        ended = Outcome(128 + interrupted.number, "Task was cancelled, since this process was told to end (%s)." % signal.Signals(interrupted.number).name)
    except Exception:
        task.cancel()
        raise
    _add_metadata(obj, run_id, step_name, task_id, retry_count, ended)
    if ended.code != 0:
        _keep_log(obj, run_id, step_name, task_id, retry_count, task)
    if ended.message:
        _say(ended.message)
    sys.exit(ended.code)


def _rest(node):
    # The local runtime starts the next attempt at once.
    minutes = max([float(deco.attributes["minutes_between_retries"]) for deco in node.decorators if deco.name == "retry"], default=0)
    if minutes > 0:
        _say("Sleeping %g minutes before the next attempt." % minutes)
        time.sleep(minutes * 60)


def _add_metadata(obj, run_id, step_name, task_id, attempt, ended):
    # The other end of what the decorator does at the end of the task.
    if obj.metadata.TYPE != "local" or obj.flow_datastore.TYPE == "local":
        return
    try:
        sync_local_metadata_from_datastore(DATASTORE_LOCAL_DIR, obj.flow_datastore.get_task_datastore(run_id, step_name, task_id, attempt=attempt, allow_not_done=True))
    except Exception as fault:
        # A task that came to no end of its own has left none, and its failure is told anyway.
        if ended.code == 0:
            _say("The task's metadata could not be taken over: %s" % (fault,))


def _keep_log(obj, run_id, step_name, task_id, attempt, task):
    # A task puts its log into the datastore at its end. One that was killed outright, or whose machine was lost, has not; but Fanfare has it.
    if obj.flow_datastore.TYPE == "local":
        return
    try:
        written = obj.flow_datastore.get_task_datastore(run_id, step_name, task_id, attempt=attempt, allow_not_done=True)
        if any(content for stream in ("stdout", "stderr") for _, content in written.load_logs([TASK_LOG_SOURCE], stream)):
            return
        content = {"stdout": b"", "stderr": b""}
        for entry in task.log():
            content["stdout" if entry["stream"] == "out" else "stderr"] += mflog(dict(entry, stream="out")).encode("utf-8")
        obj.flow_datastore.get_task_datastore(run_id, step_name, task_id, attempt=attempt, mode="w").save_logs(TASK_LOG_SOURCE, content)
    except Exception as fault:
        _say("The task's log could not be kept: %s" % (fault,))


def _say(text):
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        # As for the task's log; what is done here is done all the same.
        pass


def _emit(entry):
    stream = sys.stdout if entry["stream"] == "out" else sys.stderr
    stream.write(mflog(entry))
    stream.flush()


class _SentTask(object):
    """A task of a step, and the run on Fanfare that is it."""

    def __init__(self, spec, digest, parameters, tag):
        self._spec = spec
        self._digest = digest
        self._parameters = parameters
        self._tag = tag
        # Of this process's own: a start that is repeated starts nothing twice, and whoever comes by the same ids later starts anew.
        self._key = "metaflow-%s" % uuid.uuid4()
        self._deployed = None
        self._run = None

    def run(self):
        """Starts it, and follows it to its end; returns its Outcome."""
        api = self._api(_PATIENCE_SECONDS)
        try:
            self._deployed = api.deploy_uploaded(json.dumps(self._spec), self._digest)
            self._run = self._start(api)
            _say("Task runs on Fanfare: %s/runs/%s" % (api.url, self._run))
            return follow(api, self._run, self._spec["start"], _emit, _say)
        except FanfareException as refusal:
            # Not to be tried again: a second attempt would run beside the first, or be refused as this one was.
            if self._run is None:
                return Outcome(NEVER_AGAIN, "Task could not be sent to Fanfare: %s" % refusal)
            return Outcome(NEVER_AGAIN, "Task may still run on Fanfare (run %s); it could not be followed to its end: %s" % (self._run, refusal))

    def cancel(self):
        """Ends it on Fanfare, too."""
        if self._deployed is None:
            return
        api = self._api(_LAST_PATIENCE_SECONDS)
        try:
            # Cut short, a start may have been made or not; the key tells.
            api.command(self._run or self._start(api), "cancel", {"reason": "the local run was told to end"})
        except FanfareException as refusal:
            _say("Task could not be cancelled on Fanfare: %s" % refusal)

    def log(self):
        """The lines of the last attempt's log, as the server has them; none when there is no attempt."""
        if self._run is None:
            return []
        api = self._api(_LAST_PATIENCE_SECONDS)
        state = api.task(self._run, self._spec["start"])
        return [json.loads(line) for line in api.log_from(self._run, self._spec["start"], state["attempt"], 0)] if state and state["attempt"] >= 0 else []

    def _start(self, api):
        return api.start(self._deployed["flow"], self._parameters, deployment=self._deployed["deployment"], tags=[self._tag], key=self._key)

    @staticmethod
    def _api(patience):
        return FanfareClient(
            actor=get_username(),
            patience=patience,
            on_wait=lambda refusal: _say("Fanfare is not available, and is asked again for up to %d seconds: %s" % (patience, refusal)),
        )


class _Signals(object):
    """Turns what tells this process to end into an _Interrupted, once; the local runtime's death does so, too, of which there is no signal."""

    _NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self):
        self._parent = os.getppid()

    def __enter__(self):
        for number in self._NUMBERS:
            signal.signal(number, self._interrupt)
        threading.Thread(target=self._watch, daemon=True).start()

    def __exit__(self, *_):
        # While the task is cancelled, a second signal would cut that short.
        for number in self._NUMBERS:
            signal.signal(number, signal.SIG_IGN)

    def _interrupt(self, number, _):
        for each in self._NUMBERS:
            signal.signal(each, signal.SIG_IGN)
        raise _Interrupted(number)

    def _watch(self):
        while os.getppid() == self._parent:
            time.sleep(_PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
