"""The same transformer, learnt by peers that have a library each and do not share texts: see README.md.

usage: joined.py FOLDER: the command of starling's trainers
"""
import math
import sys

import torch
from starling.torch import join

from plain import BATCH, LIBRARIES, held_out, load, network, optimizer_of, steps

if __name__ == "__main__":
    model, text = network(), None
    optimizer = optimizer_of(model)
    held = [load(sys.argv[1], name, "held") for name in LIBRARIES]
    with join(model, kinds=("steps", "evaluate")) as peer:
        for task in peer:
            if text is None:
                whose, text = task.peer, load(sys.argv[1], LIBRARIES[task.peer], "train")
            assert task.peer == whose, "text and optimiser are one peer's: start a trainer for each, as starling sim does without --trainers"
            torch.manual_seed(task.seed % 2**63)
            if task.kind == "steps":
                task.done(loss=steps(model, optimizer, text, task.steps, task.eta), samples=BATCH * task.steps)
            else:
                losses = held_out(model, held)
                own = losses.pop(task.peer)
                others = sum(losses) / len(losses)
                task.done(loss=(own + 7 * others) / 8, own=math.exp(own), others=math.exp(others))
