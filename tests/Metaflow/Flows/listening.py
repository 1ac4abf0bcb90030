from metaflow import FlowSpec, JSONType, Parameter, current, step, trigger


@trigger(event={"name": "data.ready", "parameters": {"Alpha": "rate", "table": "table", "grid": "grid"}})
class Listening(FlowSpec):
    """Started by an event, which gives parameters."""

    alpha = Parameter("alpha", type=float, default=0.1)
    table = Parameter("table", required=True)
    grid = Parameter("grid", type=JSONType, default="[]")
    kept = Parameter("kept", default="as it was")

    @step
    def start(self):
        self.given = [self.alpha, self.table, self.grid, self.kept]
        self.next(self.end)

    @step
    def end(self):
        found = current.get("trigger")
        self.seen = found and [found.event.name, found.event.id, found.event.type, found.event.timestamp.timestamp()]


if __name__ == "__main__":
    Listening()
