"""EinsumDense: a weighted sum over any axes, said by an einsum equation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from lamina import activations
from lamina.initializers import VarianceScaling
from lamina.layers.arguments import axis_sizes, refuse
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, shape_error
from lamina.layers.low_rank import Adapted, LowRank
from lamina.layers.weight_options import keep_weight_options, weight_options, weight_options_config

from .einsum_equation import EinsumEquation, RankError, parse_equation, read_equation


class EinsumDense(LowRank):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    `Dense(64)` is `EinsumDense("...x,xy->...y", output_shape=64, bias_axes="y")`. Input and output have the axes of the
    equation. Weights: `kernel`, and `bias` with the sizes of `bias_axes` and 1 for axes behind the first of them.

    Args:
        equation: letters of the axes `input,kernel->output`; `...` on the left or right for any further axes.
        output_shape: sizes of the output's axes without the batch and without those of `...`; None for one that the
            input tells.
        activation: name or function; None is linear.
        bias_axes: the output's letters that the bias has; None for no bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: applied after each step of the optimizer.
        lora_rank, lora_alpha: freeze the kernel and train low-rank adapters beside it; see `enable_lora`.

    Raises:
        ArgumentError: an equation that cannot be read, or that contradicts `output_shape`.
        ShapeError: the input has other axes than the equation.

    >>> EinsumDense("abc,cde->abde", output_shape=(None, 4, 8), bias_axes="de").compute_output_shape((None, 10, 32))
    (None, 10, 4, 8)
    """

    casts_integers = True
    kernel = Adapted()

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs)
        if not isinstance(equation, str):
            raise refuse(self, "equation", equation, "letters of axes such as 'ab,bc->ac'")
        self.equation = equation.replace(" ", "")
        read_equation(self.equation)
        self.partial_output_shape = axis_sizes(self, "output_shape", output_shape, unknown=True)
        self.activation = activations.get(activation)
        if bias_axes is not None and not isinstance(bias_axes, str):
            raise refuse(self, "bias_axes", bias_axes, "letters of the output, or None")
        self.bias_axes = bias_axes
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Shape) -> None:
        equation = self._parse(input_shape)
        sizes = equation.sizes(input_shape, self.partial_output_shape)
        shape = tuple(self._known(sizes, letter, input_shape) for letter in equation.kernel)
        fixed = {axis: sizes[letter] for axis, letter in enumerate(equation.inputs) if letter in equation.kernel}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=fixed)
        self._parsed = equation
        self._is_linear = equation.is_linear
        self.kernel = self.add_weight(
            shape,
            name="kernel",
            **{**weight_options(self, "kernel"), "initializer": self._fanned_initializer(equation)},
        )
        self.bias = self._add_bias(equation, sizes, input_shape) if self.bias_axes is not None else None
        self._made_sizes: list[Any] = [sizes[letter] for letter in equation.made]
        self.begin_adapters()

    def _parse(self, input_shape: Shape) -> EinsumEquation:
        try:
            return parse_equation(self.equation, len(input_shape))
        except RankError as error:
            raise shape_error(self, input_shape, str(error)) from None

    def _known(self, sizes: dict[str, int | None], letter: str, input_shape: Shape) -> int:
        size = sizes[letter]
        if size is None:
            hint = "give it in output_shape, or in the input's shape"
            raise shape_error(self, input_shape, f"a known size of axis {letter!r} of {self.equation!r}", hint)
        return size

    def _fanned_initializer(self, equation: EinsumEquation) -> Any:
        """The kernel's initializer; one that scales by fans is told which axes of the kernel are inputs."""
        given = self.kernel_initializer
        if not isinstance(given, VarianceScaling) or None not in (given.input_axes, given.output_axes):
            return given
        axes: dict[str, list[int]] = {"input_axes": [], "output_axes": []}
        for axis, letter in enumerate(equation.kernel):
            axes["output_axes" if letter in equation.outputs else "input_axes"].append(axis)
        return type(given).from_config({**given.get_config(), **axes})

    def _add_bias(self, equation: EinsumEquation, sizes: dict[str, int | None], input_shape: Shape) -> Any:
        axes = self.bias_axes or ""
        if not axes or any(letter not in equation.outputs for letter in axes):
            raise refuse(self, "bias_axes", axes, f"letters of the output {equation.outputs!r}")
        spread = equation.bias_axes(axes)
        self._bias_is_flat = self._is_linear and spread == axes == equation.made
        shape = tuple(self._known(sizes, letter, input_shape) if letter in axes else 1 for letter in spread)
        return self.add_weight(shape, name="bias", **weight_options(self, "bias"))

    def as_linear(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(weight, bias) as `F.linear` takes them; for a built layer whose equation `is_linear`."""
        count = math.prod(self._made_sizes)
        weight = self.kernel.permute(self._parsed.linear_layout).reshape(count, -1)
        return weight, self.bias.reshape(-1) if self.bias is not None and self._bias_is_flat else None

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if self._is_linear:
            weight, bias = self.as_linear()
            summed = len(self._parsed.summed)
            outputs = F.linear(inputs.flatten(-summed) if summed > 1 else inputs, weight, bias)
            if len(self._made_sizes) > 1:
                outputs = outputs.unflatten(-1, self._made_sizes)
            if self.bias is not None and bias is None:
                outputs = outputs + self.bias
        else:
            outputs = torch.einsum(self.equation, inputs, self.kernel)
            if self.bias is not None:
                outputs = outputs + self.bias
        result: torch.Tensor = self.activation(outputs)
        return result

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        equation = self._parse(input_shape)
        sizes = equation.sizes(input_shape, self.partial_output_shape)
        return tuple(sizes[letter] for letter in equation.outputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "equation": self.equation,
            "output_shape": tuple(self.partial_output_shape),
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            **weight_options_config(self, "kernel", "bias"),
        }
