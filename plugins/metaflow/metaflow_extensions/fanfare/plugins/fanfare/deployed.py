"""A flow that is deployed to Fanfare, and a run of it, for Metaflow's Deployer API."""

import json
import sys
import tempfile
import time
from typing import ClassVar, List, Optional

from metaflow import Deployer, get_metadata
from metaflow.exception import MetaflowException
from metaflow.runner.deployer import DeployedFlow, TriggeredRun, generate_fake_flow_file_contents
from metaflow.runner.utils import get_lower_level_group, handle_timeout, temporary_fifo

from .cli import deployed_flows, status_of
from .client import FanfareClient
from .spec import about, flow_name

_STATES = {"RUNNING", "SUSPENDED", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}


def _command(deployer):
    return get_lower_level_group(deployer.api, deployer.top_level_kwargs, deployer.TYPE, deployer.deployer_kwargs)


def _call(deployer, command):
    process = deployer.spm.run_command([sys.executable, *command], env=deployer.env_vars, cwd=deployer.cwd, show_output=deployer.show_output)
    return deployer.spm.get(process)


def _succeeds(deployer, command):
    called = _call(deployer, command)
    called.sync_wait()
    return called.process.returncode == 0


class FanfareTriggeredRun(TriggeredRun):
    """A run that was started on Fanfare."""

    @property
    def run_id(self) -> str:
        return self.pathspec.split("/")[1]

    def terminate(self, **kwargs) -> bool:
        """Ends the run; True if that was accepted. `authorize`: a production token."""
        return _succeeds(self.deployer, _command(self.deployer).terminate(run_id=self.run_id, **kwargs))

    def suspend(self, **kwargs) -> bool:
        """Lets nothing more of the run start; True if that was accepted."""
        return _succeeds(self.deployer, _command(self.deployer).suspend(run_id=self.run_id, **kwargs))

    def unsuspend(self, **kwargs) -> bool:
        """Lets a suspended run go on; True if that was accepted."""
        return _succeeds(self.deployer, _command(self.deployer).unsuspend(run_id=self.run_id, **kwargs))

    def retry(self, **kwargs) -> bool:
        """Runs again, in this run, what failed or was terminated; True if that was accepted. `step_to_rerun`: this step and all after it, too."""
        return _succeeds(self.deployer, _command(self.deployer).retry(run_id=self.run_id, **kwargs))

    @property
    def status(self) -> Optional[str]:
        """RUNNING, SUSPENDED, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None when the server has no such run."""
        run = FanfareClient().run(self.run_id)
        return None if run is None else status_of(run)

    @property
    def is_running(self) -> bool:
        return self.status in ("RUNNING", "SUSPENDED")

    def wait_for_completion(self, check_interval: int = 5, timeout: Optional[int] = None):
        """Returns when the run has ended.

        Parameters
        ----------
        check_interval : int, default 5
            Seconds between two looks.
        timeout : int, optional, default None
            Longest wait in seconds.

        Raises
        ------
        TimeoutError
            It still runs after that long.
        """
        since = time.monotonic()
        while self.is_running:
            if timeout is not None and time.monotonic() - since > timeout:
                raise TimeoutError("Run %s did not end within %d seconds." % (self.pathspec, timeout))
            time.sleep(check_interval)


