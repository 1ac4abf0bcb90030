"""Compiles a Metaflow flow to a Fanfare flow: declarative, so that the scheduler's own rules run it."""

import hashlib
import json
import os
import re
import sys

from metaflow import JSONType
from metaflow._vendor import click
from metaflow.decorators import flow_decorators
from metaflow.includefile import FilePathClass
from metaflow.metaflow_config import (
    CARD_S3ROOT,
    DATASTORE_SYSROOT_LOCAL,
    DATASTORE_SYSROOT_S3,
    DATATOOLS_S3ROOT,
    DEFAULT_SECRETS_BACKEND_TYPE,
    S3_ENDPOINT_URL,
    S3_SERVER_SIDE_ENCRYPTION,
    SERVICE_HEADERS,
    SERVICE_INTERNAL_URL,
)
from metaflow.metaflow_config_funcs import config_values, from_conf
from metaflow.package import MetaflowPackage
from metaflow.parameters import deploy_time_eval
from metaflow.plugins.timeout_decorator import get_run_time_limit_for_task
from metaflow.user_configs.config_options import ConfigInput
from metaflow.util import dict_to_cli_options

from . import triggered, triggers
from .client import FanfareException
from .resume import opens_foreach, parameter_name

# What the scheduler allows a loop at most; Metaflow's recursion has no bound of its own.
MOST_ROUNDS = 1_000_000

# Metaflow's exit code for "do not try again".
NEVER_AGAIN = 202

# Where the runners lie in a code package, which has the extension as well as the flow.
RUNNER = ".mf_code/metaflow_extensions/fanfare/plugins/fanfare/task.py"
HOOK_RUNNER = ".mf_code/metaflow_extensions/fanfare/plugins/fanfare/hook.py"
FORK_SERVER = ".mf_code/metaflow_extensions/fanfare/plugins/fanfare/warm.py"

# After a timeout inside Metaflow a task still writes its artifacts.
_TIMEOUT_MARGIN_SECONDS = 60

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")

# Fanfare's name of a parameter's type, and what makes a value of a text.
_TYPES = {int: ("int", click.INT), float: ("float", click.FLOAT), bool: ("bool", click.BOOL)}

# What a task may ask of a compute platform, and what is taken of it here.
_COMPUTE = ("resources", "fanfare", "batch", "kubernetes")

_ELSEWHERE = ("slurm", "snowpark", "nvidia", "nvct")


