"""What @trigger and @trigger_on_finish become, with Metaflow; skipped where it cannot be imported."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

HAS_METAFLOW = importlib.util.find_spec("metaflow") is not None and importlib.util.find_spec("requests") is not None

if HAS_METAFLOW:
    from metaflow import current, namespaced_event_name
    from metaflow.flowspec import FlowStateItems
    from metaflow.parameters import set_parameter_context
    from metaflow.plugins.events_decorator import TriggerDecorator, TriggerOnFinishDecorator
    from metaflow_extensions.fanfare.plugins.fanfare import triggers
    from metaflow_extensions.fanfare.plugins.fanfare.spec import FlowSpecCompiler, flow_name

PACKAGES = Path(__file__).parents[1]


def parameter(name, **kwargs):
    return name, SimpleNamespace(name=name, IS_CONFIG_PARAMETER=False, kwargs={"type": str, **kwargs})


class Compiling(unittest.TestCase):
    def setUp(self):
        if not HAS_METAFLOW:
            self.skipTest("Metaflow cannot be imported")
        set_parameter_context("Flow", None, SimpleNamespace(TYPE="local"), {})

    def flow(self, *decos, parameters=()):
        return SimpleNamespace(_flow_state={FlowStateItems.FLOW_DECORATORS: {deco.name: [deco] for deco in decos}}, _get_parameters=lambda: list(parameters))

    def on(self, **attributes):
        deco = TriggerDecorator({"event": None, "events": [], "options": {}, **attributes})
        deco.flow_init(None, None, None, None, None, None, None, {})
        return deco

    def on_finish(self, **attributes):
        deco = TriggerOnFinishDecorator({"flow": None, "flows": [], "options": {}, **attributes})
        deco.flow_init(None, None, None, None, None, None, None, {"trigger": None})
        return deco

    def spec(self, *decos, parameters=()):
        found, faults = triggers.read(self.flow(*decos, parameters=parameters), flow_name)
        self.assertEqual(faults, [])
        return triggers.compiled(found, "t")

    def faults(self, *decos, parameters=()):
        return triggers.read(self.flow(*decos, parameters=parameters), flow_name)[1]

    def in_project(self, project, branch):
        return mock.patch.object(current, "get", lambda name, default=None: {"project_name": project, "branch_name": branch}.get(name, default))


class Events(Compiling):
    def test_one_event_gives_the_parameters_of_its_fields_names(self):
        spec = self.spec(self.on(event="ready"), parameters=[parameter("alpha", default="x"), parameter("Table", required=True)])
        self.assertEqual(
            spec,
            {
                "trigger": {
                    "event": "ready",
                    "where": {"table": {"exists": True}},
                    "map": {"alpha": "alpha", "Table": "table", "t-0-id": "id", "t-0-time": "timestamp"},
                    "parameters": {"t": [{"name": "ready", "type": "event"}]},
                }
            },
        )

    def test_a_mapping_stands_for_all(self):
        given = [parameter("alpha", required=True), parameter("beta", default="x"), parameter("gamma", default="x")]
        for mapping in ({"ALPHA": "a", "gamma": "g"}, [("alpha", "a"), ("gamma", "g")], lambda context: {"alpha": "a", "gamma": "g"}):
            (spec,) = self.spec(self.on(event={"name": "ready", "parameters": mapping}), parameters=given).values()
            self.assertEqual({name: field for name, field in spec["map"].items() if not name.startswith("t-")}, {"alpha": "a", "gamma": "g"})
            self.assertEqual(spec["where"], {"a": {"exists": True}})

    def test_of_several_events_all_have_to_come_and_nothing_is_mapped_unasked(self):
        given = [parameter("alpha", default="x")]
        (spec,) = self.spec(self.on(events=["left", {"name": "right", "parameters": ["alpha"]}]), parameters=given).values()
        self.assertEqual([(each["event"], each["map"]) for each in spec["all"]], [("left", {"t-0-id": "id", "t-0-time": "timestamp"}), ("right", {"alpha": "alpha", "t-1-id": "id", "t-1-time": "timestamp"})])
        self.assertEqual((spec["within"], [each["name"] for each in spec["parameters"]["t"]]), ("366d", ["left", "right"]))
        (spec,) = self.spec(self.on(events=["left", "right"], options={"within": "6h"})).values()
        self.assertEqual(spec["within"], "6h")

    def test_names_that_functions_make(self):
        with self.in_project("shop", "user.me"):
            self.assertEqual(self.spec(self.on(event=namespaced_event_name("ready")))["trigger"]["event"], "mfns.shop.user.me.ready")
            self.assertEqual([each["event"] for each in self.spec(self.on(events=lambda context: ["a", {"name": lambda context: "b"}]))["trigger"]["all"]], ["a", "b"])
        self.assertEqual(self.spec(self.on(event={"name": namespaced_event_name("ready")}))["trigger"]["event"], "mfns.ready")

    def test_the_event_that_argo_sends_at_the_end_of_a_run_is_that_end(self):
        given = [parameter("run_id", default=""), parameter("other", default="")]
        (spec,) = self.spec(self.on(event="metaflow.shop.test.b.Up.end"), parameters=given).values()
        self.assertEqual((spec["flow"], spec["ends"], spec["map"]), ("shop-test-b-Up", "succeeded", {"run_id": "run", "t-0-id": "run", "t-0-time": "ended_at"}))
        self.assertEqual(spec["parameters"], {"t": [{"name": "metaflow.shop.test.b.Up.end", "type": "event", "flow": "Up"}]})
        self.assertEqual(self.spec(self.on(event="metaflow.Up.end"))["trigger"]["flow"], "Up")
        (fault,) = self.faults(self.on(event={"name": "metaflow.Up.end", "parameters": {"other": "task_id"}}), parameters=given)
        self.assertIn("has no *task_id*", fault)

    def test_its_other_events_do_not_come(self):
        for name in ("metaflow.Up.train", "metaflow.shop.prod.Up.start", "metaflow.shop.Up.end"):
            (fault,) = self.faults(self.on(event=name))
            self.assertIn("the event *%s* is one that Argo Workflows sends" % name, fault)
            self.assertIn("use @trigger_on_finish", fault)
        self.assertEqual(self.spec(self.on(event="metaflow.ready"))["trigger"]["event"], "metaflow.ready")

    def test_what_cannot_be_is_said_with_the_remedy(self):
        given = [parameter("alpha", default="x"), parameter("beta", required=True)]
        faults = self.faults(
            self.on(events=[{"name": "left", "parameters": {"alpha": "a", "gamma": "g"}}, {"name": "right", "parameters": {"Alpha": "b"}}], options={"reset_at": {"cron": "0 0 * * *"}, "more": 1}), parameters=given
        )
        said = "\n".join(faults)
        for part in ("no parameter *gamma*", "*alpha* is mapped twice", "the option *reset_at*", "the option *more*", "*beta* is required", "options={'within': '12h'}"):
            self.assertIn(part, said)
        self.assertEqual(len(faults), 5)
        for fault in faults:
            self.assertTrue(fault.startswith("@trigger: "), fault)
        (fault,) = self.faults(self.on(events=lambda context: ["a", "a"]))
        self.assertIn("*a* stands twice", fault)


class Ends(Compiling):
    def test_the_flow_is_named_as_it_was_deployed(self):
        for flow, name, said in (
            ("Up", "Up", "metaflow.Up.end"),
            ("shop.test.x.Up", "shop-test-x-Up", "metaflow.shop.test.x.Up.end"),
            ({"name": "Up", "project": "shop", "project_branch": "prod"}, "shop-prod-Up", "metaflow.shop.prod.Up.end"),
            (lambda context: "Up", "Up", "metaflow.Up.end"),
        ):
            (spec,) = self.spec(self.on_finish(flow=flow)).values()
            self.assertEqual(spec, {"flow": name, "ends": "succeeded", "map": {"t-0-id": "run", "t-0-time": "ended_at"}, "parameters": {"t": [{"name": said, "type": "run", "flow": "Up"}]}})

    def test_within_a_project_it_is_of_the_same_branch(self):
        with self.in_project("shop", "user.me"):
            self.assertEqual(self.spec(self.on_finish(flow="Up"))["trigger_on_finish"]["flow"], "shop-user-me-Up")
            self.assertEqual(self.spec(self.on_finish(flow={"name": "Up", "project_branch": "prod"}))["trigger_on_finish"]["flow"], "shop-prod-Up")
            self.assertEqual(self.spec(self.on_finish(flow={"name": "Up", "project": "other"}))["trigger_on_finish"]["flow"], "other-user-me-Up")
        (fault,) = self.faults(self.on_finish(flow={"name": "Up", "project": "shop"}))
        self.assertIn("there is a project, and no branch", fault)

    def test_of_several_flows_all_have_to_end(self):
        for flows in (["Up", "shop.prod.Down"], lambda context: ["Up", {"name": "Down", "project": "shop", "project_branch": "prod"}]):
            (spec,) = self.spec(self.on_finish(flows=flows)).values()
            self.assertEqual([each["flow"] for each in spec["all"]], ["Up", "shop-prod-Down"])
            self.assertEqual([each["map"]["t-%d-id" % index] for index, each in enumerate(spec["all"])], ["run", "run"])
        (fault,) = self.faults(self.on_finish(flows=["Up", "Up"]))
        self.assertIn("*Up* stands twice", fault)

    def test_an_end_gives_no_parameters(self):
        (fault,) = self.faults(self.on_finish(flow="Up"), parameters=[parameter("alpha", required=True), parameter("beta", default="x")])
        self.assertEqual(fault, "@trigger_on_finish: parameter *alpha* is required, and nothing here gives it a value. Give it a default.")

    def test_both_decorators_are_two_triggers(self):
        self.assertEqual(list(self.spec(self.on(event="ready"), self.on_finish(flow="Up"))), ["trigger", "trigger_on_finish"])


class Parameters(Compiling):
    def test_what_events_map_takes_texts_and_there_are_parameters_for_what_started_the_run(self):
        given = [parameter("alpha", type=float, default=0.5), parameter("beta", type=int, required=True), parameter("gamma", default="x"), parameter("free", type=int, default=1)]
        flow = self.flow(self.on(event={"name": "a", "parameters": ["alpha", "beta", "gamma"]}), parameters=given)
        compiler = FlowSpecCompiler(SimpleNamespace(flow=SimpleNamespace(_graph=None, **vars(flow))), "Flow", ("", "", ""), "token", "me")
        compiler._triggers, faults = triggers.read(flow, flow_name)
        self.assertEqual(faults, [])
        self.assertEqual([(each["name"], each["spec"]["type"]) for each in compiler._parameters()], [("alpha", "json"), ("beta", "json"), ("gamma", "string"), ("free", "int")])
        self.assertEqual(list(triggers.hidden(compiler._triggers, "t")), ["t", "t-0-id", "t-0-time"])
        self.assertEqual(triggers.hidden([], None), {})

    def test_what_starts_the_flow_is_said(self):
        given = [parameter("alpha", default="x"), parameter("beta", default="x")]
        found, _ = triggers.read(self.flow(self.on(event={"name": "ready", "parameters": {"alpha": "alpha", "beta": "b"}}), self.on_finish(flows=["Up", "Down"]), parameters=given), flow_name)
        self.assertEqual(
            [triggers.described(each) for each in found],
            ["The event ready; it gives alpha, beta (its b).", "All of these, within 366d of each other: the end of a run of Up that succeeded; the end of a run of Down that succeeded."],
        )


class InAFile(unittest.TestCase):
    @unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
    def test_the_line_of_the_decorator_is_said(self):
        flow = """
            from metaflow import FlowSpec, step, trigger_on_finish, trigger


            @trigger(event="ready", options={"reset_at": {"cron": "0 0 * * *", "timezone": "UTC"}})
            @trigger_on_finish(
                flow="Up", options={"other": 1})
            class Late(FlowSpec):
                @step
                def start(self):
                    self.next(self.end)

                @step
                def end(self):
                    pass


            if __name__ == "__main__":
                Late()
        """
        with tempfile.TemporaryDirectory() as place:
            Path(place, "late.py").write_text(textwrap.dedent(flow))
            path = os.pathsep.join([str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")]), *sys.path])
            env = dict(os.environ, PYTHONPATH=path, METAFLOW_HOME=place, METAFLOW_USER="me", METAFLOW_DEFAULT_METADATA="local", METAFLOW_DATASTORE_SYSROOT_LOCAL=place)
            done = subprocess.run([sys.executable, "late.py", "--no-pylint", "fanfare", "create"], cwd=place, env=env, capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("@trigger (line 5): the option reset_at is not known to Fanfare", done.stdout + done.stderr)
        self.assertIn("@trigger_on_finish (line 6): the option other is not known to Fanfare.", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
