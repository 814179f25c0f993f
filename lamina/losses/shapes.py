"""Brings targets, predictions and weights to shapes that pair one value with one value, or refuses.

Nothing here ever broadcasts over the batch: targets ``(B,)`` against predictions ``(B, 1)`` are the classic way to
train on a ``(B, B)`` matrix of errors without noticing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamina.arrays import as_tensor as tensor_of
from lamina.graph.errors import ShapeError


def is_tensor(value: Any) -> bool:
    """True for tensors and for symbolic tensors, which answer to PyTorch's functions as well."""
    return isinstance(value, Tensor) or hasattr(type(value), "__torch_function__")


def as_tensor(value: Any, device: torch.device | None = None) -> Tensor:
    """A tensor as it is (moved to `device` if given); numbers, lists and arrays as new tensors."""
    if isinstance(value, Tensor):
        return value if device is None or value.device == device else value.to(device)
    if is_tensor(value):
        symbolic: Tensor = value
        return symbolic
    if isinstance(value, (list, tuple)) and any(is_tensor(item) for item in value):
        return torch.stack([as_tensor(item, device) for item in value])
    if not isinstance(value, (np.ndarray, list, tuple, int, float, bool)):
        value = np.asarray(value)
    return tensor_of(value, device=device)


def device_of(tensor: Tensor) -> torch.device | None:
    """The device that others have to be on to be computed with; a symbolic tensor has none yet."""
    return tensor.device if isinstance(tensor, Tensor) else None


def paired(y_true: Any, y_pred: Any, what: str, hint: str | None = None) -> tuple[Tensor, Tensor]:
    """Targets in the dtype, shape and place of the predictions.

    Ranks may differ by one trailing axis of size 1, ``(B,)`` against ``(B, 1)`` or ``(B, T, 1)`` against ``(B, T)``.

    Args:
        y_true: targets, any dtype.
        y_pred: predictions, floating.
        what: the loss or metric, for the message.
        hint: what to try when the shapes do not pair.

    Raises:
        ShapeError: the shapes differ in any other way.
    """
    # In training both fit as they are: 2 us less than finding that out step by step.
    if (
        type(y_pred) is Tensor
        and type(y_true) is Tensor
        and y_pred.dtype is y_true.dtype
        and y_pred.dtype.is_floating_point
        and y_pred.shape == y_true.shape
        and y_pred.device == y_true.device
    ):
        return y_true, y_pred
    y_pred = as_tensor(y_pred)
    if not y_pred.dtype.is_floating_point:
        y_pred = y_pred.to(torch.get_default_dtype())
    return same_shape(as_tensor(y_true, device_of(y_pred)).to(y_pred.dtype), y_pred, what, hint)


def same_shape(y_true: Tensor, y_pred: Tensor, what: str, hint: str | None = None) -> tuple[Tensor, Tensor]:
    """`y_true` and `y_pred` with one shape, as `paired` tells, their dtypes left alone."""
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    pair = same_rank(y_true, y_pred)
    if pair[0].shape == pair[1].shape:
        return pair
    raise ShapeError(
        f"{what} pairs every target with one prediction, but their shapes differ.",
        got=f"targets {tuple(y_true.shape)}, predictions {tuple(y_pred.shape)}",
        expected="the same shape, up to one trailing axis of size 1; nothing is broadcast over the batch",
        hint=hint or "reshape the targets, or give the last layer as many units as a target has columns",
    )


def same_rank(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same rank where one has a trailing axis of size 1 more; a vector becomes a column.

    >>> [tuple(t.shape) for t in same_rank(torch.ones(3), torch.ones(3, 1))]
    [(3, 1), (3, 1)]
    """
    if first.ndim == second.ndim + 1 and first.shape[-1] == 1:
        return (first, second.unsqueeze(-1)) if second.ndim == 1 else (first.squeeze(-1), second)
    if second.ndim == first.ndim + 1 and second.shape[-1] == 1:
        return (first.unsqueeze(-1), second) if first.ndim == 1 else (first, second.squeeze(-1))
    return first, second


def weight_for(weight: Any, values: Tensor, what: str = "sample_weight") -> Tensor:
    """`weight` with trailing axes of size 1 added or dropped, so that ``weight * values`` has the shape of `values`.

    ``(B,)`` weighs samples, ``(B, T)`` steps, ``(1, T)`` the same steps of all samples; a number weighs everything.

    Raises:
        ShapeError: an axis has neither the size that `values` has there nor (after the batch) size 1.
    """
    fitted = as_tensor(weight, device_of(values))
    weight = fitted
    if fitted.ndim == 0 or fitted.shape == values.shape:
        return fitted
    while fitted.ndim > values.ndim and fitted.shape[-1] == 1:
        fitted = fitted.squeeze(-1)
    if fitted.ndim <= values.ndim:
        fitted = fitted.reshape(fitted.shape + (1,) * (values.ndim - fitted.ndim))
        sizes = list(zip(fitted.shape, values.shape, strict=True))
        same_for_all = weight.ndim == values.ndim > 1  # a lone (1,) is more likely a slip
        whole = not sizes or sizes[0][0] == sizes[0][1] or (sizes[0][0] == 1 and same_for_all)
        if whole and all(size in (1, due) for size, due in sizes):
            return fitted
    if values.ndim == 0:
        raise ShapeError(
            f"{what} has nothing to weigh: this loss or metric gives one number for the whole batch.",
            got=f"{what} {tuple(weight.shape)}, values ()",
            expected="one value per sample, (B,), before it is reduced",
            hint="return the value of every sample; for a loss of PyTorch: reduction='none'; for Dice: axis=(1, 2, 3)",
        )
    raise ShapeError(
        f"{what} does not fit the values that it weighs.",
        got=f"{what} {tuple(weight.shape)}, values {tuple(values.shape)} (the loss or metric of each sample or step)",
        expected="one weight per sample (B,), or per step (B, T) where there is one value per step",
        hint="for weights per step give targets and predictions a feature axis: (B, T, 1)",
    )
