"""What a task knows of what started its run: no Metaflow is needed."""

import os
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "metaflow_extensions/fanfare/plugins/fanfare"))
import triggered  # noqa: E402


class Started(unittest.TestCase):
    def events(self, sources, **values):
        return triggered.events({"parameters": {"alpha": 1, "t": sources, **{name.replace("_", "-"): value for name, value in values.items()}}}, "t")

    def test_a_run_that_no_trigger_started_knows_of_none(self):
        self.assertIsNone(self.events(None))
        self.assertIsNone(triggered.events({"parameters": {"alpha": 1}}, None))
        self.assertEqual(triggered.env({"parameters": {"t": None}}, "t"), {})

    def test_an_event_and_the_end_of_a_run(self):
        sources = [{"name": "ready", "type": "event"}, {"name": "metaflow.shop.prod.Up.end", "type": "run", "flow": "Up"}]
        found = self.events(sources, t_0_id="7f", t_0_time=1700000000, t_1_id="r2", t_1_time="2023-11-14T22:13:21.500000Z")
        self.assertEqual(found, [{"timestamp": 1700000000, "id": "7f", "name": "ready", "type": "event"}, {"timestamp": 1700000001, "id": "Up/r2/end/end", "name": "metaflow.shop.prod.Up.end", "type": "run"}])

    def test_what_is_published_by_others_may_have_neither_id_nor_time(self):
        source = [{"name": "ready", "type": "event"}]
        for ident, time, expected in (
            (None, None, (None, None)),
            (7, "soon", ("7", None)),
            ("a", True, ("a", None)),
            ("a", [1], ("a", None)),
            # In milliseconds: no date of Python's.
            ("a", 1700000000000, ("a", None)),
            ("a", float("inf"), ("a", None)),
            ("a", 1700000000.75, ("a", 1700000000)),
        ):
            (found,) = self.events(source, t_0_id=ident, t_0_time=time)
            self.assertEqual((found["id"], found["timestamp"]), expected)

    def test_a_task_reads_what_its_runner_has_said(self):
        said = triggered.env({"parameters": {"t": [{"name": "ready", "type": "event"}], "t-0-id": "7f"}}, "t")
        with mock.patch.dict(os.environ, said):
            self.assertEqual(triggered.of_env(), [{"timestamp": None, "id": "7f", "name": "ready", "type": "event"}])
        with mock.patch.dict(os.environ):
            os.environ.pop(triggered.VARIABLE, None)
            self.assertIsNone(triggered.of_env())


class Names(unittest.TestCase):
    def test_the_parameters_are_none_of_the_flows_own(self):
        self.assertEqual(triggered.parameter_name(["alpha", "fanfare-triggers"]), "fanfare-trigger")
        for taken in ("fanfare-trigger", "Fanfare_Trigger", "fanfare-trigger-0-id", "fanfare_trigger_x"):
            name = triggered.parameter_name([taken])
            self.assertEqual(name, "fanfare-trigger2")
            self.assertFalse(triggered.is_of(name, taken))
        self.assertTrue(all(triggered.is_of("t", name) for name in ("t", triggered.id_parameter("t", 3), triggered.time_parameter("t", 3))))
        self.assertFalse(triggered.is_of("t", "table") or triggered.is_of(None, "t"))


class Publishing(unittest.TestCase):
    def test_events_are_published_here_unless_the_task_says_where(self):
        here = triggered.publishing_env({"FANFARE_URL": "http://here:7433"})
        self.assertEqual(here, {"METAFLOW_ARGO_EVENTS_WEBHOOK_URL": "http://here:7433/metaflow/events", "METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH": "service"})
        # Nor does the key go there.
        self.assertEqual(triggered.publishing_env({"FANFARE_URL": "http://here:7433", "METAFLOW_ARGO_EVENTS_WEBHOOK_URL": "http://argo"}), {})


if __name__ == "__main__":
    unittest.main()
