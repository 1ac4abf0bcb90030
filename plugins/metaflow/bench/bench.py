"""A foreach of no-op steps: Metaflow's local scheduler and Fanfare, in turns, with as many workers; and how soon a triggered run is in user code.

    bench.py [--width N] [--rounds N] [--triggers N] [--workers N] [--no-warm] SOURCE

SOURCE is a checkout of Metaflow. Starts a server of its own. Prints each round, and the ratio of the medians.
"""

import argparse
import datetime
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("source", metavar="SOURCE")
    options.add_argument("--width", type=int, default=200)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--triggers", type=int, default=20)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--no-warm", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        bench = _Bench(given, Path(place))
        try:
            bench.start()
            bench.run()
        finally:
            bench.end()


class _Bench(object):
    def __init__(self, given, place):
        self._given = given
        self._place = place
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._url = "http://127.0.0.1:%d" % self._port
        self._processes = []
        self._env = dict(os.environ)
        # As users have it: with compiled modules.
        self._env.pop("PYTHONDONTWRITEBYTECODE", None)
        self._env.update(
            PYTHONPATH="%s:%s" % (given.source, HERE.parent), METAFLOW_FANFARE_URL=self._url, METAFLOW_HOME=str(place / "home"), METAFLOW_USER="bench",
            METAFLOW_DEFAULT_METADATA="local", METAFLOW_DEFAULT_DATASTORE="local", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(place),
        )

    def start(self):
        # The first start of all builds the program.
        self._fanfare("serve", "--data", str(self._place / "data"), "--port", str(self._port), "--no-worker")
        self._ready()
        self._fanfare("worker", "--server", self._url, "--data", str(self._place / "worker"), "--slots", str(self._given.workers))

    def run(self):
        self._flow("fanfare", "create", *(["--no-warm"] if self._given.no_warm else []))
        # Whoever has used both once has compiled modules, and workers that know the flow.
        self._local(2)
        self._on_fanfare(2)
        tasks = self._given.width + 3
        local, ours = [], []
        for _ in range(self._given.rounds):
            local.append(tasks / self._local(self._given.width))
            ours.append(tasks / self._on_fanfare(self._given.width)[0])
            print("%d tasks: local %.1f tasks/s, Fanfare %.1f tasks/s" % (tasks, local[-1], ours[-1]), flush=True)
        print("ratio of the medians: %.1f" % (statistics.median(ours) / statistics.median(local)))
        delays = sorted(1000 * self._on_fanfare(1)[1] for _ in range(self._given.triggers))
        print("from a run's creation to its first line of user code: p50 %.0f ms, longest %.0f ms of %d" % (statistics.median(delays), delays[-1], len(delays)))

    def end(self):
        for process in reversed(self._processes):
            process.terminate()
            process.wait()

    def _fanfare(self, *words):
        self._processes.append(subprocess.Popen([str(ROOT / "fanfare"), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _local(self, width):
        began = time.monotonic()
        self._flow("run", "--width", str(width), "--max-workers", str(self._given.workers), "--max-num-splits", str(width + 1))
        return time.monotonic() - began

    def _on_fanfare(self, width):
        """Seconds from a run's creation to its end, and to the first line of user code."""
        file = self._place / "run"
        self._flow("fanfare", "trigger", "--run-id-file", str(file), "--width", str(width))
        run = file.read_text()
        while True:
            found = self._get("/api/v1/runs/" + run)
            if found.get("ended_at"):
                break
            time.sleep(0.2)
        if found["status"] != "succeeded":
            raise RuntimeError("Run %s %s: %s" % (run, found["status"], found.get("error")))
        created, ended = (datetime.datetime.fromisoformat(found[name]).timestamp() for name in ("created_at", "ended_at"))
        began = subprocess.run(
            [sys.executable, "-c", "import metaflow; metaflow.namespace(None); print(metaflow.Run('Bench/%s')['start'].task['began'].data)" % run],
            env=self._env, cwd=HERE, check=True, capture_output=True, text=True,
        ).stdout
        return ended - created, float(began) - created

    def _flow(self, *words):
        done = subprocess.run([sys.executable, "flow.py", "--quiet", "--no-pylint", *words], env=self._env, cwd=HERE, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError("flow.py %s: %s" % (" ".join(words), done.stderr[-2000:]))

    def _get(self, path):
        with urllib.request.urlopen(self._url + path, timeout=30) as answer:
            return json.load(answer)

    def _ready(self):
        for _ in range(3000):
            try:
                urllib.request.urlopen(self._url + "/readyz", timeout=1).close()
                return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError("The server does not start.")


if __name__ == "__main__":
    main()
