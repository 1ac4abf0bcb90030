"""`python flow.py fanfare …`"""

import base64
import json
import sys
from hashlib import sha1

from metaflow import JSONType, current, decorators, parameters
from metaflow._vendor import click
from metaflow.exception import MetaflowException
from metaflow.plugins.aws.step_functions.production_token import load_token, new_token, store_token
from metaflow.tagging_util import validate_tags
from metaflow.util import get_username

from .client import FanfareClient, FanfareException
from .clone import adopt_task, clone_task, end_task, mark_attempts
from .decorator import FanfareInternalDecorator, notes, put_out
from .resume import NOTHING_TO_CLONE
from .spec import FlowSpecCompiler, about, check, flow_name, make_package, notifications, steps_of
from .task import signal_name
from .triggers import described, read

# Metaflow's words for a run's status, by the server's.
STATUS = {
    "running": "RUNNING",
    "paused": "SUSPENDED",
    "cancelling": "RUNNING",
    "failing": "RUNNING",
    "finishing": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "cancelled": "ABORTED",
}


class IncorrectProductionToken(MetaflowException):
    headline = "Incorrect production token"


def status_of(run):
    """Metaflow's word for the status of a run as the server shows it."""
    if run["status"] == "failed" and (run.get("error") or {}).get("type") == "run_timeout":
        return "TIMED_OUT"
    return STATUS[run["status"]]


def client():
    return FanfareClient(actor=get_username())


@click.group()
def cli():
    pass


@cli.group(help="Commands related to Fanfare.")
@click.option("--name", default=None, type=str, help="Name of the deployed flow. The flow's own name is used instead if this option is not specified.")
@click.pass_obj
def fanfare(obj, name=None):
    obj.check(obj.graph, obj.flow, obj.environment, pylint=obj.pylint)
    project = current.get("project_name")
    if project and name:
        raise MetaflowException("--name is not supported for @projects. Use --branch instead.")
    obj.is_project = bool(project)
    obj.deployment_name = current.project_flow_name if project else name or current.flow_name
    obj.token_prefix = (
        "mfprj-%s" % base64.b32encode(sha1(".".join((project, current.branch_name)).encode()).digest()).decode()[:16] if project else obj.deployment_name
    ).lower()


_authorize = click.option("--authorize", default=None, type=str, help="Authorize with this production token. It is kept in METAFLOW_HOME, so that once is enough.")


