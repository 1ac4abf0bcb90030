"""Following a run of one task, against an API that stands in for the server: no Metaflow is needed."""

import json
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "metaflow_extensions/fanfare/plugins/fanfare"))
import following  # noqa: E402


def line(text, stream="out", at="2026-01-31T18:00:00.1234567+00:00"):
    return json.dumps({"at": at, "stream": stream, "text": text}).encode() + b"\n"


class Server:
    """Answers each question with the next of its answers, the last one again and again."""

    def __init__(self, runs, tasks, follows, drains=(), reasons=()):
        self._answers = {"run": list(runs), "task": list(tasks), "follow": list(follows), "drain": list(drains) or [[]], "explain": list(reasons) or [None]}
        self.asked = []

    def _next(self, kind):
        answers = self._answers[kind]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def run(self, run):
        return self._next("run")

    def task(self, run, task):
        return self._next("task")

    def explain(self, run, task):
        return self._next("explain")

    def follow_log(self, run, task, attempt, position):
        self.asked.append((attempt, position))
        return iter(self._next("follow"))

    def log_from(self, run, task, attempt, position):
        self.asked.append((attempt, position))
        return self._next("drain")


def run(status, **error):
    return {"run": "r1", "status": status, "error": error or None}


class Following(unittest.TestCase):
    def follow(self, server, times=None):
        self.lines, self.said = [], []
        clock = iter(times or range(1000))
        return following.follow(server, "r1", "step", lambda entry: self.lines.append(entry["text"]), self.said.append, sleep=lambda _: None, clock=lambda: next(clock))

    def test_a_log_that_comes_in_pieces_is_shown_once(self):
        first, second, last = line("one"), line("two"), line("three")
        server = Server([run("running"), run("running"), run("succeeded")], [{"attempt": 0}], [[first], [second], []], [[last]])
        self.assertEqual(self.follow(server), (0, None))
        self.assertEqual(self.lines, ["one", "two", "three"])
        # It goes on after the bytes that came, and what came after the last look is asked for when the run has ended.
        self.assertEqual(server.asked, [(0, 0), (0, len(first)), (0, len(first + second)), (0, len(first + second))])

    def test_an_attempt_that_was_lost_is_told_and_the_next_one_followed_from_its_beginning(self):
        server = Server([run("running"), run("succeeded")], [{"attempt": 1}], [[line("one")], [line("again")]], [[line("rest")], []])
        self.assertEqual(self.follow(server).code, 0)
        self.assertEqual(self.lines, ["one", "rest", "again"])
        self.assertEqual(server.asked[2], (1, 0))
        self.assertEqual(len(self.said), 1)
        self.assertIn("lost attempt 0", self.said[0])

    def test_what_a_task_waits_for_is_told_when_it_changes(self):
        reasons = [{"reason": "No worker.", "details": ["None has a GPU."]}, {"reason": "No worker.", "details": ["None has a GPU."]}, {"reason": "No room.", "details": []}]
        server = Server([run("running")] * 4 + [run("cancelled")], [None, {"attempt": -1}], [[]], reasons=reasons)
        self.assertEqual(self.follow(server, times=[0, 20, 21, 22]).code, following.NEVER_AGAIN)
        self.assertEqual(self.said, ["The task waits: No worker. None has a GPU.", "The task waits: No room."])

    def test_a_run_that_was_removed_is_no_success(self):
        code, message = self.follow(Server([None], [None], [[]]))
        self.assertEqual(code, following.NEVER_AGAIN)
        self.assertIn("r1", message)


class Outcomes(unittest.TestCase):
    def test_how_it_ended_is_told_apart(self):
        for shown, code, words in (
            (run("failed", type="exit", message="step: …", exit_code=3), 3, "failed with exit code 3"),
            (run("failed", type="exit", message="step: …", exit_code=202), 202, "failed with exit code 202"),
            (run("cancelled", type="cancelled", message="by someone"), 202, "cancelled"),
            (run("failed", type="killed", message="An operator killed it."), 202, "killed"),
            (run("failed", type="losses", message="The platform lost this task 21 times."), 1, "lost"),
            (run("failed", type="timeout", message="It ran longer than 10s."), 1, "timeout"),
            (run("failed", type="out_of_memory", message="It took more than 64MiB."), 1, "out_of_memory"),
        ):
            with self.subTest(words):
                ended = following.outcome(shown)
                self.assertEqual(ended.code, code)
                self.assertIn(words, ended.message)
                self.assertIn("r1", ended.message)
        self.assertEqual(following.outcome(run("succeeded")), (0, None))


class Lines(unittest.TestCase):
    def test_a_line_has_the_workers_time_in_metaflows_form(self):
        for at, expected in (
            ("2026-01-31T18:00:00.1234567+00:00", "2026-01-31T18:00:00.123456Z"),
            ("2026-01-31T18:00:00.5+02:00", "2026-01-31T16:00:00.500000Z"),
            ("2026-01-31T18:00:00Z", "2026-01-31T18:00:00.000000Z"),
        ):
            made = following.mflog({"at": at, "stream": "out", "text": "a ] b"})
            self.assertRegex(made, r"\A\[MFLOG\|0\|%s\|task\|[0-9a-f-]{36}\]a \] b\n\Z" % re.escape(expected))

    def test_remarks_of_the_worker_are_kept_by_who_reads_them(self):
        self.assertTrue(following.mflog({"at": "2026-01-31T18:00:00Z", "stream": "fanfare", "text": "x"}).startswith("[![MFLOG|"))


if __name__ == "__main__":
    unittest.main()
