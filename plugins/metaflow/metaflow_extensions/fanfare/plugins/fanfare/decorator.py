"""What runs inside a task's own process: it notes where the task runs, and says how it ended."""

import json
import os

from metaflow.decorators import StepDecorator
from metaflow.metadata_provider import MetaDatum


class FanfareInternalDecorator(StepDecorator):
    """Added to each step of a deployed flow.

    The scheduler learns of a task's end what it needs for the way on, and nothing else: how many splits a foreach has, and which step a switch chose. It is the
    task's output under its attempt, so it counts only when that attempt is the one that was accepted.
    """

    name = "fanfare_internal"

    def task_pre_step(self, step_name, task_datastore, metadata, run_id, task_id, flow, graph, retry_count, max_user_code_retries, ubf_context, inputs):
        # One note says it all: each costs a call.
        where = "%s/runs/%s/tasks/%s" % tuple(os.environ.get(name, "") for name in ("FANFARE_URL", "FANFARE_RUN", "FANFARE_TASK"))
        notes = [MetaDatum(field="fanfare", value="%s?attempt=%s" % (where, os.environ.get("FANFARE_ATTEMPT", "")), type="fanfare", tags=["attempt_id:%d" % retry_count])]
        metadata.register_metadata(run_id, step_name, task_id, notes)

    def task_finished(self, step_name, flow, graph, is_task_ok, retry_count, max_user_code_retries):
        output = os.environ.get("FANFARE_OUTPUT")
        if not is_task_ok or not output:
            return
        result = {}
        chosen = (flow._transition or [None])[0] if getattr(flow, "_transition", None) else None
        node = graph[step_name]
        if node.type == "split-switch" and chosen:
            result["next"] = chosen[0]
        if node.foreach_param is not None:
            result["splits"] = flow._foreach_num_splits
        with open(output, "w", encoding="utf-8") as file:
            json.dump(result, file)
