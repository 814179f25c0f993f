"""Lazy modules of PyTorch (``nn.LazyLinear``): their weights have no shape until they are called on real tensors."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from functools import partial
from typing import Any

import torch

from lamina.devices import current_device
from lamina.graph import SymbolicTensor, tree
from lamina.probing import for_real, is_shape

from .nested import known_parts
from .unknown_weights import made_in, refuse_other
from .variable import Variable

_LAZY = (torch.nn.parameter.UninitializedParameter, torch.nn.parameter.UninitializedBuffer)
_MADE = frozenset((Variable, torch.nn.Parameter, torch.Tensor))  # asked for first: the other question takes long
# What stands for sizes that are not known: little work, or enough for a window.
_UNKNOWN = (2, 64)


def is_lazy(module: torch.nn.Module) -> bool:
    """Whether a weight, here or below, waits for its shape."""
    if not module._modules:  # as in most layers, of which this is asked twice when one is drawn
        own = _own_weights(module)
        return not _MADE.issuperset(map(type, own)) and any(isinstance(w, _LAZY) for w in own)
    return any(isinstance(w, _LAZY) for part in known_parts(module) for w in _own_weights(part))


def _own_weights(module: torch.nn.Module) -> tuple[Any, ...]:
    return (*module._parameters.values(), *module._buffers.values())


def make_lazy_weights(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Call a layer with lazy modules in it once, on zeros, where it would be called on shapes alone.

    Weights hang on sizes that are known, see `refuse_unknown`, so any will do for the others.
    """
    if not is_lazy(layer) or not any(map(_stands_for_data, tree.leaves((args, kwargs)))):
        return
    with for_real(layer, current_device) as real, torch.no_grad():
        for size in _UNKNOWN:
            given, named = tree.map_leaves(partial(_zeros, size), (args, kwargs))
            try:
                real.launch(*given, **named)
            except RuntimeError:
                if size == _UNKNOWN[-1]:
                    raise
            else:
                return


def refuse_unknown(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Try copies of a layer with lazy modules in it, with two sizes of what is not known.

    Raises:
        ShapeError: a weight is of another shape then.
    """
    if not is_lazy(layer) or not any(isinstance(leaf, SymbolicTensor) for leaf in tree.leaves((args, kwargs))):
        return
    twins = [deepcopy(layer, _new_buffers(layer)) for _ in range(2)]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for twin, size in zip(twins, (64, 128), strict=True):
            with suppress(Exception):  # what it says is said when the layer itself is called
                given, named = tree.map_leaves(partial(_zeros, size), (args, kwargs))
                twin(*given, **named)
    error = refuse_other(layer, made_in(twins[0]), made_in(twins[1]))
    if error is not None:
        raise error


def _new_buffers(layer: torch.nn.Module) -> dict[int, Any]:
    """For `deepcopy`, which PyTorch's lazy buffers know nothing of."""
    lazy = (w for part in known_parts(layer) for w in part._buffers.values() if isinstance(w, _LAZY[1]))
    make: Any = _LAZY[1]
    return {id(w): make(w.requires_grad, w.data.device, w.data.dtype) for w in lazy}


def _stands_for_data(leaf: Any) -> bool:
    return isinstance(leaf, SymbolicTensor) or is_shape(leaf)


def _zeros(unknown: int, leaf: Any) -> Any:
    if not _stands_for_data(leaf):
        return leaf
    return torch.zeros([unknown if n is None else n for n in leaf.shape], dtype=leaf.dtype)
