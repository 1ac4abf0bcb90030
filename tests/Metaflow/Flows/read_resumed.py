"""Resumes a run from Python, knowing the deployed flow's name alone: NAME RUN, and parameters as a JSON object. Says the new run's id and how it ended."""

import json
import sys

from metaflow.runner.deployer import DeployedFlow

name, origin, given = sys.argv[1:]
run = DeployedFlow.from_deployment(name, impl="fanfare").resume(origin_run_id=origin, **json.loads(given))
run.wait_for_completion(check_interval=1, timeout=120)
print(json.dumps({"run": run.run_id, "status": run.status}))
