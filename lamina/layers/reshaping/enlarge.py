"""UpSampling of one to three spatial axes: each position repeated, or positions in between interpolated."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina.layers.arguments import choice, image_format, wholes
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, channel_axis, check_image, image_shape, lifted, spatial_sizes, torch_views
from lamina.layers.reshaping.base import ReshapingLayer


class _UpSampling(ReshapingLayer):
    """Multiplies the spatial axes by whole factors; a subclass says `rank`."""

    rank: ClassVar[int]

    def __init__(
        self, size: Any, data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = image_format(self, data_format)
        self.size: Any = wholes(self, "size", size, self.rank)
        self.interpolation = choice(self, "interpolation", interpolation, ("nearest", "bilinear", "bicubic"))
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._enter, self._leave = torch_views(self.data_format, self.rank)
        self._factors = lifted(self.size, 1)
        # "nearest-exact" looks up the source of each position's middle, so no rounding of the quotient can matter.
        exact = self.interpolation == "nearest"
        self._options = {"mode": "nearest-exact"} if exact else {"mode": self.interpolation, "align_corners": False}

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs = self._enter(inputs)
        if not inputs.is_floating_point() and self.interpolation == "nearest":
            for axis, factor in enumerate(self._factors, start=2):
                inputs = inputs.repeat_interleave(factor, axis)
            return self._leave(inputs)
        if not inputs.is_floating_point():  # between whole numbers lie others
            inputs = inputs.to(self._torch_dtype)
        sizes = [size * factor for size, factor in zip(inputs.shape[2:], self._factors, strict=True)]
        return self._leave(F.interpolate(inputs, sizes, **self._options))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_image(self, input_shape, self.rank)
        spatial = spatial_sizes(self.data_format, input_shape)
        sizes = [
            None if size is None else size * by for size, by in zip(spatial, self._factors[-self.rank :], strict=True)
        ]
        return image_shape(self.data_format, input_shape[0], sizes, input_shape[channel_axis(self.data_format)])

    def get_config(self) -> dict[str, Any]:
        config = {"size": tuple(self.size), "data_format": self.data_format, "interpolation": self.interpolation}
        return {**super().get_config(), **config}


class UpSampling1D(_UpSampling):
    """Each step of a sequence `size` times.

    Input (B, T, C), output (B, T * size, C).

    Args:
        size: how often.

    >>> UpSampling1D(3).compute_output_shape((None, 10, 4))
    (None, 30, 4)
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, **kwargs)
        self.size = self.size[0]

    def get_config(self) -> dict[str, Any]:
        config = {**super(_UpSampling, self).get_config(), "size": self.size}
        return config


class UpSampling2D(_UpSampling):
    """An image `size` times as large.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H * size[0], W * size[1], C).

    Args:
        size: one factor, or (height, width).
        data_format: "channels_last" (default) or "channels_first".
        interpolation: "nearest" (each pixel repeated), "bilinear" or "bicubic".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank does not fit.

    >>> UpSampling2D().compute_output_shape((None, 14, 14, 8))
    (None, 28, 28, 8)
    """

    rank = 2

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(size, data_format, interpolation, **kwargs)


class UpSampling3D(_UpSampling):
    """A volume with each position repeated along its three axes.

    Input (B, H, W, D, C), or (B, C, H, W, D) with `data_format="channels_first"`; output (B, H', W', D', C).

    Args:
        size: one factor, or one for each axis.
        data_format: "channels_last" (default) or "channels_first".

    >>> UpSampling3D(2).compute_output_shape((None, 4, 4, 4, 1))
    (None, 8, 8, 8, 1)
    """

    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(size, data_format, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["interpolation"]
        return config
