"""Rescaling: another unit for numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.config import image_data_format
from lamina.layers.arguments import CHANNELS_FIRST
from lamina.layers.geometry import Shape

from .data_layer import DataLayer, GivenNumbers, check_spreads, given_numbers


class Rescaling(DataLayer):
    """`inputs * scale + offset`.

    Input of any shape and dtype, output of the same shape in the layer's dtype. Pixels 0..255 come to 0..1 by
    `Rescaling(1 / 255)`, to -1..1 by `Rescaling(1 / 127.5, offset=-1)`.

    Args:
        scale, offset: a number, or one for each channel: the last axis, or the one before height and width where
            `lamina.config.image_data_format()` is "channels_first".

    Raises:
        ArgumentError: `scale` or `offset` is no number and no array of finite numbers.
        ShapeError: there are not as many channels as numbers.

    >>> Rescaling(1 / 255)(torch.tensor([[0, 51, 255]]))
    tensor([[0.0000, 0.2000, 1.0000]])
    """

    full_precision = True  # whole numbers beyond 256 have no place in bfloat16

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = given_numbers(self, "scale", scale)
        self.offset = given_numbers(self, "offset", offset)
        self.supports_masking = True
        self._spread = tuple(map(self._over_channels, (self.scale, self.offset)))
        self._factor, self._shift = (
            GivenNumbers(value, self._variable_torch_dtype) if isinstance(value, list) else value
            for value in self._spread
        )

    def _over_channels(self, value: Any) -> Any:
        if not isinstance(value, list) or image_data_format() != CHANNELS_FIRST:
            return value
        array = np.asarray(value)
        return array.reshape(*array.shape, *(1,) * (3 - array.ndim)).tolist()

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        factor, shift = (
            value.on(inputs.device) if isinstance(value, GivenNumbers) else value
            for value in (self._factor, self._shift)
        )
        outputs = inputs.to(self._variable_torch_dtype) * factor
        return outputs + shift if isinstance(shift, torch.Tensor) or shift != 0 else outputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        for name, value in zip(("scale", "offset"), self._spread, strict=True):
            check_spreads(self, name, value, input_shape, input_shape)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}
