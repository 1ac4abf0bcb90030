"""Which tasks of a run are taken over from the run that it resumes.

A run that resumes another says so in a parameter of its own. Every task then decides for itself, from its input alone: where all that it follows was taken over, it may
be, too. So nothing has to be counted or listed at the start, however wide the run is. Imports nothing of Metaflow, for the runner.
"""

import hashlib
import json

# The output by which a task says that it was taken over: the number, on the server, of the attempt that it was taken from. What ran has no such output.
CLONED = "cloned"

# `clone-task` and `adopt-task` end so where there is nothing to take over, and the task has to run.
NOTHING_TO_CLONE = 203

# The metadata by which a task says what it worked on.
WORKED_ON = "fanfare-inputs"


def parameter_name(taken):
    """The name of the parameter that says what a run resumes.

    Parameters
    ----------
    taken : iterable of str
        The names of the flow's own, none of which it may be, in the environment neither.
    """
    taken = {name.lower().replace("-", "_") for name in taken}
    name, number = "fanfare-resume", 1
    while name.replace("-", "_") in taken:
        number += 1
        name = "fanfare-resume-%d" % number
    return name


def origin(task, parameter):
    """What the task's run resumes, with `run` and `step_to_rerun` (a step, or None); None where it resumes none.

    Parameters
    ----------
    task : dict
        What the file FANFARE_INPUT says.
    parameter : str or None
        The name of the parameter that says it.
    """
    return task["parameters"].get(parameter) if parameter else None


def inputs(task):
    """What a task follows, one after the other: `task`, `step`, `attempt` and `outputs` of each."""
    if task.get("inputs_file") is None:
        yield from task["inputs"]
        return
    with open(task["inputs_file"], encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def may_clone(task, origin):
    """Whether a task may be taken over: it follows nothing but what was, and is not to run again."""
    return origin.get("step_to_rerun") != task["step"] and all(is_cloned(done) for done in inputs(task))


def is_cloned(done):
    return (done.get("outputs") or {}).get(CLONED) is not None


def worked_on(task, in_origin=False):
    """What a task works on, in a word: the same word if, and only if, it is the same tasks' same attempts in the same order.

    Steps of a run can be run again, and tasks that come after them may be left from before, when the run ends too early: their results are those of other inputs, and are told by this.

    Parameters
    ----------
    task : dict
        What the file FANFARE_INPUT says.
    in_origin : bool, default False
        In the run that is resumed, where all that the task follows was taken over from there.
    """
    word = hashlib.sha256()
    for done in inputs(task):
        word.update(("%s %d\n" % (done["task"], done["outputs"][CLONED] if in_origin else done["attempt"])).encode())
    return word.hexdigest()[:32]


def opens_foreach(node):
    """Whether a step of Metaflow's graph opens a foreach, or a gang (`num_parallel`)."""
    return node.foreach_param is not None or node.parallel_foreach


def outcome(node, transition, splits):
    """What the scheduler learns of a task's end: how many splits a foreach has, and which step a switch chose.

    Parameters
    ----------
    node : DAGNode
        The step.
    transition : tuple or None
        Metaflow's `_transition`.
    splits : int or None
        How many tasks it opens, if it opens any.
    """
    result = {}
    if node.type == "split-switch" and transition and transition[0]:
        result["next"] = transition[0][0]
    if opens_foreach(node):
        result["splits"] = splits
    return result


def adopt_arguments(task, task_id, attempt):
    """The arguments of the command that looks whether an attempt that was lost had done its work, and takes that over.

    Parameters
    ----------
    task : dict
        What the file FANFARE_INPUT says.
    task_id : str
        Metaflow's id of the task in that attempt.
    attempt : int
        Metaflow's number of it.
    """
    return ["fanfare", "adopt-task", task["step"], "--run-id", task["run"], "--task-id", task_id, "--retry-count", str(attempt)]


def end_arguments(task, task_id, attempt, code):
    """The arguments of the command that notes the end of an attempt that a signal ended, which could not do so itself.

    Parameters
    ----------
    task : dict
        What the file FANFARE_INPUT says.
    task_id : str
        Metaflow's id of the task.
    attempt : int
        Metaflow's number of its attempt.
    code : int
        Its exit code, as a shell says it.
    """
    return ["fanfare", "end-task", task["step"], "--run-id", task["run"], "--task-id", task_id, "--retry-count", str(attempt), "--exit-code", str(code)]


def clone_arguments(task, origin, origin_task, task_id, attempt, others=()):
    """The arguments of the command that takes the task over, if there is something to take.

    Parameters
    ----------
    task : dict
        What the file FANFARE_INPUT says.
    origin : dict
        What the run resumes.
    origin_task : str
        Metaflow's id of the task there, without the suffix of further attempts.
    task_id : str
        Metaflow's id of the task here.
    attempt : int
        Metaflow's number of its attempt.
    others : iterable of str
        Metaflow's ids, in the other run, of the rest of its gang: it is taken over with them, or not at all.
    """
    return [
        "fanfare", "clone-task", task["step"],
        "--run-id", task["run"],
        "--task-id", task_id,
        "--retry-count", str(attempt),
        "--origin-run-id", origin["run"],
        "--origin-task-id", origin_task,
        "--worked-on", worked_on(task, in_origin=True),
        *(word for other in others for word in ("--with-task", other)),
    ]
