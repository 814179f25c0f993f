"""Sum and mean of values, and `MeanMetricWrapper`: the mean of any function of targets and predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lamina.graph.registry import Registry
from lamina.losses.base import snake_case
from lamina.losses.names import FUNCTIONS as LOSS_FUNCTIONS
from lamina.losses.shapes import as_tensor, weight_for

from .base import Metric, ratio


class Sum(Metric):
    """Sum of all values, each times the weight of its sample.

    >>> Sum()([1.0, 3.0, 5.0], sample_weight=[1.0, 0.0, 1.0])
    tensor(6.)
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    @torch.no_grad()
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = as_tensor(values).to(self._dtype)
        if sample_weight is not None:
            values = values * weight_for(sample_weight, values).to(self._dtype)
        self.total.assign_add(values.sum())

    def result(self) -> Tensor:
        return self.total.value


class Mean(Metric):
    """Mean over samples: sum(weight * value) / sum(weight). What a sample has beyond the batch axis is averaged first.

    >>> Mean()([1.0, 3.0, 8.0], sample_weight=[1.0, 1.0, 2.0])
    tensor(5.)
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    @torch.no_grad()
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = as_tensor(values).to(self._dtype)
        samples = values.shape[0] if values.ndim else 1
        self.total.to_device_of(values)
        self.count.to_device_of(values)
        if sample_weight is None:
            self.count.add_(samples)
        else:
            weight = weight_for(sample_weight, values).to(self._dtype)
            values = values * weight
            self.count.add_(weight.sum(), alpha=samples / max(weight.numel(), 1))
        self.total.add_(values.sum(), alpha=samples / max(values.numel(), 1))

    def result(self) -> Tensor:
        return ratio(self.total, self.count)


class MeanMetricWrapper(Mean):
    """Mean of ``fn(y_true, y_pred, **kwargs)``.

    Args:
        fn: gives a value for every sample, (B,) or (B, ...), or one for the batch.
        name: defaults to the name of `fn`.
        dtype: see `Metric`.
        **kwargs: handed to `fn` on every call.

    >>> MeanMetricWrapper(lambda t, p: (t - p).abs().amax(-1), "worst")(torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]))
    tensor(3.)
    """

    def __init__(self, fn: Callable[..., Tensor], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or getattr(fn, "name", None) or _name_of(fn), dtype)
        self.fn, self.kwargs = fn, kwargs

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Take a batch into account.

        Args:
            y_true: targets, (B, ...).
            y_pred: predictions, (B, ...).
            sample_weight: number, (B,) weights of samples, or (B, T) of steps.
            mask: (B,) or (B, T), True where a sample or step counts.
        """
        values = as_tensor(self.fn(y_true, y_pred, **self.kwargs))
        if mask is not None:
            mask = weight_for(mask, values, "mask").to(torch.bool)
            values = torch.where(mask, values, 0.0)
            sample_weight = mask if sample_weight is None else weight_for(sample_weight, values) * mask
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": _functions().serialize(self.fn), **self.kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> MeanMetricWrapper:
        """Reverse of `get_config`; a function that is not ours comes from `custom_objects`, by its name."""
        if "fn" in config:
            config = {**config, "fn": _functions().get(config["fn"], custom_objects)}
        return cls(**config)


def _name_of(fn: Any) -> str:
    return getattr(fn, "__name__", None) or snake_case(type(fn).__name__)


def _functions() -> Registry:
    return Registry("metric function", classes={}, functions=LOSS_FUNCTIONS)
