# What Metaflow finds of this extension, by category: a name, and where it is.

CLIS_DESC = [("fanfare", ".fanfare.cli.cli")]

# Apart from the above: of a command in one of these groups Metaflow takes it that it carries a task elsewhere.
TRAMPOLINE_CLIS_DESC = [("fanfare-compute", ".fanfare.compute_cli.cli")]

STEP_DECORATORS_DESC = [
    ("fanfare", ".fanfare.compute.FanfareDecorator"),
    ("fanfare_internal", ".fanfare.decorator.FanfareInternalDecorator"),
]

DEPLOYER_IMPL_PROVIDERS_DESC = [("fanfare", ".fanfare.deployer.FanfareDeployer")]
