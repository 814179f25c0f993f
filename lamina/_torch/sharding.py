"""Weights that lie on several processes: what of PyTorch's `DTensor` has no public name."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from .backward import at_end
from .symbols import Symbol, found

SYMBOLS = (
    Symbol(
        "torch.distributed.tensor.DTensor._op_dispatcher",
        "a layer that makes tensors itself cannot run on a part of its weights, and PyTorch's error says so",
    ),
    Symbol("torch.utils._python_dispatch.TorchDispatchMode", "a plan counts no calls of process groups"),
    Symbol("torch.testing._internal.distributed.fake_pg.FakeStore", "no plans: NotImplementedError"),
    Symbol("torch.distributed.distributed_c10d._resolve_process_group", "no plans of models with cut weights"),
)
_mode = found("torch.utils._python_dispatch.TorchDispatchMode")
DispatchMode: Any = _mode if _mode is not None else object
"""Base of what is told of every operation."""
_REDUCTIONS = frozenset(("sum", "avg", "product", "min", "max", "band", "bor", "bxor"))


def is_sharded(tensor: Any) -> bool:
    """Whether it is a `DTensor`; asked without importing what PyTorch has for these, which takes 2 s.

    >>> is_sharded(torch.ones(2))
    False
    """
    return type(tensor) is not torch.Tensor and hasattr(tensor, "device_mesh")


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of a `DTensor`, of which every process then has a copy; another tensor as it is."""
    full: torch.Tensor = tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]
    return full


def laid_out_like(value: torch.Tensor, weight: Any) -> torch.Tensor:
    """A tensor that every process has, as `weight` lies: its part of it where that is a `DTensor`."""
    if not is_sharded(weight) or is_sharded(value):
        return value
    from torch.distributed.tensor import distribute_tensor

    there = value.detach().as_subclass(torch.Tensor).to(weight.device, weight.dtype)
    return distribute_tensor(there, weight.device_mesh, weight.placements, src_data_rank=None)


def local(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """The parts of `DTensor`s that this process has; writing into them is writing into the whole."""
    return [t.to_local() for t in tensors]  # type: ignore[attr-defined]  # only `DTensor`s come


def local_like(tensors: list[torch.Tensor], parameters: list[torch.Tensor]) -> list[torch.Tensor]:
    """The parts of gradients that this process has, which lie in memory as those of the parameters do.

    PyTorch's record of how a part lies may differ from how it does, after a product for example.
    """
    pairs = zip(local(tensors), local(parameters), strict=True)
    return [t if t.stride() == p.stride() else torch.empty_like(p).copy_(t) for t, p in pairs]


def mix(value: bool) -> bool:
    """Say whether a plain tensor counts as a whole copy where it meets a `DTensor`; returns what was said before.

    PyTorch's own `implicit_replication` forgets what was before.
    """
    dispatcher = found("torch.distributed.tensor.DTensor._op_dispatcher")
    if dispatcher is None:
        return False
    before = bool(dispatcher._allow_implicit_replication)
    if before != value:
        dispatcher._allow_implicit_replication = value
    return before


def mixes_in_backward(tensor: torch.Tensor) -> None:
    """Plain tensors count as whole copies in the backward pass through this one, as they did in the forward pass.

    A layer makes tensors itself (positions, masks), which are plain; what is computed from them and a `DTensor` keeps
    both for the backward pass.
    """
    if tensor.requires_grad:
        tensor.register_hook(_mix_until_end)


def _mix_until_end(gradient: Any) -> None:
    if not mix(True):
        at_end(_end)


def _end() -> None:
    mix(False)


def fake_store() -> Any:
    """What PyTorch's process group without other processes asks for, which is known by name from then on.

    Raises:
        NotImplementedError: this PyTorch has none.
    """
    kind = found("torch.testing._internal.distributed.fake_pg.FakeStore")
    if kind is None:
        raise NotImplementedError(f"PyTorch {torch.__version__} has no fake process group, which a plan is made with.")
    return kind()


def group_of(arguments: list[Any]) -> Any:
    """The process group among the arguments of one of PyTorch's operations on groups: an object, or its name."""
    resolve = found("torch.distributed.distributed_c10d._resolve_process_group")
    for argument in reversed(arguments):
        if isinstance(argument, str) and argument not in _REDUCTIONS:
            return resolve(argument)
        if isinstance(argument, torch.ScriptObject):
            with contextlib.suppress(RuntimeError, TypeError):  # a kind of reduction is an object, too
                return torch.distributed.ProcessGroup.unbox(argument)
    raise NotImplementedError("An operation on a process group does not tell its group.")
