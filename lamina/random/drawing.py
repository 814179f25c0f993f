"""From what the user gave to a draw: now, or as a node of the graph where something symbolic is among it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch

from lamina.defaults import defaults
from lamina.graph import DtypeError, ShapeError, Symbolic, SymbolicInt, SymbolicTensor, record, tree
from lamina.graph.dtypes import to_torch
from lamina.ops.numbers import numbers
from lamina.ops.operands import is_number, tensor

from .samplers import refuse_unlike
from .seed_generator import SeedGenerator, whole_seed


def draw(name: str, sampler: Callable[..., Any], shape: Any, parameters: tuple[Any, ...], dtype: Any, seed: Any) -> Any:
    """Numbers of a shape, on the device of the parameters, of the tensor whose size the shape names, or the default.

    Raises:
        ShapeError: the shape is none. ArgumentError: the parameters do not broadcast to it, or the seed is none.
    """
    sizes = _sizes(name, shape)
    parameters = tuple(value if is_number(value) else tensor(value) for value in parameters)
    source = _source((parameters, sizes))
    if source is not None:
        # Beside an empty tensor, which has the device but neither the memory nor the mask of the tensor behind a size.
        beside = None if any(source is value for value in parameters) else source.new_empty((0,))
        return record(sampler, (beside, sizes, *parameters, dtype, seed_of_node(seed)), {})
    refuse_unlike(sizes, [value.shape for value in parameters if isinstance(value, torch.Tensor)])
    return sampler(None, sizes, *parameters, dtype, seed_now(seed))


def real(name: str, dtype: Any) -> torch.dtype:
    """A floating dtype, `lamina.config.floatx()` where none is given.

    Raises:
        DtypeError: another dtype.
    """
    kind = to_torch(defaults.floatx if dtype is None else dtype)
    if not kind.is_floating_point:
        raise DtypeError(f"random.{name} draws real numbers.", got=f"dtype={dtype!r}", expected="a floating dtype")
    return kind


def seed_now(seed: Any) -> Any:
    """The `seed` of a draw that happens now: None, an integer, or a state."""
    if isinstance(seed, SeedGenerator):
        return seed.value
    return seed if seed is None or isinstance(seed, torch.Tensor) else whole_seed(seed)


def seed_of_node(seed: Any) -> Any:
    """The `seed` that a node holds: a generator stays the object that it is, so that several nodes may share it."""
    return seed if seed is None or isinstance(seed, SeedGenerator) else whole_seed(seed)


def _source(values: Any) -> SymbolicTensor | None:
    """The symbolic tensor among the values, or whose size is among them."""
    symbolic: Symbolic | None = next((leaf for leaf in tree.leaves(values) if isinstance(leaf, Symbolic)), None)
    while symbolic is not None and not isinstance(symbolic, SymbolicTensor):
        symbolic = symbolic.node.inputs[0]
    return symbolic


def _sizes(name: str, shape: Any) -> tuple[Any, ...]:
    shape = numbers(shape)
    try:
        return tuple(size if isinstance(size, (SymbolicInt, torch.SymInt)) else _size(size) for size in shape)
    except TypeError:
        raise ShapeError(
            f"random.{name} cannot draw numbers of this shape.",
            got=repr(shape),
            expected="a tuple of sizes",
            hint="ops.shape(x) for the shape of a symbolic tensor: its unknown sizes are None in x.shape",
        ) from None


def _size(size: Any) -> int:
    number = operator.index(size)
    if number < 0:
        raise TypeError(size)
    return number
