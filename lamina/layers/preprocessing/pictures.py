"""Resizing and CenterCrop: pictures of one size from pictures of any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.graph import StructureError
from lamina.layers.arguments import CHANNELS_LAST, choice, image_format, number, refuse, whole
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, image_shape, shape_error
from lamina.ops.image import resize
from lamina.ops.image.resizing import INTERPOLATIONS

from .data_layer import DataLayer


class _Pictures(DataLayer):
    """Takes one picture or several and gives them the size `height` x `width`."""

    def __init__(self, height: int, width: int, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height = whole(self, "height", height)
        self.width = whole(self, "width", width)
        self.data_format = image_format(self, data_format)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(inputs, Mapping):
            raise StructureError(
                f"{self.label} takes pictures alone.",
                got=f"a dict of {', '.join(map(repr, inputs))}",
                expected="one tensor, (H, W, C) or (B, H, W, C)",
                hint="call it on the pictures and leave labels and boxes beside",
            )
        return super().__call__(inputs, *args, **kwargs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (3, 4):
            raise shape_error(self, input_shape, f"3 or 4 axes, not {len(input_shape)}")
        single = len(input_shape) == 3
        if 0 in input_shape[0 if single else 1 :]:
            raise shape_error(self, input_shape, "sizes of at least 1")
        channels = input_shape[-1 if self.data_format == CHANNELS_LAST else -3]
        shape = image_shape(self.data_format, input_shape[0], (self.height, self.width), channels)
        return shape[1:] if single else shape

    def get_config(self) -> dict[str, Any]:
        sizes = {"height": self.height, "width": self.width, "data_format": self.data_format}
        return {**super().get_config(), **sizes}


class Resizing(_Pictures):
    """Pictures of another size, with pixels taken as squares whose corners stay where they are.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output
    with `height` and `width` in their place. Floats come in the layer's dtype, whole numbers as they are, rounded.

    Args:
        height, width: of the output, in pixels.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: cut off what does not fit the new aspect ratio, instead of stretching.
        pad_to_aspect_ratio: fill up with `fill_value` instead of stretching.
        fill_mode: only "constant".
        fill_value: the colour that fills up.
        antialias: whether a smaller picture takes all pixels into account (not for "nearest").
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.
        StructureError: a dict of pictures and labels.

    >>> Resizing(8, 6)(torch.zeros(2, 28, 28, 3)).shape
    torch.Size([2, 8, 6, 3])
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format, **kwargs)
        self.interpolation = choice(self, "interpolation", interpolation, INTERPOLATIONS)
        self.crop_to_aspect_ratio = bool(crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = bool(pad_to_aspect_ratio)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise refuse(self, "pad_to_aspect_ratio", True, "False beside crop_to_aspect_ratio=True: one of the two")
        self.fill_mode = choice(self, "fill_mode", fill_mode, ("constant",))
        self.fill_value = number(self, "fill_value", fill_value, -float("inf"))
        self.antialias = bool(antialias)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = resize(
            inputs,
            (self.height, self.width),
            self.interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )
        return result

    def compute_output_dtype(self, input_dtype: Any) -> torch.dtype:
        return super().compute_output_dtype(input_dtype) if input_dtype.is_floating_point else input_dtype

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }


class CenterCrop(_Pictures):
    """The middle of pictures; of one that is smaller, the largest part of the wanted aspect ratio, enlarged.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output
    with `height` and `width` in their place, in the layer's dtype. Where one pixel is left over, the part lies further
    to the front. Enlarging is bilinear.

    Args:
        height, width: of the output, in pixels.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.
        StructureError: a dict of pictures and labels.

    >>> CenterCrop(2, 2)(torch.arange(16.0).reshape(4, 4, 1)).squeeze()
    tensor([[ 5.,  6.],
            [ 9., 10.]])
    """

    casts_integers = True

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(height, width, data_format, **kwargs)
        self._axes = (-3, -2) if self.data_format == CHANNELS_LAST else (-2, -1)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        wanted = (self.height, self.width)
        if any(inputs.shape[axis] < size for axis, size in zip(self._axes, wanted, strict=True)):
            result: torch.Tensor = resize(inputs, wanted, crop_to_aspect_ratio=True, data_format=self.data_format)
            return result
        for axis, size in zip(self._axes, wanted, strict=True):
            inputs = inputs.narrow(axis, (inputs.shape[axis] - size) // 2, size)
        return inputs
