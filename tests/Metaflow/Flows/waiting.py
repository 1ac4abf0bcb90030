from metaflow import FlowSpec, current, project, step, trigger, trigger_on_finish

from metaflow import namespaced_event_name


@project(name="shop")
@trigger(events=[namespaced_event_name("left"), {"name": "right", "parameters": []}])
@trigger_on_finish(flow={"name": "Publishing", "project": "other", "project_branch": "prod"})
class Waiting(FlowSpec):
    """Waits for two events, or for a flow of another project."""

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        self.seen = sorted(event.name for event in current.trigger)


if __name__ == "__main__":
    Waiting()
