"""Quantiles: the value below which a given part of the values lies. Medians and percentiles are quantiles.

All of them sort the values along the axes that vanish and take what stands at `q * (n - 1)`, or a mean of the two
neighbours of that place. NaN among the values makes the result NaN, but for those whose name begins with nan, which
count only the other values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina.graph import ArgumentError, tree

from .one_node import one_node
from .operands import floating, is_number, ordered, reduced, tensor

# The place among the sorted values, a fraction, as each method takes it.
_PLACES: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = MappingProxyType(
    {
        "linear": lambda place: place,
        "lower": torch.floor,
        "higher": torch.ceil,
        "midpoint": lambda place: (place.floor() + place.ceil()) / 2,
        "nearest": torch.round,
    }
)


@one_node
def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The value below which the part `q` of the values lies.

    Args:
        x: any shape.
        q: from 0 (the smallest value) to 1 (the largest): a number or several. Of several, their axes come first.
        axis: along which, one or several; all by default.
        method: what counts between two values: "linear" interpolates, "lower" and "higher" take the neighbour,
            "nearest" the nearer one, "midpoint" the mean of both.
        keepdims: whether the axes stay, with size 1.

    Returns:
        (*q's shape, *what is left of x's), float32 for integers.

    Raises:
        ArgumentError: an unknown method, or a `q`, given as numbers, outside of [0, 1].

    >>> quantile([1.0, 2.0, 3.0, 9.0], [0.5, 1.0])
    tensor([2.5000, 9.0000])
    """
    return _quantile("quantile", x, q, 1, axis, method, keepdims, passes_nan=False)


@one_node
def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The quantile of what is not NaN. Arguments and errors as in `quantile`.

    >>> nanquantile([1.0, float("nan"), 3.0], 0.5)
    tensor(2.)
    """
    return _quantile("nanquantile", x, q, 1, axis, method, keepdims, passes_nan=True)


@one_node
def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The quantile with `q` from 0 to 100. Arguments and errors as in `quantile`.

    >>> percentile([1.0, 2.0, 3.0, 9.0], 50)
    tensor(2.5000)
    """
    return _quantile("percentile", x, q, 100, axis, method, keepdims, passes_nan=False)


@one_node
def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The percentile of what is not NaN. Arguments and errors as in `quantile`.

    >>> nanpercentile([1.0, float("nan"), 3.0], 50)
    tensor(2.)
    """
    return _quantile("nanpercentile", x, q, 100, axis, method, keepdims, passes_nan=True)


@one_node
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The value in the middle, the mean of both if two are: the quantile 0.5.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> median([[3.0, 1.0, 9.0], [4.0, 8.0, 0.0]], axis=1)
    tensor([3., 4.])
    """
    return _quantile("median", x, 0.5, 1, axis, "linear", keepdims, passes_nan=False)


@one_node
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The value in the middle of what is not NaN.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> nanmedian([3.0, float("nan"), 1.0, 9.0])
    tensor(3.)
    """
    return _quantile("nanmedian", x, 0.5, 1, axis, "linear", keepdims, passes_nan=True)


def _quantile(
    name: str, x: Any, q: Any, whole: int, axis: Any, method: str, keepdims: bool, passes_nan: bool
) -> torch.Tensor:
    """The quantiles `q / whole`."""
    if method not in _PLACES:
        raise ArgumentError(f"ops.{name} has no method {method!r}.", expected=f"one of {[*_PLACES]}")
    _check_parts(name, q, whole)
    x, axes, keepdims = reduced(ordered(floating(x)), axis, keepdims)
    kind = torch.promote_types(x.dtype, torch.float32)  # in which places are exact for up to 2**24 values
    parts = tensor(q).to(device=x.device, dtype=kind) / whole
    found = _along_last(_gathered(x.to(kind), axes), parts.reshape(-1), method, passes_nan).to(x.dtype)
    kept = [1 if place in axes else size for place, size in enumerate(x.shape) if keepdims or place not in axes]
    return found.reshape((*parts.shape, *kept))


def _check_parts(name: str, q: Any, whole: int) -> None:
    # Of tensors only the device knows the values, and nobody waits for it: they are held between the ends.
    for part in tree.leaves(q):
        if is_number(part) and not 0 <= part <= whole:
            raise ArgumentError(f"ops.{name}: q lies outside of its range.", got=f"q={part}", expected=f"0 to {whole}")


def _gathered(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """With these axes joined to one, the last."""
    others = [place for place in range(x.ndim) if place not in axes]
    return x.permute(*others, *axes).flatten(len(others)) if axes else x.reshape(1)


def _along_last(x: torch.Tensor, parts: torch.Tensor, method: str, passes_nan: bool) -> torch.Tensor:
    """The quantiles (Q, ...) of `x` (..., N) for each part (Q,)."""
    ordered = torch.sort(x, dim=-1).values  # NaN comes last
    known = torch.sum(~torch.isnan(ordered), -1, keepdim=True)
    last = (known if passes_nan else torch.full_like(known, x.shape[-1])) - 1
    last = torch.clamp(last, min=0)
    place = _PLACES[method](torch.minimum(torch.clamp(parts, min=0) * last, last))
    low, high = (torch.gather(ordered, -1, end.long()) for end in (place.floor(), place.ceil()))
    between = place.frac()
    # Only where there is something between, and not by torch.lerp: infinity less infinity, or times 0, would be NaN.
    found = torch.where(low == high, low, low * (1 - between) + high * between)
    if not passes_nan:
        found = torch.where(known < x.shape[-1], torch.nan, found)
    return torch.movedim(found, -1, 0)
