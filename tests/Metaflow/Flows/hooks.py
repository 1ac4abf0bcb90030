import os

from metaflow import FlowSpec, Parameter, current, exit_hook, step


def note(name, run):
    with open(os.path.join(run["start"].task["place"].data, name), "w") as file:
        file.write("%s %s" % (run.pathspec, run.successful))
    print("noted that it went", name)


def broken():
    raise RuntimeError("a hook that fails")


def well(run):
    note("well", run)


def ill(run):
    note("ill", run)


@exit_hook(on_success=[broken, "well"], on_error=[ill])
class Hooks(FlowSpec):
    """Its hooks note how the run went, in a directory."""

    place = Parameter("place", required=True)
    fails = Parameter("fails", default=False)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        if self.fails:
            raise RuntimeError("as told")
        print("the run is", current.run_id)


if __name__ == "__main__":
    Hooks()
