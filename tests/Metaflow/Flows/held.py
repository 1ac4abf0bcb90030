import os
import time

from metaflow import FlowSpec, Parameter, step


class Held(FlowSpec):
    """Waits in its second step for a file, and fails there as long as another is there."""

    place = Parameter("place", required=True)

    @step
    def start(self):
        self.items = list(range(3))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        while not os.path.exists(os.path.join(self.place, "go")):
            time.sleep(0.05)
        if self.input == 1 and os.path.exists(os.path.join(self.place, "broken")):
            raise RuntimeError("broken")
        self.pid = os.getpid()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.pids = [each.pid for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Held()
