"""The runner of a task, against a program that stands in for the flow: no Metaflow is needed."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path
from unittest import mock

RUNNER = Path(__file__).parents[1] / "metaflow_extensions/fanfare/plugins/fanfare/task.py"
sys.path.insert(0, str(RUNNER.parent))
import task  # noqa: E402

# Notes how it was called, and does as it is told.
STANDIN = """
import json, os, sys, signal, time
with open(os.environ["CALLS"], "a") as file:
    paths = sys.argv[sys.argv.index("--input-paths-filename") + 1] if "--input-paths-filename" in sys.argv else None
    json.dump({"argv": sys.argv[1:], "cwd": os.getcwd(), "paths": paths and open(paths).read(), "env": {k: v for k, v in os.environ.items() if k.startswith("METAFLOW_") or k == "PYTHONPATH"}}, file)
    file.write("\\n")
if "dump" in sys.argv:
    sys.exit(0 if os.environ.get("KNOWN") else 1)
if "adopt-task" in sys.argv:
    sys.exit(int(os.environ["ADOPT"]))
if "step" in sys.argv:
    exec(os.environ.get("DO", ""))
"""


class Ids(unittest.TestCase):
    def test_ids_are_no_numbers_and_tell_tasks_apart(self):
        names = ["start", "body", "body[3]", "body[3,1]", "body[31]", "body[3]#0.2", "body#1", "body#12", "body2", "body2[3]"]
        ids = [task.task_id(name, 0) for name in names]
        self.assertEqual(len(set(ids)), len(ids))
        for made in ids:
            self.assertRegex(made, r"\A[a-z][-.\w]*\Z")
            self.assertFalse(made.isdigit())

    def test_after_metaflows_last_attempt_a_task_has_a_further_id(self):
        self.assertEqual([task.task_id("train[2]", attempt) for attempt in (0, 5, 6, 11, 12)], ["train-2", "train-2", "train-2.a1", "train-2.a1", "train-2.a2"])

    def test_what_the_platform_lost_brings_catch_no_nearer(self):
        # (user's retries, attempt, failures so far): whether @catch takes over is whether the count is above the bound.
        for user, attempt, failures, takes_over in ((0, 0, 0, False), (0, 1, 0, False), (0, 1, 1, True), (2, 5, 2, False), (2, 6, 2, False), (2, 6, 3, True), (0, 11, 0, False), (0, 12, 1, True)):
            count, most = task.retries(user, attempt, failures)
            self.assertIn(count, range(task.METAFLOW_ATTEMPTS))
            self.assertEqual(count > most, takes_over, (user, attempt, failures))

    def test_a_gang_knows_the_ids_of_all_of_its_tasks(self):
        env = {"FANFARE_TASK": "train[3,1]#0.2", "FANFARE_ATTEMPT": "6", "FANFARE_GANG_SIZE": "3", "FANFARE_GANG_INDEX": "1", "FANFARE_GANG_FIRST": "10.0.0.7"}
        ids = task.gang_ids(env)
        self.assertEqual(ids, [task.task_id("train[3,%d]#0.2" % index, 6) for index in range(3)])
        self.assertEqual(task.gang_ids(env, attempt=0), [task.task_id("train[3,%d]#0.2" % index, 0) for index in range(3)])
        self.assertEqual(task.gang_ids(dict(env, FANFARE_TASK="train[0]"))[2], task.task_id("train[2]", 6))
        said = {"MF_PARALLEL_MAIN_IP": "10.0.0.7", "MF_PARALLEL_NUM_NODES": "3", "MF_PARALLEL_NODE_INDEX": "1", "MF_PARALLEL_CONTROL_TASK_ID": ids[0]}
        self.assertEqual(task.gang_env(env), said)
        alone = {"FANFARE_TASK": "train[3]", "FANFARE_ATTEMPT": "0"}
        self.assertEqual((task.gang_ids(alone), task.gang_env(alone)), ([], {}))

    def test_parameters_are_said_as_init_reads_them(self):
        for value, is_json, text in ((5, False, "5"), (True, False, "True"), ("a b", False, "a b"), (None, False, None), ({"a": [1]}, True, '{"a": [1]}'), ("x", True, '"x"'), (None, True, None)):
            self.assertEqual(task.parameter_text(value, is_json), text)

    def test_a_text_that_an_event_gave_is_taken_for_the_json_in_it(self):
        for value, text in (('{"a": [1]}', '{"a": [1]}'), ("5", "5"), ("a word", '"a word"'), ({"a": 1}, '{"a": 1}'), (None, None)):
            self.assertEqual(task.parameter_text(value, True, is_mapped=True), text)
        # What is no JSON parameter of Metaflow's, but was given an object.
        self.assertEqual(task.parameter_text({"a": [1]}, False), '{"a": [1]}')


class Running(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.root = Path(self.place.name)
        code = self.root / "code"
        (code / ".mf_code").mkdir(parents=True)
        (code / "data").mkdir()
        (code / "data" / "some.txt").write_text("there")
        (code / "flow.py").write_text(textwrap.dedent(STANDIN))
        self.calls = self.root / "calls"
        self.env = dict(os.environ, CALLS=str(self.calls), FANFARE_INPUT=str(self.root / "task" / "input"), FANFARE_CODE=str(code), FANFARE_FAILURES="0", FANFARE_LOST="0", METAFLOW_FLOW_NAME="Flow")

    def give(self, name="body[1]", step="body", splits=(1,), attempt=0, inputs=(("start", "start", 0),), options=(), parameters=None, **env):
        """Lays down the task's input; returns its arguments and its environment."""
        given = {"run": "r1", "task": name, "step": step, "splits": list(splits), "attempt": attempt, "parameters": {"n": 3, "a-b": {"x": 1}, "none": None, **(parameters or {})}, "inputs": [{"task": t, "step": s, "attempt": a} for t, s, a in inputs]}
        (self.root / "task").mkdir()
        (self.root / "task" / "input").write_text(json.dumps(given))
        return ["--script", "flow.py", "--datastore", "local", "--datastore-root", str(self.root / "ds"), *options, "--", "--quiet"], dict(self.env, **env)

    def start(self, **how):
        arguments, env = self.give(**how)
        return subprocess.Popen([sys.executable, str(RUNNER), *arguments], cwd=env["FANFARE_CODE"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def one(self, **how):
        """The task, in this process."""
        arguments, env = self.give(**how)
        return task.Task(task.options_of(arguments), env)

    def run_to_end(self, **how):
        process = self.start(**how)
        code = process.wait(timeout=60)
        # As the worker does: what is left of the group ends with its leader.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return code, *process.communicate()

    def called(self):
        return [json.loads(line) for line in self.calls.read_text().splitlines()]

    def log(self, name="stdout", place="r1/body/body-1", attempt=0):
        return (self.root / "ds" / "Flow" / place / ("%d.task_%s.log" % (attempt, name))).read_text()

    def test_a_task_of_a_foreach(self):
        code, _, err = self.run_to_end(options=["--splits", "--tag", "a", "--namespace", "ns", "--user-retries", "2"], attempt=1)
        self.assertEqual((code, err), (0, ""))
        (call,) = self.called()
        words = " ".join(call["argv"])
        for expected in ("--quiet step body", "--run-id r1", "--task-id body-1", "--retry-count 1", "--max-user-code-retries 3", "--split-index 1", "--tag a", "--namespace=ns"):
            self.assertIn(expected, words)
        self.assertEqual(call["paths"], "r1/start/start")
        self.assertEqual(call["env"]["METAFLOW_TASK_ID"], "body-1")
        self.assertNotEqual(call["cwd"], self.env["FANFARE_CODE"])

    def test_inputs_name_the_attempts_that_were_accepted(self):
        self.run_to_end(name="join", step="join", splits=(), inputs=(("body[0]", "body", 0), ("body[1]", "body", 7)))
        self.assertEqual(self.called()[0]["paths"], "r1/body/body-0,r1/body/body-1.a1")

    def test_the_first_step_registers_the_run_and_its_parameters(self):
        code, _, _ = self.run_to_end(name="start", step="start", splits=(), inputs=(), options=["--first", "--json-parameter", "a-b"])
        self.assertEqual(code, 0)
        init, step = self.called()
        self.assertIn("init --run-id r1 --task-id params", " ".join(init["argv"]))
        self.assertEqual({k: v for k, v in init["env"].items() if "INIT" in k}, {"METAFLOW_INIT_N": "3", "METAFLOW_INIT_A_B": '{"x": 1}'})
        self.assertEqual(step["paths"], "r1/_parameters/params")
        self.assertFalse([k for k in step["env"] if "INIT" in k])

    def test_what_started_the_run_is_no_parameter_of_metaflows_and_every_step_knows_it(self):
        said = {"t": [{"name": "ready", "type": "event"}], "t-0-id": "7f", "t-0-time": 1700000000}
        options = ["--trigger-parameter", "t", "--first", "--json-parameter", "a-b", "--mapped-parameter", "a-b"]
        self.run_to_end(name="start", step="start", splits=(), inputs=(), options=options, parameters={**said, "a-b": "[1]"}, FANFARE_URL="http://here:7433")
        init, step = self.called()
        self.assertEqual({k: v for k, v in init["env"].items() if "INIT" in k}, {"METAFLOW_INIT_N": "3", "METAFLOW_INIT_A_B": "[1]"})
        self.assertEqual(json.loads(step["env"]["METAFLOW_FANFARE_TRIGGERS"]), [{"timestamp": 1700000000, "id": "7f", "name": "ready", "type": "event"}])
        self.assertEqual(step["env"]["METAFLOW_ARGO_EVENTS_WEBHOOK_URL"], "http://here:7433/metaflow/events")

    def test_a_run_that_somebody_started_has_its_texts_as_they_are(self):
        options = ["--trigger-parameter", "t", "--first", "--json-parameter", "a-b", "--mapped-parameter", "a-b"]
        self.run_to_end(name="start", step="start", splits=(), inputs=(), options=options, parameters={"t": None, "t-0-id": None, "a-b": "[1]"})
        init, step = self.called()
        self.assertEqual(init["env"]["METAFLOW_INIT_A_B"], '"[1]"')
        self.assertNotIn("METAFLOW_FANFARE_TRIGGERS", step["env"])

    def test_a_first_step_that_is_tried_again_does_not_register_twice(self):
        self.run_to_end(name="start", step="start", splits=(), inputs=(), attempt=1, options=["--first"], KNOWN="1")
        self.assertEqual([call["argv"][1] for call in self.called()], ["dump", "step"])

    def test_a_first_step_that_a_switch_leads_back_to_has_inputs(self):
        self.run_to_end(name="start#1", step="start", splits=(), inputs=(("start", "start", 0),), options=["--first"])
        (call,) = self.called()
        self.assertEqual(call["paths"], "r1/start/start")

    def test_the_working_directory_is_the_tasks_own_and_lies_where_the_worker_removes_it(self):
        code, out, _ = self.run_to_end(DO="print(open('data/some.txt').read()); open('data/some.txt', 'w').write('mine'); os.link('data/some.txt', 'other')")
        self.assertEqual((code, out), (0, "there\n"))
        self.assertEqual((Path(self.env["FANFARE_CODE"]) / "data" / "some.txt").read_text(), "there")
        self.assertEqual(os.path.dirname(self.called()[0]["cwd"]), os.path.realpath(self.root / "task"))

    def test_cards_are_kept_beside_the_datastore(self):
        _, out, _ = self.run_to_end(DO="print(os.path.realpath('.metaflow'))")
        self.assertEqual(out.strip(), os.path.realpath(self.root / "ds"))

    def test_what_it_prints_is_kept_in_metaflows_form_and_passed_on(self):
        _, out, err = self.run_to_end(DO="print('one'); print('two'); print('bad', file=sys.stderr); sys.stdout.write('no end')")
        self.assertEqual((out, err), ("one\ntwo\nno end", "bad\n"))
        lines = self.log().split("\n")
        self.assertEqual([re.sub(r"\A\[MFLOG\|0\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\|task\|[0-9a-f-]{36}\]", "", line) for line in lines], ["one", "two", "no end"])
        self.assertTrue(self.log("stderr").endswith("]bad\n"))

    def test_lines_that_come_at_once_have_stamps_of_their_own_in_their_order(self):
        self.run_to_end(DO="sys.stdout.write(''.join('%d\\n' % i for i in range(500)))")
        lines = self.log().splitlines()
        self.assertEqual([line.partition("]")[2] for line in sorted(lines)], [str(i) for i in range(500)])
        self.assertEqual(len({line.split("|")[2] for line in lines}), 500)

    def test_its_exit_code_is_the_tasks(self):
        self.assertEqual(self.run_to_end(DO="sys.exit(202)")[0], 202)

    def test_a_signal_that_ended_it_is_told_as_a_shell_does(self):
        code, _, err = self.run_to_end(DO="os.kill(os.getpid(), signal.SIGKILL)")
        self.assertEqual((code, err), (128 + signal.SIGKILL, "The task was ended by SIGKILL, killed.\n"))
        self.assertIn("The task was ended by SIGKILL, killed.\n", self.log("stderr"))
        # Metaflow could not note its end itself.
        self.assertIn("fanfare end-task body --run-id r1 --task-id body-1 --retry-count 0 --exit-code 137", " ".join(self.called()[1]["argv"]))

    def test_what_a_lost_attempt_had_done_is_taken_over(self):
        for attempt, adopted, calls in ((1, "0", ["adopt-task"]), (2, "203", ["adopt-task", "step"]), (6, "0", ["step"]), (7, "1", ["adopt-task"])):
            with self.subTest(attempt=attempt):
                code, _, _ = self.run_to_end(attempt=attempt, FANFARE_LOST="1", ADOPT=adopted)
                said = [" ".join(call["argv"]) for call in self.called()]
                self.assertEqual([next(word for word in ("adopt-task", "step") if word in words) for words in said], calls)
                self.assertEqual(code, 1 if adopted == "1" else 0)
                if attempt == 7:
                    self.assertIn("--task-id body-1.a1 --retry-count 0", said[0])
                self.calls.unlink()
                shutil.rmtree(self.root / "task")

    def test_a_task_of_one_call_can_be_left_alone_with_its_log(self):
        place = self.root / "ds" / "Flow" / "r1" / "body" / "body-1"
        self.assertEqual(self.one().log_if_alone(), {"stdout": str(place / "0.task_stdout.log"), "stderr": str(place / "0.task_stderr.log")})
        self.assertFalse(place.exists())

    def test_a_task_of_more_than_one_call_cannot(self):
        for how in (
            {"name": "start", "step": "start", "splits": (), "inputs": (), "options": ["--first"]},
            {"attempt": 1, "FANFARE_LOST": "1"},
            {"options": ["--datastore", "s3"]},
            {"options": ["--resume-parameter", "a-b"]},
        ):
            with self.subTest(**how):
                self.assertIsNone(self.one(**how).log_if_alone())
                shutil.rmtree(self.root / "task")

    def test_the_end_of_one_that_a_signal_ended_is_told_by_another(self):
        arguments, env = self.give()
        options = task.options_of(arguments)
        task.Task(options, env).lay_out()
        other = task.Task(options, env, 128 + signal.SIGSEGV)
        with open(os.devnull, "w") as null, mock.patch("os.write", side_effect=lambda _, data: null.write(bytes(data).decode())):
            words = other.next().words
        self.assertEqual(words[:3], ["fanfare", "end-task", "body"])
        self.assertEqual(words[-2:], ["--exit-code", "139"])
        self.assertIsNone(other.next(0))
        other.keep_log(None)
        self.assertEqual(other.code, 139)
        self.assertIn("]The task was ended by SIGSEGV, segmentation fault.\n", self.log("stderr"))

    def test_until_it_is_laid_out_a_task_has_changed_nothing(self):
        for options in ((), ("--datastore", "s3")):
            with self.subTest(options=options):
                self.one(options=options)
                self.assertEqual(os.listdir(self.root / "task"), ["input"])
                shutil.rmtree(self.root / "task")

    def test_its_directory_is_laid_out_whole_or_not_at_all(self):
        made = self.one()
        with mock.patch("shutil.copytree", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            made.lay_out()
        self.assertFalse(os.path.exists(made.work))
        made.lay_out()
        self.assertEqual(sorted(os.listdir(made.work)), [".metaflow", ".mf_code", "data", "flow.py"])
        # There is one start that goes on, and no other may be at work there.
        with self.assertRaises(OSError):
            made.lay_out()

    def test_whoever_tells_of_its_end_goes_on_where_it_was(self):
        arguments, env = self.give()
        options = task.options_of(arguments)
        first, other = task.Task(options, env), task.Task(options, env, 128 + signal.SIGTERM)
        other.lay_out()
        self.assertTrue(os.path.exists(os.path.join(first.work, "flow.py")))
        Path(first.work, "left.txt").write_text("by the task")
        task.Task(options, env, 128 + signal.SIGTERM).lay_out()
        self.assertEqual(Path(first.work, "left.txt").read_text(), "by the task")

    def test_a_process_that_it_leaves_behind_does_not_keep_it_from_its_end(self):
        began = time.monotonic()
        code, out, _ = self.run_to_end(DO="import subprocess; subprocess.Popen(['sleep', '60'])\nprint('done')")
        self.assertEqual((code, out), (0, "done\n"))
        self.assertLess(time.monotonic() - began, 30)

    def test_a_run_that_cannot_be_registered_does_not_start_its_step(self):
        (Path(self.env["FANFARE_CODE"]) / "flow.py").write_text("import sys\nsys.exit(3 if 'init' in sys.argv else 0)")
        self.assertEqual(self.run_to_end(name="start", step="start", splits=(), inputs=(), options=["--first"])[0], 3)

    def test_a_signal_ends_the_task_and_its_log_is_kept(self):
        process = self.start(DO="print('up', flush=True); time.sleep(600)")
        self.assertEqual(process.stdout.readline(), "up\n")
        # The worker signals the whole group; here the parent alone has to live on until its child has ended.
        process.send_signal(signal.SIGTERM)
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True).stdout.split()
        self.assertEqual(len(children), 1)
        self.assertIsNone(process.poll())
        os.kill(int(children[0]), signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assertTrue(self.log().endswith("]up\n"))


if __name__ == "__main__":
    unittest.main()
