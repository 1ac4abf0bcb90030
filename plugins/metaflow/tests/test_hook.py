"""Exit hooks: the steps that they become, and the program that calls one, against a package that stands in for Metaflow."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

HAS_METAFLOW = importlib.util.find_spec("metaflow") is not None and importlib.util.find_spec("requests") is not None

if HAS_METAFLOW:
    import metaflow  # noqa: F401
    from metaflow.flowspec import FlowStateItems
    from metaflow_extensions.fanfare.plugins.fanfare.spec import FlowSpecCompiler, steps_of

RUNNER = Path(__file__).parents[1] / "metaflow_extensions/fanfare/plugins/fanfare/hook.py"

# Says how it was called, and from where.
STANDIN = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "flow": os.path.exists("flow.py"), "cards": os.readlink(".metaflow"), "root": os.environ["METAFLOW_EXTRACTED_ROOT"] == os.getcwd(), "events": os.environ["METAFLOW_ARGO_EVENTS_WEBHOOK_URL"]}))
sys.exit(3 if sys.argv[2] == "broken" else 0)
"""


class Calling(unittest.TestCase):
    def call(self, *options, error=None):
        with tempfile.TemporaryDirectory() as place:
            script = Path(place, "code/.mf_code/metaflow/plugins/exit_hook/exit_hook_script.py")
            script.parent.mkdir(parents=True)
            script.write_text(STANDIN)
            Path(place, "code/flow.py").write_text("")
            Path(place, "task").mkdir()
            given = Path(place, "task/input")
            given.write_text(json.dumps({"run": "r1", "error": error}))
            env = dict(os.environ, PYTHONPATH="", FANFARE_INPUT=str(given), FANFARE_CODE=str(Path(place, "code")), METAFLOW_FLOW_NAME="Flow", FANFARE_URL="http://here:7433")
            command = [sys.executable, str(RUNNER), "--script", "flow.py", "--datastore", "local", "--datastore-root", "/store/.metaflow", *options]
            done = subprocess.run(command, cwd=env["FANFARE_CODE"], env=env, stdout=subprocess.PIPE, text=True, check=False)
            return done.returncode, done.stdout

    def test_metaflows_script_is_called_with_the_file_the_function_and_the_run(self):
        code, said = self.call("tell")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(said), {"arguments": ["flow.py", "tell", "Flow/r1"], "flow": True, "cards": "/store/.metaflow", "root": True, "events": "http://here:7433/metaflow/events"})

    def test_after_a_failure_only_those_are_called_that_are_meant_for_it(self):
        failed = {"type": "exit", "message": "train: broken", "exit_code": 1}
        self.assertEqual(json.loads(self.call("tell", error=failed)[1])["arguments"][1], "tell")
        self.assertEqual(self.call("--after-success", "tell", error=failed), (0, "The run did not succeed (exit): this hook is not called.\n"))
        self.assertEqual(json.loads(self.call("--after-success", "tell")[1])["arguments"][1], "tell")

    def test_its_end_is_the_functions(self):
        self.assertEqual(self.call("broken")[0], 3)


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class Compiling(unittest.TestCase):
    def hooks(self, outcome, *decorators):
        hooks = [SimpleNamespace(name="exit_hook", success_hooks=success, error_hooks=error) for success, error in decorators]
        flow = SimpleNamespace(_graph=None, _flow_state={FlowStateItems.FLOW_DECORATORS: {"exit_hook": hooks}})
        compiler = FlowSpecCompiler(SimpleNamespace(flow=flow, flow_datastore=SimpleNamespace(TYPE="s3", datastore_root="s3://b/m")), "Flow", ("", "", ""), "token", "me")
        compiler._env = lambda decorators: {"STEPS": str(decorators)}
        return compiler._hooks(outcome)

    def test_each_function_is_a_step_in_the_order_of_the_decorators(self):
        decorators = [(["tell"], []), (["mail.send"], ["call"])]
        success = self.hooks("success", *decorators)
        self.assertEqual(list(success), ["on-success-tell", "on-success-mail-send"])
        self.assertEqual(success["on-success-mail-send"]["run"][-2:], ["--after-success", "mail.send"])
        error = self.hooks("error", *decorators)
        self.assertEqual(list(error), ["on-error-call"])
        self.assertNotIn("--after-success", error["on-error-call"]["run"])
        self.assertTrue(error["on-error-call"]["catch"])

    def test_names_are_told_apart_and_fit(self):
        long = "x" * 300
        names = list(self.hooks("error", ([], ["tell", "tell", "größe.b", "gr__e.b", long, long + "y"])))
        self.assertEqual(len(set(names)), 6)
        for name in names:
            self.assertRegex(name, r"\A[A-Za-z][A-Za-z0-9_-]{0,63}\Z")

    def test_hooks_are_no_steps_to_run_again(self):
        source = {"start": "a", "steps": {"a": {}, "on-error-x": {}, "on-success-y": {}}, "on_failure": ["on-error-x"], "finally": ["on-success-y"]}
        self.assertEqual(steps_of({"source": json.dumps(source)}), ["a"])


if __name__ == "__main__":
    unittest.main()
