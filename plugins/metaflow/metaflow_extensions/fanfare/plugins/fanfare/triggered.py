"""What started a run, where that was a trigger: it stands in parameters of the run's own, which the flow's triggers fill in.

So a task knows it from its input, without asking anyone. Imports nothing of Metaflow, for the runner.
"""

import datetime
import json
import os

# The variable by which a task's Metaflow learns of it: JSON, as Metaflow's Trigger takes it.
VARIABLE = "METAFLOW_FANFARE_TRIGGERS"


def id_parameter(parameter, index):
    """The parameter with the id of an event, or of the run that ended, by the place of its source in the trigger."""
    return "%s-%d-id" % (parameter, index)


def time_parameter(parameter, index):
    """The parameter with the time of an event, or of a run's end."""
    return "%s-%d-time" % (parameter, index)


def parameter_name(taken):
    """The name of the parameter that says which trigger it was; those of its events begin with it.

    Parameters
    ----------
    taken : iterable of str
        The names of the flow's own, none of which may be one of these, in the environment neither.
    """
    taken = {name.lower().replace("-", "_") for name in taken}
    name, number = "fanfare-trigger", 1
    while any(other == name.replace("-", "_") or other.startswith(name.replace("-", "_") + "_") for other in taken):
        number += 1
        name = "fanfare-trigger%d" % number
    return name


def is_of(parameter, name):
    """Whether a parameter is one of those that say what started the run."""
    return parameter is not None and (name == parameter or name.startswith(parameter + "-"))


def events(task, parameter):
    """What started the task's run, as Metaflow's Trigger takes it; None where no trigger did.

    Parameters
    ----------
    task : dict
        What the file FANFARE_INPUT says.
    parameter : str or None
        The name of the parameter that says which trigger it was.
    """
    values = task["parameters"]
    sources = values.get(parameter) if parameter else None
    if not sources:
        return None
    found = []
    for index, source in enumerate(sources):
        ident, time = values.get(id_parameter(parameter, index)), values.get(time_parameter(parameter, index))
        if ident is not None:
            # Of a run that ended Metaflow wants its last task, and reads the first two parts.
            ident = "%s/%s/end/end" % (source["flow"], ident) if "flow" in source else str(ident)
        found.append({"timestamp": _seconds(time), "id": ident, "name": source["name"], "type": source["type"]})
    return found


def env(task, parameter):
    """The variables that tell the task's Metaflow of it."""
    found = events(task, parameter)
    return {} if found is None else {VARIABLE: json.dumps(found)}


def of_env():
    """What started the run of this process's task, as Metaflow's Trigger takes it; None where no trigger did."""
    said = os.environ.get(VARIABLE)
    return json.loads(said) if said else None


def publishing_env(env):
    """Where Metaflow's ArgoEvent publishes: on this server, with the key that the metadata service is shown; nothing where the task's environment says another place."""
    if "METAFLOW_ARGO_EVENTS_WEBHOOK_URL" in env or "FANFARE_URL" not in env:
        return {}
    return {"METAFLOW_ARGO_EVENTS_WEBHOOK_URL": env["FANFARE_URL"] + "/metaflow/events", "METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH": "service"}


def _seconds(time):
    # Metaflow makes a date of whole seconds, which what others publish need not be; it sorts by them, so there may be nothing else.
    if isinstance(time, str):
        try:
            time = datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()
        except ValueError:
            return None
    if isinstance(time, bool) or not isinstance(time, (int, float)):
        return None
    try:
        datetime.datetime.fromtimestamp(int(time))
    except (ValueError, OverflowError, OSError):
        return None
    return int(time)
