"""Writes libsvm files train-0 … train-(N−1) and test into a folder: data.py FOLDER N."""
import sys

import numpy as np

folder, peers = sys.argv[1], int(sys.argv[2])
chance = np.random.default_rng(7)
weights = chance.normal(size=(20, 3))
for name in [f"train-{k}" for k in range(peers)] + ["test"]:
    x = chance.normal(size=(200, 20)).astype("f4")
    y = (x @ weights + 0.5 * chance.normal(size=(200, 3))).argmax(1)
    with open(f"{folder}/{name}", "w") as out:
        for row, label in zip(x, y):
            print(label, *(f"{i + 1}:{float(v):.9g}" for i, v in enumerate(row)), file=out)