@fanfare.command(help="Deploy a new version of this flow to Fanfare.")
@_authorize
@click.option("--generate-new-token", is_flag=True, help="Generate a new production token for this flow, which moves it to a new namespace.")
@click.option("--new-token", "given_token", default=None, help="Use the given production token for this flow, which moves it to the namespace of that token.")
@click.option("--tag", "tags", multiple=True, default=None, help="Annotate all that the runs produce with the given tag; may be given several times.")
@click.option("--namespace", "user_namespace", default=None, help="Change the namespace from the default (production token) to the given tag. See run --help for more information.")
@click.option("--only-json", is_flag=True, default=False, help="Only print the Fanfare flow that this one becomes. Do not deploy anything.")
@click.option("--max-workers", default=None, type=int, help="Most tasks of one step of a foreach that run at a time.  [default: as many as the workers take]")
@click.option("--workflow-timeout", default=None, type=int, help="Longest a run may take, in seconds.")
@click.option("--notify-on-error", multiple=True, metavar="RECEIVER", help="Tell this receiver of the server when a run fails; may be given several times.")
@click.option("--notify-on-success", multiple=True, metavar="RECEIVER", help="Tell this receiver of the server when a run succeeds; may be given several times.")
@click.option("--no-triggers", is_flag=True, default=False, help="Deploy without @schedule, @trigger and @trigger_on_finish.")
@click.option("--no-warm", is_flag=True, default=False, help="Start a fresh Python for each task. Otherwise workers import the flow once, and fork for each task where that is safe.")
@click.option("--deployer-attribute-file", default=None, type=str, hidden=True, help="Write the deployment's name to the file specified. Used internally for Metaflow's Deployer API.")
@click.pass_obj
def create(obj, tags=None, user_namespace=None, only_json=False, authorize=None, generate_new_token=False, given_token=None, max_workers=None, workflow_timeout=None, notify_on_error=(), notify_on_success=(), no_triggers=False, no_warm=False, deployer_attribute_file=None):
    validate_tags(tags)
    for option, value in (("--max-workers", max_workers), ("--workflow-timeout", workflow_timeout)):
        if value is not None and value < 1:
            raise MetaflowException("%s is %d; it is at least 1." % (option, value))
    check(obj, with_triggers=not no_triggers)
    _write(deployer_attribute_file, {"name": obj.deployment_name, "flow_name": obj.flow.name, "metadata": obj.metadata.metadata_str()})
    obj.echo("Deploying *%s* to Fanfare..." % obj.deployment_name, bold=True)
    api = client()
    token = _resolve_token(obj, api, authorize, given_token, generate_new_token)

    decorators._attach_decorators(obj.flow, [FanfareInternalDecorator.name])
    decorators._process_late_attached_decorator([FanfareInternalDecorator.name], obj.flow, obj.graph, obj.environment, obj.flow_datastore, obj.logger)
    obj.graph = obj.flow._graph
    content, package = make_package(obj)
    project = {"project_name": current.project_name, "branch_name": current.branch_name} if obj.is_project else None
    spec = FlowSpecCompiler(
        obj, obj.deployment_name, package, token, get_username(), tags=tags or (), namespace=user_namespace, max_workers=max_workers, workflow_timeout=workflow_timeout, project=project, warm=not no_warm, with_triggers=not no_triggers,
        notify=notifications(notify_on_error, notify_on_success),
    ).compile()
    if only_json:
        obj.echo_always(json.dumps(spec, indent=4), err=False, no_bold=True)
        return
    if obj.flow_datastore.TYPE == "local":
        obj.echo("Artifacts are kept in %s, which every worker has to share." % obj.flow_datastore.datastore_root)
    deployed = api.deploy(json.dumps(spec), content)
    obj.echo("Flow *%s*: deployment %d%s at %s." % (deployed["flow"], deployed["deployment"], "" if deployed["new"] else " (unchanged)", api.url), bold=True)
    obj.echo("What will start runs of it:", bold=True)
    for schedule in spec.get("schedules", {}).values():
        # Its stars are not Metaflow's, which make what is between them bold.
        obj.echo("Its schedule: %s (%s). Fanfare's own command shows the times: fanfare schedule next %s" % (schedule["cron"], schedule.get("timezone", "UTC"), deployed["flow"]), indent=True, no_bold=True)
    for each in [] if no_triggers else read(obj.flow, flow_name)[0]:
        obj.echo(described(each), indent=True, no_bold=True)
    obj.echo("You can trigger it with *fanfare trigger*.", indent=True)


def _resolve_token(obj, api, authorize, given_token, generate_new_token):
    before = _deployed(obj, api)
    if before is None:
        obj.echo("It seems this is the first time you are deploying *%s* to Fanfare." % obj.deployment_name)
    else:
        _check_token(obj, before, authorize, "create")
    previous = before and before["production_token"]
    if given_token:
        # Tokens of a project are known by their prefix.
        if obj.is_project:
            raise MetaflowException("--new-token is not supported for @projects. Use --generate-new-token to create a new token.")
        token = given_token[len("production:"):] if given_token.startswith("production:") else given_token
        obj.echo("Using the given token, *%s*." % token)
    elif previous is None or generate_new_token:
        token = new_token(obj.token_prefix, previous)
        if token is None:
            raise MetaflowException("--generate-new-token is not supported after --new-token. Use --new-token to make a new namespace.")
        obj.echo("A new production token generated.")
    else:
        token = previous
    obj.echo("The namespace of this production flow is")
    obj.echo("    production:%s" % token, fg="green")
    obj.echo("To analyze results of this production flow add this line in your notebooks:")
    obj.echo('    namespace("production:%s")' % token, fg="green")
    obj.echo("To let other people deploy new versions of this flow, have them call once")
    obj.echo("    fanfare create --authorize %s" % token, fg="green")
    store_token(obj.token_prefix, token)
    return token


def _deployed(obj, api):
    found = api.flow(flow_name(obj.deployment_name))
    return None if found is None else _said(found)


def _deployed_of(obj, api, run):
    """What the deployment says by which a run is judged: the flow's latest; the run's own, where that was deleted, for who deploys under the name since may be somebody else."""
    own = api.deployment(run["flow"], run["deployment"])
    return _said(own) if own and own.get("deleted_at") else _deployed(obj, api)


def _said(found):
    said = about(found)
    if said is None:
        raise FanfareException("There is a flow *%s* on Fanfare that was not deployed by Metaflow. Give this one another name: fanfare --name NAME %s." % (found["flow"], "create"))
    return said


