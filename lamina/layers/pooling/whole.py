"""GlobalMaxPooling and GlobalAveragePooling: one number for each channel of an input."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina.layers.arguments import CHANNELS_LAST, image_format
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, channel_axis, check_image, image_shape, torch_views
from lamina.layers.mask_shapes import check_mask


class _GlobalPooling(Layer):
    """Reduces all spatial axes; a subclass says `rank` and how."""

    built_at_once = True
    casts_integers = True

    rank: ClassVar[int]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = image_format(self, data_format)
        self.keepdims = bool(keepdims)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        first = 1 if self.data_format == CHANNELS_LAST else 2
        self._axes = tuple(range(first, first + self.rank))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_image(self, input_shape, self.rank)
        ones = (1,) * self.rank if self.keepdims else ()
        return image_shape(self.data_format, input_shape[0], ones, input_shape[channel_axis(self.data_format)])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class _GlobalMaxPooling(_GlobalPooling):
    """By the pooling kernels, which hand the gradient to one position: `amax` shares it among equal ones, and its
    backward pass takes 3 times as long for that (2 CPU cores, 32 x 28 x 28 x 64)."""

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self._enter, self._leave = torch_views(self.data_format, self.rank)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        pool = F.adaptive_max_pool3d if self.rank == 3 else F.adaptive_max_pool2d
        outputs = pool(self._enter(inputs), 1)
        return self._leave(outputs) if self.keepdims else outputs.flatten(1)


class _GlobalAveragePooling(_GlobalPooling):
    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.mean(self._axes, self.keepdims)


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest value over time, by channel; arguments as in `GlobalAveragePooling2D`.

    Input (B, T, C), output (B, C), or (B, 1, C) with `keepdims`.

    >>> GlobalMaxPooling1D().compute_output_shape((None, None, 4))
    (None, 4)
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest value of an image, by channel; arguments as in `GlobalAveragePooling2D`.

    Input (B, H, W, C), output (B, C), or (B, 1, 1, C) with `keepdims`.

    >>> GlobalMaxPooling2D().compute_output_shape((None, None, None, 4))
    (None, 4)
    """

    rank = 2


class GlobalMaxPooling3D(_GlobalMaxPooling):
    """The largest value of a volume, by channel; arguments as in `GlobalAveragePooling2D`.

    Input (B, H, W, D, C), output (B, C), or (B, 1, 1, 1, C) with `keepdims`.

    >>> GlobalMaxPooling3D().compute_output_shape((None, 8, 8, 8, 4))
    (None, 4)
    """

    rank = 3


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean over time, by channel; steps where `mask` (B, T) is False take no part.

    Input (B, T, C), output (B, C), or (B, 1, C) with `keepdims`. A sequence that is masked throughout gives NaN.
    Arguments and errors as in `GlobalAveragePooling2D`; a mask of other steps is a ShapeError too.

    >>> GlobalAveragePooling1D().compute_output_shape((None, None, 4))
    (None, 4)
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        if mask is None:
            return super().call(inputs)
        check_mask(self, mask, (inputs.shape[0], inputs.shape[self._axes[0]]), inputs)
        kept = mask.unsqueeze(channel_axis(self.data_format)).to(torch.bool)
        total = inputs.masked_fill(~kept, 0).sum(self._axes, self.keepdims)
        return total / kept.sum(self._axes, self.keepdims, dtype=inputs.dtype)

    only_passes_masks = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the axis that the mask spoke of is gone."""


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean of an image, by channel.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, C), or (B, 1, 1, C) with
    `keepdims`.

    Args:
        data_format: "channels_last" (default) or "channels_first".
        keepdims: keep the reduced axes with size 1.

    Raises:
        ArgumentError: `data_format` is neither.
        ShapeError: the input's rank does not fit.

    >>> GlobalAveragePooling2D().compute_output_shape((None, 7, 7, 64))
    (None, 64)
    """

    rank = 2


class GlobalAveragePooling3D(_GlobalAveragePooling):
    """The mean of a volume, by channel; arguments as in `GlobalAveragePooling2D`.

    Input (B, H, W, D, C), output (B, C), or (B, 1, 1, 1, C) with `keepdims`.

    >>> GlobalAveragePooling3D(keepdims=True).compute_output_shape((None, 8, 8, 8, 4))
    (None, 1, 1, 1, 4)
    """

    rank = 3
