"""The bytes between a trainer and its peer (lib/trainer/PROTOCOL.md)."""
from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

PROTOCOL = 1
HELLO, ACCEPTED, REFUSED, READY, TASK, RESULT, CHECKPOINT, SAVED, STOP = range(1, 10)
KINDS = {"steps": 1, "gradient": 2, "evaluate": 3}
KIND_NAMES = {number: name for name, number in KINDS.items()}
CAN = {"gradient": 1, "steps": 2, "evaluate": 4, "keeps": 8}
ROLES = {"parameter": 0, "buffer": 1, "frozen": 2}
DTYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 3}
WHOLE = 2**64 - 1
ANY = 2**32 - 1
MESSAGE_MAX = 2048
METRICS_MAX = 32
NAME_MAX = 39
RANK_MAX = 8

_accepted = struct.Struct("<IIIQQQQQ")
_task = struct.Struct("<IQQIIIIQQd")
_result = struct.Struct("<IQQIIddQI")


class Refused(RuntimeError):
    """The peer does not take this trainer; the text says why."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a model.

    value: the start, any shape of rank 8 at most; of a frozen one its contents, which are hashed and not sent.
    role: "parameter", "buffer" (mixed with the neighbours') or "frozen".
    penalised: whether the peer's proximal step (the l1 penalty) covers it. None: tensors of two dimensions and more.
    dtype: the type that the model computes in, as a name; None: that of `value`.
    """

    value: Any
    role: str = "parameter"
    penalised: Optional[bool] = None
    dtype: Optional[str] = None


def as_tensors(start: Mapping[str, Any]) -> Dict[str, Tensor]:
    """Names to Tensor; arrays become parameters."""
    return {name: given if isinstance(given, Tensor) else Tensor(given) for name, given in start.items()}


def _entry(name: str, tensor: Tensor, value: np.ndarray) -> bytes:
    text = name.encode()
    if not text or b"\0" in text or len(text) > 65000:
        raise ValueError(f"tensor {name!r}: the name must be 1 to 65000 bytes without NUL")
    if value.ndim > RANK_MAX:
        raise ValueError(f"tensor {name!r}: {value.ndim} dimensions, at most {RANK_MAX}")
    if tensor.role not in ROLES:
        raise ValueError(f"tensor {name!r}: role {tensor.role!r}, must be one of {', '.join(ROLES)}")
    penalised = value.ndim >= 2 if tensor.penalised is None else tensor.penalised
    if tensor.role == "buffer":
        penalised = False
    dtype = tensor.dtype or str(np.asarray(tensor.value).dtype)
    digest = bytes(16)
    if tensor.role == "frozen":
        digest = hashlib.blake2b(np.ascontiguousarray(value).tobytes(), digest_size=16).digest()
    head = struct.pack("<BBBB", ROLES[tensor.role], DTYPES.get(dtype, 4), 0 if penalised else 1, value.ndim)
    shape = struct.pack(f"<{value.ndim}I", *value.shape)
    return head + shape + digest + struct.pack("<H", len(text) + 1) + text + b"\0"


def pack_start(tensors: Mapping[str, Tensor]) -> List[bytes]:
    """The start of a model as bytes, in pieces: head and list, padding to 64, then float32 values in order."""
    entries, values = [], []
    for name, tensor in tensors.items():
        value = np.asarray(tensor.value)
        entries.append(_entry(name, tensor, value))
        if tensor.role != "frozen":
            if not np.issubdtype(value.dtype, np.floating):
                raise TypeError(f"tensor {name!r}: {value.dtype} cannot be mixed; only floating-point tensors travel")
            if value.size == 0:
                raise ValueError(f"tensor {name!r}: shape {list(value.shape)} has no elements")
            values.append(np.ascontiguousarray(value, dtype="<f4").tobytes())
    if not values:
        raise ValueError("no tensor is to be learnt")
    listed = b"".join(entries)
    floats = (32 + len(listed) + 63) // 64 * 64
    head = struct.pack("<8sIIQQ", b"SLstart\n", 1, len(entries), len(listed), floats)
    return [head, listed, bytes(floats - 32 - len(listed)), *values]


def pack_hello(can: int) -> bytes:
    return struct.pack("<III", HELLO, PROTOCOL, can)


def pack_ready() -> bytes:
    return struct.pack("<I", READY)


def pack_saved(round_: int, digest: bytes) -> bytes:
    return struct.pack("<IQ32s", SAVED, round_, digest)


def pack_result(ids: Tuple[int, int, int, int], loss: float, accuracy: float, samples: int,
                metrics: Sequence[Tuple[str, float]]) -> bytes:
    """ids: epoch, round, attempt and kind of the task."""
    if len(metrics) > METRICS_MAX:
        raise ValueError(f"{len(metrics)} metrics; at most {METRICS_MAX}")
    parts = [_result.pack(RESULT, *ids, loss, accuracy, samples, len(metrics))]
    for name, value in metrics:
        text = name.encode("ascii", "replace")
        if not text or len(text) > NAME_MAX or any(b <= 32 or b >= 127 for b in text):
            raise ValueError(f"metric {name!r}: 1 to {NAME_MAX} printable ASCII characters without blanks")
        parts.append(struct.pack("<40sd", text, float(value)))
    return b"".join(parts)


@dataclass
class Accepted:
    peer: int
    peers: int
    run: int
    length: int
    dimension: int
    parameters: int
    answer: int


@dataclass
class Asked:
    epoch: int
    round: int
    attempt: int
    kind: int
    peer: int
    steps: int
    batch: int
    seed: int
    eta: float


def unpack(message: bytes) -> Tuple[int, Any]:
    """Kind and contents: Accepted, Asked, a text (REFUSED), a round (CHECKPOINT) or None (STOP)."""
    if len(message) < 4:
        raise ValueError("a message of the peer is too short")
    kind = struct.unpack_from("<I", message)[0]
    if kind == ACCEPTED and len(message) == _accepted.size:
        return kind, Accepted(*_accepted.unpack(message)[1:])
    if kind == TASK and len(message) == _task.size:
        return kind, Asked(*_task.unpack(message)[1:])
    if kind == REFUSED:
        return kind, message[4:].decode("utf-8", "replace")
    if kind == CHECKPOINT and len(message) == 12:
        return kind, struct.unpack_from("<Q", message, 4)[0]
    if kind == STOP and len(message) == 4:
        return kind, None
    raise ValueError(f"message {kind} of {len(message)} bytes is not of this protocol")


def number(value: Optional[float]) -> float:
    return math.nan if value is None else float(value)
