"""`Metric`: what every metric has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lamina import initializers
from lamina.graph.dtypes import name_of, to_torch
from lamina.losses.base import snake_case

from .variable import MetricVariable


class Metric:
    """Base of metrics. A subclass adds to its variables in `update_state` and makes a tensor of them in `result`.

    The variables are tensors on the device of the data. `update_state` never waits for that device; reading the result
    with ``float(metric.result())`` does.

    Args:
        dtype: of the variables; None for float32.
        name: defaults to the class name in snake_case.

    >>> class Largest(Metric):
    ...     def __init__(self, name="largest", dtype=None):
    ...         super().__init__(dtype, name)
    ...         self.value = self.add_variable((), "zeros", name="value")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.value.assign(torch.maximum(self.value, (y_true - y_pred).abs().max()))
    ...     def result(self):
    ...         return self.value.clone()
    >>> Largest()(torch.zeros(2), torch.tensor([1.0, -3.0]))
    tensor(3.)
    """

    direction: str | None = None
    """"up" if more is better, "down" if less is, None if unknown: for callbacks that look for the best epoch."""

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self._dtype = to_torch(dtype or "float32")
        self._variables: list[MetricVariable] = []

    @property
    def dtype(self) -> str:
        """Name of the dtype of the variables."""
        return name_of(self._dtype)

    def add_variable(
        self, shape: Sequence[int], initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> MetricVariable:
        """A new variable, counted among `variables`.

        Args:
            shape: its shape.
            initializer: as for a layer's weight; None for zeros. `reset_state` sets zeros in any case, as in Keras.
            dtype: None for that of the metric.
            name: for people who read the code; it is not kept.
        """
        make = initializers.get(initializer or "zeros")
        dtype = self._dtype if dtype is None else to_torch(dtype)
        variable = MetricVariable.holding(torch.as_tensor(make(tuple(shape), dtype), dtype=dtype, device="cpu"))
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> MetricVariable:
        """Same as `add_variable`, a scalar by default."""
        return self.add_variable(shape, initializer, dtype, name)

    @property
    def variables(self) -> list[MetricVariable]:
        """All variables: its own, then those of metrics that it holds as attributes."""
        inner = [value for value in vars(self).values() if isinstance(value, Metric)]
        return [*self._variables, *(variable for metric in inner for variable in metric.variables)]

    def reset_state(self) -> None:
        """Start again from zero."""
        for variable in self.variables:
            variable.zero_()

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch into account: what a subclass writes."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(self, ...).")

    def result(self) -> Tensor:
        """The metric over everything since the last reset: what a subclass writes."""
        raise NotImplementedError(f"{type(self).__name__} must define result(self).")

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as JSON types."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """Reverse of `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """numerator / denominator, and 0 where the denominator is 0."""
    return torch.where(denominator == 0, 0.0, numerator / torch.where(denominator == 0, 1.0, denominator))