def _check_token(obj, deployed, authorize, verb):
    if authorize is None:
        authorize = load_token(obj.token_prefix)
    elif authorize.startswith("production:"):
        authorize = authorize[len("production:"):]
    # Whoever deployed it last may do so again without the token.
    if deployed["owner"] == get_username() or authorize == deployed["production_token"]:
        store_token(obj.token_prefix, deployed["production_token"])
        return
    obj.echo("There is an existing version of *%s* on Fanfare which was deployed by the user *%s*. You need their production token; once you have it, call" % (obj.deployment_name, deployed["owner"]))
    obj.echo("    fanfare %s --authorize MY_TOKEN" % verb, fg="green")
    raise IncorrectProductionToken("Try again with the correct production token.")


_run_id_file = click.option("--run-id-file", default=None, type=str, help="Write the ID of this run to the file specified.")
_attribute_file = click.option(
    "--deployer-attribute-file", default=None, type=str, hidden=True, help="Write the metadata and pathspec of this run to the file specified. Used internally for Metaflow's Deployer API."
)


@parameters.add_custom_parameters(deploy_mode=False)
@fanfare.command(help="Start a run of the deployed flow.")
@_run_id_file
@_attribute_file
@click.pass_obj
def trigger(obj, run_id_file=None, deployer_attribute_file=None, **kwargs):
    run = client().start(flow_name(obj.deployment_name), {name: value for name, value in _given(obj, kwargs) if value is not None})
    _started(obj, run, run_id_file, deployer_attribute_file)
    obj.echo("Flow *%s* triggered on Fanfare (run-id *%s*)." % (obj.deployment_name, run), bold=True)
    obj.echo("See the run at %s/runs/%s" % (client().url, run))


class _AsGiven(click.Command):
    """Takes the flow's parameters where they are given: none has a default, and none is required. Metaflow inserts them into `params`."""

    class _Options(list):
        def insert(self, index, option):
            option.default, option.required = None, False
            super().insert(index, option)

    @property
    def params(self):
        return self._options

    @params.setter
    def params(self, options):
        self._options = self._Options(options)


@parameters.add_custom_parameters(deploy_mode=False)
@fanfare.command(cls=_AsGiven, help="Start a run that takes over what succeeded in another one, and runs the rest. Parameters are those of that run, unless they are given; what is taken over keeps to them.")
@click.option("--origin-run-id", required=True, type=str, help="ID of the run that is resumed.")
@click.option("--step-to-rerun", default=None, type=str, help="Run this step and all after it, though they succeeded.")
@_run_id_file
@_attribute_file
@click.pass_obj
def resume(obj, origin_run_id=None, step_to_rerun=None, run_id_file=None, deployer_attribute_file=None, **kwargs):
    api = client()
    origin = _run(obj, api, origin_run_id)
    found = api.flow(flow_name(obj.deployment_name))
    said = about(found)
    if not said or "resume_parameter" not in said:
        raise FanfareException("The latest deployment of *%s* cannot resume runs: it was not made by this version of the plugin. Deploy it anew: fanfare create." % obj.deployment_name)
    if step_to_rerun is not None and step_to_rerun not in steps_of(found):
        raise FanfareException("--step-to-rerun: *%s* has no step *%s*. Its steps: %s." % (obj.deployment_name, step_to_rerun, ", ".join(steps_of(found))))
    # The origin may be of an older deployment, with parameters that there are no more.
    values = {name: value for name, value in origin["parameters"].items() if name in said["parameters"]}
    values.update({name: value for name, value in _given(obj, kwargs) if value is not None})
    # What started that run is what this one is about, too.
    values.update({name: origin["parameters"][name] for name in said.get("trigger_parameters", []) if name in origin["parameters"]})
    values[said["resume_parameter"]] = {"run": origin_run_id, "step_to_rerun": step_to_rerun}
    run = api.start(found["flow"], values)
    _started(obj, run, run_id_file, deployer_attribute_file)
    obj.echo("Run *%s* of *%s* resumed on Fanfare (run-id *%s*)." % (origin_run_id, obj.deployment_name, run), bold=True)
    obj.echo("See the run at %s/runs/%s" % (api.url, run))


