"""Reads each task of a run with Metaflow's client: how it ended, where it was cloned from, its artifacts' hashes, and the values of those that are named."""

import json
import sys

from metaflow import Run, namespace

namespace(None)
said = {}
for step in Run(sys.argv[1]):
    for task in step:
        mine = task.metadata_dict
        said["%s/%s" % (step.id, task.id)] = {
            "ok": bool(task.successful),
            "from": "%s/%s" % (mine["origin-run-id"], mine["origin-task-id"]) if "origin-task-id" in mine else None,
            "shas": {artifact.id: artifact.sha for artifact in task},
            "values": {name: task[name].data for name in sys.argv[2:] if name in task},
        }
print(json.dumps(said, sort_keys=True))
