"""What a flow becomes, with Metaflow; skipped where it cannot be imported."""

import importlib.util
import unittest
from types import SimpleNamespace

HAS_METAFLOW = importlib.util.find_spec("metaflow") is not None and importlib.util.find_spec("requests") is not None

if HAS_METAFLOW:
    from metaflow import JSONType
    from metaflow.flowspec import FlowStateItems
    from metaflow.parameters import DeployTimeField, set_parameter_context
    from metaflow_extensions.fanfare.plugins.fanfare.spec import FlowSpecCompiler, _faults, notifications, schedules


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class Parameters(unittest.TestCase):
    def spec(self, **given):
        set_parameter_context("Flow", None, SimpleNamespace(TYPE="local"), {})
        parameter = SimpleNamespace(name="alpha", IS_CONFIG_PARAMETER=False, kwargs=given)
        obj = SimpleNamespace(flow=SimpleNamespace(_graph=None, _get_parameters=lambda: [("alpha", parameter)]))
        return FlowSpecCompiler(obj, "Flow", ("", "", ""), "token", "me")._parameters()[0]["spec"]

    def made(self, kind, value):
        return DeployTimeField("alpha", kind, "default", lambda _: value, return_str=True)

    def test_a_default_that_a_function_makes_has_the_parameters_type(self):
        for kind, name, value in ((int, "int", 124), (float, "float", 0.5), (bool, "bool", False), (bool, "bool", True), (str, "string", "124")):
            self.assertEqual(self.spec(type=kind, default=self.made(kind, value)), {"type": name, "default": value})
        self.assertEqual(self.spec(type=JSONType, default=self.made(JSONType, {"a": [1]})), {"type": "json", "default": {"a": [1]}})

    def test_a_default_that_is_given(self):
        for kind, name, value, expected in ((int, "int", "5", 5), (float, "float", 2, 2), (str, "string", "5", "5"), (JSONType, "json", "[1]", [1]), (int, "json", None, None)):
            self.assertEqual(self.spec(type=kind, default=value), {"type": name, "default": expected})
        self.assertEqual(self.spec(type=int, required=True), {"type": "int", "required": True})


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class Faults(unittest.TestCase):
    def test_an_unbounded_foreach_is_refused(self):
        deco = SimpleNamespace(name="unbounded", step_task_retry_count=lambda: (None, None))
        node = SimpleNamespace(name="work", func_lineno=7, parallel_foreach=False, decorators=[deco])
        flow = SimpleNamespace(_flow_state={FlowStateItems.FLOW_DECORATORS: {}}, _get_parameters=lambda: [])
        obj = SimpleNamespace(flow=flow, environment=SimpleNamespace(TYPE="local"), metadata=SimpleNamespace(TYPE="local"))
        (fault,) = _faults(obj, [node], with_triggers=True)
        self.assertIn("step *work* (line 7): @unbounded is for an unbounded foreach", fault)


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class Notifications(unittest.TestCase):
    def test_receivers_are_told_once_of_each_end(self):
        self.assertEqual(notifications((), ()), [])
        self.assertEqual(notifications(("ops",), ()), [{"on": "failed", "to": ["ops"]}])
        self.assertEqual(notifications(("ops", "pager", "ops"), ("pager",)), [{"on": "failed", "to": ["ops", "pager"]}, {"on": "succeeded", "to": ["pager"]}])


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class Schedules(unittest.TestCase):
    def of(self, **given):
        decos = [SimpleNamespace(name="project"), SimpleNamespace(name="schedule", **given)]
        return schedules(SimpleNamespace(_flow_state={FlowStateItems.FLOW_DECORATORS: {deco.name: [deco] for deco in decos}}))

    def test_a_schedule_is_the_expression_with_its_time_zone(self):
        self.assertEqual(self.of(schedule="0 * * * ? *", timezone=None), {"schedule": {"cron": "0 * * * ? *"}})
        self.assertEqual(self.of(schedule="0 10 * * ? *", timezone="Europe/Berlin"), {"schedule": {"cron": "0 10 * * ? *", "timezone": "Europe/Berlin"}})

    def test_one_without_a_time_is_none(self):
        self.assertEqual(self.of(schedule=None, timezone=None), {})


if __name__ == "__main__":
    unittest.main()
