"""The steps that a subclass of a model may define itself: ``train_step``, ``compute_loss`` and their kin."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from lamina.metrics import Metric

from .data import unpack
from .readout import flattened
from .step import Step


class Steps:
    """What a training does with one batch, in pieces to override, by Keras' names. Mixed into `Model` by `Trainer`.

    A ``train_step(self, data)`` of one's own gets what the data gave, ``x``, ``(x, y)`` or ``(x, y, sample_weight)``,
    on the device and in training mode, makes its step, and returns a dict of results (tensors may stay on the device).
    """

    @property
    def computes_own_loss(self) -> bool:
        return type(self).compute_loss is not Steps.compute_loss

    @property
    def computes_own_metrics(self) -> bool:
        return type(self).compute_metrics is not Steps.compute_metrics

    def _require_compiled(self) -> Step:
        raise NotImplementedError

    # -- to override

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of training on a batch; returns the means so far, on the device."""
        step = self._require_compiled()
        step.train(self, self._forward(), unpack(data))  # type: ignore[attr-defined]
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict[str, Any]:
        """Losses and metrics of a batch; returns the means so far, on the device."""
        self._require_compiled().test(self, self, unpack(data))  # type: ignore[arg-type]
        return self.get_metrics_result()

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch."""
        return self(unpack(data)[0])  # type: ignore[operator]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of a batch, a scalar: the outputs' losses, what layers gave to ``add_loss``, and regularizers.

        Args:
            x, y, sample_weight: the batch.
            y_pred: what the model made of ``x``, in the structure of its outputs.
            training: whether a step of training asks.
        """
        step = self._require_compiled()
        loss = step.loss_of(self, x, y, y_pred, sample_weight)
        return loss if step.team is None else step.team.whole(loss)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the metrics with a batch; returns the means so far, on the device."""
        with torch.no_grad():
            self._require_compiled().measure(self, x, y, y_pred, sample_weight)
        return self.get_metrics_result()

    # -- metrics

    @property
    def metrics(self) -> list[Any]:
        """The metric objects: the loss, those given to ``compile`` once the outputs' shapes are known, and those that
        the model and its layers have as attributes.
        """
        known: Any = self
        step: Step | None = known._require_compiled() if known.compiled else None
        objective = step.objective if step is not None else None
        compiled = [] if step is None else [step.total] if objective is None else objective.metrics()
        return [*compiled, *(metric for _, metric in attribute_metrics(self))]

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of all `metrics`; ``variable.path`` names the metric, ``"loss/total"``."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, known after the first batch."""
        return list(self.get_metrics_result())

    def reset_metrics(self) -> None:
        """Forget what the metrics have accumulated."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """name -> mean so far, on the device."""
        step: Step | None = self._step  # type: ignore[attr-defined]
        results = step.objective.results() if step is not None and step.objective is not None else {}
        for name, metric in attribute_metrics(self):
            result = metric.result()
            results.update(flattened(result) if isinstance(result, Mapping) else {name: result})
        return results


def has_own(model: Any, name: str) -> bool:
    """Whether a model defines this one of the `Steps` itself: its class, or the object."""
    return getattr(type(model), name) is not getattr(Steps, name) or name in vars(model)


_PLAIN = frozenset((bool, int, float, str, type(None), dict, set, OrderedDict, torch.dtype))


def attribute_metrics(model: Any) -> Iterator[tuple[str, Any]]:
    """(name, metric) of the metrics that a model and its layers hold as attributes, each once."""
    seen: set[int] = set()
    for module in model.modules():
        for value in list(vars(module).values()):
            if type(value) in _PLAIN:  # nearly all are, at every layer, at the begin of every epoch
                continue
            for metric in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(metric, Metric) and id(metric) not in seen:
                    seen.add(id(metric))
                    yield metric.name, metric
