"""What the layers share that prepare data: they come before the weights, and are called on plain lists too."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch

from lamina._torch import dispatch, transforms
from lamina.graph import ArgumentError, DtypeError, tree
from lamina.layers.arguments import refuse
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape, shape_error
from lamina.probing import probing
from lamina.tables import array_of, is_table
from lamina.users_traceback import fold


class DataLayer(Layer):
    """Base of layers that are called on data as it comes: tensors, arrays, or lists of numbers."""

    refuses_complex = True

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if not any(hasattr(leaf, "shape") for leaf in tree.leaves(inputs)):
                inputs = self._as_array(inputs)
            elif getattr(getattr(inputs, "dtype", None), "kind", "") == "O" or is_table(inputs):
                inputs = array_of(inputs)
            return super().__call__(inputs, *args, **kwargs)
        except Exception as error:
            fold(error, sys._getframe(1))
            raise

    def dtype_changed(self) -> None:
        for value in tree.leaves(list(vars(self).values())):
            if isinstance(value, GivenNumbers):
                value.become(self._variable_torch_dtype)

    def _as_array(self, values: Any) -> np.ndarray[Any, Any]:
        try:
            return np.asarray(values)
        except ValueError as error:
            raise ArgumentError(
                f"{self.label} cannot make one array of these lists.",
                got=str(error),
                expected="numbers, or lists of one length",
                hint="pad the shorter lists",
            ) from error


def whole_numbers(layer: Layer, inputs: torch.Tensor) -> torch.Tensor:
    """Integers, which may come as floats, as int64.

    Raises:
        DtypeError: fractions, which would be cut off in silence.
    """
    numbers = inputs.to(torch.int64)
    if inputs.is_floating_point() and _can_be_looked_at(inputs):
        fractions = inputs[numbers.to(inputs.dtype) != inputs]
        if fractions.numel():
            raise DtypeError(
                f"{layer.label} takes whole numbers.",
                got=f"{fractions[0].item()}, the first of {fractions.numel()} fractions",
                expected="whole numbers, also as floats",
                hint="Discretization before it, which makes numbers of bins",
            )
    return numbers


def _can_be_looked_at(inputs: torch.Tensor) -> bool:
    """Whether values are there to be read, and reading them waits for no device."""
    drawn = torch.compiler.is_compiling() or dispatch.may_refuse() or probing() or transforms.at_work()
    return not drawn and inputs.device.type == "cpu"


class GivenNumbers:
    """Numbers that the user gave a layer, as tensors on whatever device they are used on.

    They stand in the layer's config, so they are no weights and are not saved with those.

    >>> GivenNumbers([1, 2], torch.float32).on(torch.device("cpu"))
    tensor([1., 2.])
    """

    def __init__(self, values: Any, dtype: torch.dtype) -> None:
        self.values, self.dtype = values, dtype
        self._made: dict[torch.device, torch.Tensor] = {}

    def on(self, device: torch.device) -> torch.Tensor:
        """The tensor on this device, made once."""
        if torch.compiler.is_compiling():
            return torch.tensor(self.values, dtype=self.dtype, device=device)
        if device not in self._made:
            with torch.inference_mode(False):  # else no gradient could flow past it later
                self._made[device] = torch.tensor(self.values, dtype=self.dtype, device=device)
        return self._made[device]

    def become(self, dtype: torch.dtype) -> None:
        """Be numbers of another dtype from now on, if they are no whole numbers."""
        if self.dtype.is_floating_point:
            self.dtype, self._made = dtype, {}


def given_numbers(layer: Layer, name: str, value: Any) -> Any:
    """An argument that is a number or an array of numbers, as plain lists.

    Raises:
        ArgumentError: something else.
    """
    try:
        array = np.asarray(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
    except (TypeError, ValueError):
        raise refuse(layer, name, value, "a number, or an array of numbers") from None
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise refuse(layer, name, value, "a number, or an array of numbers, all of them finite")
    return array.tolist()


def check_spreads(layer: Layer, name: str, values: Any, sizes: Shape, input_shape: Shape) -> None:
    """Raise ShapeError unless an array spreads over axes of these sizes, the input's, without making them larger."""
    shape = np.shape(values)
    behind = tuple(sizes)[-len(shape) :] if shape else ()
    fits = len(behind) == len(shape) and all(n in (1, m) or m is None for n, m in zip(shape, behind, strict=True))
    if not fits:
        expected = f"sizes {shape}, those of {name}, in place of {behind}"
        raise shape_error(layer, input_shape, expected, f"{name} of one number for all")
