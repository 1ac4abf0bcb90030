"""The steps of the flow train-loop: a polynomial is fitted to noisy points by gradient descent, without any package.

What a round needs travels as outputs: the points are made again from the seed, the weights are a handful of numbers.
"""

import json
import math
import os
import random
import sys
from pathlib import Path

DEGREE = 5
POINTS = 240
RATE = 0.002


def start(task):
    points = data(task["parameters"]["seed"])
    with open(Path(os.environ["FANFARE_ARTIFACTS"], "points.csv"), "w", encoding="utf-8") as file:
        file.write("x,y\n")
        file.writelines(f"{x:.6f},{y:.6f}\n" for x, y in points)
    return {"weights": [0.0] * (DEGREE + 1), "round": 0, "errors": []}


def train(task):
    state = only(task)
    weights = state["weights"]
    training = [point for i, point in enumerate(data(task["parameters"]["seed"])) if i % 4]
    for _ in range(task["parameters"]["epochs"]):
        for x, y in training:
            features = terms(x)
            miss = dot(weights, features) - y
            weights = [w - RATE * miss * f for w, f in zip(weights, features)]
    return {"weights": weights, "round": state["round"] + 1, "errors": state["errors"]}


def evaluate(task):
    state = only(task)
    held_back = data(task["parameters"]["seed"])[::4]
    error = math.sqrt(sum((dot(state["weights"], terms(x)) - y) ** 2 for x, y in held_back) / len(held_back))
    target = task["parameters"]["target"]
    print(f"round {state['round']}: error {error:.4f}, target {target}")
    verdict = "good" if error <= target else "again"
    return {**state, "errors": state["errors"] + [error], "verdict": verdict}


def publish(task):
    state = only(task)
    model = {"weights": state["weights"], "rounds": state["round"], "error": state["errors"][-1]}
    Path(os.environ["FANFARE_ARTIFACTS"], "model.json").write_text(json.dumps(model, indent=2), encoding="utf-8")
    return {"model": "model.json", "rounds": model["rounds"], "error": model["error"]}


def data(seed):
    chance = random.Random(seed)
    xs = [chance.uniform(-1, 1) for _ in range(POINTS)]
    return [(x, math.sin(3 * x) + 0.3 * x * x + chance.gauss(0, 0.1)) for x in xs]


def terms(x):
    """Chebyshev polynomials of x, which descend evenly."""
    values = [1.0, x]
    while len(values) <= DEGREE:
        values.append(2 * x * values[-1] - values[-2])
    return values


def dot(left, right):
    return sum(a * b for a, b in zip(left, right))


def only(task):
    (done,) = task["inputs"]
    return done["outputs"]


if __name__ == "__main__":
    step = {"start": start, "train": train, "evaluate": evaluate, "publish": publish}[sys.argv[1]]
    with open(os.environ["FANFARE_INPUT"], encoding="utf-8") as file:
        outputs = step(json.load(file))
    with open(os.environ["FANFARE_OUTPUT"], "w", encoding="utf-8") as file:
        json.dump(outputs, file)
