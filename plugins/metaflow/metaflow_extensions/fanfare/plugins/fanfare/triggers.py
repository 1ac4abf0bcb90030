"""What starts a flow beside the clock: @trigger and @trigger_on_finish, as triggers of the Fanfare flow."""

import collections
import inspect
import re

from metaflow import current
from metaflow.decorators import flow_decorators

from .triggered import id_parameter, time_parameter

# Argo waits for the last of several events for ever; the server for a year at most.
_WITHIN = "366d"

# The events that Argo Workflows sends by itself: after each step, and at the end of a run.
_AUTOMATIC = re.compile(r"metaflow\.(.+)\.(\w+)\Z")

# One that a trigger listens to. `event` is an event's name, or None; `flow` the name on Fanfare of the flow whose runs' ends it listens to, or None; `run_flow` the Metaflow name of that one;
# `name` and `kind` are what current.trigger says; `map` has the payload's field by parameter, `needed` the fields without which it is not meant.
Source = collections.namedtuple("Source", "event flow run_flow name kind map needed")

# `name`: the decorator's; `within`: how far apart all of several may come, None for one.
Trigger = collections.namedtuple("Trigger", "name sources within")


def read(flow, flow_name):
    """The flow's triggers, and what of its decorators cannot be done, in words.

    Parameters
    ----------
    flow : FlowSpec
        Its deploy-time functions are called.
    flow_name : callable
        The name on Fanfare of a flow that Metaflow knows by this name.

    Returns
    -------
    tuple
        A list of Trigger, and a list of str.
    """
    triggers, faults = [], []
    for deco in flow_decorators(flow):
        if deco.name not in ("trigger", "trigger_on_finish"):
            continue
        deco.format_deploytime_value()
        where = "@%s%s" % (deco.name, _line(flow, deco.name))
        parameters = {param.name.lower(): param for _, param in flow._get_parameters() if not param.IS_CONFIG_PARAMETER}
        found = []
        sources, wrong = _events(deco.triggers, parameters, flow_name) if deco.name == "trigger" else _ends(deco.triggers, flow_name)
        found += wrong
        within, wrong = _options(deco.options)
        found += wrong
        for name in sorted(param.name for param in parameters.values() if _is_required(param) and not any(param.name in source.map for source in sources)):
            found.append("parameter *%s* is required, and nothing here gives it a value. Give it a default%s." % (name, "" if deco.name == "trigger_on_finish" else ", or map it from an event's payload"))
        faults += ["%s: %s" % (where, fault) for fault in found]
        triggers.append(Trigger(deco.name, sources, within or (_WITHIN if len(sources) > 1 else None)))
    return triggers, faults


def compiled(triggers, parameter):
    """The triggers in the form of a flow's YAML, by name.

    Parameters
    ----------
    triggers : list of Trigger
    parameter : str
        The parameter that says which trigger started a run.
    """
    return {trigger.name: _compiled(trigger, parameter) for trigger in triggers}


def hidden(triggers, parameter):
    """The parameters by which a run knows what started it: their specs by name."""
    specs = {parameter: {"type": "json", "default": None, "help": "What started the run: set by a trigger."}} if triggers else {}
    for index in range(max((len(trigger.sources) for trigger in triggers), default=0)):
        specs[id_parameter(parameter, index)] = {"type": "json", "default": None}
        specs[time_parameter(parameter, index)] = {"type": "json", "default": None}
    return specs


def mapped(triggers):
    """The names of the flow's parameters that events give values."""
    return {name for trigger in triggers for source in trigger.sources for name in source.map}


def described(trigger):
    """What the trigger waits for, in words."""
    words = [_described(source) for source in trigger.sources]
    return words[0] if len(words) == 1 else "All of these, within %s of each other: %s." % (trigger.within, "; ".join(word[0].lower() + word[1:-1] for word in words))


def _described(source):
    if source.flow is not None:
        return "The end of a run of %s that succeeded." % source.flow
    given = "; it gives %s" % ", ".join("%s" % name if name == field else "%s (its %s)" % (name, field) for name, field in sorted(source.map.items())) if source.map else ""
    return "The event %s%s." % (source.event, given)


