"""The flow of one step that stands on Fanfare for a step of a local run: deployed once for all of its tasks, of which each is a run."""

import os

from metaflow.plugins.datastores.local_storage import LocalStorage

from .compute import SENT
from .spec import RUNNER, FlowSpecCompiler, flow_name

_REMOTE_RUNNER = "%s/remote_task.py" % os.path.dirname(RUNNER)

# The run's parameters: what the local run says of the task, read by remote_task.py. Those that may be missing are null, which only JSON can be.
PARAMETERS = {
    "run": {"type": "string", "required": True, "help": "The local run's id."},
    "task": {"type": "string", "required": True, "help": "The task's id in it."},
    "attempt": {"type": "int", "required": True, "help": "Which attempt of the local run's it is, from 0."},
    "most_retries": {"type": "int", "required": True, "help": "Metaflow's --max-user-code-retries."},
    "inputs": {"type": "string", "required": True, "help": "The tasks before it, as Metaflow writes such a list."},
    "split": {"type": "json", "default": None, "help": "Which split of the foreach around it."},
    "tags": {"type": "json", "default": [], "help": "The local run's tags."},
    "namespace": {"type": "json", "default": None, "help": "Metaflow's namespace."},
    "origin_run": {"type": "json", "default": None, "help": "The run that the local run resumes."},
}


def step_flow(flow, step):
    """The name on Fanfare of the flow that stands for a step. That of a deployed flow has two hyphens in a row only where someone chose so."""
    return flow_name("%s--%s" % (flow, step))


class StepSpecCompiler(FlowSpecCompiler):
    """Makes the spec of the flow that stands for one step of a local run.

    What differs from task to task are parameters of the runs, so that all tasks of the step, and those of later local runs of the same code, find one deployment.

    Parameters
    ----------
    obj, package
        As for a flow that is deployed.
    user : str
        Who runs the flow.
    node : DAGNode
        The step.
    """

    def __init__(self, obj, package, user, node):
        super().__init__(obj, obj.flow.name, package, None, user)
        self._user = user
        self._node = node

    def compile(self):
        node = self._node
        step = self._step(node, [])
        step["run"] = [
            self._python,
            _REMOTE_RUNNER,
            "--script", self._script,
            "--datastore", self._obj.flow_datastore.TYPE,
            "--datastore-root", self._datastore_root,
            "--", *self._top(node),
        ]
        # Whether a failure is tried again is for the local run to say. What the platform loses is no failure.
        step["retry"] = {"max_attempts": 1}
        for key in ("join", "next"):
            step.pop(key, None)
        return {
            "name": step_flow(self._flow.name, node.name),
            "description": "Step %s of Metaflow flow %s, for local runs of it" % (node.name, self._flow.name),
            "start": node.name,
            "parameters": PARAMETERS,
            "steps": {node.name: step},
        }

    def _env(self, node):
        env = super()._env(node)
        # It is no deployment, but a run of this user's.
        for key in ("METAFLOW_VERSION", "METAFLOW_DATASTORE_SYSROOT_LOCAL", "ARGO_WORKFLOW_TEMPLATE"):
            env.pop(key, None)
        env["METAFLOW_USER"] = self._user
        env[SENT] = "1"
        if self._obj.flow_datastore.TYPE == "local":
            env["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = os.path.dirname(os.path.abspath(LocalStorage.get_datastore_root_from_config(lambda *_: None)))
        return env
