"""What of another run is cloned, and what is not; with Metaflow, where there is one."""

import importlib.util
import tempfile
import unittest
from types import SimpleNamespace
from unittest import mock

if importlib.util.find_spec("metaflow") is None:
    raise unittest.SkipTest("Python cannot import Metaflow.")

from metaflow.datastore import FlowDataStore
from metaflow.datastore.exceptions import DataException
from metaflow.plugins.datastores.local_storage import LocalStorage
from metaflow_extensions.fanfare.plugins.fanfare import clone


class Stored(object):
    """The latest attempt of a task, as Metaflow's datastore has it when it is done."""

    METADATA_DONE_SUFFIX = "DONE.lock"
    done = True
    TYPE = "local"
    _storage_impl = SimpleNamespace(datastore_root="root")

    def __init__(self, pathspec, attempt, **artifacts):
        self.pathspec = pathspec
        self.task_id = pathspec.split("/")[2]
        self.attempt = attempt
        self._artifacts = artifacts
        self._objects = {name: "sha-of-%r" % (value,) for name, value in artifacts.items()}
        self._info = {name: {"type": type(value), "encoding": "pickle-v4"} for name, value in artifacts.items()}

    def has_metadata(self, name):
        return name == self.METADATA_DONE_SUFFIX and self.done

    def __contains__(self, name):
        return name in self._artifacts

    def __getitem__(self, name):
        return self._artifacts[name]

    def get(self, name, default=None):
        return self._artifacts.get(name, default)


class Store(object):
    def __init__(self, *tasks):
        self._tasks = {task.pathspec: task for task in tasks}

    def get_task_datastore(self, run, step, task, attempt=None, allow_not_done=False):
        found = self._tasks.get("%s/%s/%s" % (run, step, task))
        if found is None or attempt not in (None, found.attempt):
            raise DataException("No completed attempts")
        return found


class Noted(object):
    """Metadata by task: the attempt, and what it worked on."""

    def __init__(self, **said):
        self._said = said

    def get_object(self, kind, sub, filters, attempt, flow, run, step, task):
        return [{"field_name": "fanfare-inputs", "tags": ["attempt_id:%d" % at], "value": value, "ts_epoch": when} for when, (at, value) in enumerate(self._said.get(task.replace("-", "_").replace(".", "_"), []))]


def flow(kind="linear", out=("end",), foreach=None):
    return SimpleNamespace(name="Flow", _graph={"work": SimpleNamespace(type=kind, out_funcs=list(out), foreach_param=foreach, parallel_foreach=False)})


