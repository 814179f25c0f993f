"""`TorchMetric`: a metric of the torchmetrics package, or anything that is used like one, as a `Metric`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError, StructureError
from lamina.losses.shapes import as_tensor
from lamina.naming import snake_case

from .base import Metric


def is_torch_metric(value: Any) -> bool:
    """Whether something is used like a torchmetrics metric, told by its methods: nothing is imported to find out.

    >>> is_torch_metric(Metric())
    False
    """
    has = [callable(getattr(value, name, None)) for name in ("update", "compute", "reset", "update_state")]
    return has == [True, True, True, False]


class TorchMetric(Metric):
    """A metric with ``update(predictions, targets)``, ``compute()`` and ``reset()``, as torchmetrics has them.

    It moves to the device of the first predictions. Targets (B, 1) become (B,) for predictions of several classes, and
    predictions (B, 1) become (B,) for targets (B,); nothing is broadcast over the batch.

    Args:
        metric: the object, which is used, not copied.
        name: defaults to the name of its class in snake_case.

    `validate_args=True`, the default of torchmetrics' classifications, looks at the values of every batch, and so waits
    for a GPU; `validate_args=False` does not.
    """

    def __init__(self, metric: Any, name: str | None = None) -> None:
        super().__init__(name=name or snake_case(type(metric).__name__))
        self.metric = metric
        better = getattr(metric, "higher_is_better", None)
        self.direction = None if better is None else "up" if better else "down"
        self._device: torch.device | None = None

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Take a batch into account.

        Raises:
            ArgumentError: weights or a mask, of which these metrics know nothing.
        """
        if sample_weight is not None or mask is not None:
            raise ArgumentError(
                f"The metric {self.name!r} is one of torchmetrics, which do not take weights or masks.",
                got="sample_weight" if mask is None else "a mask of the output",
                hint="give it in metrics=, not in weighted_metrics=; or use a metric of lamina.metrics",
            )
        y_pred = as_tensor(y_pred)
        y_true = as_tensor(y_true, y_pred.device)
        if self._device != y_pred.device:
            self._device = y_pred.device
            if hasattr(self.metric, "to"):
                self.metric = self.metric.to(y_pred.device)
        if y_true.shape == (*y_pred.shape[:-1], 1) != y_pred.shape:
            y_true = y_true.squeeze(-1)
        elif y_pred.shape == (*y_true.shape, 1):
            y_pred = y_pred.squeeze(-1)
        self.metric.update(y_pred, y_true)

    def result(self) -> Any:
        """What `compute` gives: a tensor, or a dict of tensors for a collection."""
        return self.metric.compute()

    def reset_state(self) -> None:
        self.metric.reset()

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of every state, item by item where one is a list, and how many batches it has seen."""
        state = {"update_count": torch.tensor(getattr(self.metric, "_update_count", 0))}
        for name, value in self._states().items():
            if isinstance(value, Tensor):
                state[name] = value.detach().clone()
            else:
                state |= {f"{name}.{i}": item.detach().clone() for i, item in enumerate(value)}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Reverse of `state_dict`.

        Raises:
            StructureError: a state that the metric does not have, or none for one that it has.
        """
        mine = self._states()
        due = {name for name, value in mine.items() if isinstance(value, Tensor)}
        if due - state.keys() or {name.partition(".")[0] for name in state} - mine.keys() - {"update_count"}:
            got, expected = str(sorted(state)), str(sorted(mine))
            raise StructureError(f"This is not the state of the metric {self.name!r}.", got=got, expected=expected)
        for name, value in mine.items():
            if isinstance(value, Tensor):
                setattr(self.metric, name, state[name].detach().to(value.device, copy=True))
            else:
                numbered = [key for key in state if key.startswith(f"{name}.")]
                ordered = sorted(numbered, key=lambda key: int(key.rpartition(".")[2]))
                setattr(self.metric, name, [state[key].detach().clone() for key in ordered])
        if "update_count" in state and hasattr(self.metric, "_update_count"):
            self.metric._update_count = int(state["update_count"])
            self.metric._computed = None

    def _states(self) -> dict[str, Any]:
        if not hasattr(self.metric, "metric_state"):
            raise ArgumentError(
                f"The state of the metric {self.name!r} cannot be saved in a checkpoint.",
                got=f"{type(self.metric).__name__} without metric_state",
                expected="a metric of torchmetrics, or a subclass of lamina.metrics.Metric",
            )
        return dict(self.metric.metric_state)

    def get_config(self) -> dict[str, Any]:
        raise ArgumentError(
            f"The metric {self.name!r} of torchmetrics cannot be saved in a file.",
            got=type(self.metric).__name__,
            hint="one of lamina.metrics; or compile again after loading",
        )
