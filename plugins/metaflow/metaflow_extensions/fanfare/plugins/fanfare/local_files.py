"""Writes the files of Metaflow's local datastore and metadata with fewer calls: the same files, under the same names, each whole or not there.

A task leaves some forty of them, most of a line. Metaflow makes each through a wrapped temporary file, into which the JSON goes a token at a time: half of
the processor time that Metaflow takes for a task that does nothing.
"""

import contextlib
import inspect
import itertools
import json
import os

_numbers = itertools.count()


def install():
    """Puts the writers in the place of Metaflow's, where those are the ones that are known here. Returns whether they were."""
    from metaflow.plugins.datastores.local_storage import LocalStorage
    from metaflow.plugins.metadata_providers.local import LocalMetadataProvider

    known = _takes(LocalMetadataProvider, "_dump_json_to_file", ["filepath", "data", "allow_overwrite"]) and _takes(LocalStorage, "_atomic_write", ["full_path", "data", "mode"])
    if known:
        LocalMetadataProvider._dump_json_to_file = classmethod(lambda cls, filepath, data, allow_overwrite=False: dump_json(filepath, data, allow_overwrite))
        theirs = LocalStorage._atomic_write
        LocalStorage._atomic_write = staticmethod(lambda full_path, data, mode="wb": write(full_path, data) if mode == "wb" else theirs(full_path, data, mode))
    return known


def dump_json(path, data, allow_overwrite):
    """Writes what Metaflow notes of a run, step, task or artifact; what is there already stays, unless it may be overwritten."""
    if allow_overwrite or not os.path.isfile(path):
        write(path, json.dumps(data).encode())


def write(path, data):
    """Writes a file that nobody sees before it is whole, and that only its owner may read, as with Metaflow's temporary files."""
    # Others may write to the directory from other machines.
    place = "%s/tmp%s%d" % (os.path.dirname(path) or ".", _unique(), next(_numbers))
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
        finally:
            os.close(descriptor)
        os.rename(place, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(place)
        raise


def _unique():
    global _ours
    # A fork has its own.
    if _ours[0] != os.getpid():
        _ours = os.getpid(), os.urandom(8).hex()
    return _ours[1]


_ours = 0, ""


def _takes(owner, name, parameters):
    function = getattr(owner, name, None)
    return function is not None and list(inspect.signature(function).parameters) == parameters
