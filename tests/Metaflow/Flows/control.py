"""The ids of a parallel step's control tasks, as Metaflow's client tells them."""

import sys

from metaflow import Step, namespace

namespace(None)
# An attempt that is repeated is told of once more.
print(*sorted({task.id for task in Step(sys.argv[1]).control_tasks()}))
