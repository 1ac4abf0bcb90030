import atexit
import os
import time

from metaflow import FlowSpec, Parameter, current, retry, step


def wait(path):
    """Waits for as long as there is such a file, and says by another that it does."""
    while os.path.exists(path):
        open(path + ".seen", "a").close()
        time.sleep(0.05)


class Again(FlowSpec):
    """Says in each task which process ran it. Fails where a parameter or a file says so, and waits before that or when it is done: at a step, and the index or round within it."""

    broken = Parameter("broken", default="nowhere")
    factor = Parameter("factor", default=1)
    place = Parameter("place", required=True)

    def ran(self, where):
        self.pid = os.getpid()
        self.origin = current.origin_run_id
        wait(os.path.join(self.place, "hold-" + where))
        # By then the task is done, and Metaflow has noted all of it.
        atexit.register(wait, os.path.join(self.place, "linger-" + where))
        if self.broken == where or self.there("broken-" + where):
            raise RuntimeError("broken at %s" % where)

    def there(self, name):
        return os.path.exists(os.path.join(self.place, name))

    @step
    def start(self):
        self.ran("start")
        self.items = ["a", "b", "c"]
        self.big = list(range(10_000))
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        self.ran("work%d" % self.index)
        if self.index == 2 and current.retry_count == 0 and self.there("frail"):
            raise RuntimeError("frail")
        self.word = self.input * self.factor
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ran("join")
        self.words = [each.word for each in inputs]
        self.big = inputs[0].big
        self.next(self.choose)

    @step
    def choose(self):
        self.ran("choose")
        self.kind = "odd" if self.factor % 2 else "even"
        self.next({"odd": self.odd, "even": self.even}, condition="kind")

    @step
    def odd(self):
        self.ran("odd")
        self.way = "odd"
        self.next(self.turn)

    @step
    def even(self):
        self.ran("even")
        self.way = "even"
        self.next(self.turn)

    @step
    def turn(self):
        self.round = getattr(self, "round", -1) + 1
        self.ran("turn%d" % self.round)
        self.more = "yes" if self.round < 2 else "no"
        self.next({"yes": self.turn, "no": self.left_and_right}, condition="more")

    @step
    def left_and_right(self):
        self.ran("left_and_right")
        self.next(self.left, self.right)

    @step
    def left(self):
        self.ran("left")
        self.side = "left"
        self.next(self.meet)

    @step
    def right(self):
        self.ran("right")
        self.side = "right"
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.ran("meet")
        self.sides = [each.side for each in inputs]
        self.merge_artifacts(inputs, exclude=["side", "pid"])
        self.next(self.end)

    @step
    def end(self):
        self.ran("end")


if __name__ == "__main__":
    Again()