def flow_name(metaflow_name):
    """The flow's name on Fanfare: Metaflow's, with '-' for the dots of a @project's; one that does not fit is cut, and ends with a hash of the whole."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", metaflow_name)
    if name == metaflow_name.replace(".", "-") and _NAME.match(name):
        return name
    return "%s-%s" % (re.sub(r"\A[^A-Za-z]+", "", name)[:50] or "flow", hashlib.sha256(metaflow_name.encode()).hexdigest()[:12])


def schedules(flow):
    """The flow's schedules by name: one, as Metaflow has at most one @schedule; none where that names no time.

    Without a time zone its expression is in UTC. A run that is due while the one before goes on waits for its end, and of several the newest does."""
    return {
        "schedule": {"cron": deco.schedule, **({"timezone": deco.timezone} if deco.timezone else {})}
        for deco in flow_decorators(flow)
        if deco.name == "schedule" and deco.schedule
    }


def notifications(on_error, on_success):
    """The flow's rules of who is told: names of the server's receivers. A run that timed out has failed."""
    return [{"on": kind, "to": list(dict.fromkeys(receivers))} for kind, receivers in (("failed", on_error), ("succeeded", on_success)) if receivers]


def check(obj, with_triggers):
    """Whether Fanfare can run all of the flow.

    Raises
    ------
    FanfareException
        Names all that it cannot, with the place and what to do.
    """
    faults = list(_faults(obj, obj.flow._graph, with_triggers))
    if faults:
        raise FanfareException("*%s* cannot be deployed to Fanfare:\n  %s" % (obj.flow.name, "\n  ".join(faults)))


def _faults(obj, graph, with_triggers):
    if with_triggers:
        yield from triggers.read(obj.flow, flow_name)[1]
    if obj.environment.TYPE != "local":
        yield "--environment=%s: tasks run with the Python of the worker's machine. Install what the flow needs there, and deploy with --environment=local." % obj.environment.TYPE
    if obj.metadata.TYPE not in ("local", "service"):
        yield "--metadata=%s: a deployed flow keeps its metadata in the service or in a shared directory. Use --metadata=service." % obj.metadata.TYPE
    for node in graph:
        where = "step *%s* (line %d)" % (node.name, node.func_lineno)
        if not _NAME.match(node.name):
            yield "%s: a step's name starts with a letter and has at most 64 letters, digits and '_'. Rename it." % where
        for deco in node.decorators:
            if deco.name in _ELSEWHERE:
                yield "%s: @%s runs the step on a platform of its own. Take the decorator off." % (where, deco.name)
            elif deco.step_task_retry_count() == (None, None):
                # Metaflow's word for it.
                yield "%s: @%s is for an unbounded foreach, whose tasks start each other, which Fanfare does not do. Use foreach over a list." % (where, deco.name)
    for _, param in obj.flow._get_parameters():
        if not param.IS_CONFIG_PARAMETER and not _NAME.match(param.name):
            yield "parameter *%s*: a name starts with a letter and has at most 64 letters, digits, '-' and '_'. Rename it." % param.name


class FlowSpecCompiler(object):
    """Makes the spec of a deployment.

    Parameters
    ----------
    obj
        Metaflow's CLI state: flow, graph, environment, metadata, flow datastore.
    name : str
        Metaflow's name of the deployment (the flow's, or that of its project and branch).
    package : tuple
        Metadata, SHA and URL of the code package in Metaflow's datastore.
    """

    def __init__(self, obj, name, package, production_token, owner, tags=(), namespace=None, max_workers=None, workflow_timeout=None, project=None, warm=True, with_triggers=True, notify=()):
        self._obj = obj
        self._flow = obj.flow
        self._graph = obj.flow._graph
        self._name = name
        self._package_metadata, self._package_sha, self._package_url = package
        self._token = production_token
        self._owner = owner
        self._tags = list(tags)
        self._namespace = namespace
        self._max_workers = max_workers
        self._workflow_timeout = workflow_timeout
        self._project = project
        self._warm = warm
        self._with_triggers = with_triggers
        self._notify = list(notify)
        self._resume_parameter = None
        self._triggers = []
        self._trigger_parameter = None

    def compile(self):
        """The spec as a dict, in the form of a flow's YAML."""
        if self._with_triggers:
            self._triggers, _ = triggers.read(self._flow, flow_name)
        parameters = self._parameters()
        error_hooks, success_hooks = self._hooks("error"), self._hooks("success")
        self._resume_parameter = parameter_name(each["name"] for each in parameters)
        if self._triggers:
            self._trigger_parameter = triggered.parameter_name(each["name"] for each in parameters)
        spec = {
            "name": flow_name(self._name),
            "description": "Metaflow flow %s" % self._name,
            "start": self._graph.start_step,
            "parameters": {
                **{each["name"]: each["spec"] for each in parameters},
                self._resume_parameter: {"type": "json", "default": None, "help": "What the run resumes: set by fanfare resume."},
                **triggers.hidden(self._triggers, self._trigger_parameter),
            },
            "steps": {**{node.name: self._step(node, parameters) for node in self._in_order()}, **error_hooks, **success_hooks},
            "on_failure": list(error_hooks),
            # These find out for themselves: what runs at the end runs whatever the outcome.
            "finally": list(success_hooks),
        }
        if self._workflow_timeout is not None:
            spec["timeout"] = "%ds" % self._workflow_timeout
        spec["notify"] = self._notify
        if self._with_triggers:
            spec["schedules"] = schedules(self._flow)
            spec["triggers"] = triggers.compiled(self._triggers, self._trigger_parameter)
        return {key: value for key, value in spec.items() if value not in ({}, [], None)}

    # --- parameters

    def _parameters(self):
        found, seen, mapped = [], set(), triggers.mapped(self._triggers)
        for variable, param in self._flow._get_parameters():
            if param.IS_CONFIG_PARAMETER:
                continue
            if param.name.lower() in seen:
                raise FanfareException("Parameter *%s* is specified twice. Note that parameter names are case-insensitive." % param.name)
            seen.add(param.name.lower())
            kind = param.kwargs.get("type")
            default = deploy_time_eval(param.kwargs.get("default"))
            is_json = kind == JSONType
            type_name, of_text = ("json", json.loads) if is_json else _TYPES.get(kind, ("string", str))
            # What a function gave is a text, whatever the parameter's type; and the author may have written one, too.
            if isinstance(default, str):
                default = of_text(default)
            required = bool(param.kwargs.get("required", False)) and default is None
            # Where there may be none, null stands for it, which only a JSON parameter can be.
            if default is None and not required:
                type_name = "json"
            # What ArgoEvent publishes are texts, which Metaflow reads as the parameter's type, and the server would not.
            if param.name in mapped and type_name != "string":
                type_name = "json"
            spec = {"type": type_name, "help": param.kwargs.get("help")}
            if required:
                spec["required"] = True
            else:
                spec["default"] = default
            found.append(
                {
                    "name": param.name,
                    "is_json": is_json,
                    "spec": {key: value for key, value in spec.items() if key == "default" or value is not None},
                    # What is needed to trigger the flow without its file.
                    "about": {
                        "python_var_name": variable,
                        "name": param.name,
                        "type": "JSON" if is_json else "FilePath" if isinstance(kind, FilePathClass) else kind.__name__,
                        "description": param.kwargs.get("help"),
                        "is_required": required,
                        **({"is_text": getattr(kind, "_is_text", True), "encoding": getattr(kind, "_encoding", "utf-8")} if isinstance(kind, FilePathClass) else {}),
                    },
                }
            )
        return found

    # --- steps

    def _in_order(self):
        nodes = list(self._graph)
        return sorted(nodes, key=lambda node: node.name != self._graph.start_step)

    def _step(self, node, parameters):
        user_retries, error_retries, delay = self._retries(node)
        is_first = node.name == self._graph.start_step
        step = {
            "run": [self._python, RUNNER, *self._arguments(node, parameters if is_first else [], is_first, user_retries)],
            "warm": [self._python, FORK_SERVER, "--script", self._script, "--", *self._top(node)] if self._warm else None,
            "env": self._env(node.decorators),
            "retry": {
                "max_attempts": user_retries + error_retries + 1,
                "backoff": {"initial": "%dms" % round(delay * 60_000), "max": "%dms" % max(1000, round(delay * 60_000)), "factor": 1, "jitter": 0},
                "exit_codes": [code for code in range(1, 256) if code != NEVER_AGAIN],
            },
            "timeout": "%ds" % (get_run_time_limit_for_task(node.decorators) + _TIMEOUT_MARGIN_SECONDS),
            "resources": self._resources(node),
            "queue": next((deco.attributes["queue"] for deco in node.decorators if deco.name == "fanfare"), None),
        }
        if node.num_args > 1:
            step["join"] = "all"
        if node.parallel_step:
            step["gang"] = True
        elif node.is_inside_foreach and self._max_workers is not None:
            step["max_parallel"] = self._max_workers
        onward = self._next(node)
        if onward is not None:
            step["next"] = onward
        return {key: value for key, value in step.items() if value not in ({}, None)}

    def _hooks(self, outcome):
        # Steps by name: what @exit_hook calls when the run has failed ("error") or succeeded ("success").
        steps = {}
        for deco in flow_decorators(self._flow):
            if deco.name != "exit_hook":
                continue
            for function in deco.error_hooks if outcome == "error" else deco.success_hooks:
                # No name of a Metaflow step has a '-'.
                name = unique = "on-%s-%s" % (outcome, re.sub(r"[^A-Za-z0-9_-]", "-", function)[:40])
                while unique in steps:
                    unique = "%s-%d" % (name, len(steps) + 1)
                steps[unique] = self._hook(function, outcome)
        return steps

    def _hook(self, function, outcome):
        after = ["--after-success"] if outcome == "success" else []
        return {
            "run": [self._python, HOOK_RUNNER, "--script", self._script, "--datastore", self._obj.flow_datastore.TYPE, "--datastore-root", self._datastore_root, *after, function],
            "env": self._env([]),
            "timeout": "%ds" % get_run_time_limit_for_task([]),
            # As with Metaflow's local scheduler, a hook that fails changes nothing about the run, and the next one is called.
            "catch": True,
        }

    def _next(self, node):
        if not node.out_funcs:
            return None
        if opens_foreach(node):
            return {"foreach": node.out_funcs[0], "over": "splits"}
        if node.type == "split-switch":
            targets = list(dict.fromkeys(node.out_funcs))
            # Where a case leads back to, which only recursion does, there is a bound to say.
            loops = {"max_loops": MOST_ROUNDS} if node.name in targets else {}
            return {"switch": "next", "cases": {target: target for target in targets}, **loops}
        return node.out_funcs[0] if len(node.out_funcs) == 1 else list(node.out_funcs)

    @staticmethod
    def _retries(node):
        user = error = delay = 0
        for deco in node.decorators:
            more_user, more_error = deco.step_task_retry_count()
            user, error = max(user, more_user), max(error, more_error)
            if deco.name == "retry":
                delay = float(deco.attributes["minutes_between_retries"])
        return user, error, delay if user > 0 else 0

    @staticmethod
    def _resources(node):
        units = {"cpu": lambda v: v, "gpu": lambda v: int(v), "memory": lambda v: "%dMiB" % v, "disk": lambda v: "%dMiB" % v}
        asked = {}
        for deco in node.decorators:
            if deco.name not in _COMPUTE:
                continue
            for key in units:
                value = deco.attributes.get(key)
                if value is not None and (deco.name == "resources" or key not in ("memory", "disk") or _is_given(deco, key)):
                    asked[key] = max(asked.get(key, 0), float(value))
        return {key: units[key](value) for key, value in asked.items() if value > 0}

    def _arguments(self, node, parameters, is_first, user_retries):
        arguments = [
            "--script", self._script,
            "--datastore", self._obj.flow_datastore.TYPE,
            "--datastore-root", self._datastore_root,
            "--user-retries", str(user_retries),
            "--resume-parameter", self._resume_parameter,
        ]
        if is_first:
            arguments += ["--first", ABOUT, json.dumps(self._about(parameters))]
        if self._trigger_parameter is not None:
            arguments += ["--trigger-parameter", self._trigger_parameter]
        if any(opens_foreach(self._graph[before]) for before in node.in_funcs if before in self._graph):
            arguments.append("--splits")
        for each in parameters:
            if each["is_json"]:
                arguments += ["--json-parameter", each["name"]]
                if each["name"] in triggers.mapped(self._triggers):
                    arguments += ["--mapped-parameter", each["name"]]
        for tag in self._tags:
            arguments += ["--tag", tag]
        if self._namespace is not None:
            arguments += ["--namespace", self._namespace]
        return arguments + ["--", *self._top(node)]

    def _top(self, node):
        options = {"with": [deco.make_decorator_spec() for deco in node.decorators if not deco.statically_defined and deco.inserted_by is None]}
        for deco in flow_decorators(self._flow):
            options.update(deco.get_top_level_options())
        configs = [param.name for _, param in self._flow._get_parameters() if param.IS_CONFIG_PARAMETER]
        # As Metaflow's own runtime does: the values lie in the package.
        values = [word for name in configs for word in ("--config-value", name, ConfigInput.make_key_name(name))]
        return [
            *dict_to_cli_options(options),
            "--quiet",
            "--metadata=%s" % self._obj.metadata.TYPE,
            "--environment=%s" % self._obj.environment.TYPE,
            "--datastore=%s" % self._obj.flow_datastore.TYPE,
            "--datastore-root=%s" % self._datastore_root,
            "--event-logger=%s" % self._obj.event_logger.TYPE,
            "--monitor=%s" % self._obj.monitor.TYPE,
            "--no-pylint",
            "--with=fanfare_internal",
            *values,
        ]

    @property
    def _python(self):
        return from_conf("FANFARE_PYTHON", "python3")

    @property
    def _script(self):
        return os.path.basename(sys.argv[0])

    @property
    def _datastore_root(self):
        root = self._obj.flow_datastore.datastore_root
        return os.path.abspath(root) if self._obj.flow_datastore.TYPE == "local" else root

    def _env(self, step_decorators):
        configs = {param.name: ConfigInput.make_key_name(param.name) for _, param in self._flow._get_parameters() if param.IS_CONFIG_PARAMETER}
        env = {key: value for key, value in config_values() if key.startswith(("METAFLOW_CONDA_", "METAFLOW_DEBUG_"))}
        # By this ArgoEvent.safe_publish knows that it is called in a deployed flow.
        env["ARGO_WORKFLOW_TEMPLATE"] = self._name
        for deco in step_decorators:
            if deco.name == "environment":
                env.update(deco.attributes["vars"])
        env.update(
            {
                "METAFLOW_CODE_METADATA": self._package_metadata,
                "METAFLOW_CODE_SHA": self._package_sha,
                "METAFLOW_CODE_URL": self._package_url,
                "METAFLOW_CODE_DS": self._obj.flow_datastore.TYPE,
                "METAFLOW_DEFAULT_DATASTORE": self._obj.flow_datastore.TYPE,
                "METAFLOW_DEFAULT_METADATA": self._obj.metadata.TYPE,
                "METAFLOW_FLOW_FILENAME": self._script,
                "METAFLOW_FLOW_NAME": self._flow.name,
                "METAFLOW_OWNER": self._owner,
                "METAFLOW_PRODUCTION_TOKEN": self._token,
                "METAFLOW_RUNTIME_ENVIRONMENT": "fanfare",
                "METAFLOW_USER": "fanfare",
                "METAFLOW_VERSION": json.dumps(dict(self._obj.environment.get_environment_info(), flow_name=self._flow.name, production_token=self._token)),
                "METAFLOW_SERVICE_URL": SERVICE_INTERNAL_URL,
                "METAFLOW_SERVICE_HEADERS": json.dumps(SERVICE_HEADERS) if SERVICE_HEADERS else None,
                "METAFLOW_DATASTORE_SYSROOT_LOCAL": self._local_sysroot() if "local" in (self._obj.flow_datastore.TYPE, self._obj.metadata.TYPE) else None,
                "METAFLOW_DATASTORE_SYSROOT_S3": DATASTORE_SYSROOT_S3,
                "METAFLOW_DATATOOLS_S3ROOT": DATATOOLS_S3ROOT,
                "METAFLOW_CARD_S3ROOT": CARD_S3ROOT,
                "METAFLOW_S3_ENDPOINT_URL": S3_ENDPOINT_URL,
                "METAFLOW_S3_SERVER_SIDE_ENCRYPTION": S3_SERVER_SIDE_ENCRYPTION,
                "METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE": DEFAULT_SECRETS_BACKEND_TYPE,
                "METAFLOW_FLOW_CONFIG_VALUE": json.dumps(configs) if configs else None,
            }
        )
        return {key: str(value) for key, value in env.items() if value is not None}

    @staticmethod
    def _local_sysroot():
        return os.path.abspath(os.path.expanduser(DATASTORE_SYSROOT_LOCAL or "."))

    def _about(self, parameters):
        return {
            "name": self._name,
            "flow_name": self._flow.name,
            "owner": self._owner,
            "production_token": self._token,
            "parameters": {each["name"]: each["about"] for each in parameters},
            "resume_parameter": self._resume_parameter,
            **({"trigger_parameters": list(triggers.hidden(self._triggers, self._trigger_parameter))} if self._triggers else {}),
            **(self._project or {}),
        }


