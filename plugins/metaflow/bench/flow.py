import time

from metaflow import FlowSpec, Parameter, step


class Bench(FlowSpec):
    """A foreach of steps that do nothing."""

    width = Parameter("width", default=100)

    @step
    def start(self):
        self.began = time.time()
        self.items = list(range(self.width))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.count = len(list(inputs))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Bench()
