"""Reads what the test runner left, prints it for people, and ends with one line of counts.

usage: test_results.py project FOLDER NAME EXIT_STATUS SECONDS    one project's result, kept in FOLDER
       test_results.py total FOLDER                               all of them together
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

NAMESPACE = {"t": "http://microsoft.com/schemas/VisualStudio/TeamTest/2010"}


def read_results(path):
    """Returns (passed, [(failed test, message)], [(skipped test, reason)], [lines of figures])."""
    passed, failed, skipped, figures = 0, [], [], []
    for result in ElementTree.parse(path).getroot().iterfind("t:Results/t:UnitTestResult", NAMESPACE):
        name, outcome = result.get("testName"), result.get("outcome")
        output = result.findtext("t:Output/t:StdOut", "", NAMESPACE)
        figures += [line.strip() for line in output.splitlines() if line.startswith("Figures: ")]
        message = result.findtext("t:Output/t:ErrorInfo/t:Message", "", NAMESPACE)
        if outcome == "Passed":
            passed += 1
        elif outcome == "NotExecuted":
            reason = message or output
            skipped.append((name, reason.strip() or "no reason was given"))
        else:
            trace = result.findtext("t:Output/t:ErrorInfo/t:StackTrace", "", NAMESPACE)
            failed.append((name, f"{message}\n{trace}".strip() or outcome))
    return passed, failed, skipped, figures


def counts(passed, failed, skipped):
    line = f"{passed} passed, {failed} failed"
    return f"{line}, {skipped} skipped" if skipped else line


def indent(text, lines):
    shown = text.splitlines()
    more = [f"… {len(shown) - lines} more lines"] if len(shown) > lines else []
    return "\n".join(f"      {line}" for line in shown[:lines] + more)


def report_project(folder, name, status, seconds):
    path = folder / f"{name}.trx"
    try:
        passed, failed, skipped, figures = read_results(path) if path.exists() else (0, [], [], [])
        broken = status != 0 and not failed
    except ElementTree.ParseError:
        passed, failed, skipped, figures, broken = 0, [], [], [], True
    if broken:
        log = (folder / f"{name}.log").read_text(errors="replace")
        failed.append((f"{name}: the test process ended with {status}", log.strip()))
    if passed or failed or skipped:
        print(f"{name}: {counts(passed, len(failed), len(skipped))} ({seconds} s)", flush=True)
    for line in figures:
        print(f"    {line}", flush=True)
    for test, message in failed:
        print(f"    failed: {test}\n{indent(message, 30)}", flush=True)
    (folder / f"{name}.json").write_text(json.dumps({"name": name, "passed": passed, "failed": failed, "skipped": skipped}))


def report_total(folder):
    projects = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    passed = sum(p["passed"] for p in projects)
    failed = [(p["name"], test) for p in projects for test, _ in p["failed"]]
    skipped = [(p["name"], test, reason) for p in projects for test, reason in p["skipped"]]
    print()
    for name, test, reason in skipped:
        print(f"skipped: {test} ({name}): {reason.splitlines()[0]}")
    for name, test in failed:
        print(f"failed: {test} ({name})")
    if not passed and not failed:
        print("No test ran: correct the filter, or look at the build.")
    print(counts(passed, len(failed), len(skipped)))
    return 0 if passed and not failed else 1


def main(arguments):
    folder = pathlib.Path(arguments[1])
    if arguments[0] == "total":
        return report_total(folder)
    report_project(folder, arguments[2], int(arguments[3]), int(arguments[4]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
