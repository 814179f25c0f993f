"""Flatten, Reshape, Permute, RepeatVector: the same values under another shape."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina.layers.arguments import CHANNELS_LAST, image_format, plain, refuse, whole
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, check_rank, shape_error
from lamina.layers.reshaping.base import ReshapingLayer


class Flatten(ReshapingLayer):
    """All axes but the batch become one.

    Input (B, ...), output (B, product of the others); (B,) becomes (B, 1).

    Args:
        data_format: "channels_last" (default), or "channels_first", whose channels are moved to the end before, so that
            both give the same order.

    >>> Flatten().compute_output_shape((None, 7, 7, 4))
    (None, 196)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = image_format(self, data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._moves_channels = self.data_format != CHANNELS_LAST

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.dim() == 1:
            return inputs.unsqueeze(1)
        if self._moves_channels:
            inputs = inputs.movedim(1, -1)
        return inputs.flatten(1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise shape_error(self, input_shape, "at least 1 axis, the batch")
        sizes: Any = input_shape[1:]
        return (input_shape[0], None if None in sizes else math.prod(sizes))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(ReshapingLayer):
    """The values of each example, in their order, under `target_shape`.

    Input (B, ...), output (B, *target_shape).

    Args:
        target_shape: sizes without the batch; one of them may be -1, which is whatever makes the product fit.

    Raises:
        ArgumentError: `target_shape` has two -1, or a negative size.
        ShapeError: the input's values do not fill it.

    >>> Reshape((4, -1)).compute_output_shape((None, 12))
    (None, 4, 3)
    """

    built_at_once = True

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = plain(target_shape)
        sizes = (sizes,) if isinstance(sizes, int) else sizes
        if not isinstance(sizes, (list, tuple)):
            raise refuse(self, "target_shape", target_shape, "a tuple of integers, without the batch")
        self.target_shape = tuple(
            -1 if size is None else whole(self, "target_shape", size, minimum=-1) for size in sizes
        )
        if self.target_shape.count(-1) > 1:
            raise refuse(self, "target_shape", target_shape, "one unknown size (-1) at most")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.reshape(inputs.shape[0], *self.target_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise shape_error(self, input_shape, "at least 1 axis, the batch")
        known = math.prod(size for size in self.target_shape if size != -1)
        open_axis = -1 in self.target_shape
        if None in input_shape[1:]:
            return (input_shape[0], *(None if size == -1 else size for size in self.target_shape))
        total = math.prod(n for n in input_shape[1:] if n is not None)
        fits = known and total % known == 0 if open_axis else total == known
        if not fits:
            expected = (
                f"values that fill {self.target_shape}, {known} or a multiple" if open_axis else f"{known} values"
            )
            hint = f"a target_shape whose product is {total}"
            raise shape_error(self, input_shape, f"{expected} for each example, not {total}", hint)
        return (input_shape[0], *(total // known if size == -1 else size for size in self.target_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": tuple(self.target_shape)}


class Permute(ReshapingLayer):
    """Axes in another order.

    Input (B, ...), output (B, ...) with axis i the input's axis `dims[i - 1]`. A view: nothing is copied.

    Args:
        dims: each of 1..n once; the batch, axis 0, stays.

    Raises:
        ArgumentError: `dims` is no permutation of 1..n.
        ShapeError: the input does not have n + 1 axes.

    >>> Permute((2, 1)).compute_output_shape((None, 10, 64))
    (None, 64, 10)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        dims = plain(dims)
        if not isinstance(dims, (list, tuple)) or sorted(dims) != list(range(1, len(dims) + 1)):
            raise refuse(self, "dims", dims, "each of 1..n once, n the number of axes without the batch")
        self.dims = tuple(int(axis) for axis in dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.permute(0, *self.dims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_rank(self, input_shape, len(self.dims) + 1)
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dims": tuple(self.dims)}


class RepeatVector(ReshapingLayer):
    """A vector, n times after each other.

    Input (B, F), output (B, n, F). A view: nothing is copied.

    Args:
        n: how often.

    Raises:
        ArgumentError: `n` is not a positive integer.
        ShapeError: the input has not 2 axes.

    >>> RepeatVector(3).compute_output_shape((None, 8))
    (None, 3, 8)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = whole(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.unsqueeze(1).expand(-1, self.n, -1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_rank(self, input_shape, 2)
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}