class Cloning(unittest.TestCase):
    def cloned(self, store, noted, flow=flow(), attempt=0):
        with mock.patch.object(clone, "clone_task_helper") as helper:
            result = clone.clone_task(flow, store, noted, "work", "r1", "t-1", attempt, "r0", "t-1", "same")
        self.assertEqual(helper.called, result is not None)
        return result, helper

    def test_what_succeeded_is_cloned(self):
        task = Stored("r0/work/t-1", 2, _task_ok=True, _transition=(["end"], None))
        result, helper = self.cloned(Store(task), Noted(t_1=[(1, "other"), (2, "same")]), attempt=4)
        self.assertEqual(result, ({"cloned": 2}, "r0/work/t-1"))
        given = helper.call_args
        self.assertEqual(given.args[:6], ("Flow", "r0", "r1", "work", "t-1", "t-1"))
        self.assertEqual(given.kwargs["attempt_id"], 4)
        self.assertIs(given.kwargs["origin_ds_set"].get_with_pathspec("r0/work/t-1"), task)

    def test_what_did_not_succeed_is_not(self):
        for task in (Stored("r0/work/t-1", 0), Stored("r0/work/t-1", 0, _task_ok=False, _transition=None), Stored("r0/work/t-2", 0, _task_ok=True)):
            self.assertIsNone(self.cloned(Store(task), Noted(t_1=[(0, "same")]))[0])

    def test_what_worked_on_something_else_or_does_not_say_is_not(self):
        task = Stored("r0/work/t-1", 1, _task_ok=True, _transition=(["end"], None))
        for said in ([(1, "other")], [(0, "same"), (1, "other")], [(0, "same")], []):
            self.assertIsNone(self.cloned(Store(task), Noted(t_1=said))[0], said)

    def test_attempts_go_on_under_further_ids(self):
        spent, further = Stored("r0/work/t-1", 5), Stored("r0/work/t-1.a1", 3, _task_ok=True, _transition=(["end"], None))
        result, helper = self.cloned(Store(spent, further), Noted(t_1_a1=[(3, "same")]))
        self.assertEqual(result, ({"cloned": 9}, "r0/work/t-1.a1"))
        self.assertEqual(helper.call_args.args[4:6], ("t-1.a1", "t-1"))
        # The sixth attempt may be the last one.
        last = Stored("r0/work/t-1", 5, _task_ok=True, _transition=(["end"], None))
        self.assertEqual(self.cloned(Store(last), Noted(t_1=[(5, "same")]))[0], ({"cloned": 5}, "r0/work/t-1"))

    def test_splits_and_the_chosen_step_are_those_of_the_origin(self):
        many = Stored("r0/work/t-1", 0, _task_ok=True, _transition=(["each"], "items"), _foreach_num_splits=7)
        self.assertEqual(self.cloned(Store(many), Noted(t_1=[(0, "same")]), flow("foreach", ["each"], "items"))[0][0], {"cloned": 0, "splits": 7})
        chose = Stored("r0/work/t-1", 0, _task_ok=True, _transition=(["far"], None))
        self.assertEqual(self.cloned(Store(chose), Noted(t_1=[(0, "same")]), flow("split-switch", ["near", "far"]))[0][0], {"cloned": 0, "next": "far"})

    def test_what_led_to_where_its_step_does_not_lead_any_more_is_not_cloned(self):
        for transition, graph in (
            ((["other"], None), flow()),
            ((["end"], "items"), flow()),
            ((["end"], None), flow(out=("end", "more"))),
            ((["end"], None), flow("foreach", ["end"], "items")),
            ((["gone"], None), flow("split-switch", ["near", "far"])),
            (None, flow()),
            ((["end"], None), flow("end", ())),
        ):
            task = Stored("r0/work/t-1", 0, _task_ok=True, _transition=transition)
            self.assertIsNone(self.cloned(Store(task), Noted(t_1=[(0, "same")]), graph)[0], transition)
        last = Stored("r0/work/t-1", 0, _task_ok=True, _transition=None)
        self.assertEqual(self.cloned(Store(last), Noted(t_1=[(0, "same")]), flow("end", ()))[0][0], {"cloned": 0})


class Registry(object):
    """Metaflow's metadata of one task: whether its attempt is done, and which artifacts it has."""

    def __init__(self, done=False, artifacts=()):
        self.notes = [{"field_name": "attempt-done", "tags": ["attempt_id:2"], "value": "2", "ts_epoch": 1}] if done else []
        self.artifacts = list(artifacts)

    def get_object(self, kind, sub, filters, attempt, *path):
        return self.notes if sub == "metadata" else [{"name": name} for name in self.artifacts]

    def register_metadata(self, run, step, task, data):
        self.notes += [{"field_name": datum.field, "tags": datum.tags, "value": datum.value, "ts_epoch": 2} for datum in data]

    def register_data_artifacts(self, run, step, task, attempt, artifacts):
        self.artifacts += [artifact.name for artifact in artifacts]


class Adopting(unittest.TestCase):
    def adopted(self, store, registry=None):
        return clone.adopt_task(flow("foreach", ["each"], "items"), store, registry or Registry(), "work", "r1", "t-1", 2)

    def test_what_it_could_not_note_before_it_was_lost_is_noted_once(self):
        done = dict(_task_ok=True, _transition=(["each"], "items"), _foreach_num_splits=7)
        for registry in (Registry(), Registry(done=True), Registry(done=True, artifacts=["_task_ok"]), Registry(done=True, artifacts=done)):
            self.adopted(Store(Stored("r1/work/t-1", 2, **done)), registry)
            self.assertEqual([(note["field_name"], note["value"]) for note in registry.notes], [("attempt-done", "2")])
            self.assertEqual(sorted(registry.artifacts), sorted(done))

    def test_only_an_attempt_that_had_done_all_of_its_work_counts(self):
        done = dict(_transition=(["each"], "items"), _foreach_num_splits=7)
        self.assertEqual(self.adopted(Store(Stored("r1/work/t-1", 2, _task_ok=True, **done))), {"splits": 7})
        for store in (Store(), Store(Stored("r1/work/t-1", 2)), Store(Stored("r1/work/t-1", 2, _task_ok=False, **done))):
            self.assertIsNone(self.adopted(store))


