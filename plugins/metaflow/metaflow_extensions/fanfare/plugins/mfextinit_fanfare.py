# What Metaflow finds of this extension, by category: a name, and where it is.

CLIS_DESC = [("fanfare", ".fanfare.cli.cli")]

STEP_DECORATORS_DESC = [("fanfare_internal", ".fanfare.decorator.FanfareInternalDecorator")]

DEPLOYER_IMPL_PROVIDERS_DESC = [("fanfare", ".fanfare.deployer.FanfareDeployer")]
