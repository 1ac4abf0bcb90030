"""Which tasks of a run are taken over from another, and what the runner makes of it: no Metaflow is needed."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

RUNNER = Path(__file__).parents[1] / "metaflow_extensions/fanfare/plugins/fanfare/task.py"
sys.path.insert(0, str(RUNNER.parent))
import resume  # noqa: E402

# Notes how it was called, and ends the clone as it is told.
STANDIN = """
import json, os, sys
with open(os.environ["CALLS"], "a") as file:
    json.dump({"argv": sys.argv[1:], "init": sorted(k for k in os.environ if k.startswith("METAFLOW_INIT_"))}, file)
    file.write("\\n")
sys.exit(int(os.environ["CLONE"]) if "clone-task" in sys.argv else 0)
"""

ORIGIN = {"run": "r0", "step_to_rerun": None}


def done(name, attempt=0, **outputs):
    return {"task": name, "step": name.split("[")[0], "attempt": attempt, "outputs": outputs}


def following(*inputs, step="work"):
    return {"run": "r1", "task": step, "step": step, "splits": [], "attempt": 0, "parameters": {}, "inputs": list(inputs)}


class Choosing(unittest.TestCase):
    def test_the_parameter_is_none_of_the_flows_own(self):
        self.assertEqual(resume.parameter_name(["alpha"]), "fanfare-resume")
        # They are told apart neither by case nor, in the environment, by '-' and '_'.
        self.assertEqual(resume.parameter_name(["Fanfare_Resume", "fanfare-resume-2"]), "fanfare-resume-3")

    def test_a_run_that_resumes_none_has_no_origin(self):
        task = dict(following(), parameters={"fanfare-resume": None, "alpha": {"run": "r9"}})
        self.assertIsNone(resume.origin(task, "fanfare-resume"))
        self.assertIsNone(resume.origin(task, None))
        self.assertEqual(resume.origin(dict(task, parameters={"fanfare-resume": ORIGIN}), "fanfare-resume"), ORIGIN)

    def test_a_task_is_taken_over_where_all_that_it_follows_was(self):
        for inputs, expected in (
            ([], True),
            ([done("a", cloned=0)], True),
            ([done("a", cloned=3, splits=2), done("b", cloned=0)], True),
            ([done("a", cloned=0), done("b")], False),
            ([dict(done("a"), outputs=None)], False),
        ):
            self.assertEqual(resume.may_clone(following(*inputs), ORIGIN), expected, inputs)

    def test_the_step_to_run_again_is_not(self):
        task = following(done("a", cloned=0))
        self.assertFalse(resume.may_clone(task, dict(ORIGIN, step_to_rerun="work")))
        self.assertTrue(resume.may_clone(task, dict(ORIGIN, step_to_rerun="other")))

    def test_what_a_task_worked_on_is_known_by_attempt_and_order(self):
        there = resume.worked_on(following(done("a", 2), done("b", 0)))
        self.assertEqual(resume.worked_on(following(done("a", 7, cloned=2), done("b", 1, cloned=0)), in_origin=True), there)
        for other in ((done("a", 1), done("b", 0)), (done("b", 0), done("a", 2)), (done("a", 2),), ()):
            self.assertNotEqual(resume.worked_on(following(*other)), there)

    def test_inputs_are_read_from_their_file_where_they_are_many(self):
        many = [done("work[%d]" % i, cloned=i) for i in range(1000)]
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(json.dumps(each) + "\n" for each in many)
            file.flush()
            task = {"step": "join", "inputs_file": file.name}
            self.assertTrue(resume.may_clone(task, ORIGIN))
            self.assertEqual(resume.worked_on(task), resume.worked_on(following(*many)))

    def test_the_scheduler_learns_of_splits_and_of_the_step_that_was_chosen(self):
        foreach, switch, linear = (SimpleNamespace(type=kind, foreach_param=over, parallel_foreach=False) for kind, over in (("foreach", "items"), ("split-switch", None), ("linear", None)))
        self.assertEqual(resume.outcome(foreach, (["work"], "items"), 3), {"splits": 3})
        self.assertEqual(resume.outcome(switch, (["far"], None), None), {"next": "far"})
        self.assertEqual(resume.outcome(linear, (["end"], None), None), {})
        self.assertEqual(resume.outcome(linear, None, None), {})


class Running(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        self.code = self.root / "code"
        self.code.mkdir()
        (self.code / "flow.py").write_text(STANDIN)

    def called(self, task, clone, *options, origin=ORIGIN):
        (self.root / "input").write_text(json.dumps(dict(task, parameters={"fanfare-resume": origin, "n": 1})))
        env = dict(os.environ, CALLS=str(self.root / "calls"), CLONE=str(clone), FANFARE_INPUT=str(self.root / "input"), FANFARE_CODE=str(self.code), FANFARE_FAILURES="0", FANFARE_LOST="0", METAFLOW_FLOW_NAME="Flow", TMPDIR=str(self.root))
        command = [sys.executable, str(RUNNER), "--script", "flow.py", "--datastore", "local", "--datastore-root", str(self.root / "ds"), "--resume-parameter", "fanfare-resume", *options, "--", "--quiet"]
        code = subprocess.run(command, cwd=self.code, env=env, timeout=60).returncode
        return code, [json.loads(line) for line in (self.root / "calls").read_text().splitlines()]

    def test_a_task_that_was_taken_over_does_not_run(self):
        code, calls = self.called(dict(following(done("start", 4, cloned=1)), task="work[2]", splits=[2], attempt=7), 0, "--tag", "nightly")
        self.assertEqual((code, len(calls)), (0, 1))
        words = " ".join(calls[0]["argv"])
        expected = resume.worked_on(following(done("start", 1)))
        self.assertIn("--quiet fanfare clone-task work --run-id r1 --task-id work-2.a1 --retry-count 1 --origin-run-id r0 --origin-task-id work-2 --worked-on %s --tag nightly" % expected, words)

    def test_where_there_is_nothing_to_take_over_the_task_runs_and_knows_the_origin(self):
        code, calls = self.called(following(done("start", cloned=0)), resume.NOTHING_TO_CLONE)
        self.assertEqual(code, 0)
        self.assertEqual([call["argv"][1] for call in calls], ["fanfare", "step"])
        self.assertIn("--clone-run-id r0", " ".join(calls[1]["argv"]))

    def test_a_clone_that_fails_fails_the_task(self):
        code, calls = self.called(following(done("start", cloned=0)), 1)
        self.assertEqual((code, len(calls)), (1, 1))

    def test_a_task_that_follows_one_that_ran_is_not_asked_for(self):
        _, calls = self.called(following(done("start")), 0)
        self.assertEqual([call["argv"][1] for call in calls], ["step"])

    def test_the_first_step_registers_the_run_before_it_is_taken_over_and_the_origin_is_no_parameter_of_metaflows(self):
        _, calls = self.called(following(step="start"), 0, "--first")
        self.assertEqual([call["argv"][1] for call in calls], ["init", "fanfare"])
        self.assertEqual(calls[0]["init"], ["METAFLOW_INIT_N"])

    def test_a_run_that_resumes_none_runs(self):
        _, calls = self.called(following(step="start"), 0, "--first", origin=None)
        self.assertEqual([call["argv"][1] for call in calls], ["init", "step"])
        self.assertNotIn("--clone-run-id", calls[1]["argv"])


if __name__ == "__main__":
    unittest.main()