class FanfareDeployedFlow(DeployedFlow):
    """A flow that is deployed to Fanfare."""

    TYPE: ClassVar[Optional[str]] = "fanfare"

    @classmethod
    def list_deployed_flows(cls, flow_name: Optional[str] = None):
        """Yields the flows that Metaflow has deployed to Fanfare; with `flow_name`, those of this flow's class."""
        for _, said in deployed_flows(FanfareClient(), flow_name):
            yield cls.from_deployment(said["name"])

    @classmethod
    def from_deployment(cls, identifier: str, metadata: Optional[str] = None):
        """The deployed flow of this name, which can be triggered without the flow's file.

        Raises
        ------
        MetaflowException
            There is none.
        """
        found = FanfareClient().flow(flow_name(identifier))
        said = found and about(found)
        if not said:
            raise MetaflowException("No deployed flow found for: %s" % identifier)
        project, branch = said.get("project_name"), said.get("branch_name")
        options = {}
        if branch == "prod":
            options = {"production": True}
        elif branch and branch.startswith("prod."):
            options = {"production": True, "branch": branch[len("prod."):]}
        elif branch and branch.startswith("test."):
            options = {"branch": branch[len("test."):]}
        with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
            file.write(generate_fake_flow_file_contents(flow_name=said["flow_name"], param_info=said["parameters"], project_name=project))
        deployer = Deployer(file.name, env={"METAFLOW_USER": said["owner"]}, **options).fanfare(**({} if project else {"name": identifier}))
        deployer.name = identifier
        deployer.flow_name = said["flow_name"]
        deployer.metadata = get_metadata() if metadata is None else metadata
        return cls(deployer=deployer)

    @classmethod
    def get_triggered_run(cls, identifier: str, run_id: str, metadata: Optional[str] = None):
        """A run of the deployed flow of this name."""
        flow = cls.from_deployment(identifier, metadata)
        return flow._triggered(run_id)

    @property
    def production_token(self) -> Optional[str]:
        """The production token; None if there is no such deployment."""
        found = FanfareClient().flow(flow_name(self.deployer.name))
        said = found and about(found)
        return said["production_token"] if said else None

    def trigger(self, **kwargs) -> FanfareTriggeredRun:
        """Starts a run, with the flow's parameters.

        Raises
        ------
        Exception
            It was not started.
        """
        return self._start("triggering", "trigger", kwargs)

    def resume(self, origin_run_id: str, step_to_rerun: Optional[str] = None, **kwargs) -> FanfareTriggeredRun:
        """Starts a run of the latest deployment that takes over what succeeded in another run, and runs the rest.

        Parameters
        ----------
        origin_run_id : str
            The run that is resumed, one of this deployed flow.
        step_to_rerun : str, optional, default None
            Run this step and all after it, though they succeeded.
        **kwargs
            The flow's parameters; those that are not given are the other run's. What is taken over keeps to the other run's.

        Raises
        ------
        Exception
            It was not started.
        """
        return self._start("resuming", "resume", dict(kwargs, origin_run_id=origin_run_id, **({} if step_to_rerun is None else {"step_to_rerun": step_to_rerun})))

    def delete(self, **kwargs) -> bool:
        """Deletes the deployed flow; True if that was accepted. Its runs go on to their end, and stay readable. `authorize`: a production token."""
        return _succeeds(self.deployer, _command(self.deployer).delete(**kwargs))

    def list_runs(self, states: Optional[List[str]] = None) -> List[FanfareTriggeredRun]:
        """The flow's runs, newest first.

        Parameters
        ----------
        states : List[str], optional, default None
            Only those in one of these: RUNNING, SUSPENDED, SUCCEEDED, FAILED, TIMED_OUT, ABORTED.

        Raises
        ------
        ValueError
            One of them is no state.
        """
        unknown = set(states or ()) - _STATES
        if unknown:
            raise ValueError("Invalid states found: %s. Valid states are: %s" % (unknown, _STATES))
        return [self._triggered(run["run"]) for run in FanfareClient().runs(flow_name(self.deployer.name)) if not states or status_of(run) in states]

    def _start(self, doing, verb, kwargs):
        with temporary_fifo() as (path, fifo):
            called = _call(self.deployer, getattr(_command(self.deployer), verb)(deployer_attribute_file=path, **kwargs))
            content = handle_timeout(fifo, called, self.deployer.file_read_timeout)
            called.sync_wait()
            if called.process.returncode == 0:
                return FanfareTriggeredRun(deployer=self.deployer, content=content)
        raise Exception("Error %s %s on %s for %s" % (doing, self.deployer.name, self.deployer.TYPE, self.deployer.flow_file))

    def _triggered(self, run_id):
        content = {"metadata": self.deployer.metadata, "pathspec": "/".join((self.deployer.flow_name, run_id)), "name": self.deployer.name}
        return FanfareTriggeredRun(deployer=self.deployer, content=json.dumps(content))
