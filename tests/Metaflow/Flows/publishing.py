from metaflow import FlowSpec, Parameter, step
from metaflow.integrations import ArgoEvent


class Publishing(FlowSpec):
    """Publishes as a flow does on Argo Workflows."""

    rate = Parameter("rate", default=0.5)

    @step
    def start(self):
        event = ArgoEvent("data.ready", payload={"table": "orders"})
        event.add_to_payload("rate", self.rate)
        self.event = event.safe_publish(payload={"grid": {"a": [1]}}, ignore_errors=False)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Publishing()
