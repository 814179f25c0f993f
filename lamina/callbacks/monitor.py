"""MonitorCallback: what callbacks share that watch one number for the better."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from lamina import ops
from lamina.graph import ArgumentError
from lamina.graph.errors import ArgumentTypeError
from lamina.graph.source import warn
from lamina.nearest import nearest, suggested

from .base import Callback, Logs
from .direction import rises, rises_for_sure


class MonitorCallback(Callback):
    """Base of callbacks that watch a number in the logs of epochs.

    Args:
        monitor: its name in the logs.
        mode: "min", "max", or "auto": what the metric of that name says, or else its name.
        min_delta: a smaller change is no improvement.

    Attributes:
        best: the best value so far, None before the first. Not-a-number is never the best.

    Raises:
        ArgumentError: another mode; or, at the end of the first epoch, neither metric nor name tell the direction.

    >>> watch = MonitorCallback("loss", min_delta=0.1)
    >>> [watch.improves(value, 0.5) for value in (0.45, 0.3, float("nan"))]
    [False, True, False]
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(
                f"{type(self).__name__}(mode=) is unknown.", got=repr(mode), expected="'auto', 'min' or 'max'"
            )
        if not isinstance(monitor, str):
            raise ArgumentTypeError(
                f"{type(self).__name__} watches one number of the logs.",
                got=f"monitor={monitor!r:.60}",
                expected="its name, such as 'val_loss'",
                hint=f"one {type(self).__name__} for each" if isinstance(monitor, (list, tuple)) else None,
            )
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.best: float | None = None
        self._warned = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._warned = False
        better = rises_for_sure(self.monitor, getattr(self.model, "metrics", None) or [])
        if self.mode != "auto" and better is not None and better is not (self.mode == "max"):
            good, bad = ("larger", "max") if better else ("smaller", "min")
            warn(
                f"{type(self).__name__} has mode={self.mode!r}, but a {good} {self.monitor!r} is better: what it takes "
                f"for the best is the worst. Try mode={bad!r}, or mode='auto'."
            )

    def monitored(self, logs: Logs | None) -> float | None:
        """The monitored number; None, with one warning in a training, where the logs have none of that name.

        Raises:
            ArgumentError: it is not one number; or there is none of that name, which does not tell the direction
                either.
        """
        value = (logs or {}).get(self.monitor)
        if value is None:
            self._rises(logs or {})
            self._warn_once(logs)
            return None
        if isinstance(value, list | tuple | np.ndarray | torch.Tensor) and np.size(value) != 1:
            raise ArgumentError(
                f"{type(self).__name__} watches {self.monitor!r}, which is not one number.",
                got=f"{np.size(value)} numbers",
                hint="a metric that averages over the classes",
            )
        return float(value[0] if isinstance(value, list | tuple) else value)

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether ``value`` is better than ``reference`` by more than ``min_delta``; anything is better than None."""
        more = self._rises()  # first, so that an unknown direction is refused after the first epoch
        if math.isnan(value):
            return False
        if reference is None or math.isnan(reference):
            return True
        if more:
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    @property
    def monitor_op(self) -> Any:
        """Keras' name for the comparison: `ops.greater` where more is better, else `ops.less`."""
        return ops.greater if self._rises() else ops.less

    def _rises(self, seen: Logs | None = None) -> bool:
        """Whether more is better. `seen`: the logs, where they lack the number."""
        if self.mode != "auto":
            return self.mode == "max"
        better = rises(self.monitor, getattr(self.model, "metrics", None) or [])
        if better is None:
            meant = suggested(nearest(self.monitor, seen or ()))
            raise ArgumentError(
                f"{type(self).__name__} cannot tell whether more or less of {self.monitor!r} is better.",
                got="a name that does not say, and a metric without a direction"
                if seen is None
                else f"a name that does not say, and is not in the logs: {', '.join(seen) or 'they are empty'}",
                hint=meant or "mode='max' or mode='min'",
            )
        return better

    def _warn_once(self, logs: Logs | None) -> None:
        if self._warned:
            return
        self._warned = True
        warn(
            f"{type(self).__name__} watches {self.monitor!r}, which is not in the logs. "
            f"There are: {', '.join(logs or {}) or 'none'}."
        )

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best = state["best"]
