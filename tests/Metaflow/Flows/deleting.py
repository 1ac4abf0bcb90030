"""Deletes a deployed flow by Metaflow's Deployer API, and says which there are then."""

import sys

from metaflow import DeployedFlow
from metaflow_extensions.fanfare.plugins.fanfare.deployed import FanfareDeployedFlow

deployed = DeployedFlow.from_deployment(sys.argv[1], impl="fanfare")
print("deleted: %s, there: %s" % (deployed.delete(), [each.deployer.name for each in FanfareDeployedFlow.list_deployed_flows()]))
