"""The same values in another shape or order of axes."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError

from .eager_errors import tell
from .noted_numbers import moved, within
from .numbers import numbers
from .operands import here, names_none, plain_axes, tensor, with_sizes


def reshape(x: Any, newshape: Any) -> Any:
    """The values, in their order, in a new shape.

    Args:
        x: any shape.
        newshape: the sizes. One may be -1: what is left over. They may be symbolic, from `ops.shape`.

    Raises:
        ArgumentError: a size below -1, or two that are left over.

    >>> reshape([1, 2, 3, 4], (2, -1))
    tensor([[1, 2],
            [3, 4]], dtype=torch.int32)
    """
    newshape = numbers(newshape)
    sizes = newshape if isinstance(newshape, tuple) else (newshape,)
    known = [size for size in sizes if isinstance(size, int)]
    if not torch.compiler.is_compiling() and (known.count(-1) > 1 or any(size < -1 for size in known)):
        raise ArgumentError(
            "ops.reshape takes sizes, of which one may be -1.", got=f"newshape={newshape}", where=here()
        )
    try:
        return with_sizes(tensor(x), "reshape", newshape)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def ravel(x: Any) -> Any:
    """All values in a row.

    >>> ravel([[1, 2], [3, 4]])
    tensor([1, 2, 3, 4], dtype=torch.int32)
    """
    return torch.ravel(tensor(x))


def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated along new axes in front and along axes of size 1, without copying.

    Args:
        x: sizes that are 1 or those of the shape, counted from the last axis.
        shape: the sizes, which may be symbolic.

    >>> broadcast_to([1, 2], (2, 2))
    tensor([[1, 2],
            [1, 2]], dtype=torch.int32)
    """
    try:
        return with_sizes(tensor(x), "expand", numbers(shape))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order, given by their old places; reversed by default.

    Args:
        x: any shape.
        axes: the old place of each axis of the result; or None.

    >>> transpose(torch.ones(2, 3, 4), (0, 2, 1)).shape
    torch.Size([2, 4, 3])
    """
    x = tensor(x)
    try:
        return torch.permute(x, tuple(range(x.ndim))[::-1] if axes is None else tuple(axes))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes, one or several, moved to new places; the others keep their order.

    Args:
        x: any shape.
        source: one axis, or several.
        destination: as many places in the result.

    >>> moveaxis(torch.ones(2, 3, 4), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    try:
        return torch.movedim(tensor(x), source, destination)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes in each other's place.

    Args:
        x: any shape.
        axis1, axis2: the two.

    >>> swapaxes(torch.ones(2, 3, 4), 0, 2).shape
    torch.Size([4, 3, 2])
    """
    try:
        return torch.transpose(tensor(x), axis1, axis2)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1; `axis` says where they are in the result.

    Args:
        x: any shape.
        axis: one, or several.

    >>> expand_dims(torch.ones(2, 3), (0, -1)).shape
    torch.Size([1, 2, 3, 1])
    """
    x = tensor(x)
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    rank = x.ndim + len(axes)
    try:
        for place in sorted(one + rank if one < 0 else one for one in axes):
            x = moved(torch.unsqueeze(x, place), [x], within, place)
        return x
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def squeeze(x: Any, axis: Any = None) -> Any:
    """Without its axes of size 1: all that are, or those named.

    Args:
        x: any shape.
        axis: one, several, or None for all.

    Raises:
        ShapeError: a named axis has another size.

    >>> squeeze(torch.ones(1, 2, 1), 0).shape
    torch.Size([2, 1])
    """
    x = tensor(x)
    if axis is None:
        return torch.squeeze(x)
    axes = () if names_none(axis) else plain_axes(x, axis)
    wrong = [one for one in axes if x.shape[one] not in (1, None)]
    if wrong:
        raise ShapeError(
            "ops.squeeze drops axes of size 1 only.", got=f"axis {wrong[0]} of shape {tuple(x.shape)}", where=here()
        )
    return torch.squeeze(x, axes)


def flip(x: Any, axis: Any = None) -> Any:
    """The values in reverse order along one axis, several, or all.

    Args:
        x: any shape.
        axis: one, several, or None for all.

    Raises:
        ArgumentError: there is no such axis.

    >>> flip([[1, 2], [3, 4]], axis=1)
    tensor([[2, 1],
            [4, 3]], dtype=torch.int32)
    """
    x = tensor(x)
    return torch.flip(x, () if names_none(axis) else plain_axes(x, axis))


def fliplr(x: Any) -> Any:
    """The columns in reverse order: `flip` along the second axis.

    Raises:
        ArgumentError: there is no second axis.

    >>> fliplr([[1, 2], [3, 4]])
    tensor([[2, 1],
            [4, 3]], dtype=torch.int32)
    """
    return flip(x, 1)


def flipud(x: Any) -> Any:
    """The rows in reverse order: `flip` along the first axis.

    Raises:
        ArgumentError: there is no axis.

    >>> flipud([[1, 2], [3, 4]])
    tensor([[3, 4],
            [1, 2]], dtype=torch.int32)
    """
    return flip(x, 0)


def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by `k` quarters of a circle in the plane of two axes, from the first towards the second.

    Args:
        array: two or more axes.
        k: how often by 90 degrees; negative turns back.
        axes: two different ones.

    Raises:
        ArgumentError: there are no such two axes.

    >>> rot90([[1, 2], [3, 4]])
    tensor([[2, 4],
            [1, 3]], dtype=torch.int32)
    """
    array = tensor(array)
    places = plain_axes(array, tuple(axes))
    if len(places) != 2 or places[0] == places[1]:
        raise ArgumentError("ops.rot90 turns in the plane of two axes.", got=f"axes={axes}", where=here())
    return torch.rot90(array, k, places)


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """The values moved on by `shift`; what falls off the end comes in at the front.

    Args:
        x: any shape.
        shift: one integer for all, or one for each axis named.
        axis: along which; by default over all values in a row.

    >>> roll([1, 2, 3], 1)
    tensor([3, 1, 2], dtype=torch.int32)
    """
    shift = numbers(shift)
    if isinstance(axis, (list, tuple)) and isinstance(shift, int):
        shift = (shift,) * len(axis)
    try:
        return torch.roll(tensor(x), shift, axis)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise
