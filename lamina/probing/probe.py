"""Probing: an operation runs on tensors without storage, and nothing that it meets is changed.

What runs is a copy of the module (`StandIns`), so it may set attributes. What it reads may be real: its weights, a
table that is no buffer, a layer that a function closes over. A mode sees every call of PyTorch's functions in this
thread. What is made from known values alone is computed (`values.py`); where a function meets a tensor without storage,
or would change what others see, all its tensors become shapes.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from types import BuiltinFunctionType, MethodDescriptorType
from typing import Any, TypeVar

import torch
from torch.overrides import TorchFunctionMode

from lamina._torch import transforms
from lamina.operations import OPERATIONS
from lamina.sizes import tree
from lamina.sizes.effort import effort_now
from lamina.sizes.keys import goes_back, taken
from lamina.sizes.search import REFUSALS

from .questions import Question, followed
from .quick import on_shapes_at_once
from .recurrent import recurrence_on_shapes
from .stand_in import StandIns, is_shape
from .values import BY_VALUES, LARGE, LIKE, SMALL, Values, as_shape, bound_of, by_values, written_by

BUILT_IN = (BuiltinFunctionType, MethodDescriptorType)
_FAR = 2500  # beyond this a window or a step makes the same of all usual sizes
_SHAPE: Any = torch.Tensor.shape
_SIZES = frozenset([_SHAPE.__get__, torch.Tensor.size, torch.Tensor.numel, torch.Tensor.nelement])

# What no size and no value has to do with is answered at once.
_FACTS = frozenset(
    [getattr(torch.Tensor, name).__get__ for name in "dtype is_meta ndim layout requires_grad".split()]
    + [torch.Tensor.dim, torch.Tensor.is_floating_point, torch.Tensor.is_complex]
)

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


@contextmanager
def unwatched() -> Iterator[None]:
    """Within, PyTorch's functions do what they say, although something is being tried: for tensors that are made
    without storage on purpose."""
    probe = _now.probe
    if probe is None or probe.paused:
        yield
        return
    probe.paused = True
    try:
        yield
    finally:
        probe.paused = False


class Probe(TorchFunctionMode):
    """While it is entered, PyTorch's functions work on shapes.

    Args:
        op: what will be called; `called` is what to call in its place.
        default: where PyTorch makes tensors by itself.

    Attributes:
        asked: what the operation has asked about sizes.
        steps_back: whether it has taken a negative step, which real tensors refuse.
    """

    def __init__(self, op: Callable[..., Any], default: torch.device) -> None:
        super().__init__()
        self.paused = False
        self.asked: list[Question] = []
        self.steps_back = False
        self._effort = effort_now()
        self.stand_ins = StandIns(op) if isinstance(op, torch.nn.Module) else None
        self.called: Callable[..., Any] = op if self.stand_ins is None else self.stand_ins.copy
        self.default: torch.device = default if _now.probe is None else _now.probe.default
        self._values = Values(self.default, lambda: _home_of(op, self.default))

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
        if self.paused or func in _FACTS:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "__set__" and isinstance(args[0], torch.Tensor):
            return None  # x.data = ..., x.grad = ...
        if name == "__getitem__" and goes_back(args[1]):
            self.steps_back = True
            return taken(args[0], args[1], lambda x, key: self.__torch_function__(func, types, (x, key)))
        if name == "__get__" and func is torch.Tensor.device.__get__:
            return torch.device("meta")
        if func in _SIZES:
            return followed(func(*args, **kwargs), self.asked) if is_shape(args[0]) else func(*args, **kwargs)
        if self._effort is not None and not torch.compiler.is_dynamo_compiling():  # it asks whether this has changed
            self._effort.count()
        tensors = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        written = written_by(func, name, args, kwargs)
        asks = tensors[:1] if func is torch.Tensor.to or func is torch.Tensor.type_as else tensors
        if func in LIKE and is_shape(args[0]) and self._values.are_real() and self._values.known(tensors[1:]):
            made = self._made(func, (self._values.stand_in(args[0]), *args[1:]), kwargs)
            return self._on_shapes(func, args, kwargs) if made is None else made
        if not self._values.known(asks):
            self._values.lose(written)
            return self._on_shapes(func, args, kwargs)
        if not self._values.computes(func, tensors, written):
            return self._on_shapes(func, args, kwargs)
        if OPERATIONS.of(func).factory:
            made = self._made(func, args, kwargs)
            return self._on_shapes(func, args, kwargs) if made is None else made
        return self._computed(func, args, kwargs, tensors)

    def _made(self, func: Any, args: Any, kwargs: Any) -> Any:
        """A tensor that is made from numbers, for real; None if it is too large for that."""
        bound = bound_of((args, kwargs))
        # A range has no more numbers than that; of how many there are, PyTorch would import its compiler to tell.
        if bound > (LARGE if func is torch.arange else SMALL):
            made = func(*tree.map_leaves(as_shape, args), **{**kwargs, "device": "meta"})
            if made.numel() > LARGE:
                return None
        args, kwargs = self._values.placed(func, args, kwargs)
        return self._values.keep(func, func(*args, **kwargs), [])

    def _computed(self, func: Any, args: Any, kwargs: Any, tensors: list[torch.Tensor]) -> Any:
        """What a function gives for known values, unless that is too large."""
        if sum(tensor.numel() for tensor in tensors) > SMALL:
            with suppress(TypeError, *REFUSALS):  # there are functions that no shapes can be found of
                on_shapes = self._on_shapes(func, args, kwargs)
                if any(is_shape(leaf) and leaf.numel() > LARGE for leaf in tree.leaves(on_shapes)):
                    return on_shapes
        args, kwargs = self._values.placed(func, args, kwargs)
        return self._values.keep(func, func(*args, **kwargs), tensors)

    def _on_shapes(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": "meta"}
        if func in (torch.Tensor.cpu, torch.Tensor.cuda):
            return args[0]
        if func is torch.Tensor.to:
            args = tuple("meta" if isinstance(a, (str, int, torch.device)) else a for a in args)
        if func in BY_VALUES and is_shape(args[0]):
            return by_values(func, args, kwargs)
        numbers = [leaf for leaf in tree.leaves((args, kwargs)) if type(leaf) is int and leaf > _FAR]
        if numbers:  # else not touched: compiled code has to see the same attributes before and after
            self.asked += [Question("spoken", 0, number, None) for number in numbers]
        args, kwargs = tree.map_leaves(as_shape, (args, kwargs))
        quick = on_shapes_at_once(func, args, kwargs)
        quick = recurrence_on_shapes(func, args, kwargs) if quick is None else quick
        return func(*args, **kwargs) if quick is None else quick


def _home_of(op: Any, default: torch.device) -> torch.device:
    """Where an operation's input will be: with its weights."""
    weights = itertools.chain(op.parameters(), op.buffers()) if isinstance(op, torch.nn.Module) else iter(())
    weight = next(weights, None)
    return weight.device if weight is not None else default


