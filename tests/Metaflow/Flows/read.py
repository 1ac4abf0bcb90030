"""Reads a run with Metaflow's client: its state, what triggered it, the artifacts of its last step, and each task with what it printed."""

import json
import sys

from metaflow import Run, namespace

namespace(None)
run = Run(sys.argv[1])
print(
    json.dumps(
        {
            "successful": run.successful,
            "tags": sorted(run.tags),
            "trigger": run.trigger and [run.trigger.event.name, run.trigger.event.id, run.trigger.event.type],
            "end": {name: run.end_task[name].data for name in sys.argv[2:]} if run.end_task else None,
            "tasks": {task.pathspec.split("/", 2)[2]: {"ok": task.successful, "out": task.stdout} for step in run for task in step},
        }
    )
)