# The first step's option by which a deployment says what it is, for whoever knows only its name.
ABOUT = "--about"


def about(deployment):
    """What a deployment of this plugin says of itself; None for other flows.

    Parameters
    ----------
    deployment : dict
        As the server shows it, with its source.
    """
    try:
        spec = json.loads(deployment.get("source") or "")
        command = spec["steps"][spec["start"]]["run"]
        return json.loads(command[command.index(ABOUT) + 1])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        # YAML, or JSON by another hand.
        return None


def steps_of(deployment):
    """The names of a deployment's steps, where this plugin deployed it; without its exit hooks."""
    spec = json.loads(deployment["source"])
    hooks = {*spec.get("on_failure", []), *spec.get("finally", [])}
    return [name for name in spec["steps"] if name not in hooks]


def make_package(obj):
    """Packs the code, and puts it into Metaflow's datastore, where its client looks for it. Returns the bytes, and (metadata, SHA, URL)."""
    package = MetaflowPackage(obj.flow, obj.environment, obj.echo, suffixes=obj.package_suffixes, flow_datastore=None)
    content = bytes(package.blob)
    url, sha = obj.flow_datastore.save_data([content], len_hint=1)[0]
    return content, (package.package_metadata, sha, url)


def _is_given(deco, key):
    # Compute decorators have defaults of their own (4 GiB); what the author wrote is another matter.
    return str(deco.attributes.get(key)) != str(getattr(type(deco), "resource_defaults", {}).get(key))
