"""The same network, learnt by peers that do not share their images: see README.md."""
import numpy as np
import torch
from starling.torch import join

from plain import BATCH, MOMENTUM, accuracy, load, network, steps


def share(x, y, peer, peers):
    """This peer's images: each class is divided by a draw from a Dirichlet distribution of 0.5."""
    draw, mine = np.random.default_rng(1), []
    for c in range(10):
        of_class = draw.permutation(np.flatnonzero(y == c))
        cuts = (np.cumsum(draw.dirichlet([0.5] * peers)) * len(of_class)).astype(int)
        mine.append(np.split(of_class, cuts[:-1])[peer])
    mine = np.concatenate(mine)
    return x[mine], y[mine]


if __name__ == "__main__":
    model, data = network(), None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=MOMENTUM)
    with join(model, kinds=("steps", "evaluate"), optimizer=optimizer) as peer:
        for task in peer:
            if data is None:
                whose, data = task.peer, (share(*load("train"), task.peer, peer.peer.peers), load("t10k"))
            assert task.peer == whose, "images and momentum are one peer's: start a trainer for each, as starling sim does without --trainers"
            torch.manual_seed(task.seed % 2**63)
            if task.kind == "steps":
                rate = task.eta * len(data[0][1]) * peer.peer.peers / 60000  # every image of all peers counts the same
                # What is more frequent here is no news to the network: else each peer's would learn the shares of its classes.
                prior = (torch.bincount(data[0][1], minlength=10) / len(data[0][1]) + 1e-6).log()
                task.done(loss=steps(lambda x: model(x) + prior, optimizer, *data[0], task.steps, rate), samples=BATCH * task.steps)
            else:
                task.done(accuracy=accuracy(model, *data[1]))
