from metaflow import FlowSpec, Parameter, current, schedule, step


@schedule(cron="* * * * ? *", timezone="Europe/Berlin")
class Scheduled(FlowSpec):
    """Started by the clock, with the defaults of its parameters."""

    depth = Parameter("depth", default=3)

    @step
    def start(self):
        self.seen = (current.run_id, self.depth)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Scheduled()
