"""The first values of a weight: from an initializer and a shape, or from what the user gives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch

from lamina import initializers
from lamina._torch import modules
from lamina.config import floatx
from lamina.devices import current_device, memory_left, take_memory
from lamina.graph import ArgumentError, ShapeError, SymbolicTensor
from lamina.graph.dtypes import to_torch
from lamina.initializers import Initializer
from lamina.ops import convert_to_tensor


def made_by(initializer: Any, shape: tuple[int, ...], dtype: torch.dtype, layer: Any, name: str) -> torch.Tensor:
    """The values that an initializer gives, or the tensor, array or number that stands in its place.

    Args:
        layer, name: whose weight it is (None: nobody's) and what that is called, for the error where there is no memory
            left for it.
    """
    device = current_device()
    if memory_left() is not None:
        what = f"The variable {name!r}" if layer is None else f"The weight {name!r} of {layer._name!r}"
        take_memory(math.prod(shape) * dtype.itemsize, what)
    if device.type == "cpu" and isinstance(initializer, Initializer) and _makes_plain_tensors(initializer, device):
        return initializer(shape, dtype)
    with _real(device):
        if device.type == "meta":  # its values come later, from a file
            return torch.empty(shape, dtype=dtype)
        value = initializer(shape, dtype=dtype) if callable(initializer) else initializer
        return torch.as_tensor(value, dtype=dtype).contiguous()


def _makes_plain_tensors(initializer: Initializer, device: torch.device) -> bool:
    """Whether it gives tensors of its own, which need no gradient, where they are wanted: one of ours on the host."""
    ours = type(initializer).__module__.startswith("lamina.initializers.")
    return ours and modules.makes_on(device) and not torch.is_inference_mode_enabled()


def _real(device: torch.device) -> AbstractContextManager[Any]:
    """A place where tensors are made on a device, and are real even where the layer is first called by predict.

    PyTorch's context for a device takes longer than it takes to make a small weight, so there is none where tensors are
    made there anyway.
    """
    if modules.makes_on(device) and not torch.is_inference_mode_enabled():
        return torch.no_grad()
    return _placed(device)


@contextmanager
def _placed(device: torch.device) -> Iterator[None]:
    with torch.inference_mode(False), torch.no_grad(), torch.device(device):
        yield


def given_or_made(initializer: Any, shape: Any, dtype: Any, name: str) -> torch.Tensor:
    """The values of a variable of the user's. A tensor without another dtype stays the memory that it is.

    Raises:
        ArgumentError: an initializer without a shape, or something symbolic.
        ShapeError: values of another shape than ``shape``, or an axis of unknown size.
        DtypeError: no numbers, or no dtype.
    """
    if isinstance(initializer, (str, dict)) or (callable(initializer) and not hasattr(initializer, "shape")):
        if shape is None:
            raise ArgumentError(
                f"The variable {name!r} has an initializer and no shape.",
                got=f"initializer={initializer!r}",
                hint="Variable(initializer, shape=(2, 3)), or values: Variable([1.0, 2.0])",
            )
        kind = to_torch(getattr(dtype or floatx(), "name", dtype or floatx()))
        return made_by(initializers.get(initializer), _sizes(shape, name), kind, None, name)
    if isinstance(initializer, SymbolicTensor) or initializer is None:
        raise ArgumentError(
            f"The variable {name!r} needs values.",
            got=str(initializer),
            expected="numbers, an array, or an initializer",
        )
    with _real(current_device()):
        value: torch.Tensor = convert_to_tensor(initializer, dtype)
        if isinstance(initializer, np.ndarray) or not value.is_leaf:
            value = value.detach().clone()  # what is assigned is not written to the user's array
    if shape is not None and _sizes(shape, name) != tuple(value.shape):
        raise ShapeError(
            f"The values of the variable {name!r} have another shape.",
            got=f"values of shape {tuple(value.shape)}",
            expected=f"shape={shape}",
        )
    return value


def _sizes(shape: Any, name: str) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(size is None or not hasattr(size, "__index__") or size.__index__() < 0 for size in sizes):
        raise ShapeError(
            f"The variable {name!r} needs a shape of known sizes.", got=f"shape={shape}", expected="whole numbers"
        )
    return tuple(size.__index__() for size in sizes)