class for_real:  # noqa: N801  it is used like a function
    """A context in which what is computed is real although something is being tried: a layer makes its weights. So it
    is where that is first called under `vmap`, `grad` or `jvp`: weights that belonged to these would end with them.

    Args:
        module: the layer; what the context gives is the layer behind it, if it is a stand-in.
        device: gives the device on which tensors are made; by default the context does not say.
    """

    __slots__ = ("_device", "_module", "_probe", "_stack", "_transforms")

    def __init__(self, module: torch.nn.Module, device: Callable[[], torch.device] | None = None) -> None:
        self._module, self._device = module, device

    def __enter__(self) -> Any:
        self._transforms = transforms.set_aside()
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
        transforms.put_back(self._transforms)
        probe = self._probe
        if probe is not None:
            self._stack.close()
            probe.paused = False
            if probe.stand_ins is not None:
                probe.stand_ins.renew_built(self._module)


def run_on_shapes(
    op: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    method: str,
    asked: list[Question],
    watch: Callable[[Any], None] | None = None,
) -> Any:
    """``op`` on tensors without storage: what it returns. It, its weights and what it uses besides stay as they are.

    Args:
        asked: gets what the operation asks about sizes.
        watch: is given the copy of a module that will be called, to put hooks on it and on what is in it.
    """
    if isinstance(op, BUILT_IN):  # holds nothing that is real
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": "meta"}
        # What is made of the arguments is made where they are: a mode would only take time.
        place = nullcontext() if OPERATIONS.of(op).exact else torch.device("meta")
        with torch.no_grad(), place:
            quick = None if op in BY_VALUES else on_shapes_at_once(op, args, kwargs)
            if quick is not None:
                return quick
            return by_values(op, args, kwargs) if op in BY_VALUES else op(*args, **kwargs)
    probe = Probe(op, torch.get_default_device())
    if watch is not None:
        watch(probe.called)
    try:
        with torch.no_grad(), torch.device("meta"), probe:
            result = getattr(probe.called, method)(*args, **kwargs)
    finally:  # a refusal hangs on what was asked before it
        asked += probe.asked
    if probe.stand_ins is not None:
        probe.stand_ins.give_back_parts()
    if probe.steps_back and hasattr(op, "steps_back"):
        op.steps_back()
    return result
