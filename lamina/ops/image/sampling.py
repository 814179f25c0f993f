"""Values between the positions of an array: the one sampler of `map_coordinates` and of the warps.

PyTorch's `grid_sample` would do for pictures with linear interpolation, but knows neither wrapping nor a colour for
what lies outside, counts positions from -1 to 1, which costs digits, and takes no whole numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError
from lamina.ops.one_node import one_node
from lamina.ops.operands import placed

from .frame import in_dtype

ORDERS = {"nearest": 0, "bilinear": 1}


def _clipped(index: torch.Tensor, n: int) -> torch.Tensor:
    return index.clamp(0, n - 1)


def _wrapped(index: torch.Tensor, n: int) -> torch.Tensor:
    return index.remainder(n)


def _mirrored(index: torch.Tensor, n: int) -> torch.Tensor:
    period = max(2 * n - 2, 1)
    turn = index.remainder(period)
    return torch.minimum(turn, period - turn) if n > 1 else turn


def _reflected(index: torch.Tensor, n: int) -> torch.Tensor:
    turn = index.remainder(2 * n)
    return torch.minimum(turn, 2 * n - 1 - turn)


# Which position of an axis of size n stands for one outside of it.
_INSIDE: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "constant": _clipped,  # its value is replaced
    "nearest": _clipped,  # a a a | a b c | c c c
    "wrap": _wrapped,  # a b c | a b c | a b c
    "mirror": _mirrored,  # c b | a b c | b a
    "reflect": _reflected,  # c b a | a b c | c b a
}


@one_node
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Any:
    """The values of an array at positions that need not be whole.

    Args:
        inputs: an array of n axes.
        coordinates: (n, ...): for each axis the positions, counted from 0; or a list of n arrays.
        order: 0 takes the nearest value (of two the even position's), 1 interpolates linearly along each axis.
        fill_mode: what the array is beyond its ends. "constant": `fill_value`; "nearest": its last value; "wrap": the
            array again; "mirror": the array backwards, the last value once; "reflect": the same, the last value twice.
        fill_value: for "constant"; a whole number where the array holds whole numbers, its fraction cut off.

    Returns:
        The shape of `coordinates` without its first axis; whole numbers are rounded.

    Raises:
        ArgumentError: there is no such order or mode. ShapeError: not n rows of coordinates.

    >>> map_coordinates(torch.tensor([1.0, 3.0]), torch.tensor([[0.25, 1.75]]), order=1, fill_mode="nearest")
    tensor([1.5000, 3.0000])
    """
    inputs, coordinates = placed(inputs, coordinates)
    if coordinates.ndim < 2 or coordinates.shape[0] != inputs.ndim:
        raise ShapeError(
            "ops.image.map_coordinates needs one row of coordinates for each axis of the input.",
            got=f"input {tuple(inputs.shape)}, coordinates {tuple(coordinates.shape)}",
            expected=f"coordinates ({inputs.ndim}, ...)",
        )
    if order not in (0, 1):
        raise ArgumentError(f"ops.image.map_coordinates has no order {order!r}.", expected="0 (nearest) or 1 (linear)")
    check_fill_mode("map_coordinates", fill_mode)
    values = inputs.unsqueeze(0).unsqueeze(0)
    return sample(values, coordinates.unsqueeze(0), order, fill_mode, fill_value).squeeze(0).squeeze(0)


def sample(values: torch.Tensor, positions: torch.Tensor, order: int, fill_mode: str, fill_value: Any) -> torch.Tensor:
    """Values at positions: (N, C, *spatial) at (N, one for each spatial axis, *P) -> (N, C, *P).

    Of each axis, order 1 takes the two positions around, weighted by how near they are; so the result is a sum over
    the 2^n corners of the cell that a position lies in.
    """
    sizes = values.shape[2:]
    flat = values.flatten(2)
    weighted = order == 1
    if not positions.is_floating_point():
        positions = positions.to(torch.float32)
    if not values.is_floating_point():
        fill_value = int(fill_value) if isinstance(fill_value, float) else fill_value
        flat = flat.to(positions.dtype) if weighted else flat
    lines = positions.flatten(2).unbind(1)  # (N, P) each
    axes = [_neighbours(line, n, weighted, fill_mode) for line, n in zip(lines, sizes, strict=True)]
    total: Any = None
    for corner in itertools.product(*axes):
        place, weight, inside = corner[0]
        for (index, share, valid), n in zip(corner[1:], sizes[1:], strict=True):
            place = place * n + index
            weight = weight * share if weighted else None
            inside = inside & valid if valid is not None else None
        part = flat.gather(2, place.unsqueeze(1).expand(-1, flat.shape[1], -1))
        if inside is not None:
            part = torch.where(inside.unsqueeze(1), part, fill_value)
        part = weight.unsqueeze(1) * part if weighted else part
        total = part if total is None else total + part
    result: torch.Tensor = in_dtype(total, values.dtype).unflatten(2, positions.shape[2:])
    return result


def check_fill_mode(name: str, fill_mode: str) -> None:
    if fill_mode not in _INSIDE:
        raise ArgumentError(f"ops.image.{name} has no fill_mode {fill_mode!r}.", expected=", ".join(_INSIDE))


def interpolation_order(name: str, interpolation: str) -> int:
    if interpolation not in ORDERS:
        raise ArgumentError(f"ops.image.{name} has no interpolation {interpolation!r}.", expected=", ".join(ORDERS))
    return ORDERS[interpolation]


def _neighbours(position: torch.Tensor, n: int, weighted: bool, fill_mode: str) -> list[tuple[Any, Any, Any]]:
    """(index, weight, whether it is inside) of the one or two positions that count along an axis of size n."""
    if weighted:
        below = position.floor()
        above = position - below
        first = below.long()
        found: list[tuple[Any, Any]] = [(first, 1 - above), (first + 1, above)]
    else:
        found = [(position.round().long(), None)]
    constant = fill_mode == "constant"
    return [(_INSIDE[fill_mode](i, n), w, (i >= 0) & (i < n) if constant else None) for i, w in found]
