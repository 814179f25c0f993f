"""Probing: an operation runs on tensors without storage, and nothing that it meets is changed.

What runs is a copy of the module (`StandIns`), so it may set attributes. What it reads may be real: its weights, a
table that is no buffer, a layer that a function closes over. A mode sees every call of PyTorch's functions in this
thread, and where one meets a tensor without storage, or would write, all its tensors become shapes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import BuiltinFunctionType, MethodDescriptorType
from typing import Any, TypeVar

import torch
from torch.overrides import TorchFunctionMode

from lamina.operations import OPERATIONS
from lamina.sizes import tree

from .stand_in import StandIns, is_shape

# Small tensors keep their values until they meet a shape, so that code may branch on them: a step, a table of sizes.
_SMALL = 4096
_BUILT_IN = (BuiltinFunctionType, MethodDescriptorType)
_OF_VALUES = (torch.tensor, torch.as_tensor, torch.asarray, torch.scalar_tensor)


M = TypeVar("M", bound=torch.nn.Module)


class _Now(threading.local):
    probe: Probe | None = None


_now = _Now()


def probing() -> bool:
    """Whether an operation is being tried on shapes in this thread: what is computed now is no result."""
    probe = _now.probe
    return probe is not None and not probe.paused


def behind(module: M) -> M:
    """The module behind a stand-in that is being tried; any other module is itself."""
    probe = _now.probe
    return module if probe is None or probe.stand_ins is None else probe.stand_ins.real(module)


def probes_around() -> int:
    """How many probes are going on in this thread, one within the other; each has set PyTorch's device to "meta"."""
    count, probe = 0, _now.probe
    while probe is not None:
        count, probe = count + 1, probe._outer
    return count


class Probe(TorchFunctionMode):
    """While it is entered, PyTorch's functions work on shapes.

    Args:
        op: what will be called; `called` is what to call in its place.
    """

    def __init__(self, op: Callable[..., Any]) -> None:
        super().__init__()
        self.paused = False
        self.stand_ins = StandIns(op) if isinstance(op, torch.nn.Module) else None
        self.called: Callable[..., Any] = op if self.stand_ins is None else self.stand_ins.copy

    def __enter__(self) -> Probe:
        self._outer, _now.probe = _now.probe, self
        return super().__enter__()  # type: ignore[no-any-return, no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        _now.probe = self._outer

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "__set__" and isinstance(args[0], torch.Tensor):
            return None  # x.data = ..., x.grad = ...
        if name == "__get__" and func is torch.Tensor.device.__get__:
            return torch.device("meta")
        if func in _OF_VALUES and not any(map(is_shape, tree.leaves(args))):
            return func(*args, **{**kwargs, "device": "cpu"})
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": "meta"}
        tensors = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if any(map(is_shape, tensors)) or (tensors and _changes(func, name, kwargs)) or _many(tensors):
            args, kwargs = tree.map_leaves(_as_shape, (args, kwargs))
        if func in (torch.Tensor.cpu, torch.Tensor.cuda):
            return args[0]
        if func is torch.Tensor.to:
            args = tuple("meta" if isinstance(a, (str, int, torch.device)) else a for a in args)
        return func(*args, **kwargs)


def _changes(func: Any, name: str, kwargs: dict[str, Any]) -> bool:
    """Whether a function writes into its arguments, or draws numbers from a generator that others use."""
    base = name.partition(".")[0]
    in_place = base.endswith("_") and not base.endswith("__")
    dunder = base == "__setitem__" or (base.startswith("__i") and base not in ("__invert__", "__int__", "__index__"))
    return in_place or dunder or OPERATIONS.of(func).changes or kwargs.get("out") is not None


def _many(tensors: list[torch.Tensor]) -> bool:
    return any(not leaf.is_meta and leaf.numel() > _SMALL for leaf in tensors)


def _as_shape(leaf: Any) -> Any:
    if not isinstance(leaf, torch.Tensor) or leaf.is_meta:
        return leaf
    if leaf.layout is not torch.strided:
        return leaf.detach().to("meta")
    return torch.empty_like(leaf, device="meta", requires_grad=False)


class for_real:  # noqa: N801  it is used like a function
    """A context in which what is computed is real although something is being tried: a layer makes its weights.

    Args:
        module: the layer; what the context gives is the layer behind it, if it is a stand-in.
        device: gives the device on which tensors are made; by default the context does not say.
    """

    __slots__ = ("_device", "_module", "_probe", "_stack")

    def __init__(self, module: torch.nn.Module, device: Callable[[], torch.device] | None = None) -> None:
        self._module, self._device = module, device

    def __enter__(self) -> Any:
        probe = self._probe = _now.probe
        if probe is None or probe.paused:
            self._probe = None
            return self._module
        probe.paused = True
        self._stack = ExitStack()
        if self._device is not None:
            self._stack.enter_context(torch.inference_mode(False))
            self._stack.enter_context(torch.device(self._device()))
        return self._module if probe.stand_ins is None else probe.stand_ins.real(self._module)

    def __exit__(self, *error: Any) -> None:
        probe = self._probe
        if probe is not None:
            self._stack.close()
            probe.paused = False
            if probe.stand_ins is not None:
                probe.stand_ins.renew(self._module)


def run_on_shapes(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], method: str) -> Any:
    """``op`` on tensors without storage: what it returns. It, its weights and what it uses besides stay as they are."""
    if isinstance(op, _BUILT_IN):  # holds nothing that is real
        with torch.no_grad(), torch.device("meta"):
            return op(*args, **kwargs)
    probe = Probe(op)
    with torch.no_grad(), torch.device("meta"), probe:
        result = getattr(probe.called, method)(*args, **kwargs)
    if probe.stand_ins is not None:
        probe.stand_ins.give_back_parts()
    return result
