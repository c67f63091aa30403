"""Tests of the package against a peer of their own; python3 -m unittest discover -s lib/trainer/python/tests."""
import array
import mmap
import os
import socket
import struct
import tempfile
import threading
import unittest

import numpy as np

import starling
from starling import _wire as wire


class FakePeer:
    """A peer that accepts one trainer after another, and does with each what a function says."""

    def __init__(self, *courses):
        self.folder = tempfile.TemporaryDirectory()
        # Longer than a socket's address may be.
        self.path = os.path.join(self.folder.name, "x" * 120, "3")
        os.mkdir(os.path.dirname(self.path))
        at = os.open(os.path.dirname(self.path), os.O_PATH)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(f"/proc/self/fd/{at}/3")
        os.close(at)
        self.listener.listen()
        self.errors, self.starts, self.hellos = [], [], []
        self.thread = threading.Thread(target=self.serve, args=(courses,), daemon=True)
        self.thread.start()

    def serve(self, courses):
        try:
            for course in courses:
                trainer, _ = self.listener.accept()
                hello, extra, _, _ = trainer.recvmsg(4096, socket.CMSG_SPACE(4))
                self.hellos.append(struct.unpack("<III", hello))
                descriptor = array.array("i", extra[0][2][:4])[0]
                with os.fdopen(descriptor, "rb") as start:
                    self.starts.append(start.read())
                course(trainer)
                trainer.close()
        except Exception as error:  # told by close()
            self.errors.append(error)

    def close(self):
        self.thread.join(20)
        self.listener.close()
        self.folder.cleanup()
        if self.errors:
            raise self.errors[0]


def accept(trainer, dimension, gradient=False):
    memory = os.memfd_create("vectors")
    length = (2 if gradient else 1) * 4 * dimension
    os.ftruncate(memory, length)
    view = np.frombuffer(mmap.mmap(memory, length), "<f4")
    message = wire._accepted.pack(wire.ACCEPTED, 3, 8, 1, length, dimension, 0, 4 * dimension if gradient else 0)
    trainer.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))])
    os.close(memory)
    assert trainer.recv(100) == wire.pack_ready()
    return view


def ask(trainer, kind, attempt=1, round_=5):
    trainer.send(wire._task.pack(wire.TASK, 9, round_, attempt, wire.KINDS[kind], 3, 4, 20, 77, 0.25))


def answer(trainer):
    message = trainer.recv(4096)
    return wire._result.unpack_from(message), message[wire._result.size:]


STOP = struct.pack("<I", wire.STOP)
START = {"w": np.arange(6, dtype="f4").reshape(2, 3), "b": np.zeros(2)}


