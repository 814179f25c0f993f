"""The cell of ConvLSTM1D, ConvLSTM2D and ConvLSTM3D: one step of a memory that keeps its place in space."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina import activations
from lamina.layers.arguments import whole
from lamina.layers.convolution.base import CONVOLVE, Convolution, split_pads
from lamina.layers.geometry import Shape, image_shape, lifted, same_pads, shape_error, spatial_sizes
from lamina.layers.weight_options import keep_weight_options, weight_options

from .cell import States, SteppedCell, gated_product
from .lstm_cell import gated_memory, with_open_forget_gate

Options = tuple[Any, Any, Any]


class ConvLSTMCell(SteppedCell, Convolution):
    """`LSTMCell` with convolutions in place of products: `a_g = x * kernel_g + h * recurrent_kernel_g + bias_g`.

    The convolution of the inputs has the strides, padding and dilation that are given; that of the state keeps its
    size. Weights: `kernel` (*kernel_size, C, 4F), `recurrent_kernel` (*kernel_size, F, 4F), `bias` (4F,), gates in the
    order i, f, c, o. A subclass says the `rank`.

    Inputs, states and what is projected are in the order of `data_format`, so that sequences of them are put together,
    forwards and backwards, as the convolutions read them; in the other order each gradient is copied twice.
    """

    gates = 4

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        recurrent_activation: Any,
        use_bias: bool,
        kernel_options: Options,
        recurrent_options: Options,
        bias_options: Options,
        unit_forget_bias: bool,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_options, **kwargs
        )
        self.filters = whole(self, "filters", filters)
        self.recurrent_activation = activations.get(recurrent_activation)
        keep_weight_options(self, "kernel", *kernel_options)
        keep_weight_options(self, "recurrent", *recurrent_options)
        self.unit_forget_bias = bool(unit_forget_bias)
        self.keep_dropout(dropout, recurrent_dropout, seed, per_gate=True)
        self.state_size = [self.filters, self.filters]
        self.output_size = self.filters
        window, ones = lifted(self.kernel_size, 1), (1,) * self._torch_rank
        self._state_padding = split_pads(same_pads(window, window, ones))

    def build(self, input_shape: Shape) -> None:
        channels = self.build_channels(input_shape)
        self._spatial = spatial_sizes(self.data_format, input_shape)
        self._channels = channels
        width = 4 * self.filters
        self.kernel = self.add_kernel("kernel", "kernel", self.kernel_size, channels, width)
        self.recurrent_kernel = self.add_kernel("recurrent_kernel", "recurrent", self.kernel_size, self.filters, width)
        options = weight_options(self, "bias")
        if self.unit_forget_bias:
            options["initializer"] = with_open_forget_gate(options["initializer"], self.filters)
        self.bias = self.add_weight((width,), name="bias", **options) if self.use_bias else None

    # -- one step

    def project(self, inputs: torch.Tensor, drops: torch.Tensor | None = None) -> torch.Tensor:
        """The convolution of one step (B, ...) or, as B*T images at once, of a whole sequence (B, T, ...)."""
        whole_sequence = inputs.dim() == self.rank + 3

        def over_inputs(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
            return self.convolve(self._enter(x.flatten(0, 1) if whole_sequence else x), kernel, bias, 1)

        if drops is not None and whole_sequence:
            drops = drops.unsqueeze(2)
        projected = self._leave(gated_product(over_inputs, inputs, self.torch_kernel(self.kernel), self.bias, drops, 1))
        return projected.view(*inputs.shape[:2], *projected.shape[1:]) if whole_sequence else projected

    def step(self, projected: torch.Tensor, states: States, drops: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        h, c = states
        kernel = self.torch_kernel(self.recurrent_kernel)
        a = self._enter(projected) + gated_product(self._over_state, h, kernel, None, drops, 1)
        h, c = gated_memory(a.chunk(4, 1), self._enter(c), self.activation, self.recurrent_activation)
        h, c = self._leave(h), self._leave(c)
        return h, [h, c]

    def _over_state(self, h: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        padding, beyond = self._state_padding
        h = self._enter(h)
        return CONVOLVE[self._torch_rank](h if beyond is None else F.pad(h, beyond), kernel, bias, 1, padding)

    # -- states

    def get_initial_state(self, batch_size: Any = None) -> States:
        """Zeros for the size of images that the cell was built for.

        Raises:
            ShapeError: that size was not known.
        """
        shape = image_shape(self.data_format, batch_size, self._spatial, self._channels)
        if None in shape:
            raise shape_error(self, shape, "a known batch and known spatial axes to make states for")
        return self.zeros_for(shape)

    def zeros_for(self, input_shape: Shape) -> States:
        """The first states for a step of inputs of this shape."""
        shapes = self.compute_output_shape(input_shape)[1]
        return [self.kernel.new_zeros(shape) for shape in shapes]

    def compute_output_shape(self, input_shape: Shape, states_shape: Any = None) -> Any:
        shape = self.output_shape_with(input_shape, self.filters)
        return shape, [shape, shape]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }


class ConvLSTM1DCell(ConvLSTMCell):
    """`ConvLSTMCell` over one spatial axis."""

    rank = 1


class ConvLSTM2DCell(ConvLSTMCell):
    """`ConvLSTMCell` over images."""

    rank = 2


class ConvLSTM3DCell(ConvLSTMCell):
    """`ConvLSTMCell` over volumes."""

    rank = 3
