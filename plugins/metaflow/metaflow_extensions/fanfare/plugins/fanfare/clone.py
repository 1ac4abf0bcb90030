"""Takes a task over from the run that is resumed, and has the new run's parameters reach what follows. Runs in a task's own process."""

from metaflow.clone_util import clone_task_helper
from metaflow.datastore.exceptions import DataException
from metaflow.metadata_provider import DataArtifact, MetaDatum
from metaflow.metaflow_config import MAX_ATTEMPTS

from .resume import CLONED, WORKED_ON, opens_foreach, outcome

# The task that has a run's parameters.
PARAMETERS = ("_parameters", "params")


class _Origin(object):
    """What Metaflow's helper asks for the datastore of the task that it clones."""

    def __init__(self, datastore):
        self._datastore = datastore

    def get_with_pathspec(self, _):
        return self._datastore


def splits_of(node, get):
    """How many tasks a step has opened; None where it opens none.

    Parameters
    ----------
    get : callable
        Gives what Metaflow keeps of the task by its name, None where it keeps nothing.
    """
    parallel = get("_parallel_ubf_iter") if node.parallel_foreach else None
    return get("_foreach_num_splits") if parallel is None else parallel.num_parallel


def clone_task(flow, flow_datastore, metadata, step_name, run_id, task_id, attempt, origin_run_id, origin_task_id, worked_on, others=()):
    """Makes a task a clone of that in another run: the same artifacts, which are shared, and the metadata of Metaflow's own resume.

    An attempt that is repeated does no harm: it writes the same once more, under its own number.

    Parameters
    ----------
    origin_task_id : str
        Metaflow's id of the task in the other run; further attempts are looked for under the ids that follow it.
    worked_on : str
        What the task is to have worked on there.
    others : iterable of str
        Further tasks there, without which this one is of no use.

    Returns
    -------
    tuple of dict and str, or None
        The task's output, and the pathspec of what was cloned; None if there is nothing to clone: it is not there, did not succeed, worked on something else, or goes on to where its step does not lead any more.
    """
    node = flow._graph[step_name]
    origin, tried = _latest(flow_datastore, origin_run_id, step_name, origin_task_id)
    if not _is_ok(origin) or not all(_is_ok(_latest(flow_datastore, origin_run_id, step_name, other)[0]) for other in others):
        return None
    if _note(metadata, WORKED_ON, flow.name, origin_run_id, step_name, origin.task_id, origin.attempt) != worked_on:
        return None
    result = outcome(node, origin.get("_transition"), splits_of(node, origin.get))
    if not _leads_there(node, origin.get("_transition"), result):
        return None
    clone_task_helper(flow.name, origin_run_id, run_id, step_name, origin.task_id, task_id, flow_datastore, metadata, origin_ds_set=_Origin(origin), attempt_id=attempt)
    return dict(result, **{CLONED: tried * MAX_ATTEMPTS + origin.attempt}), origin.pathspec


def mark_attempts(flow_datastore, run_id, step_name, task_id, attempt):
    """Has Metaflow's datastore know of all attempts before this one: one that was lost early has left nothing there, and whoever looks for the latest stops at such a gap.

    Parameters
    ----------
    attempt : int
        Metaflow's number of the attempt that runs.
    """
    for before in range(attempt):
        store = flow_datastore.get_task_datastore(run_id, step_name, task_id, attempt=before, mode="w")
        if not store.has_metadata(store.METADATA_ATTEMPT_SUFFIX):
            store.init_task()


def adopt_task(flow, flow_datastore, metadata, step_name, run_id, task_id, attempt):
    """The output of an attempt that was lost, if it had done all of its work; None if not. What it could not note any more is noted.

    Parameters
    ----------
    attempt : int
        Metaflow's number of that attempt.

    Returns
    -------
    dict or None
    """
    done = _attempt(flow_datastore, run_id, step_name, task_id, attempt)
    if not _is_ok(done):
        return None
    complete_notes(metadata, flow.name, run_id, step_name, task_id, done)
    node = flow._graph[step_name]
    return outcome(node, done.get("_transition"), splits_of(node, done.get))


