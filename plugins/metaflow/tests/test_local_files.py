"""Files that are written in Metaflow's stead are those that it writes; skipped where Metaflow cannot be imported."""

import importlib.util
import os
import stat
import tempfile
import unittest
from unittest import mock

HAS_METAFLOW = importlib.util.find_spec("metaflow") is not None and importlib.util.find_spec("requests") is not None

if HAS_METAFLOW:
    from metaflow.plugins.datastores.local_storage import LocalStorage
    from metaflow.plugins.metadata_providers.local import LocalMetadataProvider
    from metaflow_extensions.fanfare.plugins.fanfare import local_files

DATA = {"value": "grün", "tags": ["attempt_id:0"], "ts": 1.5, "none": None, "nested": {"a": [1, 2]}}


@unittest.skipUnless(HAS_METAFLOW, "Metaflow cannot be imported")
class LocalFilesTests(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        self.path = os.path.join(self.place, "note.json")
        for owner, name in ((LocalMetadataProvider, "_dump_json_to_file"), (LocalStorage, "_atomic_write")):
            self.addCleanup(setattr, owner, name, owner.__dict__[name])

    def test_what_is_written_is_what_metaflow_writes(self):
        theirs = os.path.join(self.place, "theirs.json")
        LocalMetadataProvider._dump_json_to_file(theirs, DATA)
        self.assertTrue(local_files.install())
        LocalMetadataProvider._dump_json_to_file(self.path, DATA)
        self.assertEqual(self._read(self.path), self._read(theirs))
        self.assertEqual(os.stat(self.path).st_mode, os.stat(theirs).st_mode)
        self.assertEqual(sorted(os.listdir(self.place)), ["note.json", "theirs.json"])

    def test_blobs_are_written_as_metaflow_writes_them(self):
        theirs = os.path.join(self.place, "theirs")
        LocalStorage._atomic_write(theirs, b"\0blob")
        self.assertTrue(local_files.install())
        LocalStorage._atomic_write(self.path, b"\0blob")
        self.assertEqual(self._read(self.path), self._read(theirs))
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), stat.S_IMODE(os.stat(theirs).st_mode))
        LocalStorage._atomic_write(self.path, "text", mode="w")
        self.assertEqual(self._read(self.path), b"text")

    def test_a_note_that_is_there_stays_unless_it_may_be_overwritten(self):
        local_files.dump_json(self.path, 1, False)
        local_files.dump_json(self.path, 2, False)
        self.assertEqual(self._read(self.path), b"1")
        local_files.dump_json(self.path, 2, True)
        self.assertEqual(self._read(self.path), b"2")

    def test_a_write_that_fails_leaves_nothing(self):
        with mock.patch("os.write", side_effect=OSError(28, "No space left on device")), self.assertRaises(OSError):
            local_files.write(self.path, b"data")
        self.assertEqual(os.listdir(self.place), [])

    def test_a_write_that_the_system_cuts_goes_on(self):
        whole = os.write
        with mock.patch("os.write", side_effect=lambda descriptor, data: whole(descriptor, bytes(data)[:3])):
            local_files.write(self.path, b"0123456789")
        self.assertEqual(self._read(self.path), b"0123456789")

    def test_a_writer_that_is_not_known_stays(self):
        def other(full_path, data, mode, sync):
            pass

        LocalStorage._atomic_write = staticmethod(other)
        self.assertFalse(local_files.install())
        self.assertIs(LocalStorage._atomic_write, other)

    def test_forks_do_not_write_to_the_same_place(self):
        before = local_files._unique()
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, local_files._unique().encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as told:
            self.assertNotEqual(told.read(), before)
        os.wait()

    @staticmethod
    def _read(path):
        with open(path, "rb") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main()
