"""Sum and mean of values, and `MeanMetricWrapper`: the mean of any function of targets and predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lamina.losses.base import Loss
from lamina.losses.given import no_metric
from lamina.losses.names import CLASSES as LOSS_CLASSES
from lamina.losses.names import FUNCTIONS as LOSS_FUNCTIONS
from lamina.losses.names import class_of
from lamina.losses.reduction import MEANS
from lamina.losses.shapes import as_tensor, weight_for
from lamina.naming import snake_case
from lamina.registry import Registry

from .base import Metric, ratio
from .functions import FUNCTIONS


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

    number_counts: float = 1
    """What a value that is a single number counts: where several processes share a batch, by the rows that it is of."""

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    @torch.no_grad()
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = as_tensor(values).to(self._dtype)
        samples = values.shape[0] if values.ndim else self.number_counts
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
        fn: gives a value for every sample, (B,) or (B, ...), or one for the batch; or a dict of such values, each of
            which then is a result by its name. A `Loss` that reduces to a mean is averaged over samples.
        name: defaults to the name of `fn`.
        dtype: see `Metric`.
        **kwargs: handed to `fn` on every call.

    >>> MeanMetricWrapper(lambda t, p: (t - p).abs().amax(-1), "worst")(torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]))
    tensor(3.)
    """

    compares = False
    """True: predictions are only compared with each other, for which they need not be in full precision."""

    def __init__(self, fn: Callable[..., Tensor], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or getattr(fn, "name", None) or _name_of(fn), dtype)
        self.fn, self.kwargs = fn, kwargs
        self.named: dict[str, Mean] = {}
        if self.direction is None and (isinstance(fn, Loss) or class_of(fn)):
            self.direction = "down"

    @torch.no_grad()
    def update_state(  # type: ignore[override]  # of targets and predictions, where a Mean takes values
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> None:
        """Take a batch into account.

        Args:
            y_true: targets, (B, ...).
            y_pred: predictions, (B, ...). In half precision they are computed with as float32.
            sample_weight: number, (B,) weights of samples, or (B, T) of steps.
            mask: (B,) or (B, T), True where a sample or step counts.
        """
        if isinstance(self.fn, Loss) and self.fn.reduction in MEANS:
            # Not the mean of means: a smaller last batch weighs less, and weights have samples to apply to.
            values, valid = self.fn.samples(y_true, y_pred)
        else:
            y_pred = y_pred if self.compares else at_least_float32(y_pred)
            given: Any = self.fn(y_true, y_pred, **self.kwargs)
            if isinstance(given, Mapping):
                self._update_named(given, sample_weight, mask)
                return
            if given is None:
                raise no_metric(self.name)
            values, valid = as_tensor(given), None
        if mask is not None:
            mask = weight_for(mask, values, "mask").to(torch.bool)
        if valid is not None:
            mask = valid if mask is None else valid & mask
        if mask is not None:
            values = torch.where(mask, values, 0.0)
        super().update_state(values, counting(values, sample_weight, mask, self._dtype))

    def _update_named(self, values: Mapping[str, Any], sample_weight: Any, mask: Any) -> None:
        for name, value in values.items():
            value = as_tensor(value)
            self._mean_of(name).update_state(value, counting(value, sample_weight, mask, self._dtype))

    def _mean_of(self, name: str) -> Mean:
        if name not in self.named:
            self.named[name] = Mean(name, self.dtype)
        return self.named[name]

    def result(self) -> Any:
        return {name: mean.result() for name, mean in self.named.items()} if self.named else super().result()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        for path in state:  # the names are known once the function has run, or from here
            if path.startswith("named."):
                self._mean_of(path.removeprefix("named.").rpartition(".")[0])
        super().load_state_dict(state)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": _functions().serialize(self.fn), **self.kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> MeanMetricWrapper:
        """Reverse of `get_config`; a function that is not ours comes from `custom_objects`, by its name."""
        if "fn" in config:
            config = {**config, "fn": _functions().get(config["fn"], custom_objects)}
        return cls(**config)


def at_least_float32(value: Any) -> Any:
    """Tensors in half precision as float32, anything else as it is."""
    half = isinstance(value, Tensor) and value.is_floating_point() and value.itemsize < 4
    return value.float() if half else value


def counting(values: Tensor, sample_weight: Any, mask: Any, dtype: torch.dtype) -> Tensor | None:
    """How much each of the `values` counts: its weight, 0 where masked; of a shape that can be expanded to theirs.

    None where each counts 1.
    """
    weight = None if sample_weight is None else weight_for(sample_weight, values).to(dtype)
    if mask is None:
        return weight
    mask = weight_for(mask, values, "mask").to(torch.bool)
    return mask.to(dtype) if weight is None else torch.where(mask, weight, 0.0)


def _name_of(fn: Any) -> str:
    return getattr(fn, "__name__", None) or snake_case(type(fn).__name__)


def _functions() -> Registry:
    return Registry("metric function", classes=LOSS_CLASSES, functions={**LOSS_FUNCTIONS, **FUNCTIONS})
