"""One tensor to several: parts along an axis, or its slices."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError

from .numbers import numbers
from .operands import here, plain_axes, tensor

_MOST = 10_000


def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """A tuple of the slices along an axis, without that axis.

    Args:
        x: any shape.
        num: how many there are; need not be said.
        axis: whose size must be known, unless `num` tells it.

    Raises:
        ShapeError: there are not `num`, or more than 10,000 of an axis whose size is not known.

    >>> unstack([[1, 2], [3, 4]])
    (tensor([1, 2], dtype=torch.int32), tensor([3, 4], dtype=torch.int32))
    """
    x = tensor(x)
    (place,) = plain_axes(x, axis)
    num = numbers(num)
    if num is not None and x.shape[place] not in (num, None):
        raise ShapeError(
            f"ops.unstack cannot give {num} slices.", got=f"axis {axis} of shape {tuple(x.shape)}", where=here()
        )
    if isinstance(num, int) and x.shape[place] is None and num > _MOST:  # each is a tensor of its own in the graph
        raise ShapeError(
            f"ops.unstack gives no more than {_MOST} slices of an unknown axis.", got=f"num={num}", where=here()
        )
    if num is not None and x.shape[place] is None:
        x = torch.unflatten(x, place, (num, 1)).squeeze(place + 1)  # which sees when the model runs that there are
    return tuple(torch.unbind(x, place))


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """A list of parts along an axis.

    Args:
        x: any shape.
        indices_or_sections: into how many equal parts; or the indices at which a new part begins.
        axis: the axis to cut.

    Raises:
        ArgumentError: there is no such axis, or not one part. ShapeError: the axis has no such equal parts.

    >>> split([1, 2, 3], [1])
    [tensor([1], dtype=torch.int32), tensor([2, 3], dtype=torch.int32)]
    """
    x = tensor(x)
    size = x.shape[plain_axes(x, axis)[0]]
    sections = numbers(indices_or_sections)
    if isinstance(sections, int) and sections > 0 and size is not None and size % sections:
        raise ShapeError(
            f"ops.split cannot cut axis {axis} into {sections} equal parts.",
            got=f"shape {tuple(x.shape)}",
            where=here(),
            hint="the indices at which a part begins, e.g. split(x, [2, 5])",
        )
    return array_split(x, sections, axis)


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """A list of parts along an axis that are as equal as can be: the first ones are longer by one where needed.

    Args:
        x: any shape.
        indices_or_sections: into how many parts; or the indices at which a new part begins.
        axis: the axis to cut.

    Raises:
        ArgumentError: there is no such axis, or not one part.

    >>> array_split([1, 2, 3], 2)
    [tensor([1, 2], dtype=torch.int32), tensor([3], dtype=torch.int32)]
    """
    x, indices_or_sections = tensor(x), numbers(indices_or_sections)
    (place,) = plain_axes(x, axis)
    if isinstance(indices_or_sections, int):
        if indices_or_sections < 1:
            raise ArgumentError("There must be at least one part.", got=f"{indices_or_sections}", where=here())
        return list(torch.tensor_split(x, indices_or_sections, place))
    return list(torch.tensor_split(x, tuple(int(i) for i in indices_or_sections), place))


def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the second axis, of a vector along the only one.

    Args:
        x: with that axis.
        indices_or_sections: into how many equal parts; or the indices at which a new part begins.

    Raises:
        ShapeError: a number, or no such equal parts.

    >>> hsplit([[1, 2], [3, 4]], 2)[0]
    tensor([[1],
            [3]], dtype=torch.int32)
    """
    x = _with_axes("hsplit", x, 1)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the first axis of two or more.

    Args:
        x: with that axis.
        indices_or_sections: into how many equal parts; or the indices at which a new part begins.

    Raises:
        ShapeError: fewer than two axes, or no such equal parts.

    >>> vsplit([[1, 2], [3, 4]], 2)[0]
    tensor([[1, 2]], dtype=torch.int32)
    """
    return split(_with_axes("vsplit", x, 2), indices_or_sections, 0)


def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the third axis.

    Args:
        x: with that axis.
        indices_or_sections: into how many equal parts; or the indices at which a new part begins.

    Raises:
        ShapeError: fewer than three axes, or no such equal parts.

    >>> [part.shape for part in dsplit(torch.ones(2, 3, 4), [1])]
    [torch.Size([2, 3, 1]), torch.Size([2, 3, 3])]
    """
    return split(_with_axes("dsplit", x, 3), indices_or_sections, 2)


def _with_axes(name: str, x: Any, rank: int) -> Any:
    x = tensor(x)
    if x.ndim < rank:
        raise ShapeError(f"ops.{name} cuts axis {rank} of {rank} or more.", got=f"shape {tuple(x.shape)}", where=here())
    return x
