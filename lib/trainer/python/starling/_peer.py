"""A trainer's end of the connection: attach, iterate, done."""
from __future__ import annotations

import array
import errno
import fcntl
import mmap
import os
import socket
import sys
import time
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence

import numpy as np

from . import _wire as wire

_SEALS = getattr(fcntl, "F_SEAL_SHRINK", 2) | getattr(fcntl, "F_SEAL_GROW", 4) | getattr(fcntl, "F_SEAL_WRITE", 8)
_ADD_SEALS = getattr(fcntl, "F_ADD_SEALS", 1033)


class _Gone(Exception):
    """The peer has closed the connection, or is not there yet."""


class Task:
    """One thing to do for the peer.

    kind: "steps": make `steps` steps of your optimiser from x, in place; "gradient": fill g with the gradient at x of
    batch `batch`, a pure function of (x, batch, seed); "evaluate": loss, accuracy and other numbers at x.
    peer, round, attempt: whose, which, and for the how-many-th time. A task that was interrupted comes again.
    steps, eta: of the method; eta is its step size in this round, which your own optimiser may ignore.
    batch: counts the local steps of the run from 0; None: all of the peer's data.
    seed: everything random in the task may follow from it; equal in every attempt.
    x: name → float32 view of the shared vector, in the tensor's shape. Of "gradient" and "evaluate": do not change it.
    g: of "gradient", the same for the answer.
    """

    def __init__(self, peer: "Peer", asked: wire.Asked) -> None:
        self._owner, self._asked, self._connection = peer, asked, peer._connections
        self.kind: str = wire.KIND_NAMES.get(asked.kind, "unknown")
        self.peer, self.round, self.attempt = asked.peer, asked.round, asked.attempt
        self.steps, self.eta, self.seed = asked.steps, asked.eta, asked.seed
        self.batch: Optional[int] = None if asked.batch == wire.WHOLE else asked.batch
        self.x: Dict[str, np.ndarray] = peer._x
        self.g: Dict[str, np.ndarray] = peer._g if self.kind == "gradient" else {}
        self._answered = False

    def done(self, loss: Optional[float] = None, samples: int = 0, accuracy: Optional[float] = None,
             **metrics: float) -> None:
        """Hands the answer over. Other named numbers go to the table `metric` of the history."""
        if self._answered:
            raise RuntimeError("done() was called twice for one task")
        self._answered = True
        if self.kind != "evaluate" and loss is None:
            raise ValueError("done() needs the loss of the task")
        ids = (self._asked.epoch, self._asked.round, self._asked.attempt, self._asked.kind)
        message = wire.pack_result(ids, wire.number(loss), wire.number(accuracy), int(samples), list(metrics.items()))
        if self._connection == self._owner._connections:  # else the peer that asked has gone
            self._owner._send(message)


