"""A trainer of softmax regression in numpy, as a person would write it; $DATA is the folder of train-K and test.

Arguments: kinds of task, separated by commas; then "whole": every batch is all of the peer's data.
"""
import os
import sys

import numpy as np
import starling

FEATURES, CLASSES = 20, 3


def load(name):
    x, y = [], []
    with open(os.path.join(os.environ["DATA"], name)) as lines:
        for line in lines:
            label, *pairs = line.split()
            row = np.zeros(FEATURES, "f4")
            for pair in pairs:
                at, value = pair.split(":")
                row[int(at) - 1] = float(value)
            x.append(row)
            y.append(int(label))
    return np.array(x), np.array(y)


def gradient(params, x, y):
    z = x @ params["w"] + params["b"]
    z -= z.max(1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(1, keepdims=True)
    rows = np.arange(len(y))
    loss, accuracy = -np.log(p[rows, y]).mean(), (z.argmax(1) == y).mean()
    p[rows, y] -= 1
    p /= len(y)
    return loss, x.T @ p, p.sum(0), accuracy


def main():
    kinds = sys.argv[1].split(",")
    whole = "whole" in sys.argv[2:]
    start = {"w": np.zeros((FEATURES, CLASSES), "f4"), "b": np.zeros(CLASSES, "f4")}
    shards = {}
    with starling.attach(start, kinds=kinds) as peer:
        for task in peer:
            if task.peer not in shards:
                shards[task.peer] = load(f"train-{task.peer}")
            x, y = shards[task.peer]
            if task.kind == "evaluate":
                x, y = load("test")
                loss, gw, _, accuracy = gradient(task.x, x, y)
                task.done(loss=loss, accuracy=accuracy, samples=len(y), slope=float(np.abs(gw).max()))
                continue
            chance = np.random.default_rng(task.seed)
            steps = task.steps if task.kind == "steps" else 1
            for _ in range(steps):
                pick = slice(None) if whole or task.batch is None else chance.integers(len(y), size=32)
                loss, gw, gb, _ = gradient(task.x, x[pick], y[pick])
                if task.kind == "steps":
                    task.x["w"] -= np.float32(task.eta) * gw
                    task.x["b"] -= np.float32(task.eta) * gb
            if task.kind == "gradient":
                task.g["w"][:] = gw
                task.g["b"][:] = gb
            task.done(loss=loss, samples=len(y) if whole else 32 * steps)


main()
