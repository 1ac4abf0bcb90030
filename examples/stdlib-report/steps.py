"""The steps of the flow stdlib-report. Needs Python 3.9 or newer, and nothing but its standard library.

A step reads $FANFARE_INPUT and writes $FANFARE_OUTPUT, both JSON (docs/tasks.md).
"""

import ast
import json
import os
import sys
import sysconfig
import warnings
from pathlib import Path

import page

BAD_SOURCE = 65  # what sysexits.h calls EX_DATAERR
TRY_AGAIN = 75  # EX_TEMPFAIL
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
NOT_LIBRARY = {"__pycache__", "site-packages", "dist-packages"}
FUNCTIONS = {ast.FunctionDef, ast.AsyncFunctionDef}
BRANCHES = {ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.BoolOp, ast.comprehension}
if hasattr(ast, "match_case"):
    BRANCHES.add(ast.match_case)


# Steps: each takes the task's input and gives its outputs.


def start(task):
    packages = []
    for folder, folders, files in os.walk(LIBRARY):
        folders[:] = sorted(f for f in folders if f not in NOT_LIBRARY)
        if any(f.endswith(".py") for f in files):
            packages.append(os.path.relpath(folder, LIBRARY))
    print(f"{len(packages)} packages under {LIBRARY}")
    return {"packages": sorted(packages), "python": sys.version.split()[0]}


def parse(task):
    counts, bad = count_package(task["item"])
    for file, why in bad:
        print(f"{file} does not parse: {why}", file=sys.stderr)
    if bad:
        sys.exit(BAD_SOURCE)
    return {"whole": True, "package": counts}


def salvage(task):
    # parse was caught: its output is the error alone. Which package it was, the item says.
    counts, bad = count_package(task["item"])
    print(f"{counts['files'] - len(bad)} of {counts['files']} files parse")
    return {"package": {**counts, "bad": [{"file": file, "why": why} for file, why in bad]}}


def reduce(task):
    packages = [done["outputs"]["package"] for done in inputs(task)]
    packages.sort(key=lambda p: -p["lines"])
    return {"packages": packages}


def biggest(task):
    packages = only(task)["packages"][: task["parameters"]["top"]]
    return {"biggest": [p["name"] for p in packages]}


def package(task):
    files = sorted(sources(task["item"]), key=lambda f: -f.stat().st_size)
    return {"files": [str(f.relative_to(LIBRARY)) for f in files[: task["parameters"]["files"]]]}


def inspect(task):
    return {"file": count_file(LIBRARY / task["item"])}


def package_done(task):
    # A file that does not parse was caught: it has an error and no 'file'.
    return {"files": [done["outputs"]["file"] for done in inputs(task) if "file" in done["outputs"]]}


def details(task):
    files = [file for done in inputs(task) for file in done["outputs"]["files"]]
    return {"files": sorted(files, key=lambda f: -f["lines"])}


def totals(task):
    packages = only(task)["packages"]
    summed = {key: sum(p[key] for p in packages) for key in ("files", "lines", "functions", "branches")}
    return {"packages": packages, "totals": {**summed, "packages": len(packages)}}


def report(task):
    arrived = {done["step"]: done["outputs"] for done in inputs(task)}
    packages, total = arrived["totals"]["packages"], arrived["totals"]["totals"]
    files = arrived["details"]["files"]
    html = page.render(packages, total, files, sys.version.split()[0])
    Path(os.environ["FANFARE_ARTIFACTS"], "report.html").write_text(html, encoding="utf-8")
    bad = sum(len(p["bad"]) for p in packages)
    print(f"{total['lines']:,} lines in {total['files']:,} files; {bad} files do not parse")
    return {"report": "report.html", "totals": total, "bad_files": bad}


# Counting.


def sources(package):
    return sorted((LIBRARY / package).glob("*.py"))


def count_package(package):
    name = "(modules)" if package == "." else package.replace(os.sep, ".")
    counts = {"name": package, "title": name, "files": 0, "lines": 0, "functions": 0, "branches": 0, "largest": None, "bad": []}
    bad = []
    for source in sources(package):
        counts["files"] += 1
        try:
            file = count_file(source)
        except (SyntaxError, ValueError) as error:
            bad.append((str(source.relative_to(LIBRARY)), str(error)[:200]))
            continue
        for key in ("lines", "functions", "branches"):
            counts[key] += file[key]
        largest = file["largest"]
        if largest and (counts["largest"] is None or largest["lines"] > counts["largest"]["lines"]):
            counts["largest"] = largest
    return counts, bad


def count_file(source):
    try:
        text = source.read_bytes()
    except OSError as error:
        print(f"{source} cannot be read just now: {error}", file=sys.stderr)
        sys.exit(TRY_AGAIN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes, which old code is full of
        tree = ast.parse(text, str(source))
    name = str(source.relative_to(LIBRARY))
    functions, branches = [], 0
    for node in ast.walk(tree):
        kind = type(node)
        if kind in FUNCTIONS:
            functions.append(node)
        elif kind in BRANCHES:
            branches += 1
    largest = max(functions, key=lambda f: f.end_lineno - f.lineno, default=None)
    return {
        "name": name,
        "lines": text.count(b"\n"),
        "functions": len(functions),
        "branches": branches,
        "largest": largest
        and {
            "name": largest.name,
            "file": name,
            "line": largest.lineno,
            "lines": largest.end_lineno - largest.lineno + 1,
            "branches": sum(type(node) in BRANCHES for node in ast.walk(largest)),
        },
    }


# Input and output.


def inputs(task):
    """What the predecessors put out, in split order; large inputs come as a file of JSON Lines."""
    if "inputs" in task:
        return task["inputs"]
    with open(task["inputs_file"], encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def only(task):
    """The outputs of the one predecessor."""
    (done,) = inputs(task)
    return done["outputs"]


STEPS = (start, parse, salvage, reduce, biggest, package, inspect, package_done, details, totals, report)

if __name__ == "__main__":
    step = {function.__name__: function for function in STEPS}[sys.argv[1]]
    with open(os.environ["FANFARE_INPUT"], encoding="utf-8") as file:
        outputs = step(json.load(file))
    with open(os.environ["FANFARE_OUTPUT"], "w", encoding="utf-8") as file:
        json.dump(outputs, file)