class Peer:
    """An iterator of tasks; ends when the run ends. Use `attach`."""

    def __init__(self, start: Mapping[str, Any], path: str, kinds: Sequence[str], save: Optional[Callable[[int], bytes]],
                 patience: float) -> None:
        self.tensors = wire.as_tensors(start)
        self.number: Optional[int] = None  #: of the peer; None: tasks say whose they are
        self.peers = 0
        self._path, self._save, self._patience = path, save, patience
        self._can = sum(wire.CAN[kind] for kind in kinds) | (wire.CAN["keeps"] if save else 0)
        self._pieces = wire.pack_start(self.tensors)
        self._socket: Optional[socket.socket] = None
        self._memory: Optional[mmap.mmap] = None
        self._x: Dict[str, np.ndarray] = {}
        self._g: Dict[str, np.ndarray] = {}
        self._connections = 0
        self._stopped = False
        self._task: Optional[Task] = None
        self._connect_in_time()

    # ---- the connection ----

    def _connect(self) -> None:
        """One try, up to ACCEPTED and READY. Raises _Gone where there is nobody yet."""
        folder, name = os.path.split(self._path)
        try:
            at = os.open(folder or ".", os.O_PATH | os.O_DIRECTORY)
        except OSError as error:
            raise _Gone(str(error)) from None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(f"/proc/self/fd/{at}/{name}")  # an address of any length fits so
            self._say_hello()
            self._await_accepted()
        except (ConnectionError, FileNotFoundError) as error:
            self._close()
            raise _Gone(str(error)) from None
        except OSError as error:
            self._close()
            if error.errno in (errno.EACCES, errno.EPERM):
                raise wire.Refused(f"{self._path}: {error.strerror}: the socket is of another user") from None
            raise
        finally:
            os.close(at)

    def _say_hello(self) -> None:
        assert self._socket
        memory = os.memfd_create("starling-start", os.MFD_CLOEXEC | getattr(os, "MFD_ALLOW_SEALING", 2))
        try:
            for piece in self._pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(memory, view):]
            fcntl.fcntl(memory, _ADD_SEALS, _SEALS)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))]
            try:
                self._socket.sendmsg([wire.pack_hello(self._can)], rights)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before it was said: the words come
        finally:
            os.close(memory)

    def _await_accepted(self) -> None:
        kind, body, descriptor = self._receive()
        if kind == wire.STOP:  # the peer wanted to know what is trained here, and no more
            self._stopped = True
            return
        if kind != wire.ACCEPTED or descriptor is None:
            raise ValueError(f"message {kind} instead of ACCEPTED")
        try:
            self._map(body, descriptor)
        finally:
            os.close(descriptor)
        self.number = None if body.peer == wire.ANY else body.peer
        self.peers = body.peers
        self._connections += 1
        self._send(wire.pack_ready())

    def _map(self, accepted: wire.Accepted, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, accepted.length)
        self._x = self._views(accepted.parameters, accepted.dimension)
        self._g = self._views(accepted.answer, accepted.dimension) if accepted.answer else {}

    def _views(self, offset: int, dimension: int) -> Dict[str, np.ndarray]:
        assert self._memory is not None
        whole = np.frombuffer(self._memory, "<f4", dimension, offset)
        views, at = {}, 0
        for name, tensor in self.tensors.items():
            if tensor.role != "frozen":
                shape = np.shape(tensor.value)
                size = int(np.prod(shape, dtype=np.int64))
                views[name] = whole[at:at + size].reshape(shape)
                at += size
        return views

    def _receive(self) -> Any:
        assert self._socket
        try:
            data, extra, _, _ = self._socket.recvmsg(wire.MESSAGE_MAX, socket.CMSG_SPACE(4))
        except ConnectionResetError:  # the reason may still be there to be read
            data, extra, _, _ = self._socket.recvmsg(wire.MESSAGE_MAX, socket.CMSG_SPACE(4))
        if not data:
            raise ConnectionResetError("the peer has closed the connection")
        descriptor = None
        for level, what, payload in extra:
            if level == socket.SOL_SOCKET and what == socket.SCM_RIGHTS:
                descriptor = array.array("i", payload[:4])[0]
        kind, body = wire.unpack(data)
        if kind == wire.REFUSED:
            self._close()
            raise wire.Refused(body)
        return kind, body, descriptor

    def _send(self, message: bytes) -> None:
        try:
            if self._socket:
                self._socket.send(message)
        except (ConnectionError, OSError):
            pass  # the next _receive notices

    def _close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None

    def _connect_in_time(self) -> None:
        """The peer may not be there yet, or be on its way back."""
        until, pause = time.monotonic() + self._patience, 0.02
        while True:
            try:
                self._connect()
                return
            except _Gone as error:
                if time.monotonic() > until:
                    raise ConnectionError(f"no peer at {self._path}: {error}") from None
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    # ---- tasks ----

    def _checkpoint(self, round_: int) -> None:
        digest = self._save(round_) if self._save else b""
        self._send(wire.pack_saved(round_, digest[:32].ljust(32, b"\0")))

    def __iter__(self) -> Iterator[Task]:
        return self

    def __next__(self) -> Task:
        if self._task is not None and not self._task._answered:
            raise RuntimeError("the task before this one was not answered: call task.done(…)")
        while not self._stopped:
            try:
                kind, body, descriptor = self._receive()
            except ConnectionError:
                self._close()
                self._task = None
                self._connect_in_time()  # the peer is back, and asks again
                continue
            if descriptor is not None:
                os.close(descriptor)
            if kind == wire.STOP:
                break
            if kind == wire.CHECKPOINT:
                self._checkpoint(body)
                continue
            if kind == wire.TASK:
                self._task = Task(self, body)
                return self._task
        self._stopped = True
        raise StopIteration

    def close(self) -> None:
        """Leaves. The peer waits for the next trainer, unless the run has ended."""
        self._stopped = True
        self._task = None
        self._close()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def attach(start: Mapping[str, Any], run: Optional[str] = None, peer: Optional[int] = None, *,
           kinds: Sequence[str] = ("steps",), save: Optional[Callable[[int], bytes]] = None,
           patience: float = 60.0) -> Peer:
    """Attaches to a peer as its trainer, and returns the tasks as an iterator.

    start: name → array (or Tensor), in order: the tensors, and the start of those that are learnt. float32 travels;
    others are cast. The order, names and shapes must be the same at all peers.
    run, peer: the run's folder and the peer's number. Without them the peer is that of $STARLING_TRAINER, which
    `starling up` sets.
    kinds: what you can do: "steps", "gradient", "evaluate".
    save: called with a round when the peer writes a checkpoint: keep what you need to go on from there, and return a
    digest of it (32 bytes at most).
    patience: seconds for which a peer may be away, at the start and between two tasks.
    Raises Refused where the peer does not take this trainer, ConnectionError where there is none.
    """
    unknown = [kind for kind in kinds if kind not in wire.KINDS]
    if unknown or not kinds:
        raise ValueError(f"kinds {list(kinds)}: must be some of {', '.join(wire.KINDS)}")
    if run is not None:
        if peer is None:
            raise ValueError("attach(run=…) needs peer=K, too")
        path = os.path.join(run, "trainer", str(peer))
    else:
        path = os.environ.get("STARLING_TRAINER", "")
        if not path:
            raise ValueError("which peer? $STARLING_TRAINER is not set: give run= and peer=")
    if os.environ.get("RANK", "0") != "0":
        raise RuntimeError(f"only the process of global rank 0 attaches (RANK is {os.environ['RANK']})")
    if sys.byteorder != "little":
        raise RuntimeError("vectors are little-endian")
    return Peer(start, path, kinds, save, patience)
