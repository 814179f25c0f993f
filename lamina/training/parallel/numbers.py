"""Numbers: the metrics of all processes as one, at the time they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import distributed

from lamina.processes import World
from lamina.training.trackers import LossTracker

_OPERATIONS = {
    "sum": distributed.ReduceOp.SUM,
    "mean": distributed.ReduceOp.SUM,
    "max": distributed.ReduceOp.MAX,
    "min": distributed.ReduceOp.MIN,
} if distributed.is_available() else {}  # fmt: skip


class Numbers:
    """What metrics have accumulated on all processes, for a moment; each goes on with its own afterwards.

    A metric says how its variables are put together, `MetricVariable.aggregation`: most are sums. One of torchmetrics
    does it by itself when it computes.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._is_settled = False

    def begin(self) -> None:
        """Metrics have been reset."""
        self._is_settled = False

    @contextmanager
    def together(self, metrics: Mapping[str, Any]) -> Iterator[None]:
        """Within, these metrics, by their names in the logs, have the rows of all processes."""
        if not self._is_settled:
            self._settle(metrics)
        variables = [variable for metric in metrics.values() for variable in metric.variables]
        own = [variable.detach().clone() for variable in variables]
        with torch.no_grad():
            self._combine(variables)
            yield
            for variable, value in zip(variables, own, strict=True):
                variable.copy_(value)

    def _settle(self, metrics: Mapping[str, Any]) -> None:
        """Variables that wait for their first batch, on a process that has had none, take the shapes that others know.

        Once no metric waits on any process this is not asked again before the next epoch.
        """
        shapes = {name: [tuple(v.shape) for v in metric.variables] for name, metric in metrics.items()}
        touched = [name for name, metric in metrics.items() if getattr(metric, "touched", True)]
        everyone = self.world.gathered((shapes, touched))
        for name, metric in metrics.items():
            known = [told[name] for told, _ in everyone if name in told]
            for i, variable in enumerate(metric.variables):
                largest = max((shape[i] for shape in known), key=lambda shape: torch.Size(shape).numel())
                if tuple(variable.shape) != largest:
                    variable.hold(torch.zeros(largest, dtype=variable.dtype))
            if isinstance(metric, LossTracker):
                metric.touched = any(name in names for _, names in everyone)
        self._is_settled = all(told == everyone[0] for told in everyone)

    def _combine(self, variables: list[Any]) -> None:
        groups: dict[Any, list[Any]] = {}
        for variable in variables:
            groups.setdefault((getattr(variable, "aggregation", "sum"), variable.device), []).append(variable)
        for (kind, device), members in groups.items():
            exact = torch.float32 if device.type == "mps" else torch.float64
            flat = torch.cat([member.detach().reshape(-1).to(exact) for member in members])
            distributed.all_reduce(flat, op=_OPERATIONS[kind], group=self.world.group)
            flat = flat / self.world.size if kind == "mean" else flat
            for member, part in zip(members, flat.split([member.numel() for member in members]), strict=True):
                member.copy_(part.reshape(member.shape))

    def mean(self, results: dict[str, Any], weight: float) -> dict[str, Any]:
        """Numbers that are no metric's: their means over the processes, each by its weight."""
        names = [name for name, value in results.items() if isinstance(value, (int, float))]
        own = torch.tensor([float(results[name]) for name in names] or [0.0], dtype=torch.float64)
        counted = torch.cat([own * weight if weight else torch.zeros_like(own), torch.tensor([weight])])
        counted = counted.to(self.world.host)
        distributed.all_reduce(counted, group=self.world.group)
        means = (counted[:-1] / counted[-1].clamp(min=1e-300)).tolist()
        return results | dict(zip(names, means, strict=False))
