from metaflow import FlowSpec, current, step, trigger_on_finish


@trigger_on_finish(flow="Publishing")
class Following(FlowSpec):
    """Started by the end of another flow's run, whose artifacts it reads."""

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        found = current.get("trigger")
        self.seen = found and [found.run.pathspec, found.run.data.rate, "Publishing" in found, found.event.type]


if __name__ == "__main__":
    Following()
