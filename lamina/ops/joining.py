"""Several tensors to one, and one made larger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError, ShapeError

from .eager_errors import tell
from .noted_numbers import joined, moved, stacked, within
from .numbers import numbers
from .one_node import one_node, one_node_of
from .operands import common, is_number, larger, plain_axes, tensor, with_sizes


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Tensors one after the other along an axis; in the dtype that holds them all.

    Args:
        xs: tensors of one shape, but for the size along the axis.
        axis: along which.

    Raises:
        ArgumentError: no axis.

    >>> concatenate([[1, 2], [3.5]])
    tensor([1.0000, 2.0000, 3.5000])
    """
    if axis is None:
        raise ArgumentError("ops.concatenate joins along one axis.", got="axis=None", hint="ops.ravel each, axis=0")
    parts = common(*xs)
    try:
        made = torch.cat(parts, axis)
        return moved(made, parts, joined, axis % made.ndim)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def hstack(xs: Sequence[Any]) -> Any:
    """One after the other along the second axis; vectors and numbers along the only one.

    >>> hstack([[1, 2], [3]])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    try:
        return torch.hstack(common(*xs))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def column_stack(xs: Sequence[Any]) -> Any:
    """One beside the other, along the second axis; vectors and numbers as columns.

    >>> column_stack([[1, 2], [3, 4]])
    tensor([[1, 3],
            [2, 4]], dtype=torch.int32)
    """
    try:
        return torch.column_stack(common(*xs))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def vstack(xs: Sequence[Any]) -> Any:
    """One below the other, along the first axis; vectors as rows.

    >>> vstack([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    try:
        return torch.vstack(common(*xs))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def dstack(xs: Sequence[Any]) -> Any:
    """One behind the other, along the third axis, which vectors (N,) and matrices (N, M) get: (1, N, 1), (N, M, 1).

    >>> dstack([[1, 2], [3, 4]])
    tensor([[[1, 3],
             [2, 4]]], dtype=torch.int32)
    """
    try:
        return torch.dstack(common(*xs))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


@one_node
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """`x2` after `x1` along an axis; by default the values of both in a row; in the dtype that holds both.

    Args:
        x1, x2: of one shape, but for the size along the axis; of any shapes where there is none.
        axis: along which, or None.

    Raises:
        ArgumentError: there is no such axis.

    >>> append([[1, 2]], [3.5])
    tensor([1.0000, 2.0000, 3.5000])
    """
    x1, x2 = common(x1, x2)
    if axis is None:
        return concatenate([_in_a_row(x1), _in_a_row(x2)])
    return torch.cat([x1, x2], *plain_axes(x1, axis))


def _in_a_row(x: torch.Tensor) -> torch.Tensor:
    return x if x.ndim == 1 else x.reshape(-1) if x.ndim else moved(x.reshape(1), [x], within, 0)


def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Tensors of one shape, along a new axis; in the dtype that holds them all.

    Args:
        x: tensors of one shape.
        axis: where the new axis is in the result.

    >>> stack([[1, 2], [3, 4]], axis=1)
    tensor([[1, 3],
            [2, 4]], dtype=torch.int32)
    """
    parts = common(*x)
    try:
        made = torch.stack(parts, axis)
        return moved(made, parts, stacked, axis % made.ndim)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each slice along an axis several times in a row; each value, if `axis` is None.

    Args:
        x: any shape.
        repeats: how often; or for each slice how often.
        axis: along which.

    >>> repeat([1, 2], [1, 3])
    tensor([1, 2, 2, 2], dtype=torch.int32)
    """
    x, repeats = tensor(x), numbers(repeats)
    if is_number(repeats):
        return x.repeat_interleave(repeats, axis)
    counts = [int(n) for n in repeats]
    if axis is None:
        x, axis = x.reshape(-1), 0
    if len(counts) == 1:
        return torch.repeat_interleave(x, counts[0], axis)
    if x.shape[axis] not in (len(counts), None):
        raise ShapeError("ops.repeat: one number for each slice.", got=f"{len(counts)} for shape {tuple(x.shape)}")
    places = [place for place, count in enumerate(counts) for _ in range(count)]
    return x[(slice(None),) * (axis % x.ndim) + (places,)]


def tile(x: Any, repeats: Any) -> Any:
    """The whole tensor several times along its axes; fewer `repeats` than axes count for the last ones.

    Args:
        x: any shape.
        repeats: how often along each axis, or along the last one.

    >>> tile([1, 2], (2, 2))
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]], dtype=torch.int32)
    """
    try:
        return with_sizes(tensor(x), "tile", numbers(repeats))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


@one_node_of(numbers=("pad_width", "constant_values"))
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """`x` with a border.

    Args:
        x: any shape.
        pad_width: ((before, after), ...), one pair for each axis; or one pair, or one integer, for all of them.
        mode: "constant"; "edge" repeats the border's value; "reflect" mirrors at it; "symmetric" mirrors with it.
        constant_values: for mode "constant"; 0 by default.

    Raises:
        ArgumentError: another mode; constant values in another mode; pairs that do not match the axes.

    >>> pad([1, 2, 3], (2, 1), mode="reflect")
    tensor([3, 2, 1, 2, 3, 2], dtype=torch.int32)
    """
    x = tensor(x)
    pairs = _pairs(pad_width, x.ndim)
    if mode == "constant":
        flat = [amount for pair in reversed(pairs) for amount in pair]
        return F.pad(x, flat, value=0 if constant_values is None else constant_values)
    if mode not in _BORDERS:
        raise ArgumentError(f"ops.pad has no mode {mode!r}.", expected="constant, " + ", ".join(_BORDERS))
    if constant_values is not None:
        raise ArgumentError("ops.pad: constant_values belong to mode='constant'.", got=f"mode={mode!r}")
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            n = x.shape[axis]
            places = torch.arange(-before, n + after, device=x.device)
            x = x.index_select(axis, _BORDERS[mode](places, n))
    return x


def _edge(places: torch.Tensor, n: int) -> torch.Tensor:
    return places.clamp(0, n - 1)


def _reflect(places: torch.Tensor, n: int) -> torch.Tensor:
    turn = larger(n - 1, 1)
    return (turn - (places % (2 * turn) - turn).abs()) if n > 1 else places * 0


def _symmetric(places: torch.Tensor, n: int) -> torch.Tensor:
    places = places % (2 * n)
    return torch.minimum(places, 2 * n - 1 - places)


_BORDERS = {"edge": _edge, "reflect": _reflect, "symmetric": _symmetric}


def _pairs(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    if is_number(pad_width):
        return [(pad_width, pad_width)] * rank
    given: list[Any] = [tuple(p) if isinstance(p, (list, tuple)) else p for p in pad_width]
    if len(given) == 2 and all(is_number(p) for p in given):
        return [(given[0], given[1])] * rank
    given = given * rank if len(given) == 1 else given
    if len(given) != rank or any(not isinstance(p, tuple) or len(p) != 2 for p in given):
        raise ArgumentError("ops.pad: pad_width does not match the axes.", got=f"{pad_width} for {rank} axes")
    return given
