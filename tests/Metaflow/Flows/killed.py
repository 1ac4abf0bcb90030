import os
import signal

from metaflow import FlowSpec, step


class Killed(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        print("about to go", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Killed()
