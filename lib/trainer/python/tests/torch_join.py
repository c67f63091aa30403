"""Tests of starling.torch, for make trainers."""
import os
import struct
import unittest

import numpy as np
import torch

from starling import _wire as wire
from starling.torch import digest, join, tensors_of
from test_starling import STOP, FakePeer, accept, answer, ask


def make():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 2))


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(5, 4)
        self.head = torch.nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight


class Layout(unittest.TestCase):
    def test_parameters_and_buffers(self):
        layout, moving = tensors_of(make())
        self.assertEqual([n for n, _ in moving], ["0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"])
        self.assertTrue(layout["0.weight"].penalised)
        self.assertFalse(layout["0.bias"].penalised)
        layout, moving = tensors_of(make(), buffers="mix")
        self.assertEqual([n for n, t in layout.items() if t.role == "buffer"], ["1.running_mean", "1.running_var"])

    def test_scopes(self):
        model = make()
        model[0].weight.requires_grad = False
        layout, moving = tensors_of(model)
        self.assertEqual(layout["0.weight"].role, "frozen")
        self.assertNotIn("0.weight", [n for n, _ in moving])
        self.assertEqual(len(tensors_of(model, scope="all")[1]), 6)
        self.assertEqual([n for n, _ in tensors_of(model, scope=["2.bias"])[1]], ["2.bias"])
        for wrong in (["3.bias"], "some"):
            with self.assertRaises(ValueError):
                tensors_of(model, scope=wrong)

    def test_tied_weights_travel_once(self):
        self.assertEqual(list(tensors_of(Tied())[0]), ["embed.weight"])

    def test_half_precision_is_cast(self):
        layout, _ = tensors_of(make().to(torch.bfloat16))
        self.assertEqual(layout["0.weight"].dtype, "bfloat16")
        self.assertEqual(layout["0.weight"].value.dtype, np.float32)
        wire.pack_start(layout)


class Join(unittest.TestCase):
    def attach(self, fake, model, **more):
        os.environ["STARLING_TRAINER"] = fake.path
        self.addCleanup(os.environ.pop, "STARLING_TRAINER", None)
        return join(model, patience=10, **more)

    def test_steps(self):
        seen = {}

        def course(trainer):
            view = accept(trainer, 18)
            view[:] = np.arange(18)
            ask(trainer, "steps")
            answer(trainer)
            seen["x"] = view.copy()
            trainer.send(STOP)

        fake, model = FakePeer(course), make()
        mean = model[1].running_mean.clone()
        for task in self.attach(fake, model):
            self.assertEqual(model[0].weight.tolist(), [[0, 1, 2], [3, 4, 5]])
            with torch.no_grad():
                model[2].bias += 1
            task.done(loss=torch.tensor(0.5))
        fake.close()
        self.assertEqual(list(seen["x"]), list(range(16)) + [17, 18])
        self.assertTrue(torch.equal(mean, model[1].running_mean))

    def test_gradients(self):
        seen = {}

        def course(trainer):
            view = accept(trainer, 18, gradient=True)
            view[:18] = 1
            ask(trainer, "gradient")
            answer(trainer)
            seen["x"], seen["g"] = view[:18].copy(), view[18:].copy()
            trainer.send(STOP)

        fake, model = FakePeer(course), make()
        for task in self.attach(fake, model, kinds=("gradient",)):
            loss = (model[2].bias ** 2).sum()
            loss.backward()
            task.done(loss=loss)
        fake.close()
        self.assertEqual(list(seen["g"]), [0] * 16 + [2, 2])
        self.assertEqual(list(seen["x"]), [1] * 18)

    def test_digest(self):
        self.assertEqual(digest(make().state_dict()), digest(make().state_dict()))
        self.assertNotEqual(digest([torch.zeros(2)]), digest([torch.ones(2)]))
        self.assertEqual(len(digest({})), 32)


if __name__ == "__main__":
    unittest.main()
