"""A small convolutional network learns Fashion-MNIST (package dataset-fashion-mnist) with PyTorch, on one machine."""
import gzip
import os
import sys

import numpy as np
import torch
from torch import nn

BATCH, MOMENTUM = int(os.environ.get("BATCH", "8")), float(os.environ.get("MOMENTUM", "0.9"))
FOLDER = os.environ.get("FASHION", "/usr/share/datasets/fashion-mnist/")


def load(part):
    """Images (n, 1, 28, 28), of mean 0 and deviation 1 over all that are learnt from, and their classes."""
    with gzip.open(f"{FOLDER}{part}-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), "u1", offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(f"{FOLDER}{part}-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), "u1", offset=8)
    return torch.from_numpy((images.astype("f4") / 255 - 0.286) / 0.353), torch.from_numpy(labels.astype("i8"))


def network():
    torch.manual_seed(int(os.environ.get("START", "1")))
    return nn.Sequential(nn.Conv2d(1, 8, 5, stride=2), nn.GroupNorm(2, 8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.GroupNorm(4, 16),
                         nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def steps(model, optimizer, x, y, count, rate):
    """Steps of SGD with batches; returns the mean loss."""
    total = 0.0
    for group in optimizer.param_groups:
        group["lr"] = rate
    for _ in range(count):
        pick = torch.randint(len(y), (BATCH,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[pick]), y[pick])
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / count


if __name__ == "__main__":
    rounds, count, first, last = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    x, y = load("train")
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=first, momentum=MOMENTUM)
    for k in range(rounds):
        steps(model, optimizer, x, y, count, first * (last / first) ** (k / (rounds - 1)))
    print(f"accuracy {accuracy(model, *load('t10k')):.4f}")
