"""What Metaflow's client sees of a task's metadata, of each field the latest."""

import json
import sys

from metaflow import Task, namespace

namespace(None)
print(json.dumps(Task(sys.argv[1]).metadata_dict))
