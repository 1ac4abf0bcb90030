import os
import time

from metaflow import FlowSpec, Parameter, step


def parent(process):
    with open("/proc/%d/stat" % process) as file:
        return int(file.read().rpartition(")")[2].split()[1])


class Wide(FlowSpec):
    """A foreach of short tasks, joined exactly."""

    width = Parameter("width", default=100)

    @step
    def start(self):
        self.items = list(range(self.width))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        # The leader of the task's group was forked from it.
        self.server = parent(os.getsid(0))
        self.square = self.input**2
        time.sleep(0.02)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [each.square for each in inputs]
        # A task that outlived its server belongs to the system's first process.
        self.servers = sorted({each.server for each in inputs} - {1})
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Wide()
