"""The runner of a task that a local run has sent, against a program that stands in for the flow: no Metaflow is needed."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

RUNNER = Path(__file__).parents[1] / "metaflow_extensions/fanfare/plugins/fanfare/remote_task.py"

STANDIN = """
import json, os, sys
paths = sys.argv[sys.argv.index("--input-paths-filename") + 1]
with open(os.environ["CALLS"], "w") as file:
    json.dump({"argv": sys.argv[1:], "paths": open(paths).read(), "run": os.environ["METAFLOW_RUN_ID"], "task": os.environ["METAFLOW_TASK_ID"]}, file)
print("here")
sys.exit(int(os.environ.get("CODE", "0")))
"""


class Running(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        (self.root / "code").mkdir()
        (self.root / "code" / "flow.py").write_text(STANDIN)

    def run_task(self, attempt=0, code=0, **said):
        given = {"run": "5", "task": "12", "attempt": 1, "most_retries": 2, "inputs": "5/start/:1,2", "split": 3, "tags": ["nice"], "namespace": "user:me", "origin_run": None, **said}
        (self.root / "input").write_text(json.dumps({"run": "r-9", "task": "body", "step": "body", "splits": [], "attempt": attempt, "parameters": given, "inputs": []}))
        env = dict(
            os.environ, CALLS=str(self.root / "calls"), CODE=str(code), FANFARE_INPUT=str(self.root / "input"), FANFARE_CODE=str(self.root / "code"), FANFARE_FAILURES="0", FANFARE_LOST="0",
            METAFLOW_FLOW_NAME="Flow", TMPDIR=str(self.root),
        )
        command = [sys.executable, str(RUNNER), "--script", "flow.py", "--datastore", "local", "--datastore-root", str(self.root / "ds"), "--", "--quiet"]
        done = subprocess.run(command, cwd=env["FANFARE_CODE"], env=env, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (code, ""))
        return json.loads((self.root / "calls").read_text())

    def test_the_local_run_says_what_the_task_is(self):
        called = self.run_task()
        words = " ".join(called["argv"])
        for expected in ("--quiet step body --run-id 5 --task-id 12 --retry-count 1 --max-user-code-retries 2", "--tag nice", "--split-index 3", "--namespace=user:me"):
            self.assertIn(expected, words)
        self.assertNotIn("--clone-run-id", words)
        self.assertEqual((called["paths"], called["run"], called["task"]), ("5/start/:1,2", "5", "12"))
        self.assertTrue((self.root / "ds/Flow/5/body/12/1.task_stdout.log").read_text().endswith("]here\n"))

    def test_outside_a_foreach_and_in_a_run_that_resumes(self):
        words = " ".join(self.run_task(split=None, tags=[], namespace="", origin_run="4")["argv"])
        self.assertNotIn("--split-index", words)
        self.assertNotIn("--tag", words)
        self.assertIn("--namespace=", words)
        self.assertIn("--clone-run-id 4", words)

    def test_what_the_platform_lost_runs_again_as_the_same_attempt(self):
        self.assertIn("--task-id 12 --retry-count 1", " ".join(self.run_task(attempt=7)["argv"]))

    def test_its_exit_code_is_the_tasks(self):
        self.run_task(code=202)


if __name__ == "__main__":
    unittest.main()
