"""What a layer is called on, made what its ``call`` takes: arrays are tensors then, floats have the layer's dtype."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import torch

from lamina.arrays import as_tensor, holds_numbers
from lamina.devices import current_device
from lamina.graph import ArgumentError, DtypeError, Symbolic, SymbolicTensor, tree
from lamina.graph.dtypes import name_of
from lamina.probing import probing
from lamina.tables import array_of, is_table

from .mask_flow import real_mask

_OPTIONS = (bool, int, float, str)


def some_symbolic(nested: Any) -> bool:
    """Whether something symbolic is among the leaves."""
    return any(isinstance(leaf, Symbolic) for leaf in tree.leaves(nested))


def takes(layer: Any, values: Iterable[Any]) -> bool:
    """Whether ``call`` can have these as they are: real tensors without masks, none to be cast, and options."""
    plain = layer._plain_dtype
    for value in values:
        kind = type(value)
        if kind is torch.Tensor:
            if value.dtype != plain and (
                layer.autocast
                if value.is_floating_point()
                else layer.casts_integers or (layer.refuses_complex and value.is_complex())
            ):
                return False
            if real_mask(value) is not None:
                return False
        elif kind is list or kind is tuple:
            if not takes(layer, value):
                return False
        elif value is not None and kind not in _OPTIONS:
            return False
    return True


def takes_options(layer: Any, kwargs: dict[str, Any]) -> bool:
    """The same of what is given by name; a mask is to be carried on, which takes the longer way."""
    return kwargs.get("mask") is None and takes(layer, kwargs.values())


def refuse_bad_call(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if layer._facts.takes(args, kwargs):
        return
    try:
        layer._facts.signature.bind(*args, **{k: v for k, v in kwargs.items() if k != "training"})
    except TypeError as error:
        parameters = layer._facts.signature.parameters.values()
        due = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        hint = f"layer({', '.join(due)}); layer(x{', x' * (len(due) - 1)}) where they are one" if len(due) > 1 else None
        raise ArgumentError(
            f"{layer.label} was called with the wrong arguments.",
            got=f"{len(args)} positional, {list(kwargs)} by name",
            expected=f"call({', '.join(str(p.replace(annotation=p.empty)) for p in parameters)}): {error}",
            hint="several tensors as one list: layer([a, b])" if len(args) > 1 else hint,
        ) from None


def as_input(layer: Any, leaf: Any) -> Any:
    """NumPy arrays and tables become tensors; floating tensors get the layer's dtype."""
    if isinstance(leaf, np.ndarray) or is_table(leaf):
        leaf = array_of(leaf)
        if leaf.dtype.kind == "c" or not holds_numbers(leaf.dtype):
            raise DtypeError(
                f"{layer.label} cannot take this input.", got=f"an array of {leaf.dtype}", expected="numbers"
            )
        leaf = as_tensor(leaf)
        if layer.narrows_arrays and leaf.dtype is torch.float64:
            leaf = leaf.to(_dtype_of(layer))
        if not probing():
            leaf = leaf.to(next((p.device for p in layer.parameters()), None) or current_device())
    if (
        isinstance(leaf, torch.Tensor)
        and layer.autocast
        and leaf.dtype != layer._torch_dtype
        and leaf.is_floating_point()
    ):
        mask = real_mask(leaf)
        leaf = leaf.to(layer._torch_dtype)
        if mask is not None:
            leaf._keras_mask = mask
    return leaf


def _dtype_of(layer: Any) -> torch.dtype:
    """What the layer computes in, as its weights tell; float64 is NumPy's default and says nothing."""
    weights = (weight.dtype for weight in layer.parameters() if weight.is_floating_point())
    known: torch.dtype = next(weights, layer._torch_dtype)
    return known


def as_numbers(layer: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """What is not floating in the first argument, made floating or refused, as the class says."""
    if not args or not (layer.casts_integers or layer.refuses_complex):
        return args
    first = args[0]
    many = type(first) is not SymbolicTensor
    return (tree.map_leaves(partial(_as_number, layer), first) if many else _as_number(layer, first), *args[1:])


def _as_number(layer: Any, leaf: Any) -> Any:
    dtype = getattr(leaf, "dtype", None)
    if not isinstance(dtype, torch.dtype) or dtype.is_floating_point:
        return leaf
    if dtype.is_complex:
        raise DtypeError(
            f"{layer.label} cannot take this input.",
            got=name_of(dtype) + (origin(leaf) if isinstance(leaf, SymbolicTensor) else ""),
            expected="real numbers",
            hint="x.real, x.imag or x.abs() before it, or torch.view_as_real(x)",
        )
    return leaf.to(layer._torch_dtype) if layer.casts_integers else leaf


def as_symbolic_input(layer: Any, leaf: Any) -> Any:
    if (
        isinstance(leaf, SymbolicTensor)
        and leaf.dtype != layer._torch_dtype
        and layer.autocast
        and leaf.dtype.is_floating_point
    ):
        return leaf.to(layer._torch_dtype)
    return leaf


def origin(tensor: Any) -> str:
    """Where a symbolic tensor comes from, for messages."""
    return f"   from {tensor.node.label}, {tensor.node.source}"
