import os

from metaflow import FlowSpec, Parameter, card, catch, current, environment, fanfare, resources, retry, step


class Mixed(FlowSpec):
    """Some steps run where the run was started, and some on Fanfare; each notes where it ran."""

    width = Parameter("width", default=3)

    @step
    def start(self):
        self.where = os.environ.get("FANFARE_RUN")
        self.items = list(range(self.width))
        self.next(self.work, foreach="items")

    @environment(vars={"COLOUR": "red"})
    @resources(cpu=1, memory=64)
    @retry(times=2, minutes_between_retries=0)
    @fanfare(cpu=0.5, memory=256)
    @card
    @step
    def work(self):
        self.square = self.input * self.input
        self.where = os.environ.get("FANFARE_RUN")
        self.colour = os.environ["COLOUR"]
        self.tries = current.retry_count + 1
        print("square of", self.input, "is", self.square)
        if self.input == 1 and current.retry_count < 1:
            raise ValueError("not yet")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [each.square for each in inputs]
        self.places = [each.where for each in inputs]
        self.colours = [each.colour for each in inputs]
        self.tries = [each.tries for each in inputs]
        self.next(self.hopeless)

    @catch(var="problem")
    @fanfare
    @step
    def hopeless(self):
        raise KeyError("never")
        self.next(self.end)

    @step
    def end(self):
        self.where = os.environ.get("FANFARE_RUN")
        self.caught = str(self.problem.exception)


if __name__ == "__main__":
    Mixed()
