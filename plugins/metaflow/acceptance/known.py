"""Pytest's plugin for the acceptance suites: holds what failed against known.txt, and runs what is skipped only because other schedulers cannot do it."""

import os
import re

import pytest

# Of other schedulers it is said that they enforce no @timeout, and are too slow for a foreach nested three deep.
_RUN_ANYWAY = ("test_timeout_enforcement", "test_timeout_minutes_enforced", "test_nested_foreach_3level")

_KNOWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known.txt")


def known(text):
    """The known failures: pairs of a pattern, in which `*` stands for anything, and the reason; one a line, with `#` before what is none."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition(" ")
            yield re.compile(".*".join(map(re.escape, pattern.split("*")))), reason.strip()


def name_of(nodeid):
    """A test's name: its file and what follows, without directories, and without the group by which xdist hands it out."""
    path, _, test = nodeid.partition("::")
    return "%s::%s" % (os.path.basename(path), re.sub(r"(?<=\])@.*\Z", "", test))


def pytest_configure(config):
    # Workers send what they see to the one that reports.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Comparison())


def pytest_collection_modifyitems(items):
    for item in items:
        if item.originalname in _RUN_ANYWAY:
            item.own_markers[:] = [mark for mark in item.own_markers if mark.name != "skip"]
        if hasattr(item.module, "wait_for_deployed_run_allow_failure"):
            item.module.wait_for_deployed_run_allow_failure = _run_to_its_end


def _run_to_its_end(deployed_flow):
    # Metaflow's own function waits for the run's last step, which never comes in one that fails.
    triggered = deployed_flow.trigger()
    triggered.wait_for_completion()
    return triggered.run


class _Comparison(object):
    def __init__(self):
        with open(_KNOWN, encoding="utf-8") as file:
            self._known = list(known(file.read()))
        self._failed = set()
        self._passed = set()
        self._is_broken = False

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self._failed.add(name_of(report.nodeid))
        elif report.when == "call" and report.passed:
            self._passed.add(name_of(report.nodeid))

    def pytest_collectreport(self, report):
        self._is_broken |= report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if exitstatus == pytest.ExitCode.TESTS_FAILED and not self._is_broken and not self._unexpected():
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter):
        expected = sorted(self._failed - set(self._unexpected()))
        for name in expected:
            terminalreporter.write_line("known: %s: %s" % (name, self._reason(name)))
        for name in sorted(self._passed - self._failed):
            if self._reason(name) is not None:
                terminalreporter.write_line("known to fail, but passed: %s: %s" % (name, self._reason(name)))
        for name in self._unexpected():
            terminalreporter.write_line("unexpected: %s" % name)
        terminalreporter.write_line("%d passed, %d failed as is known, %d failed unexpectedly" % (len(self._passed - self._failed), len(expected), len(self._unexpected())))

    def _unexpected(self):
        return sorted(name for name in self._failed if self._reason(name) is None)

    def _reason(self, name):
        return next((reason for pattern, reason in self._known if pattern.fullmatch(name)), None)
