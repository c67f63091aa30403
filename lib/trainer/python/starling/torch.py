"""Join with a PyTorch model: three lines around the loop that you have.

    from starling.torch import join
    peer = join(model)
    for task in peer:
        task.done(loss=train_epoch(model, loader, steps=task.steps))

Before each task the model's tensors hold the peer's vector; `done` takes them back. Which tensors travel:

scope="trainable"   parameters with requires_grad (of a model with adapters: the adapters). All others are frozen: their
                    contents are part of the run's fingerprint.
scope="all"         all parameters.
scope=[names]       these.
buffers="local"     stay with the peer (as BatchNorm's should: FedBN); "mix": floating-point buffers are averaged, too.

Tied weights travel once, by their storage. bfloat16 and float16 are cast to float32 on their way, and back. With LoRA, the
mean of B over peers that share one frozen A is exact; if both are trained, the mean of the products is not the product of
the means. Models with BatchNorm learn better with GroupNorm here.
"""
from __future__ import annotations

import hashlib
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch

from ._peer import Peer, Task, attach
from ._wire import Tensor

Scope = Union[str, Sequence[str]]


def _as_numpy(tensor: torch.Tensor) -> np.ndarray:
    """float32, on the host; a copy or a view."""
    return tensor.detach().to("cpu", torch.float32).numpy()


def _raw_bytes(tensor: torch.Tensor) -> np.ndarray:
    """The contents as they are, for a digest: shape as that of the tensor, so that the layout shows it."""
    host = tensor.detach().to("cpu").contiguous()
    return host.to(torch.float32).numpy() if host.is_floating_point() else host.numpy()


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).replace("torch.", "")


def _storage(tensor: torch.Tensor) -> Tuple[Any, ...]:
    """Equal for tied weights: the same memory, seen alike."""
    return (tensor.device, tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))


def _in_scope(name: str, parameter: torch.nn.Parameter, scope: Scope) -> bool:
    if scope == "trainable":
        return parameter.requires_grad
    if scope == "all":
        return True
    if isinstance(scope, str):
        raise ValueError(f"scope {scope!r}: must be 'trainable', 'all' or a list of names")
    return name in scope


def tensors_of(model: torch.nn.Module, scope: Scope = "trainable", buffers: str = "local",
               penalise: Optional[Callable[[str, torch.Tensor], bool]] = None) -> Tuple[Dict[str, Tensor], List[Tuple[str, torch.Tensor]]]:
    """The layout for `attach`, and the tensors of the model that travel, by name. Tied weights once."""
    layout: Dict[str, Tensor] = {}
    moving: List[Tuple[str, torch.Tensor]] = []
    seen = set()
    if buffers not in ("local", "mix"):
        raise ValueError(f"buffers {buffers!r}: must be 'local' or 'mix'")
    named = dict(model.named_parameters(remove_duplicate=False)) if _duplicates() else dict(model.named_parameters())
    if not isinstance(scope, str):
        missing = [name for name in scope if name not in named]
        if missing:
            raise ValueError(f"scope: the model has no parameter {missing[0]!r}")
    for name, parameter in named.items():
        if parameter.numel() == 0 or _storage(parameter) in seen:
            continue
        seen.add(_storage(parameter))
        penalised = penalise(name, parameter) if penalise else parameter.dim() >= 2
        if _in_scope(name, parameter, scope):
            layout[name] = Tensor(_as_numpy(parameter), "parameter", penalised, _dtype(parameter))
            moving.append((name, parameter))
        else:
            layout[name] = Tensor(_raw_bytes(parameter), "frozen", penalised, _dtype(parameter))
    for name, buffer in model.named_buffers():
        if buffers == "mix" and buffer.is_floating_point() and buffer.numel():
            layout[name] = Tensor(_as_numpy(buffer), "buffer", False, _dtype(buffer))
            moving.append((name, buffer))
    return layout, moving


