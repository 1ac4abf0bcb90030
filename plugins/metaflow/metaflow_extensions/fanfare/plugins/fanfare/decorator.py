"""What runs inside a task's own process: it notes where the task runs, and says how it ended."""

import json
import os

from metaflow import current
from metaflow.decorators import StepDecorator
from metaflow.events import Trigger
from metaflow.metadata_provider import MetaDatum
from metaflow.unbounded_foreach import UBF_CONTROL

from . import triggered
from .clone import mark_attempts, splits_of, take_parameters
from .resume import WORKED_ON, inputs as followed, is_cloned, outcome, worked_on
from .task import gang_ids


def notes(attempt, is_start):
    """Where a task runs, and what it works on, as Metaflow's metadata; in the first step also what started the run.

    Parameters
    ----------
    attempt : int
        Metaflow's number of the task's attempt.
    is_start : bool
        Whether it is one of the flow's first step, where Metaflow's client looks for that.
    """
    # One note says it all: each costs a call.
    where = "%s/runs/%s/tasks/%s" % tuple(os.environ.get(name, "") for name in ("FANFARE_URL", "FANFARE_RUN", "FANFARE_TASK"))
    said = {"fanfare": "%s?attempt=%s" % (where, os.environ.get("FANFARE_ATTEMPT", ""))}
    task = task_input()
    if task is not None:
        said[WORKED_ON] = worked_on(task)
    events = triggered.of_env()
    if events and is_start:
        said["execution-triggers"] = json.dumps(events)
    tags = ["attempt_id:%d" % attempt]
    return [MetaDatum(field=field, value=value, type=field, tags=tags) for field, value in said.items()]


def task_input():
    """What the server says of the task; None outside of one."""
    path = os.environ.get("FANFARE_INPUT")
    if not path:
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def put_out(result):
    """Says to the scheduler how a task ended."""
    path = os.environ.get("FANFARE_OUTPUT")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file)


class FanfareInternalDecorator(StepDecorator):
    """Added to each step of a deployed flow.

    The scheduler learns of a task's end what it needs for the way on, and nothing else: how many splits a foreach has, and which step a switch chose. It is the
    task's output under its attempt, so it counts only when that attempt is the one that was accepted.
    """

    name = "fanfare_internal"

    def task_pre_step(self, step_name, task_datastore, metadata, run_id, task_id, flow, graph, retry_count, max_user_code_retries, ubf_context, inputs):
        mark_attempts(task_datastore.parent_datastore, run_id, step_name, task_id, retry_count)
        metadata.register_metadata(run_id, step_name, task_id, notes(retry_count, step_name == graph.start_step))
        events = triggered.of_env()
        if events:
            current._update_env({"trigger": Trigger(events)})
        # Metaflow takes the parameters from the first: when that ran in this run, it has this run's.
        first = next(iter(followed(task_input() or {"inputs": []})), None)
        if first is not None and is_cloned(first):
            take_parameters(flow, task_datastore, inputs, run_id)
        if ubf_context == UBF_CONTROL:
            flow._control_mapper_tasks = ["%s/%s/%s" % (run_id, step_name, each) for each in gang_ids(os.environ)]

    def task_finished(self, step_name, flow, graph, is_task_ok, retry_count, max_user_code_retries):
        if is_task_ok:
            node = graph[step_name]
            put_out(outcome(node, getattr(flow, "_transition", None), splits_of(node, lambda name: getattr(flow, name, None))))
