"""`Loss`: what every loss has, and how it is called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lamina.graph.dtypes import name_of, to_torch
from lamina.naming import snake_case
from lamina.one_line import named_with_settings, one_line
from lamina.sizes.cycles import refuse_loop
from lamina.tracebacks import Doored
from lamina.users_traceback import fold

from .given import no_values
from .reduction import MEANS, checked_reduction, reduce_losses
from .shapes import as_tensor, device_of, is_tensor, weight_for


class Loss(Doored):
    """Base of losses. A subclass computes the loss of every sample in `call`; weights and reduction happen here.

    Args:
        name: defaults to the class name in snake_case.
        reduction: ``"sum_over_batch_size"`` (same as ``"mean"``), ``"sum"``, ``"mean_with_sample_weight"``, ``"none"``
            or None; `reduce_losses` tells each.
        dtype: what to compute in. None: the dtype of the predictions, but at least float32, so that half-precision
            models have their loss in full precision.

    >>> class Cubed(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ((y_true - y_pred).abs() ** 3).mean(-1)
    >>> Cubed()(torch.zeros(2, 1), torch.tensor([[1.0], [2.0]]))
    tensor(4.5000)
    """

    integer_targets = False
    """True: `call` gets targets in the dtype that they came in, not in that of the predictions."""

    takes: str | None = None
    """What the targets are, one of the kinds in `checks.py`; None: anything, so nothing is checked."""

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.reduction = checked_reduction(reduction)
        self._dtype = None if dtype is None else to_torch(getattr(dtype, "compute_dtype", dtype))
        # Predictions in this dtype are computed with as they come.
        self._usual = self._dtype or torch.float32

    @property
    def dtype(self) -> str:
        """Name of the dtype to compute in; "float32" where none was given, though wider predictions stay wider."""
        return name_of(self._usual)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Tensor:
        """Loss of a batch.

        Args:
            y_true: targets, (B, ...). Also lists, arrays, or a dict or list of tensors where `call` takes such.
            y_pred: predictions, (B, ...).
            sample_weight: number, (B,) weights of samples, or (B, T) of steps.
            mask: (B,) or (B, T), True where a sample or step counts; None: that of the predictions, where a layer or
                model has left one on them.

        Returns:
            A scalar, or (B, ...) without reduction.

        Raises:
            ShapeError: targets and predictions, or weights and losses, do not pair.
            ArgumentError: a class number out of range, seen on a CPU.
        """
        try:
            if mask is None:
                mask = getattr(y_pred, "_keras_mask", None)
            # Tensors that need no conversion, the rule in training, are told by one look: 2 us less per step.
            if not (
                type(y_pred) is Tensor
                and type(y_true) is Tensor
                and y_pred.dtype is self._usual
                and (self.integer_targets or y_true.dtype is self._usual)
                and y_true.device == y_pred.device
            ):
                y_pred = self._converted(y_pred, None)
                y_true = self._converted(y_true, y_pred)
            if sample_weight is None and mask is None and self.reduction in MEANS:
                return self.batch_mean(y_true, y_pred)
            values, valid = self._values(_per_step(y_true, y_pred, sample_weight, mask), y_pred)
            if valid is not None:
                mask = valid if mask is None else valid & weight_for(mask, valid, "mask").to(torch.bool)
            return reduce_losses(values, self.reduction, sample_weight, mask)
        except Exception as error:
            fold(error, sys._getframe(1))
            raise

    def samples(self, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor | None]:
        """Loss of every sample (or step), not reduced, and True where it counts (None: everywhere)."""
        y_pred = self._converted(y_pred, None)
        return self._values(self._converted(y_true, y_pred), y_pred)

    def divisor(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Tensor | None:
        """What the mean over a batch is divided by, up to a constant; None where that is the number of its rows.

        Several processes that share a batch ask, since theirs differ: the sum over a mask or, for
        ``"mean_with_sample_weight"``, over the weights.
        """
        if self.reduction not in MEANS:
            return None
        weight = as_tensor(sample_weight) if sample_weight is not None else None
        if weight is not None and (self.reduction != "mean_with_sample_weight" or not weight.ndim):
            weight = None
        if type(self).valid_mask is not Loss.valid_mask:
            with torch.no_grad():
                values, valid = self.samples(_per_step(y_true, y_pred, sample_weight, mask), y_pred)
            if valid is not None:
                mask = valid if mask is None else valid & weight_for(mask, valid, "mask").to(torch.bool)
            weight = None if weight is None else weight_for(weight, values)
        counted = [part.detach().to(torch.float64) for part in (weight, mask) if part is not None]
        if not counted:
            return None
        rank = max(part.ndim for part in counted)
        first, *rest = (part.reshape(part.shape + (1,) * (rank - part.ndim)) for part in counted)
        return (first * rest[0] if rest else first).sum()

    def _values(self, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor | None]:
        values = self.call(y_true, y_pred)
        if not is_tensor(values):
            raise no_values(self.name, values)
        return values, self.valid_mask(y_true, values)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of every sample, (B,) or (B, ...): what a subclass writes."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred).")

    def batch_mean(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Mean of `call`, a scalar. A subclass overrides it where PyTorch has that mean as one fused function."""
        values, valid = self._values(y_true, y_pred)
        return reduce_losses(values, "mean", None, valid)

    def valid_mask(self, y_true: Tensor, values: Tensor) -> Tensor | None:
        """True where one of the `values` that `call` gave counts; None where all do."""
        return None

    __repr__ = one_line(named_with_settings)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as JSON types."""
        return {"name": self.name, "reduction": self.reduction, "dtype": self._dtype and name_of(self._dtype)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """Reverse of `get_config`."""
        return cls(**config)

    def _converted(self, value: Any, predictions: Any) -> Any:
        """`value` as tensors to compute with; targets take dtype and device of their `predictions`."""
        if isinstance(value, dict):
            try:
                return {key: self._converted(item, _part(predictions, key)) for key, item in value.items()}
            except RecursionError:
                refuse_loop(value)
                raise
        if isinstance(value, (list, tuple)) and any(is_tensor(item) for item in value):
            items = [self._converted(item, _part(predictions, i)) for i, item in enumerate(value)]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if not is_tensor(predictions):
            value = as_tensor(value)
            return value.to(self._dtype or _at_least_float32(value.dtype))
        value = as_tensor(value, device_of(predictions))
        return value if self.integer_targets else value.to(predictions.dtype)


def called_with_mask(loss: Loss) -> Callable[[Any, Any, Any, Any], Tensor]:
    """A loss as a function of targets, predictions, weights and mask, each of them perhaps None but the first two.

    A subclass may have a `__call__` of its own without a mask, as Keras' losses: it finds the mask on the predictions.
    """
    if type(loss).__call__ is Loss.__call__ or "mask" in inspect.signature(loss).parameters:
        return loss

    def call(y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> Tensor:
        if mask is not None:
            y_pred._keras_mask = mask
        return loss(y_true, y_pred, sample_weight)

    return call


def _part(predictions: Any, key: Any) -> Any:
    """The predictions that belong to one part of structured targets; None where their structures differ."""
    if isinstance(predictions, dict):
        return predictions.get(key)
    if isinstance(predictions, (list, tuple)) and isinstance(key, int) and key < len(predictions):
        return predictions[key]
    return None


def _at_least_float32(dtype: torch.dtype) -> torch.dtype:
    return dtype if dtype.is_complex or (dtype.is_floating_point and dtype.itemsize >= 4) else torch.float32


def _per_step(y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> Any:
    """Targets (B, T) as (B, T, 1) where predictions are (B, T, 1) and weights or mask speak of steps.

    Without the feature axis the loss would be averaged over T before the weights of single steps could be applied.
    """
    if not (is_tensor(y_true) and is_tensor(y_pred)) or y_true.ndim < 2:
        return y_true
    per_step = any(getattr(weight, "ndim", 0) == y_true.ndim for weight in (sample_weight, mask))
    return y_true.unsqueeze(-1) if per_step and y_pred.shape == (*y_true.shape, 1) else y_true