def _started(obj, run, run_id_file, deployer_attribute_file):
    if run_id_file:
        with open(run_id_file, "w") as file:
            file.write(run)
    _write(deployer_attribute_file, {"name": obj.deployment_name, "metadata": obj.metadata.metadata_str(), "pathspec": "/".join((obj.flow.name, run))})


def _given(obj, kwargs):
    for _, param in obj.flow._get_parameters():
        # Click knows them with '_'.
        value = kwargs.get(param.name.replace("-", "_").lower())
        if isinstance(value, parameters.DelayedEvaluationParameter):
            value = value(return_str=True)
        if value is not None and param.kwargs.get("type") == JSONType and isinstance(value, str):
            value = json.loads(value)
        yield param.name, value


@fanfare.command(help="Show the status of a run.")
@click.argument("run-id", required=True, type=str)
@click.pass_obj
def status(obj, run_id):
    run = _run(obj, client(), run_id)
    obj.echo("*%s* %s" % (run_id, status_of(run)), bold=True)
    if run.get("error"):
        obj.echo(run["error"]["message"], indent=True)
    for step in client().steps(run_id):
        counts = ["%d %s" % (step[each], each) for each in ("running", "waiting", "backoff", "succeeded", "failed", "cancelled") if step[each]]
        obj.echo("%-24s %s" % (step["key"], ", ".join(counts)), indent=True)


@fanfare.command(help="Show what a task printed.")
@click.argument("run-id", required=True, type=str)
@click.argument("task", required=True, type=str)
@click.pass_obj
def logs(obj, run_id, task):
    api = client()
    _run(obj, api, run_id)
    for line in api.log(run_id, task):
        obj.echo_always(line, err=False, no_bold=True)


@fanfare.command(help="List the runs of the deployed flow.")
@click.option("--running", is_flag=True, default=False, help="Those that run.")
@click.option("--succeeded", is_flag=True, default=False, help="Those that succeeded.")
@click.option("--failed", is_flag=True, default=False, help="Those that failed.")
@click.option("--timed-out", is_flag=True, default=False, help="Those that took too long.")
@click.option("--aborted", is_flag=True, default=False, help="Those that were terminated.")
@click.pass_obj
def list_runs(obj, running=False, succeeded=False, failed=False, timed_out=False, aborted=False):
    wanted = [word for word, flag in (("RUNNING", running), ("SUCCEEDED", succeeded), ("FAILED", failed), ("TIMED_OUT", timed_out), ("ABORTED", aborted)) if flag]
    found = False
    for run in client().runs(flow_name(obj.deployment_name)):
        if wanted and status_of(run) not in wanted:
            continue
        found = True
        ended = " endedAt:'%s'" % run["ended_at"] if run.get("ended_at") else ""
        obj.echo("*%s* startedAt:'%s'%s *%s*" % (run["run"], run["created_at"], ended, status_of(run)))
    if not found:
        obj.echo("No %sruns of *%s* found on Fanfare." % ("".join("*%s* " % word for word in wanted), obj.deployment_name))


@fanfare.command(help="Delete the deployed flow: it cannot be triggered any more, and its name is free. Its runs go on to their end, and stay readable.")
@_authorize
@click.pass_obj
def delete(obj, authorize=None):
    api = client()
    found = api.flow(flow_name(obj.deployment_name))
    if found is None:
        raise FanfareException("There is no flow *%s* on Fanfare. *list* shows those that there are." % obj.deployment_name)
    _check_token(obj, _said(found), authorize, "delete")
    # That one, whose token was looked at.
    api.delete(found["flow"], found["deployment"])
    obj.echo("Flow *%s* deleted from Fanfare. Runs of it that are under way go on: *list-runs --running* shows them." % obj.deployment_name, bold=True)


@fanfare.command("list", help="List the flows that Metaflow has deployed to Fanfare.")
@click.pass_obj
def list_flows(obj):
    for flow, said in deployed_flows(client()):
        obj.echo("*%s* deployment %d, %s, by %s" % (said["name"], flow["deployment"], flow["created_at"], said["owner"]))


def deployed_flows(api, flow=None):
    """What the server has of Metaflow's: pairs of a deployment, and what it says of itself."""
    for listed in api.flows():
        deployment = api.flow(listed["flow"])
        said = deployment and about(deployment)
        if said and flow in (None, said["flow_name"]):
            yield deployment, said


