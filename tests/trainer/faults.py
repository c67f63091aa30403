"""A trainer with a fault: faults.py FAULT [ROUND]. It speaks the protocol by itself, as far as the fault goes."""
import array
import fcntl
import os
import signal
import socket
import struct
import sys
import time

import numpy as np
from starling import _wire as wire

fault = sys.argv[1]
at_round = int(sys.argv[2]) if len(sys.argv) > 2 else 0  # the first task from there on
path = os.environ["STARLING_TRAINER"]
folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
deadline = time.monotonic() + 60
while True:
    try:
        peer.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        break
    except (FileNotFoundError, ConnectionRefusedError):
        if time.monotonic() > deadline:
            raise
        time.sleep(0.02)


def end():
    """Dies as a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_refusal():
    message = peer.recv(4096)
    print("refused:", message[4:].decode() if message else "without a word")
    sys.exit(3)


if fault == "before-hello":
    end()
tensors = {"w": np.zeros((20, 3), "f4"), "b": np.zeros(3, "f4")}
if fault == "shape":
    tensors["w"] = np.zeros((20, 4), "f4")
if fault == "name":
    tensors = {"w": tensors["w"], "bias": tensors["b"]}
if fault == "fewer":
    del tensors["b"]
if fault == "more":
    tensors["c"] = np.zeros(1, "f4")
pieces = wire.pack_start(wire.as_tensors(tensors))
if fault == "torn-start":
    pieces = [b"".join(pieces)[:-4]]
if fault == "nan-start":
    pieces[-1] = np.full(3, np.nan, "f4").tobytes()
memory = os.memfd_create("start", os.MFD_CLOEXEC | 2)
for piece in pieces:
    os.write(memory, piece)
if fault != "unsealed":
    fcntl.fcntl(memory, 1033, 2 | 4 | 8)
hello = struct.pack("<III", wire.HELLO, 99 if fault == "protocol" else 1, 1 if fault == "no-steps" else 3)
if fault == "garbage":
    hello = b"what is this?"
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))]
try:
    peer.sendmsg([hello], [] if fault == "no-start" else rights)
except (BrokenPipeError, ConnectionResetError):
    pass
try:
    data, extra, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4))
except ConnectionResetError:
    data, extra, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4))
kind, accepted = wire.unpack(data)
if kind == wire.REFUSED:
    print("refused:", accepted)
    sys.exit(3)
if fault == "before-ready":
    end()
if fault == "result-before-ready":
    peer.send(wire.pack_result((1, 1, 1, 1), 0.5, 0.5, 1, []))
    wait_for_refusal()
descriptor = array.array("i", extra[0][2][:4])[0]
vectors = np.memmap(os.fdopen(descriptor, "r+b"), "<f4", "r+", shape=(accepted.length // 4,))
peer.send(wire.pack_ready())
done = 0
while True:
    message = peer.recv(4096)
    if not message:
        sys.exit(4)
    kind, task = wire.unpack(message)
    if kind == wire.STOP:
        sys.exit(0)
    if kind != wire.TASK:
        continue
    ids = (task.epoch, task.round, task.attempt, task.kind)
    vectors[:63] = vectors[:63] * np.float32(0.99) + np.float32(0.01)
    hit = task.round >= at_round and done == 0
    if hit and fault == "in-task":
        end()
    if hit and fault == "hang":
        done = 1
        print("hangs", flush=True)
        signal.pause()
    if task.round >= at_round and fault in ("nan", "nan-once", "huge") and (fault != "nan-once" or hit):
        vectors[5] = 1e30 if fault == "huge" else np.nan
        done = 1
    if hit and fault == "late":  # another round, another time, another attempt; then nothing
        peer.send(wire.pack_result((task.epoch, task.round + 1, task.attempt, task.kind), 0.1, 0.1, 1, []))
        peer.send(wire.pack_result((task.epoch - 1, task.round, task.attempt, task.kind), 0.1, 0.1, 1, []))
        peer.send(wire.pack_result((task.epoch, task.round, task.attempt + 1, task.kind), 0.1, 0.1, 1, []))
        print("late", flush=True)
        signal.pause()
    if hit and fault == "short":
        peer.send(wire.pack_result(ids, 0.1, 0.1, 1, [])[:-3])
        wait_for_refusal()
    if hit and fault == "out-of-turn":
        peer.send(hello)
        wait_for_refusal()
    peer.send(wire.pack_result(ids, 0.5, 0.5, 1, [("rounds", float(task.round))]))
    if hit and fault == "after-result":
        end()
