"""Join a starling peer with a model of your own.

    import numpy as np, starling
    start = {"w": np.zeros((784, 10), "f4"), "b": np.zeros(10, "f4")}
    with starling.attach(start) as peer:
        for task in peer:                      # ends when the run ends
            loss = train(task.x, steps=task.steps, seed=task.seed)
            task.done(loss=loss, samples=n)

The protocol is in lib/trainer/PROTOCOL.md.
"""
from ._peer import Peer, Task, attach
from ._wire import Refused, Tensor

__all__ = ["Peer", "Refused", "Task", "Tensor", "attach"]
