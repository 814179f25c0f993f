"""What a trial knows the values of: constants that it makes or reads, and what it computes from these alone.

They are real tensors, so that code may branch on them, index with them and keep them for later calls; with a tensor
that has a shape only, a constant counts as its shape. What a trial has made itself it may also change.
"""

from __future__ import annotations

import math
import operator
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lamina.operations import OPERATIONS
from lamina.sizes import tree

from .questions import Size
from .stand_in import is_shape

# Weights up to here, constants up to there are computed with; what is larger counts as its shape.
SMALL, LARGE = 4096, 2**23
OF_VALUES = (torch.tensor, torch.as_tensor, torch.asarray)
# They ask their first argument for no more than its shape, dtype and device.
LIKE: frozenset[Callable[..., Any]] = frozenset(
    [getattr(torch, f"{name}_like") for name in "zeros ones full empty".split()]
    + [getattr(torch.Tensor, f"new_{name}") for name in "zeros ones full empty tensor".split()]
)
# Of these the shape of the result hangs on the values of all arguments but the first.
_INDEXING = (operator.getitem, torch.Tensor.__getitem__)
_SELECTING = (torch.masked_select, torch.Tensor.masked_select)
_REPEATING = (torch.repeat_interleave, torch.Tensor.repeat_interleave)
_SPLITTING: tuple[Any, ...] = (torch.tensor_split, torch.Tensor.tensor_split)
BY_VALUES: frozenset[Callable[..., Any]] = frozenset((*_INDEXING, *_SELECTING, *_REPEATING, *_SPLITTING))
_SHARING = frozenset([torch.from_numpy, torch.as_tensor, torch.asarray, torch.frombuffer])
_DRAWING = frozenset(
    [getattr(torch, name) for name in "rand randn randint randperm normal bernoulli multinomial poisson".split()]
    + [torch.Tensor.bernoulli, torch.Tensor.multinomial]
    + [getattr(torch.Tensor, name) for name in dir(torch.Tensor) if name in (
        "uniform_", "normal_", "random_", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_")]
)  # fmt: skip
# They draw numbers from a generator that others use, whatever they are given.
_DRAWING_GLOBALLY = frozenset(
    [getattr(F, name) for name in "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout".split()]
    + [F.rrelu, F.gumbel_softmax, torch.dropout, torch.binomial, torch.rand_like, torch.randn_like, torch.randint_like]
)
# They change what they are given, and their names do not say so.
_CHANGING = frozenset(
    getattr(namespace, name)
    for namespace, names in (
        (F, "batch_norm instance_norm embedding embedding_bag"),
        (torch, "batch_norm instance_norm"),
    )
    for name in names.split()
)


class Values:
    """The known values of one trial.

    Args:
        default: where PyTorch makes tensors by itself.
        home: gives the place of a tensor that is made where the input is.
    """

    def __init__(self, default: torch.device, home: Callable[[], torch.device]) -> None:
        self._default, self._home = default, home
        self._own: dict[int, weakref.ref[torch.Tensor]] = {}
        self._lost: list[torch.Tensor] = []  # kept, so that no other tensor gets their memory
        self._generators: dict[Any, tuple[Any, torch.Generator]] = {}

    def known(self, tensors: list[torch.Tensor]) -> bool:
        """Whether the values of all of them are known."""
        if any(t.is_meta for t in tensors):
            return False
        return not self._lost or not any(_shares(t, lost) for t in tensors for lost in self._lost)

    def computes(self, func: Any, tensors: list[torch.Tensor], written: list[torch.Tensor]) -> bool:
        """Whether a function of known tensors is to be computed: nobody else sees what it writes, and it is small."""
        if func in _DRAWING_GLOBALLY or not all(map(self._is_own, written)):
            return False
        if sum(t.numel() for t in tensors) > LARGE or any(t.layout is not torch.strided and written for t in tensors):
            return False
        return not any(t.requires_grad and t.numel() > SMALL for t in tensors if not self._is_own(t))

    def keep(self, func: Any, result: Any, tensors: list[torch.Tensor]) -> Any:
        """Note which tensors of a result are the trial's own: in memory that it does not share with others' tensors."""
        others = [t for t in tensors if not self._is_own(t)]
        for leaf in tree.leaves(result):
            if isinstance(leaf, torch.Tensor) and func not in _SHARING and not any(_shares(leaf, t) for t in others):
                self._own[id(leaf)] = weakref.ref(leaf)
        return result

    def lose(self, written: Iterable[torch.Tensor]) -> None:
        """Values that are not known were written into these."""
        self._lost += [t for t in written if self._is_own(t)]

    def placed(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The arguments of a function of known values, for real: a place that is that of a shape becomes a real one."""
        if func is torch.Tensor.to or func is torch.Tensor.type_as:
            args = (args[0], *(leaf.dtype if is_shape(leaf) else leaf for leaf in args[1:]))
            kwargs = {"dtype" if is_shape(v) else k: v.dtype if is_shape(v) else v for k, v in kwargs.items()}
        args, kwargs = tree.map_leaves(self._settled, (args, kwargs))
        if (OPERATIONS.of(func).factory or func in OF_VALUES) and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": self._default}
        if func in _DRAWING:
            tensor = next((leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)), None)
            device = (
                torch.device(kwargs["device"])
                if OPERATIONS.of(func).factory
                else getattr(tensor, "device", self._default)
            )
            kwargs = {**kwargs, "generator": self._generator(kwargs.get("generator"), device)}
        return args, kwargs

    def are_real(self) -> bool:
        """Whether there is a place for them: where the weights have none, nothing hangs on values."""
        return self._home().type != "meta"

    def stand_in(self, shape: torch.Tensor) -> torch.Tensor:
        """A real tensor of a shape, with one number in memory for all of its elements."""
        return torch.zeros((), dtype=shape.dtype, device=self._home()).expand(shape.shape)

    def _settled(self, leaf: Any) -> Any:
        if isinstance(leaf, torch.device) and leaf.type == "meta":
            return self._home()
        return int(leaf) if isinstance(leaf, Size) else leaf

    def _generator(self, given: torch.Generator | None, device: torch.device) -> torch.Generator:
        """One that nobody else uses, for the given one or PyTorch's own."""
        key = device if given is None else id(given)
        if key not in self._generators:
            ours = torch.Generator(device if given is None else given.device)
            if given is not None or device.type == "cpu":
                ours.set_state(torch.get_rng_state() if given is None else given.get_state())
            self._generators[key] = given, ours
        return self._generators[key][1]

    def _is_own(self, tensor: torch.Tensor) -> bool:
        ref = self._own.get(id(tensor))
        return ref is not None and ref() is tensor


def written_by(func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    """The tensors that a function writes into."""
    base = name.partition(".")[0]
    in_place = base.endswith("_") and not base.endswith("__")
    dunder = base == "__setitem__" or (base.startswith("__i") and base not in ("__invert__", "__int__", "__index__"))
    if func in _CHANGING:
        places: Any = (args, kwargs)
    elif in_place or dunder or kwargs.get("inplace") is True:
        places = args[:1] or list(kwargs.values())[:1]
    else:
        places = kwargs.get("out")
    return [leaf for leaf in tree.leaves(places) if isinstance(leaf, torch.Tensor)]


def bound_of(args: Any) -> float:
    """More elements than a function that makes a tensor from these numbers can give it."""
    plain = (int(leaf) if isinstance(leaf, int) else leaf for leaf in tree.leaves(args))
    numbers = [abs(leaf) for leaf in plain if isinstance(leaf, (int, float)) and leaf]
    return math.prod(max(n, 1 / n) if n == n else math.inf for n in numbers)


def by_values(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a function of `BY_VALUES` gives for a first argument that is a shape, and others that are real."""
    if func in _INDEXING:
        key = args[1]
        return args[0][tuple(map(_index, key)) if type(key) is tuple else _index(key)]
    if func in _SELECTING:
        x, mask = torch.broadcast_tensors(*args, *kwargs.values())
        return x[mask]
    return func(*args, **kwargs)


def _index(part: Any) -> Any:
    """A part of a key; a mask that is a list or an array, as a tensor: PyTorch would make one without values."""
    if isinstance(part, np.ndarray):
        return torch.from_numpy(part)
    is_mask = isinstance(part, list) and any(isinstance(leaf, bool) for leaf in tree.leaves(part))
    return torch.tensor(part, device="cpu") if is_mask else part


def as_shape(leaf: Any) -> Any:
    """A tensor without its values, a size that asks nothing any more; anything else is itself."""
    if isinstance(leaf, Size):
        return int(leaf)
    if not isinstance(leaf, torch.Tensor):
        return leaf
    if leaf.is_meta:
        return leaf.as_subclass(torch.Tensor) if _is_weight(leaf) else leaf  # as rules know it
    if leaf.layout is not torch.strided:
        return leaf.detach().to("meta")
    return torch.empty_like(leaf, device="meta", requires_grad=False)


def _is_weight(tensor: torch.Tensor) -> bool:
    """Whether its class changes nothing of what functions make of it, as that of weights and buffers."""
    kind = type(tensor)
    functions, dispatch = kind.__torch_function__, kind.__torch_dispatch__
    return functions is torch.nn.Parameter.__torch_function__ and dispatch is torch.Tensor.__torch_dispatch__


def _shares(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors may lie in the same memory."""
    if a is b:
        return True
    if a.layout is not torch.strided or b.layout is not torch.strided:
        return a.layout is b.layout
    if a.is_meta or b.is_meta:
        return False
    return a.numel() > 0 and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
