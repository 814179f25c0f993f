"""Dense: every output is a weighted sum of all features."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina import activations
from lamina.layers.arguments import whole
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, known_size, shape_error
from lamina.layers.low_rank import Adapted, LowRank
from lamina.layers.weight_options import keep_weight_options, weight_options, weight_options_config

# BLAS takes twice as long where the kernel's rows are shorter than a register: for (128, 256) by (256, 10), forward and
# backward, 150 us instead of 90. With the kernel transposed first it takes 115; that pays from so many values on.
_NARROW, _MANY = 16, 2**14


class Dense(LowRank):
    """`activation(inputs @ kernel + bias)` over the last axis.

    Input (B, ..., F), output (B, ..., units); any rank from 2 on. Weights: `kernel` (F, units), `bias` (units,).

    Args:
        units: width of the output.
        activation: name or function; None is linear.
        use_bias: add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: applied after each step of the optimizer.
        lora_rank, lora_alpha: freeze the kernel and train low-rank adapters beside it; see `enable_lora`.

    Raises:
        ArgumentError: `units` is not a positive integer.
        ShapeError: the input has no feature axis, or one of unknown size.

    >>> Dense(3, activation="relu").compute_output_shape((None, 5))
    (None, 3)
    """

    casts_integers = True
    kernel = Adapted()

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs
        )
        self.units = whole(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        features = known_size(self, input_shape, -1, "the features")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self.kernel = self.add_weight((features, self.units), name="kernel", **weight_options(self, "kernel"))
        self.bias = (
            self.add_weight((self.units,), name="bias", **weight_options(self, "bias")) if self.use_bias else None
        )
        self.begin_adapters()

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        kernel, bias, adapters = self._kernel_and_bias()
        if 1 < self.units < _NARROW and not torch.compiler.is_compiling() and int(inputs.numel()) >= _MANY:
            kernel = kernel.t().contiguous().t()
        if inputs.dim() != 2:
            outputs = F.linear(inputs, kernel.t(), bias)
        elif bias is None:
            outputs = torch.mm(inputs, kernel)
        else:
            # What F.linear comes to, without transposing there and back: 8 us less, forward and backward.
            outputs = torch.addmm(bias, inputs, kernel)
            if self.activation is activations.relu and adapters is None:
                return outputs.relu_()  # nobody else has seen it, and the product's gradient does not need it
        if adapters is not None:  # one after the other: their product is as large as the kernel, and so its gradient
            down, up = (matrix.to(inputs.dtype) for matrix in adapters)
            outputs = outputs + (inputs @ down) @ up * self.lora_scale
        result: torch.Tensor = outputs if self.activation is None else self.activation(outputs)
        return result

    def _kernel_and_bias(self) -> tuple[torch.Tensor, torch.Tensor | None, Any]:
        """The two weights, as ``self.kernel`` and ``self.bias`` give them, and adapters where there are some.

        `nn.Module` takes 1.2 us for that, since it answers only after Python has found nothing; a stand-in's casts lie
        where Python looks first.
        """
        own = self.__dict__
        weights = own["_parameters"]
        if type(self) is Dense and "kernel" in weights and "kernel" not in own:
            kernel = weights["kernel"]
            if "bias" in weights and "bias" not in own:
                return kernel, weights["bias"], None
            return kernel, self.bias, None
        if self.lora_enabled and "kernel" not in own:
            return self.base_weight(), self.bias, self.adapters()
        return self.kernel, self.bias, None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 2:
            raise shape_error(self, input_shape, "at least 2 axes, (batch, features)")
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **weight_options_config(self, "kernel", "bias"),
        }