def _duplicates() -> bool:
    """Whether this torch can list tied parameters under each of their names (2.0 and newer)."""
    import inspect
    return "remove_duplicate" in inspect.signature(torch.nn.Module.named_parameters).parameters


class JoinedTask:
    """A Task whose vector is the model: it is in the model's tensors before the loop's body, and taken back by `done`."""

    def __init__(self, task: Task, owner: "Joined") -> None:
        self._task, self._owner = task, owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def done(self, loss: Any = None, samples: int = 0, accuracy: Optional[float] = None, **metrics: Any) -> None:
        """As Task.done; of a gradient task, the model's .grad are the answer."""
        if self._task.kind == "steps":
            self._owner._take(self._task.x)
        elif self._task.kind == "gradient":
            self._owner._take_gradients(self._task.g)
        self._task.done(loss=None if loss is None else float(loss), samples=samples,
                        accuracy=None if accuracy is None else float(accuracy),
                        **{name: float(value) for name, value in metrics.items()})


class Joined:
    """An iterator of tasks. Use `join`."""

    def __init__(self, model: torch.nn.Module, peer: Peer, moving: List[Tuple[str, torch.Tensor]],
                 optimizer: Optional[torch.optim.Optimizer], reset: bool) -> None:
        self.model, self.peer = model, peer
        self._moving, self._optimizer, self._reset = moving, optimizer, reset

    @torch.no_grad()
    def _give(self, x: Dict[str, np.ndarray]) -> None:
        for name, tensor in self._moving:
            tensor.copy_(torch.from_numpy(x[name].copy()).to(tensor.dtype))

    @torch.no_grad()
    def _take(self, x: Dict[str, np.ndarray]) -> None:
        for name, tensor in self._moving:
            x[name][...] = _as_numpy(tensor)

    @torch.no_grad()
    def _take_gradients(self, g: Dict[str, np.ndarray]) -> None:
        for name, tensor in self._moving:
            g[name][...] = 0 if tensor.grad is None else _as_numpy(tensor.grad)

    def __iter__(self) -> Iterator[JoinedTask]:
        for task in self.peer:
            self._give(task.x)
            if task.kind == "gradient":
                self.model.zero_grad()
            if self._reset and self._optimizer is not None:
                self._optimizer.state.clear()
            yield JoinedTask(task, self)

    def close(self) -> None:
        self.peer.close()

    def __enter__(self) -> "Joined":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def join(model: torch.nn.Module, run: Optional[str] = None, peer: Optional[int] = None, *, scope: Scope = "trainable",
         buffers: str = "local", kinds: Sequence[str] = ("steps",),
         penalise: Optional[Callable[[str, torch.Tensor], bool]] = None,
         optimizer: Optional[torch.optim.Optimizer] = None, reset: bool = False,
         save: Optional[Callable[[int], bytes]] = None, patience: float = 60.0) -> Joined:
    """Attaches a model to its peer; see the module's text for scope and buffers, and starling.attach for the rest.

    penalise: (name, tensor) → whether the peer's l1 penalty covers it; without it, tensors of two dimensions and more.
    optimizer, reset: reset=True forgets the optimiser's state before each task; else it stays across rounds.
    Precision: of a bfloat16 model the vector is rounded to bfloat16 at each task; train in float32 where that is too coarse.
    """
    layout, moving = tensors_of(model, scope, buffers, penalise)
    if not moving:
        raise ValueError("no tensor of the model is to be learnt")
    return Joined(model, attach(layout, run, peer, kinds=kinds, save=save, patience=patience), moving, optimizer, reset)


def digest(state: Any) -> bytes:
    """32 bytes for a state dict or any nest of tensors, for `save`."""
    out = hashlib.blake2b(digest_size=32)

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            out.update(_raw_bytes(value).tobytes())
        elif isinstance(value, dict):
            for key in sorted(value, key=str):
                out.update(str(key).encode())
                add(value[key])
        elif isinstance(value, (list, tuple)):
            for item in value:
                add(item)
        else:
            out.update(repr(value).encode())

    add(state)
    return out.digest()
