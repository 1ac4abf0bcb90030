"""`@fanfare`: single steps of a local run on Fanfare's workers."""

import math
import os
import re
import sys

from metaflow.decorators import StepDecorator
from metaflow.metadata_provider.util import sync_local_metadata_to_datastore
from metaflow.metaflow_config import DATASTORE_LOCAL_DIR, FEAT_ALWAYS_UPLOAD_CODE_PACKAGE
from metaflow.util import get_username

from .client import FanfareClient, FanfareException

# The group of commands that stands between the local runtime and a worker; a name of its own, since Metaflow takes all commands of such a group for tasks on their way.
TRAMPOLINE = "fanfare-compute"

# Set in the environment of a task that a local run has sent to Fanfare; one of a deployed flow has none.
SENT = "METAFLOW_FANFARE_SENT"

# Other decorators that take a step elsewhere.
_ELSEWHERE = ("batch", "kubernetes", "slurm", "snowpark", "nvidia", "nvct")

_QUEUE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")

# Of each resource: what it is counted in, whether it is whole, and an example.
_UNITS = {
    "cpu": ("a number of cores, such as 0.5 or 4", False, "cpu=4"),
    "gpu": ("a whole number of GPUs", True, "gpu=1"),
    "memory": ("a whole number of MB", True, "memory=4096"),
    "disk": ("a whole number of MB", True, "disk=10240"),
}

# How long the local run waits for a server that is away, in seconds, when it is about to send its first task.
_PATIENCE_SECONDS = 60

# How long the end of a local run waits for a server, in seconds: whoever pressed Ctrl-C wants to leave.
_LAST_PATIENCE_SECONDS = 5


def run_tag(run_id):
    """The tag of all runs on Fanfare that one local run started."""
    return "metaflow-run:%s" % run_id