class Attach(unittest.TestCase):
    def attach(self, peer, **more):
        self.addCleanup(os.environ.pop, "STARLING_TRAINER", None)
        os.environ["STARLING_TRAINER"] = peer.path
        return starling.attach(START, patience=10, **more)

    def test_steps_change_the_vector_in_place(self):
        seen = {}

        def course(trainer):
            view = accept(trainer, 8)
            view[:] = 1
            ask(trainer, "steps")
            seen["result"], _ = answer(trainer)
            seen["x"] = view.copy()
            trainer.send(STOP)

        fake = FakePeer(course)
        with self.attach(fake) as peer:
            self.assertEqual((peer.number, peer.peers), (3, 8))
            tasks = 0
            for task in peer:
                tasks += 1
                self.assertEqual((task.kind, task.round, task.attempt, task.steps, task.seed, task.batch, task.eta),
                                 ("steps", 5, 1, 4, 77, 20, 0.25))
                self.assertEqual({n: v.shape for n, v in task.x.items()}, {"w": (2, 3), "b": (2,)})
                task.x["w"] += 1
                task.x["b"] -= 1
                task.done(loss=0.5, samples=10)
            self.assertEqual(tasks, 1)
        fake.close()
        self.assertEqual(list(seen["x"]), [2] * 6 + [0] * 2)
        self.assertEqual(seen["result"][1:7], (9, 5, 1, 1, 0.5, seen["result"][6]))
        self.assertEqual(seen["result"][7:], (10, 0))
        self.assertEqual(fake.hellos[0], (wire.HELLO, 1, wire.CAN["steps"]))

    def test_gradients_and_metrics(self):
        seen = {}

        def course(trainer):
            view = accept(trainer, 8, gradient=True)
            ask(trainer, "gradient")
            answer(trainer)
            seen["g"] = view[8:].copy()
            ask(trainer, "evaluate")
            seen["result"], seen["metrics"] = answer(trainer)
            trainer.send(STOP)

        fake = FakePeer(course)
        with self.attach(fake, kinds=("gradient", "evaluate")) as peer:
            for task in peer:
                if task.kind == "gradient":
                    task.g["w"][:] = 2
                    task.g["b"][:] = 3
                    task.done(loss=1)
                else:
                    self.assertEqual(task.g, {})
                    task.done(loss=0.25, accuracy=0.5, samples=7, perplexity=12)
        fake.close()
        self.assertEqual(list(seen["g"]), [2] * 6 + [3] * 2)
        self.assertEqual(seen["result"][5:], (0.25, 0.5, 7, 1))
        self.assertEqual(struct.unpack("<40sd", seen["metrics"]), (b"perplexity".ljust(40, b"\0"), 12.0))

    def test_a_peer_that_comes_back_asks_again(self):
        def dies(trainer):
            accept(trainer, 8)
            ask(trainer, "steps", attempt=1)

        def returns(trainer):
            accept(trainer, 8)
            ask(trainer, "steps", attempt=1)
            assert answer(trainer)[0][3] == 1
            trainer.send(STOP)

        fake = FakePeer(dies, returns)
        rounds = []
        with self.attach(fake) as peer:
            for task in peer:
                rounds.append(task.round)
                task.done(loss=1)
        fake.close()
        self.assertEqual(rounds, [5, 5])
        self.assertEqual(fake.starts[0], fake.starts[1])

    def test_refusals_are_raised(self):
        fake = FakePeer(lambda trainer: trainer.send(struct.pack("<I", wire.REFUSED) + b"tensor 'w' is missing there"))
        with self.assertRaisesRegex(starling.Refused, "tensor 'w' is missing there"):
            self.attach(fake)
        fake.close()

    def test_who_wanted_the_start_only(self):
        fake = FakePeer(lambda trainer: trainer.send(STOP))
        with self.attach(fake) as peer:
            self.assertEqual(list(peer), [])
        fake.close()

    def test_checkpoints(self):
        seen = {}

        def course(trainer):
            accept(trainer, 8)
            trainer.send(struct.pack("<IQ", wire.CHECKPOINT, 40))
            seen["saved"] = trainer.recv(4096)
            trainer.send(STOP)

        fake = FakePeer(course)
        with self.attach(fake, save=lambda round_: str(round_).encode()) as peer:
            self.assertEqual(list(peer), [])
        fake.close()
        self.assertEqual(seen["saved"], struct.pack("<IQ32s", wire.SAVED, 40, b"40"))

    def test_misuse(self):
        def course(trainer):
            accept(trainer, 8)
            ask(trainer, "steps")
            answer(trainer)
            ask(trainer, "steps")
            trainer.recv(100)

        fake = FakePeer(course)
        peer = self.attach(fake)
        task = next(peer)
        with self.assertRaisesRegex(RuntimeError, "was not answered"):
            next(peer)
        task.done(loss=1)
        with self.assertRaisesRegex(RuntimeError, "twice"):
            task.done(loss=1)
        with self.assertRaisesRegex(ValueError, "needs the loss"):
            next(peer).done()
        peer.close()
        fake.close()
        with self.assertRaisesRegex(ValueError, "must be some of"):
            starling.attach(START, kinds=("train",))
        with self.assertRaisesRegex(ValueError, "STARLING_TRAINER"):
            os.environ.pop("STARLING_TRAINER", None)
            starling.attach(START)
        with self.assertRaisesRegex(ConnectionError, "no peer at"):
            starling.attach(START, run="/nowhere", peer=1, patience=0)


class Start(unittest.TestCase):
    def test_layout(self):
        start = {"embedding": starling.Tensor(np.ones((4, 2), "f2"), role="frozen"), "w": np.ones((2, 3), "f4"),
                 "mean": starling.Tensor(np.full(2, 5.0), role="buffer", dtype="bfloat16")}
        data = b"".join(wire.pack_start(wire.as_tensors(start)))
        magic, version, tensors, listed, values = struct.unpack_from("<8sIIQQ", data)
        self.assertEqual((magic, version, tensors), (b"SLstart\n", 1, 3))
        self.assertEqual(values % 64, 0)
        self.assertEqual(list(np.frombuffer(data, "<f4", offset=values)), [1] * 6 + [5] * 2)
        self.assertEqual(data[32:36], bytes([2, 2, 0, 2]))
        self.assertNotEqual(data[44:60], bytes(16))
        end = 32 + listed
        self.assertEqual(data[end - 5:end], b"mean\0")

    def test_what_cannot_travel(self):
        for start, words in [({"n": np.zeros(2, "i8")}, "cannot be mixed"), ({"": np.zeros(2)}, "the name"),
                             ({"w": np.zeros((2, 0))}, "no elements"), ({}, "no tensor"),
                             ({"w": np.zeros((1,) * 9)}, "dimensions"),
                             ({"w": starling.Tensor(np.zeros(2), role="weight")}, "must be one of")]:
            with self.assertRaisesRegex((ValueError, TypeError), words):
                wire.pack_start(wire.as_tensors(start))


if __name__ == "__main__":
    unittest.main()
