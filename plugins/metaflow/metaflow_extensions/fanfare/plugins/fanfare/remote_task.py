"""Runs one task of a step that a local run of a Metaflow flow has sent here, as the command of a Fanfare step.

It differs from a task of a deployed flow in who decides what it is: the local run says its id, its attempt and its inputs, as parameters (compute_spec.py). As `task.py` does,
it imports nothing of Metaflow.
"""

import json
import os
import sys

# Beside this file, which is started as a program.
from task import Task, parse, run


class RemoteTask(Task):
    def _identity(self):
        # What the platform lost runs again under the same number: to the local run it is one attempt.
        said = self._task["parameters"]
        return said["task"], said["attempt"], said["most_retries"]

    def _inputs(self):
        yield self._task["parameters"]["inputs"]

    def _further(self):
        origin = self._task["parameters"]["origin_run"]
        return [] if origin is None else ["--clone-run-id", origin]


def main(arguments):
    options = parse(arguments)
    with open(os.environ["FANFARE_INPUT"], encoding="utf-8") as file:
        given = json.load(file)
    said = given["parameters"]
    options.splits, options.tag, options.namespace = said["split"] is not None, said["tags"], said["namespace"]
    return run(RemoteTask, options, dict(given, run=said["run"], splits=[said["split"]]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