def _compiled(trigger, parameter):
    sources = []
    for index, source in enumerate(trigger.sources):
        of_run = source.flow is not None
        spec = {"flow": source.flow, "ends": "succeeded"} if of_run else {"event": source.event}
        if source.needed:
            spec["where"] = {field: {"exists": True} for field in source.needed}
        spec["map"] = {**source.map, id_parameter(parameter, index): "run" if of_run else "id", time_parameter(parameter, index): "ended_at" if of_run else "timestamp"}
        sources.append(spec)
    spec = sources[0] if len(sources) == 1 else {"all": sources}
    if trigger.within is not None:
        spec["within"] = trigger.within
    spec["parameters"] = {parameter: [_said(source) for source in trigger.sources]}
    return spec


def _said(source):
    return {"name": source.name, "type": source.kind, **({"flow": source.run_flow} if source.run_flow is not None else {})}


def _events(events, parameters, flow_name):
    sources, faults, given, names = [], [], set(), set()
    for event in events:
        name = event["name"]
        if name in names:
            faults.append("the event *%s* stands twice. Leave one of them out." % name)
        names.add(name)
        fields = {}
        for key, field in (event.get("parameters") or {}).items():
            param = parameters.get(key.lower())
            if param is None:
                faults.append("the flow has no parameter *%s*, to which the event *%s* is mapped. Rename or remove it." % (key, name))
            elif param.name in given:
                faults.append("parameter *%s* is mapped twice. Leave one of the mappings out." % param.name)
            else:
                given.add(param.name)
                fields[param.name] = field
        automatic = _AUTOMATIC.match(name)
        if automatic:
            upstream, step = automatic.groups()
            if step != "end" or upstream.count(".") == 1:
                faults.append(
                    "the event *%s* is one that Argo Workflows sends by itself after a step, and Fanfare sends none. For the end of a run use @trigger_on_finish; for that of a step publish an event of another name there: ArgoEvent(name).publish()."
                    % name
                )
                continue
            if not fields and len(events) == 1 and "run_id" in parameters:
                fields = {parameters["run_id"].name: "run_id"}
            for field in sorted(set(fields.values()) - {"run_id"}):
                faults.append("the event *%s* is the end of a run here, which has no *%s* for a parameter, but run_id alone. Take the rest from current.trigger." % (name, field))
            sources.append(Source(None, flow_name(upstream), upstream.rpartition(".")[2], name, "event", {param: "run" for param in fields}, []))
            continue
        if not fields and len(events) == 1:
            # As Argo does it: a field of the same name, in lower case.
            fields = {param.name: lower for lower, param in parameters.items()}
        needed = sorted(field for param, field in fields.items() if _is_required(parameters[param.lower()]))
        sources.append(Source(name, None, None, name, "event", fields, needed))
    return sources, faults


def _ends(flows, flow_name):
    sources, faults = [], []
    for flow in flows:
        project, branch = flow.get("project") or current.get("project_name"), flow.get("branch") or current.get("branch_name")
        if bool(project) != bool(branch):
            faults.append("for the flow *%s* there is a %s, and no %s. Give both, or use @project." % (flow["flow"], *(("project", "branch") if project else ("branch", "project"))))
            continue
        full = ".".join([project, branch, flow["flow"]] if project else [flow["flow"]])
        name = flow_name(full)
        if any(source.flow == name for source in sources):
            faults.append("the flow *%s* stands twice. Leave one of them out." % full)
        sources.append(Source(None, name, flow["flow"], "metaflow.%s.end" % full, "run", {}, []))
    return sources, faults


def _options(options):
    if not isinstance(options or {}, dict):
        return None, ["options is no dictionary. Give {'within': '12h'}, or leave it out."]
    faults = [
        "the option *%s* is not known to Fanfare%s. Leave it out; what came too long ago is left out by options={'within': '12h'}." % (name, ", which has no time at which all that came is forgotten" if name == "reset_at" else "")
        for name in sorted(options or {})
        if name != "within"
    ]
    return (options or {}).get("within"), faults


def _is_required(param):
    return bool(param.kwargs.get("required", False)) and param.kwargs.get("default") is None


def _line(flow, name):
    """Where the decorator stands: ` (line N)`; nothing where it stands in no file."""
    for kind in type(flow).__mro__:
        try:
            lines, first = inspect.getsourcelines(kind)
        except (OSError, TypeError):
            continue
        for number, line in enumerate(lines, first):
            if re.match(r"\s*@\s*(?:\w+\s*\.\s*)*%s\b" % name, line):
                return " (line %d)" % number
            if re.match(r"\s*class\b", line):
                break
    return ""
