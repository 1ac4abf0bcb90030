import threading

from metaflow import FlowSpec, step

threading.Thread(target=threading.Event().wait, name="watcher", daemon=True).start()


class Threaded(FlowSpec):
    @step
    def start(self):
        self.watched = any(thread.name == "watcher" for thread in threading.enumerate())
        self.next(self.end)

    @step
    def end(self):
        assert self.watched


if __name__ == "__main__":
    Threaded()
