"""AdaptiveMaxPooling and AdaptiveAveragePooling: a given number of windows, however large the input is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina.layers.arguments import image_format, wholes
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, channel_axis, check_image, image_shape, lifted, torch_views


class _AdaptivePooling(Layer):
    """Windows that lie evenly over the spatial axes; a subclass says `rank` and how to reduce a window."""

    casts_integers = True

    rank: ClassVar[int]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = wholes(self, "output_size", output_size, self.rank)
        self.data_format = image_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._enter, self._leave = torch_views(self.data_format, self.rank)
        self._lifted_size = lifted(self.output_size, 1)

    def reduce(self, inputs: torch.Tensor) -> torch.Tensor:
        """Pool `inputs` (B, C, ...) by PyTorch's kernel."""
        raise NotImplementedError

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return self._leave(self.reduce(self._enter(inputs)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_image(self, input_shape, self.rank)
        channels = input_shape[channel_axis(self.data_format)]
        return image_shape(self.data_format, input_shape[0], self.output_size, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_size": tuple(self.output_size), "data_format": self.data_format}


class _AdaptiveMaxPooling(_AdaptivePooling):
    def reduce(self, inputs: torch.Tensor) -> torch.Tensor:
        pool: Callable[..., torch.Tensor] = F.adaptive_max_pool3d if self.rank == 3 else F.adaptive_max_pool2d
        return pool(inputs, self._lifted_size)


class _AdaptiveAveragePooling(_AdaptivePooling):
    def reduce(self, inputs: torch.Tensor) -> torch.Tensor:
        pool: Callable[..., torch.Tensor] = F.adaptive_avg_pool3d if self.rank == 3 else F.adaptive_avg_pool2d
        return pool(inputs, self._lifted_size)


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """The largest value of each of `output_size` windows over time; arguments as in `AdaptiveAveragePooling2D`.

    Input (B, T, C), output (B, output_size, C).

    >>> AdaptiveMaxPooling1D(4).compute_output_shape((None, None, 8))
    (None, 4, 8)
    """

    rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """The largest value of each window of an image, by channel; arguments as in `AdaptiveAveragePooling2D`.

    Input (B, H, W, C), output (B, H', W', C).

    >>> AdaptiveMaxPooling2D((2, 3)).compute_output_shape((None, None, None, 8))
    (None, 2, 3, 8)
    """

    rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """The largest value of each window of a volume; arguments as in `AdaptiveAveragePooling2D`, for three axes.

    Input (B, H, W, D, C), output (B, H', W', D', C).

    >>> AdaptiveMaxPooling3D(2).compute_output_shape((None, 8, 8, 8, 4))
    (None, 2, 2, 2, 4)
    """

    rank = 3


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """The mean of each of `output_size` windows over time; arguments as in `AdaptiveAveragePooling2D`.

    Input (B, T, C), output (B, output_size, C).

    >>> AdaptiveAveragePooling1D(4).compute_output_shape((None, None, 8))
    (None, 4, 8)
    """

    rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """The mean of each of H' x W' windows of an image, by channel, for images of any size.

    Window i of m over n positions reaches from floor(i n / m) to ceil((i + 1) n / m): where m does not divide n,
    neighbours share a position. Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output
    (B, H', W', C).

    Args:
        output_size: (H', W'), or one integer for all spatial axes.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank does not fit.

    >>> AdaptiveAveragePooling2D((7, 7)).compute_output_shape((None, None, None, 64))
    (None, 7, 7, 64)
    """

    rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """The mean of each window of a volume; arguments as in `AdaptiveAveragePooling2D`, for three axes.

    Input (B, H, W, D, C), output (B, H', W', D', C).

    >>> AdaptiveAveragePooling3D(2).compute_output_shape((None, 8, 8, 8, 4))
    (None, 2, 2, 2, 4)
    """

    rank = 3
