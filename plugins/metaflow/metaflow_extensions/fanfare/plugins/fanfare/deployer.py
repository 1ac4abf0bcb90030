"""`Deployer(flow).fanfare(…)`"""

from typing import Any, ClassVar, Dict, Optional

from metaflow.runner.deployer_impl import DeployerImpl


class FanfareDeployer(DeployerImpl):
    """Deploys a flow to Fanfare.

    Parameters
    ----------
    name : str, optional, default None
        Name of the deployed flow. The flow's own name is used instead if this option is not specified.
    """

    TYPE: ClassVar[Optional[str]] = "fanfare"

    def __init__(self, deployer_kwargs: Dict[str, str], **kwargs):
        self._deployer_kwargs = deployer_kwargs
        super().__init__(**kwargs)

    @property
    def deployer_kwargs(self) -> Dict[str, Any]:
        return self._deployer_kwargs

    @staticmethod
    def deployed_flow_type():
        from .deployed import FanfareDeployedFlow

        return FanfareDeployedFlow

    def create(self, **kwargs):
        """Deploys a new version of the flow.

        Parameters are the options of `python flow.py fanfare create`: authorize, generate_new_token, given_token, tags, user_namespace, only_json, max_workers,
        workflow_timeout, no_triggers, no_warm.

        Returns
        -------
        FanfareDeployedFlow
            The flow as it is deployed.
        """
        return self._create(self.deployed_flow_type(), **kwargs)