def end_task(flow, flow_datastore, metadata, step_name, run_id, task_id, attempt, signal):
    """Notes the end of an attempt that a signal ended, which could not do so itself, and by which.

    One that was done in Metaflow's datastore has come out as it says there, whatever ended it then: it is what a resume clones. All that it lacks is what it could not note any more.

    Parameters
    ----------
    attempt : int
        Metaflow's number of the attempt.
    signal : str
        The signal's name.
    """
    done = _attempt(flow_datastore, run_id, step_name, task_id, attempt)
    said = {"fanfare-end": ("killed by %s" % signal, "fanfare-end")}
    if done is not None and done.has_metadata(done.METADATA_DONE_SUFFIX):
        complete_notes(metadata, flow.name, run_id, step_name, task_id, done)
    else:
        said.update({"attempt_ok": ("False", "internal_attempt_status"), "attempt-done": (str(attempt), "attempt-done")})
    metadata.register_metadata(run_id, step_name, task_id, [MetaDatum(field=field, value=value, type=kind, tags=["attempt_id:%d" % attempt]) for field, (value, kind) in said.items()])


def complete_notes(metadata, flow_name, run_id, step_name, task_id, done):
    """Registers what Metaflow's metadata lacks of an attempt that was ended between the mark that it is done and its last note.

    Parameters
    ----------
    done : TaskDataStore
        The attempt.
    """
    attempt = done.attempt
    if _note(metadata, "attempt-done", flow_name, run_id, step_name, task_id, attempt) is None:
        metadata.register_metadata(run_id, step_name, task_id, [MetaDatum(field="attempt-done", value=str(attempt), type="attempt-done", tags=["attempt_id:%d" % attempt])])
    known = metadata.get_object("task", "artifact", None, attempt, flow_name, run_id, step_name, task_id) or []
    # Metaflow's local provider gives a single one by itself.
    names = {each["name"] for each in ([known] if isinstance(known, dict) else known)}
    missing = [
        DataArtifact(name=name, ds_type=done.TYPE, ds_root=done._storage_impl.datastore_root, url=None, sha=sha, type=done._info[name]["encoding"])
        for name, sha in done._objects.items()
        if name not in names
    ]
    if missing:
        metadata.register_data_artifacts(run_id, step_name, task_id, attempt, missing)


def _attempt(flow_datastore, run_id, step_name, task_id, attempt):
    # None where it left nothing.
    try:
        return flow_datastore.get_task_datastore(run_id, step_name, task_id, attempt=attempt, allow_not_done=True)
    except DataException:
        return None


def _is_ok(task):
    # Of one that has not come to its end, Metaflow's datastore can be asked for nothing else.
    return task is not None and task.has_metadata(task.METADATA_DONE_SUFFIX) and "_task_ok" in task and task["_task_ok"]


def _latest(flow_datastore, run_id, step_name, task_id):
    # The datastore of the task's latest attempt, done or not, and how many ids it has used up before.
    found, tried = None, 0
    while True:
        try:
            datastore = flow_datastore.get_task_datastore(run_id, step_name, task_id if tried == 0 else "%s.a%d" % (task_id, tried), allow_not_done=True)
        except DataException:
            return found, tried - 1
        if datastore.attempt < MAX_ATTEMPTS - 1:
            return datastore, tried
        found = datastore
        tried += 1


def _note(metadata, field, flow, run_id, step_name, task_id, attempt):
    # Of an attempt that was repeated by the same number there may be two, and the later one counts.
    of_attempt = "attempt_id:%d" % attempt
    said = [datum for datum in metadata.get_object("task", "metadata", None, None, flow, run_id, step_name, task_id) or () if datum["field_name"] == field and of_attempt in (datum.get("tags") or ())]
    return max(said, key=lambda datum: datum["ts_epoch"])["value"] if said else None


def _leads_there(node, transition, result):
    # The latest deployment may have another graph than the one that ran.
    onward = transition[0] if transition and transition[0] else []
    if node.type == "split-switch":
        return len(onward) == 1 and onward[0] in node.out_funcs
    is_foreach = bool(transition and transition[1])
    return set(onward) == set(node.out_funcs) and is_foreach == opens_foreach(node) and (not is_foreach or isinstance(result["splits"], int))


def take_parameters(flow, output, inputs, run_id):
    """Has a step see the parameters of its own run, where Metaflow takes them from what it follows: that was cloned, and has those of another run.

    Parameters
    ----------
    flow : FlowSpec
        About to run the step; none of its parameters has been read yet.
    output : TaskDataStore
        The task's.
    inputs : list of TaskDataStore
        Of what it follows.
    """
    given = output.parent_datastore.get_task_datastore(run_id, *PARAMETERS)
    names = [name for name, _ in flow._get_parameters() if name in given]
    # Metaflow reads a parameter from the first input, when the step asks for it; and persists those of the flow's datastore, which is the task's own in a join.
    for datastore in (inputs[0], flow._datastore):
        datastore._objects.update({name: given._objects[name] for name in names})
        datastore._info.update({name: given._info[name] for name in names})
