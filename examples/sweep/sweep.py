"""The steps of the flow sweep: gradient descent with momentum on Rosenbrock's valley, one task for each combination."""

import itertools
import json
import math
import os
import sys
from pathlib import Path

SCALE = 1e-2  # the valley's walls are steep: a rate of 1 means steps of this size


def start(task):
    grid = task["parameters"]["grid"]
    names = sorted(grid)
    combinations = [dict(zip(names, values)) for values in itertools.product(*(grid[name] for name in names))]
    print(f"{len(combinations)} combinations of {', '.join(names)}")
    return {"combinations": combinations}


def attempt(task):
    combination = task["item"]
    rate, momentum = combination["rate"] * SCALE, combination["momentum"]
    (x, y), (vx, vy) = (-1.2, 1.0), (0.0, 0.0)
    for step in range(task["parameters"]["steps"]):
        slope_x = -2 * (1 - x) - 400 * x * (y - x * x)
        slope_y = 200 * (y - x * x)
        vx, vy = momentum * vx - rate * slope_x, momentum * vy - rate * slope_y
        x, y = x + vx, y + vy
        if not math.isfinite(x) or not math.isfinite(y) or abs(x) > 1e6:
            sys.exit(f"diverged at step {step} with {combination}")
    loss = (1 - x) ** 2 + 100 * (y - x * x) ** 2
    print(f"{combination}: loss {loss:.6g}")
    return {"combination": combination, "loss": loss}


def best(task):
    tried = sorted((done["outputs"] for done in inputs(task)), key=lambda t: t["loss"])
    if not tried:
        sys.exit("No combination came through.")
    lines = ["loss\t" + "\t".join(sorted(tried[0]["combination"]))]
    lines += [f"{t['loss']:.6g}\t" + "\t".join(str(value) for _, value in sorted(t["combination"].items())) for t in tried]
    Path(os.environ["FANFARE_ARTIFACTS"], "tried.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"best": tried[0]["combination"], "loss": tried[0]["loss"], "tried": "tried.tsv", "came_through": len(tried)}


def inputs(task):
    if "inputs" in task:
        return task["inputs"]
    with open(task["inputs_file"], encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    step = {"start": start, "try": attempt, "best": best}[sys.argv[1]]
    with open(os.environ["FANFARE_INPUT"], encoding="utf-8") as file:
        outputs = step(json.load(file))
    with open(os.environ["FANFARE_OUTPUT"], "w", encoding="utf-8") as file:
        json.dump(outputs, file)
