import os
import time

from metaflow import FlowSpec, Parameter, current, parallel, retry, step


class Together(FlowSpec):
    """Two gangs in a foreach. Of the one of three tasks the first attempt fails in one task, while one is done and one would go on for ever."""

    broken = Parameter("broken", default="")

    @step
    def start(self):
        self.sizes = [1, 3]
        self.next(self.group, foreach="sizes")

    @step
    def group(self):
        self.size = self.input
        self.next(self.train, num_parallel=self.size)

    @retry(times=1, minutes_between_retries=0)
    @parallel
    @step
    def train(self):
        node = current.parallel
        if node.node_index == 1 and (current.retry_count == 0 or os.path.exists(self.broken)):
            time.sleep(1)
            raise RuntimeError("node 1")
        if node.node_index == 2 and current.retry_count == 0:
            time.sleep(1000)
        self.node = [node.node_index, node.num_nodes, node.main_ip, node.control_task_id, self.index, current.is_parallel, current.retry_count]
        self.ran = [current.run_id, current.task_id, os.getpid()]
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.nodes = [task.node for task in inputs]
        self.ran = [task.ran for task in inputs]
        self.next(self.both)

    @step
    def both(self, inputs):
        self.nodes = [task.nodes for task in inputs]
        self.ran = [task.ran for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Together()