class FanfareDecorator(StepDecorator):
    """
    Specifies that this step should execute on Fanfare's workers.

    In a local run (`python flow.py run`) the step's tasks are sent there one by one, and the rest of the flow runs on this machine. In a flow that is deployed to
    Fanfare, it says what the step's tasks need.

    Parameters
    ----------
    cpu : float, default 1
        Number of cores required for this step. If `@resources` is also present, the maximum value from all decorators is used.
    gpu : int, default 0
        Number of GPUs required for this step. If `@resources` is also present, the maximum value from all decorators is used.
    memory : int, optional, default None
        Memory size (in MB) required for this step; a task over it is ended, where the worker can enforce that. If `@resources` is also present, the maximum value from all
        decorators is used.
    disk : int, optional, default None
        Disk size (in MB) required for this step. If `@resources` is also present, the maximum value from all decorators is used.
    queue : str, default "default"
        Queue in which the step's tasks wait for a worker.
    """

    name = "fanfare"
    defaults = {"cpu": None, "gpu": None, "memory": None, "disk": None, "queue": None}

    # Of the run in this process: its code package on the server and in the datastore.
    package_digest = None
    package_url = None
    package_sha = None
    package_metadata = None
    _reached = False

    # Whether a task of this step was sent.
    _sent = False

    def step_init(self, flow, graph, step, decos, environment, flow_datastore, logger):
        self.step = step
        self.logger = logger
        self.flow_datastore = flow_datastore
        faults = list(self._faults(decos, environment))
        if faults:
            raise FanfareException("Step *%s* cannot run on Fanfare:\n  %s" % (step, "\n  ".join(faults)))

    def _faults(self, decos, environment):
        for deco in decos:
            if deco.name not in ("fanfare", "resources"):
                continue
            for key, (what, whole, example) in _UNITS.items():
                value = deco.attributes.get(key)
                if value is not None and not _is_amount(value, whole):
                    yield "@%s: %s is %r; it is %s. Write %s." % (deco.name, key, value, what, example)
        queue = self.attributes["queue"]
        if queue is not None and not (isinstance(queue, str) and _QUEUE.match(queue)):
            yield "@fanfare: queue is %r; a queue's name starts with a letter and has at most 64 letters, digits, '-' and '_'. Name one that a worker serves (fanfare worker --queue NAME)." % (queue,)
        if environment.TYPE != "local":
            yield "--environment=%s: tasks run with the Python of the worker's machine. Install what the step needs there, and run with --environment=local." % environment.TYPE
        if any(deco.name == "parallel" for deco in decos):
            yield "the tasks of num_parallel start together, and those of a local run are sent one by one. Deploy the flow (python flow.py fanfare create), or take @fanfare off this step."

    # --- in the process of the local runtime

    def runtime_init(self, flow, graph, package, run_id):
        self.flow = flow
        self.package = package
        self.run_id = run_id
        others = sorted(deco.name for deco in getattr(flow, self.step).decorators if deco.name in _ELSEWHERE)
        if others:
            raise FanfareException("Step *%s* is to run in two places: @fanfare and @%s. Take one of them off; *--with fanfare* adds @fanfare to every step." % (self.step, ", @".join(others)))
        # Said before the first task has run, and not hours later.
        if not FanfareDecorator._reached:
            FanfareClient().check()
            FanfareDecorator._reached = True

    def runtime_task_created(self, task_datastore, task_id, split_index, input_paths, is_cloned, ubf_context):
        if not is_cloned:
            self._save_package_once(self.flow_datastore, self.package)

    @classmethod
    def _save_package_once(cls, flow_datastore, package):
        if cls.package_digest is not None:
            return
        content = bytes(package.blob)
        if FEAT_ALWAYS_UPLOAD_CODE_PACKAGE:
            # Both wait until it has been put there.
            cls.package_url, cls.package_sha = package.package_url(), package.package_sha()
        else:
            cls.package_url, cls.package_sha = flow_datastore.save_data([content], len_hint=1)[0]
        cls.package_metadata = package.package_metadata
        cls.package_digest = FanfareClient(actor=get_username(), patience=_PATIENCE_SECONDS).upload(content)

    def runtime_step_cli(self, cli_args, retry_count, max_user_code_retries, ubf_context):
        # After the user's last attempt comes what @catch does, which is quick and needs no worker.
        if retry_count > max_user_code_retries or cli_args.commands != ["step"]:
            return
        self._sent = True
        cli_args.commands = [TRAMPOLINE, "step"]
        cli_args.command_args += [self.package_metadata, self.package_sha, self.package_url, self.package_digest]
        cli_args.entrypoint[0] = sys.executable

    def runtime_finished(self, exception):
        # When a run fails, Metaflow kills the processes of its other tasks without a word to them.
        if exception is None or not self._sent:
            return
        # Needs more of Metaflow than there is while decorators are found.
        from .compute_spec import step_flow

        api = FanfareClient(actor=get_username(), patience=_LAST_PATIENCE_SECONDS)
        try:
            for run in api.runs(step_flow(self.flow.name, self.step), tag=run_tag(self.run_id), active="true"):
                api.command(run["run"], "cancel", {"reason": "the local run has ended"})
        except FanfareException as refusal:
            self.logger("Tasks of step *%s* may still run on Fanfare, since they could not be cancelled: %s" % (self.step, refusal), bad=True)

    # --- in the task's own process, on the worker

    def task_pre_step(self, step_name, task_datastore, metadata, run_id, task_id, flow, graph, retry_count, max_user_code_retries, ubf_context, inputs):
        self.metadata = metadata
        self.task_datastore = task_datastore

    def task_finished(self, step_name, flow, graph, is_task_ok, retry_count, max_user_code_retries):
        # Metadata in files of this machine, and artifacts elsewhere: the files go the artifacts' way, and whoever sent the task adds them to its own.
        if SENT in os.environ and self.metadata.TYPE == "local" and self.task_datastore.TYPE != "local":
            sync_local_metadata_to_datastore(DATASTORE_LOCAL_DIR, self.task_datastore)


def _is_amount(value, whole):
    # '--with fanfare:cpu=2' gives texts.
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return math.isfinite(number) and number >= 0 and not (whole and number != int(number)) and not isinstance(value, bool)
