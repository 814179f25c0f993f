"""`Measure`: a metric of ours that is the mean of one function."""

from __future__ import annotations

from typing import Any

from .base import Metric
from .reduction import MeanMetricWrapper


class Measure(MeanMetricWrapper):
    """A `MeanMetricWrapper` whose function belongs to its class: the config holds the other arguments only."""

    def __getattr__(self, name: str) -> Any:
        """Arguments of the function (``metric.threshold``), where nothing else has the name."""
        try:
            return self.__dict__["kwargs"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), **self.kwargs}
