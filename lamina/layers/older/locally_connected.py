"""LocallyConnected1D and 2D, as Keras 1 and 2 have them: convolutions with a kernel for each position."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina import activations
from lamina.layers.arguments import CHANNELS_LAST, choice, image_format, refuse, whole, wholes
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, channel_axis, check_image, image_shape, known_size, window_counts
from lamina.layers.weight_options import keep_weight_options, weight_options, weight_options_config


class _LocallyConnected(Layer):
    """The layer of either rank."""

    rank: ClassVar[int]

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        implementation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = whole(self, "filters", filters)
        self.kernel_size = wholes(self, "kernel_size", kernel_size, self.rank)
        self.strides = wholes(self, "strides", strides, self.rank)
        self.padding = choice(self, "padding", padding, ("valid",))
        self.data_format = image_format(self, data_format)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        if implementation != 1:
            raise refuse(self, "implementation", implementation, "1: others keep other weights")
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape: Shape) -> None:
        channels = known_size(self, input_shape, channel_axis(self.data_format), "the channels")
        places = self._places(input_shape)
        if any(size is None for size in places):
            raise refuse(self, "the shape of its input", input_shape, "known sizes: each position has a kernel")
        sizes = [int(size) for size in places if size is not None]
        width = math.prod(self.kernel_size) * channels
        self.kernel = self.add_weight(
            (math.prod(sizes), width, self.filters), name="kernel", **weight_options(self, "kernel")
        )
        bias = weight_options(self, "bias")
        self.bias = self.add_weight((*sizes, self.filters), name="bias", **bias) if self.use_bias else None

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        last = self.data_format == CHANNELS_LAST
        first = inputs.movedim(-1, 1) if last else inputs
        image = first.unsqueeze(2) if self.rank == 1 else first
        window, steps = (1,) * (2 - self.rank), (1,) * (2 - self.rank)
        patches = F.unfold(image, (*window, *self.kernel_size), stride=(*steps, *self.strides)).transpose(1, 2)
        if last:  # the channels of each position lie side by side in such kernels, else the positions of each channel
            patches = patches.unflatten(-1, (first.shape[1], -1)).transpose(-1, -2).flatten(-2)
        outputs = torch.einsum("blw,lwf->blf", patches, self.kernel)
        outputs = outputs.unflatten(1, self._places(tuple(inputs.shape)))
        if self.bias is not None:
            outputs = outputs + self.bias
        result: torch.Tensor = self.activation(outputs if last else outputs.movedim(-1, 1))
        return result

    def _places(self, input_shape: Shape) -> tuple[Any, ...]:
        """How many positions the window has along each axis."""
        check_image(self, input_shape, self.rank)
        return tuple(window_counts(self, input_shape, self.kernel_size, self.strides, self.padding, self.data_format))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return image_shape(self.data_format, input_shape[0], self._places(input_shape), self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "implementation": 1,
            **weight_options_config(self, "kernel"),
            **weight_options_config(self, "bias"),
        }


class LocallyConnected1D(_LocallyConnected):
    """A convolution over time whose kernel is another one at each position.

    Input (B, T, C) with a known T, or (B, C, T) with `data_format="channels_first"`; output (B, T', filters). Weights:
    `kernel` (T', kernel_size * C, filters), `bias` (T', filters).

    Args:
        filters, kernel_size, strides, padding, data_format, activation, use_bias: as of `Conv1D`; padding is "valid".
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            activity_regularizer: as of every layer with weights.
        implementation: Keras' way of computing it; 1 alone, whose weights these are.

    Raises:
        ArgumentError: an argument that is none of those.

    >>> LocallyConnected1D(2, 3)(torch.ones(1, 5, 4)).shape
    torch.Size([1, 3, 2])
    """

    rank = 1


class LocallyConnected2D(_LocallyConnected):
    """A convolution over pictures whose kernel is another one at each position.

    Input (B, H, W, C) with known sizes, or (B, C, H, W) with `data_format="channels_first"`; output
    (B, H', W', filters). Weights: `kernel` (H' * W', product of kernel_size * C, filters), `bias` (H', W', filters).

    Args:
        filters, kernel_size, strides, padding, data_format, activation, use_bias: as of `Conv2D`; padding is "valid".
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            activity_regularizer: as of every layer with weights.
        implementation: Keras' way of computing it; 1 alone, whose weights these are.

    Raises:
        ArgumentError: an argument that is none of those.

    >>> LocallyConnected2D(2, 3)(torch.ones(1, 5, 6, 4)).shape
    torch.Size([1, 3, 4, 2])
    """

    rank = 2
