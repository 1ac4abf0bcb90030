"""Runs one task of a step that a local run of a Metaflow flow has sent here, as the command of a Fanfare step.

It differs from a task of a deployed flow in who decides what it is: the local run says its id, its attempt and its inputs, as parameters (compute_spec.py). As `task.py` does,
it imports nothing of Metaflow.
"""

import argparse
import sys

if __package__:
    from .task import Task, main
else:
    # Beside this file, which is started as a program.
    from task import Task, main


class RemoteTask(Task):
    def _given(self, options, task):
        said = task["parameters"]
        options = argparse.Namespace(**dict(vars(options), splits=said["split"] is not None, tag=said["tags"], namespace=said["namespace"]))
        return options, dict(task, run=said["run"], splits=[said["split"]])

    def _identity(self, failures):
        # What the platform lost runs again under the same number: to the local run it is one attempt.
        said = self._task["parameters"]
        return said["task"], said["attempt"], said["most_retries"]

    def _inputs(self):
        yield self._task["parameters"]["inputs"]

    def _origin_run(self):
        return self._task["parameters"]["origin_run"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], RemoteTask))