def _command(name, verb, said, help):
    @fanfare.command(name, help=help)
    @_authorize
    @click.argument("run-id", required=True, type=str)
    @click.pass_obj
    def act(obj, run_id, authorize=None):
        api = client()
        _check_token(obj, _deployed_of(obj, api, _run(obj, api, run_id)), authorize, name)
        now = api.command(run_id, verb)
        obj.echo("Run *%s* %s: %s." % (run_id, said, STATUS[now["status"]]))

    return act


terminate = _command("terminate", "cancel", "is being terminated", "End a run: nothing more of it starts, and what runs is told to end.")
suspend = _command("suspend", "pause", "is suspended", "Suspend a run: nothing more of it starts, and what runs goes on to its end.")
unsuspend = _command("unsuspend", "resume", "goes on", "Let a suspended run go on.")


@fanfare.command(help="Run again, in the same run, what failed or was terminated; what succeeded stays.")
@_authorize
@click.option("--step-to-rerun", default=None, type=str, help="Run this step and all after it again, too.")
@click.argument("run-id", required=True, type=str)
@click.pass_obj
def retry(obj, run_id, step_to_rerun=None, authorize=None):
    api = client()
    _check_token(obj, _deployed_of(obj, api, _run(obj, api, run_id)), authorize, "retry")
    now = api.command(run_id, "retry", {"from_step": step_to_rerun} if step_to_rerun else None)
    obj.echo("Run *%s* goes on: %s." % (run_id, STATUS[now["status"]]))


@fanfare.command("clone-task", hidden=True, help="Take a task over from the run that is resumed. Used internally, in a task.")
@click.argument("step-name")
@click.option("--run-id", required=True)
@click.option("--task-id", required=True)
@click.option("--retry-count", required=True, type=int)
@click.option("--origin-run-id", required=True)
@click.option("--origin-task-id", required=True)
@click.option("--worked-on", required=True)
@click.option("--with-task", "others", multiple=True)
@click.option("--tag", "tags", multiple=True)
@click.pass_obj
def clone_command(obj, step_name, run_id, task_id, retry_count, origin_run_id, origin_task_id, worked_on, others=(), tags=()):
    obj.metadata.add_sticky_tags(tags=tags)
    mark_attempts(obj.flow_datastore, run_id, step_name, task_id, retry_count)
    cloned = clone_task(obj.flow, obj.flow_datastore, obj.metadata, step_name, run_id, task_id, retry_count, origin_run_id, origin_task_id, worked_on, others)
    if cloned is None:
        sys.exit(NOTHING_TO_CLONE)
    result, pathspec = cloned
    obj.metadata.register_metadata(run_id, step_name, task_id, notes(retry_count, step_name == obj.graph.start_step))
    obj.echo_always("Cloned from %s/%s." % (obj.flow.name, pathspec), err=False, no_bold=True)
    put_out(result)


@fanfare.command("adopt-task", hidden=True, help="Take over what an attempt did before it was lost. Used internally, in a task.")
@click.argument("step-name")
@click.option("--run-id", required=True)
@click.option("--task-id", required=True)
@click.option("--retry-count", required=True, type=int)
@click.pass_obj
def adopt_command(obj, step_name, run_id, task_id, retry_count):
    result = adopt_task(obj.flow, obj.flow_datastore, obj.metadata, step_name, run_id, task_id, retry_count)
    if result is None:
        sys.exit(NOTHING_TO_CLONE)
    obj.echo_always("The attempt before was lost, but had done its work: that counts.", err=False, no_bold=True)
    put_out(result)


@fanfare.command("end-task", hidden=True, help="Note how an attempt ended that could not do so itself. Used internally, in a task.")
@click.argument("step-name")
@click.option("--run-id", required=True)
@click.option("--task-id", required=True)
@click.option("--retry-count", required=True, type=int)
@click.option("--exit-code", required=True, type=int)
@click.pass_obj
def end_command(obj, step_name, run_id, task_id, retry_count, exit_code):
    end_task(obj.flow, obj.flow_datastore, obj.metadata, step_name, run_id, task_id, retry_count, signal_name(exit_code - 128))


def _run(obj, api, run_id):
    run = api.run(run_id)
    name = flow_name(obj.deployment_name)
    if run is None or run["flow"] != name:
        raise FanfareException("There is no run *%s* of *%s* on Fanfare%s. *list-runs* shows those that there are." % (run_id, obj.deployment_name, "" if run is None else "; it is one of *%s*" % run["flow"]))
    return run


def _write(path, content):
    if path:
        with open(path, "w") as file:
            json.dump(content, file)
