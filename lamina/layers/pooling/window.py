"""MaxPooling and AveragePooling of one to three spatial axes: one number for each window and channel."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina.layers.arguments import choice, image_format, wholes
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import (
    Shape,
    channel_axis,
    check_image,
    image_shape,
    lifted,
    same_pads,
    torch_views,
    window_counts,
)


class _Pooling(Layer):
    """Windows that slide over the spatial axes; a subclass says `rank` and how to reduce a window."""

    built_at_once = True
    casts_integers = True

    rank: ClassVar[int]

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = wholes(self, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else wholes(self, "strides", strides, self.rank)
        self.padding = choice(self, "padding", padding, ("valid", "same"))
        self.data_format = image_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._enter, self._leave = torch_views(self.data_format, self.rank)
        self._lifted_size = lifted(self.pool_size, 1)
        self._lifted_strides = lifted(self.strides, 1)
        self._no_padding = lifted((0,) * self.rank, 0)

    def reduce(self, inputs: torch.Tensor, padding: Any, ceil_mode: bool) -> torch.Tensor:
        """Pool `inputs` (B, C, ...) by PyTorch's kernel; what lies outside the input takes no part."""
        raise NotImplementedError

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs = self._enter(inputs)
        if self.padding == "valid":
            return self._leave(self.reduce(inputs, self._no_padding, False))
        pads = same_pads(inputs.shape[2:], self._lifted_size, self._lifted_strides)
        # PyTorch pads both ends alike. Where the end needs one more, ceil_mode makes the last window reach over it
        # when strides > 1; with stride 1, one more is padded at both ends and the first window dropped.
        surplus = [s == 1 and after > before for s, (before, after) in zip(self._lifted_strides, pads, strict=True)]
        padding = [before + more for more, (before, _) in zip(surplus, pads, strict=True)]
        outputs = self.reduce(inputs, padding, True)
        for axis, more in enumerate(surplus, start=2):
            if more:
                outputs = outputs.narrow(axis, 1, outputs.shape[axis] - 1)
        return self._leave(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_image(self, input_shape, self.rank)
        counts = window_counts(self, input_shape, self.pool_size, self.strides, self.padding, self.data_format)
        return image_shape(self.data_format, input_shape[0], counts, input_shape[channel_axis(self.data_format)])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": tuple(self.pool_size),
            "strides": tuple(self.strides),
            "padding": self.padding,
            "data_format": self.data_format,
        }


class _MaxPooling(_Pooling):
    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def reduce(self, inputs: torch.Tensor, padding: Any, ceil_mode: bool) -> torch.Tensor:
        pool = torch.max_pool3d if self.rank == 3 else torch.max_pool2d
        return pool(inputs, self._lifted_size, self._lifted_strides, padding, 1, ceil_mode)


class _AveragePooling(_Pooling):
    def reduce(self, inputs: torch.Tensor, padding: Any, ceil_mode: bool) -> torch.Tensor:
        pool = F.avg_pool3d if self.rank == 3 else F.avg_pool2d
        return pool(inputs, self._lifted_size, self._lifted_strides, padding, ceil_mode, False)


class MaxPooling1D(_MaxPooling):
    """The largest value of each window of time steps; arguments as in `MaxPooling2D`.

    Input (B, T, C), output (B, T', C).

    >>> MaxPooling1D(3).compute_output_shape((None, 10, 4))
    (None, 3, 4)
    """

    rank = 1


class MaxPooling2D(_MaxPooling):
    """The largest value of each window of an image, by channel.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H', W', C). For each axis,
    "valid" gives floor((n - pool_size) / stride) + 1 positions, "same" ceil(n / stride).

    Args:
        pool_size: extent of the window: one integer, or one for each spatial axis.
        strides: steps of the window; None takes `pool_size`.
        padding: "valid" (windows inside the input) or "same" (windows reach over the border; what lies beyond takes no
            part).
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank does not fit, or the window is larger than the input.

    >>> MaxPooling2D().compute_output_shape((None, 28, 28, 8))
    (None, 14, 14, 8)
    """

    rank = 2


class MaxPooling3D(_MaxPooling):
    """The largest value of each window of a volume; arguments as in `MaxPooling2D`.

    Input (B, H, W, D, C), output (B, H', W', D', C).

    >>> MaxPooling3D().compute_output_shape((None, 8, 8, 8, 2))
    (None, 4, 4, 4, 2)
    """

    rank = 3


class AveragePooling1D(_AveragePooling):
    """The mean of each window of time steps; arguments as in `AveragePooling2D`.

    Input (B, T, C), output (B, T', C).

    >>> AveragePooling1D(2).compute_output_shape((None, 10, 4))
    (None, 5, 4)
    """

    rank = 1


class AveragePooling2D(_AveragePooling):
    """The mean of each window of an image, by channel; under "same", of that part of it that lies in the image.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H', W', C). Arguments and errors
    as in `MaxPooling2D`.

    >>> AveragePooling2D(3, strides=2, padding="same").compute_output_shape((None, 28, 28, 8))
    (None, 14, 14, 8)
    """

    rank = 2


class AveragePooling3D(_AveragePooling):
    """The mean of each window of a volume; arguments as in `AveragePooling2D`.

    Input (B, H, W, D, C), output (B, H', W', D', C).

    >>> AveragePooling3D(2).compute_output_shape((None, 8, 8, 8, 2))
    (None, 4, 4, 4, 2)
    """

    rank = 3

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        volume = self._enter(inputs)
        sizes = volume.shape[2:]
        if self.padding == "valid" or all(n >= k for n, k in zip(sizes, self.pool_size, strict=True)):
            return super().call(inputs)
        # PyTorch's kernel refuses an axis that is shorter than its window, though the padding makes up for that.
        pads = [amount for pair in reversed(same_pads(sizes, self.pool_size, self.strides)) for amount in pair]

        def sums(values: torch.Tensor) -> torch.Tensor:
            return F.avg_pool3d(F.pad(values, pads), self.pool_size, self.strides, divisor_override=1)

        return self._leave(sums(volume) / sums(torch.ones_like(volume[:1, :1])))
