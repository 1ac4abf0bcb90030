"""The decorator and the client, with Metaflow; skipped where it cannot be imported."""

import importlib.util
import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

HAS_METAFLOW = importlib.util.find_spec("metaflow") is not None and importlib.util.find_spec("requests") is not None

if HAS_METAFLOW:
    import metaflow  # noqa: F401
    from metaflow.plugins.resources_decorator import ResourcesDecorator
    from metaflow_extensions.fanfare.plugins.fanfare.client import FanfareClient, FanfareException, Unavailable
    from metaflow_extensions.fanfare.plugins.fanfare.compute import FanfareDecorator
    from metaflow_extensions.fanfare.plugins.fanfare.spec import FlowSpecCompiler


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class Decorator(unittest.TestCase):
    def refused(self, environment="local", others=(), **attributes):
        deco = FanfareDecorator(attributes=attributes)
        try:
            deco.step_init(None, None, "train", [deco, *others], SimpleNamespace(TYPE=environment), None, None)
        except FanfareException as refusal:
            return refusal.message
        return None

    def test_values_that_fit_are_taken_as_texts_too(self):
        self.assertIsNone(self.refused())
        self.assertIsNone(self.refused(cpu=0.5, gpu=1, memory=4096, disk=100, queue="gpu-large"))
        self.assertIsNone(self.refused(cpu="2", gpu="0", memory="4096"))

    def test_each_value_that_does_not_fit_is_named_with_the_rule_and_an_example(self):
        said = self.refused(cpu=-1, gpu=0.5, memory="4GiB", disk=True, queue="a b")
        for words in ("*train*", "cpu is -1", "cpu=4", "gpu is 0.5", "whole number of GPUs", "memory is '4GiB'", "memory=4096", "disk is True", "queue is 'a b'"):
            self.assertIn(words, said)
        self.assertIn("@resources: memory is 'much'", self.refused(others=[ResourcesDecorator(attributes={"memory": "much"})]))

    def test_what_cannot_run_there_is_refused(self):
        self.assertIn("--environment=local", self.refused(environment="conda"))
        self.assertIn("num_parallel", self.refused(others=[SimpleNamespace(name="parallel", attributes={})]))

    def test_a_step_needs_the_maximum_of_what_is_asked_for(self):
        node = SimpleNamespace(decorators=[FanfareDecorator(attributes={"cpu": 0.5, "memory": "8192", "gpu": 1}), ResourcesDecorator(attributes={"cpu": 4, "memory": 64})])
        self.assertEqual(FlowSpecCompiler._resources(node), {"cpu": 4.0, "memory": "8192MiB", "gpu": 1})
        self.assertEqual(FlowSpecCompiler._resources(SimpleNamespace(decorators=[FanfareDecorator()])), {})

    def test_after_the_users_attempts_the_fallback_runs_here(self):
        deco = FanfareDecorator()
        deco.package_metadata, deco.package_sha, deco.package_url, deco.package_digest = "m", "s", "u", "d"
        for commands, retry, expected in ((["step"], 1, ["fanfare-compute", "step"]), (["step"], 2, ["step"]), (["spin-step"], 0, ["spin-step"])):
            cli = SimpleNamespace(commands=commands, command_args=["train"], entrypoint=["python", "flow.py"])
            deco.runtime_step_cli(cli, retry, 1, None)
            self.assertEqual(cli.commands, expected)
            self.assertEqual(cli.command_args, ["train", "m", "s", "u", "d"] if expected[0] == "fanfare-compute" else ["train"])

    def test_a_step_that_is_sent_to_two_places_is_refused(self):
        deco = FanfareDecorator()
        deco.step = "train"
        flow = SimpleNamespace(train=SimpleNamespace(decorators=[deco, SimpleNamespace(name="batch")]))
        with self.assertRaisesRegex(FanfareException, "@batch"):
            deco.runtime_init(flow, None, None, "1")


class _Answers(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
        answers = self.server.answers
        status, content = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _answer


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class Client(unittest.TestCase):
    def client(self, *answers, **how):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        server.answers, server.asked = list(answers), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.server = server
        return FanfareClient(url="http://127.0.0.1:%d" % server.server_port, **how)

    def test_patience_repeats_what_no_server_could_serve_and_says_so_once(self):
        waits = []
        api = self.client((503, b"{}"), (429, b"{}"), (200, b'{"run": "r1"}'), patience=30, on_wait=waits.append)
        self.assertEqual(api.start("flow", {"a": 1}, deployment=2, tags=["t"], key="k"), "r1")
        self.assertEqual([asked[2] for asked in self.server.asked], [{"parameters": {"a": 1}, "deployment": 2, "tags": ["t"], "idempotency_key": "k"}] * 3)
        self.assertEqual(len(waits), 1)

    def test_without_patience_and_when_it_is_refused_there_is_one_try(self):
        with self.assertRaises(Unavailable):
            self.client((503, b"{}")).check()
        with self.assertRaisesRegex(FanfareException, "FAN0001"):
            self.client((400, b'{"code": "FAN0001", "title": "no"}'), patience=30).check()
        self.assertEqual(len(self.server.asked), 1)
        with self.assertRaisesRegex(Unavailable, "METAFLOW_FANFARE_URL"):
            FanfareClient(url="http://127.0.0.1:1").check()

    def test_a_deletion_is_of_the_deployment_that_was_looked_at(self):
        api = self.client((409, b'{"code": "FAN0003", "detail": "another", "errors": [{"field": "deployment", "message": "is not the latest,", "remedy": "Look."}]}'))
        with self.assertRaisesRegex(FanfareException, "FAN0003: another\n  deployment: is not the latest, Look."):
            api.delete("My-Flow", 3)
        self.assertEqual(self.server.asked, [("DELETE", "/api/v1/flows/My-Flow?deployment=3", None)])

    def test_a_deployment_is_asked_for_by_its_number(self):
        self.assertIsNone(self.client((404, b"{}")).deployment("f", 2))
        self.assertEqual(self.client((200, b'{"deleted_at": "2026-01-31T18:00:00Z"}')).deployment("f", 2), {"deleted_at": "2026-01-31T18:00:00Z"})
        self.assertEqual(self.server.asked[0][:2], ("GET", "/api/v1/flows/f/deployments/2"))

    def test_a_line_that_is_not_whole_is_left_for_the_next_time(self):
        api = self.client((200, b'{"a": 1}\n{"b'))
        self.assertEqual(list(api.follow_log("r", "t", 0, 7)), [b'{"a": 1}\n'])
        self.assertEqual(list(api.log_from("r", "t", 0, 7)), [b'{"a": 1}\n'])
        self.assertIn("attempt=0&from=7&follow=true", self.server.asked[0][1])

    def test_a_log_that_is_not_there_yet_is_empty(self):
        for status in (404, 503):
            self.assertEqual(list(self.client((status, b"{}")).follow_log("r", "t", 0, 0)), [])
        self.assertEqual(list(FanfareClient(url="http://127.0.0.1:1").follow_log("r", "t", 0, 0)), [])
        self.assertEqual(self.client((404, b"{}")).log_from("r", "t", 0, 0), [])


if __name__ == "__main__":
    unittest.main()