class Ending(unittest.TestCase):
    def ended(self, store, registry):
        clone.end_task(flow(), store, registry, "work", "r1", "t-1", 2, "SIGTERM")
        return {note["field_name"]: note["value"] for note in registry.notes}

    def test_what_ended_early_is_noted_as_no_success(self):
        early = Stored("r1/work/t-1", 2)
        early.done = False
        for store in (Store(), Store(early)):
            registry = Registry()
            self.assertEqual(self.ended(store, registry), {"attempt_ok": "False", "attempt-done": "2", "fanfare-end": "killed by SIGTERM"})
            self.assertEqual(registry.artifacts, [])

    def test_what_was_done_is_noted_in_full_and_stays_what_it_is(self):
        for ok in (True, False):
            done = dict(_task_ok=ok, word="w")
            for registry in (Registry(), Registry(done=True), Registry(done=True, artifacts=["word"]), Registry(done=True, artifacts=done)):
                self.assertEqual(self.ended(Store(Stored("r1/work/t-1", 2, **done)), registry), {"attempt-done": "2", "fanfare-end": "killed by SIGTERM"})
                self.assertEqual(sorted(registry.artifacts), sorted(done))


class Unfinished(unittest.TestCase):
    def test_a_task_that_was_ended_early_is_not_cloned(self):
        with tempfile.TemporaryDirectory() as place:
            store = FlowDataStore("Flow", None, storage_impl=LocalStorage, ds_root=place)
            store.get_task_datastore("r0", "work", "t-1", attempt=0, mode="w").init_task()
            self.assertIsNone(clone.clone_task(flow(), store, Noted(t_1=[(0, "same")]), "work", "r1", "t-1", 0, "r0", "t-1", "same"))


class Marking(unittest.TestCase):
    def test_an_attempt_that_left_nothing_leaves_no_gap(self):
        with tempfile.TemporaryDirectory() as place:
            store = FlowDataStore("Flow", None, storage_impl=LocalStorage, ds_root=place)

            def write(attempt, done):
                task = store.get_task_datastore("r1", "work", "t-1", attempt=attempt, mode="w")
                task.init_task()
                if done:
                    task.save_artifacts([("answer", attempt)])
                    task.done()

            write(0, done=True)
            # The second was lost before it wrote anything.
            write(2, done=True)
            self.assertEqual(store.get_task_datastore("r1", "work", "t-1").attempt, 0)
            clone.mark_attempts(store, "r1", "work", "t-1", 2)
            found = store.get_task_datastore("r1", "work", "t-1")
            self.assertEqual((found.attempt, found["answer"]), (2, 2))


class Parameters(unittest.TestCase):
    def test_what_runs_sees_its_own_runs_parameters_in_place_of_those_that_it_follows(self):
        given = Stored("r1/_parameters/params", 0, alpha=2, fresh=3)
        first, second = (Stored("r1/work/t-%d" % i, 0, alpha=1, word="w") for i in range(2))
        output = Stored("r1/join/t", 0)
        output.parent_datastore = Store(given)
        runs = SimpleNamespace(_datastore=output, _get_parameters=lambda: [("alpha", None), ("fresh", None), ("gone", None)])
        clone.take_parameters(runs, output, [first, second], "r1")
        self.assertEqual(first._objects, {"alpha": "sha-of-2", "fresh": "sha-of-3", "word": "sha-of-'w'"})
        self.assertEqual(output._objects, {"alpha": "sha-of-2", "fresh": "sha-of-3"})
        self.assertEqual(second._objects["alpha"], "sha-of-1")


if __name__ == "__main__":
    unittest.main()
