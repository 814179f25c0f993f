"""ZeroPadding and Cropping of one to three spatial axes: zeros around, or a border cut off."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina.layers.arguments import CHANNELS_LAST, image_format, pairs
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, channel_axis, check_image, image_shape, shape_error, spatial_sizes
from lamina.layers.reshaping.base import ReshapingLayer


class _Border(ReshapingLayer):
    """Adds `sign * (before + after)` positions to each spatial axis; a subclass says `rank` and how."""

    rank: ClassVar[int]
    sign: ClassVar[int]
    argument: ClassVar[str]

    def __init__(self, amounts: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = image_format(self, data_format)
        # On one axis, a pair says (before, after).
        listed = [amounts] if self.rank == 1 and not isinstance(amounts, int) else amounts
        self._amounts = pairs(self, self.argument, listed, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._first_axis = 1 if self.data_format == CHANNELS_LAST else 2

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_image(self, input_shape, self.rank)
        sizes = [
            None if size is None else size + self.sign * (before + after)
            for size, (before, after) in zip(spatial_sizes(self.data_format, input_shape), self._amounts, strict=True)
        ]
        if any(size is not None and size < 1 for size in sizes):
            needed = " x ".join(str(before + after + 1) for before, after in self._amounts)
            raise shape_error(self, input_shape, f"spatial axes of at least {needed}", f"a smaller {self.argument}=")
        return image_shape(self.data_format, input_shape[0], sizes, input_shape[channel_axis(self.data_format)])

    def get_config(self) -> dict[str, Any]:
        amounts = tuple(tuple(pair) for pair in self._amounts)
        config = {self.argument: amounts[0] if self.rank == 1 else amounts, "data_format": self.data_format}
        return {**super().get_config(), **config}


class _ZeroPadding(_Border):
    sign = 1
    argument = "padding"

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)
        self.padding: Any = self._amounts[0] if self.rank == 1 else self._amounts
        ends = [0, 0] if self.data_format == CHANNELS_LAST else []
        self._pad = ends + [amount for pair in reversed(self._amounts) for amount in pair]

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return F.pad(inputs, self._pad)


class _Cropping(_Border):
    sign = -1
    argument = "cropping"

    def __init__(self, cropping: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)
        self.cropping: Any = self._amounts[0] if self.rank == 1 else self._amounts
        # The first cut is made even where it cuts nothing: the output is then another tensor than the input, whose
        # mask belongs to the input alone.
        self._cuts = [
            (axis, before, before + after)
            for axis, (before, after) in enumerate(self._amounts, start=self._first_axis)
            if before or after or axis == self._first_axis
        ]

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        for axis, before, total in self._cuts:
            inputs = inputs.narrow(axis, before, inputs.shape[axis] - total)
        return inputs


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after a sequence.

    Input (B, T, C), or (B, C, T) with `data_format="channels_first"`; output (B, before + T + after, C).

    Args:
        padding: one integer for both ends, or (before, after).
        data_format: "channels_last" (default) or "channels_first".

    >>> ZeroPadding1D((2, 0)).compute_output_shape((None, 10, 4))
    (None, 12, 4)
    """

    rank = 1


class ZeroPadding2D(_ZeroPadding):
    """Zeros around an image.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H', W', C).

    Args:
        padding: one integer, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: `padding` is none of these, or negative.
        ShapeError: the input's rank does not fit.

    >>> ZeroPadding2D(((0, 1), (0, 1))).compute_output_shape((None, 28, 28, 3))
    (None, 29, 29, 3)
    """

    rank = 2


class ZeroPadding3D(_ZeroPadding):
    """Zeros around a volume; arguments as in `ZeroPadding2D`, for three axes.

    Input (B, H, W, D, C), output (B, H', W', D', C).

    >>> ZeroPadding3D(1).compute_output_shape((None, 4, 4, 4, 1))
    (None, 6, 6, 6, 1)
    """

    rank = 3


class Cropping1D(_Cropping):
    """A sequence without its first and last steps.

    Input (B, T, C), output (B, T - before - after, C). A view: nothing is copied.

    Args:
        cropping: one integer for both ends, or (before, after).

    >>> Cropping1D((1, 2)).compute_output_shape((None, 10, 4))
    (None, 7, 4)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, None, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]
        return config


class Cropping2D(_Cropping):
    """An image without its border.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H', W', C). A view: nothing is
    copied.

    Args:
        cropping: one integer, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: `cropping` is none of these, or negative.
        ShapeError: nothing is left of the input, or its rank does not fit.

    >>> Cropping2D(((2, 2), (4, 4))).compute_output_shape((None, 28, 28, 3))
    (None, 24, 20, 3)
    """

    rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """A volume without its border; arguments as in `Cropping2D`, for three axes.

    Input (B, H, W, D, C), output (B, H', W', D', C).

    >>> Cropping3D(1).compute_output_shape((None, 4, 4, 4, 1))
    (None, 2, 2, 2, 1)
    """

    rank = 3
