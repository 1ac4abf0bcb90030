import os

from metaflow import Config, FlowSpec, current, project, step

os.environ["SET_BY_THE_FLOW"] = "yes"


@project(name="orchard")
class Branched(FlowSpec):
    """Has options of its own, and sets a variable when it is imported."""

    config = Config("config", default_value={"trees": 3})

    @step
    def start(self):
        self.branch = current.branch_name
        self.trees = self.config.trees
        self.next(self.end)

    @step
    def end(self):
        self.variable = os.environ["SET_BY_THE_FLOW"]


if __name__ == "__main__":
    Branched()
