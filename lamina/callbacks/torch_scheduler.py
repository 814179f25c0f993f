"""TorchScheduler: a learning-rate scheduler of PyTorch's, stepped by ``fit``."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError

from .base import Callback, Logs

# PyTorch's documentation steps these after each batch, the others after each epoch.
_PER_STEP = ("CyclicLR", "OneCycleLR")


class TorchScheduler(Callback):
    """Steps a scheduler of ``torch.optim.lr_scheduler``, on the ``torch.optim`` optimizer that `compile` was given.

    ``fit(callbacks=[scheduler])`` takes the scheduler as it is and makes one of these.

    Args:
        scheduler: PyTorch's.
        every: "epoch" or "step"; None: "step" for ``OneCycleLR`` and ``CyclicLR``, else "epoch".
        monitor: the number that ``ReduceLROnPlateau`` of PyTorch looks at.

    Raises:
        ArgumentError: no scheduler; another word for `every`; when training begins, a scheduler of another optimizer
            than the model's.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> optimizer = torch.optim.SGD([weight], lr=1.0)
    >>> halving = TorchScheduler(torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5))
    >>> optimizer.step()
    >>> halving.on_epoch_end(0, {})
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    def __init__(self, scheduler: Any, every: str | None = None, monitor: str = "val_loss") -> None:
        super().__init__()
        if not is_scheduler(scheduler):
            raise ArgumentError("TorchScheduler takes a scheduler of PyTorch's.", got=type(scheduler).__name__)
        if every not in (None, "epoch", "step"):
            raise ArgumentError("TorchScheduler(every=) is 'epoch' or 'step'.", got=repr(every))
        name = type(scheduler).__name__
        self.scheduler, self.monitor = scheduler, monitor
        self.every = every or ("step" if name in _PER_STEP else "epoch")
        self._watches = name == "ReduceLROnPlateau"
        self._due = False

    def listens_to(self, hook: str) -> bool:
        if hook == "on_train_batch_begin":
            return self.every == "step"
        return super().listens_to(hook)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        own = getattr(self.model.optimizer, "optimizer", None)
        if own is not self.scheduler.optimizer:
            raise ArgumentError(
                f"{type(self.scheduler).__name__} schedules another optimizer than the model's.",
                got=type(self.model.optimizer).__name__,
                expected="the torch.optim optimizer that compile() was given",
                hint="lamina.optimizers.schedules for Lamina's own optimizers",
            )
        self._due = False

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Steps for the batch before, so that no step has to wait for its numbers."""
        if self.every == "step":
            if self._due:
                self.scheduler.step()
            self._due = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.every == "step":
            return
        if not self._watches:
            self.scheduler.step()
            return
        value = (logs or {}).get(self.monitor)
        if value is None:
            raise ArgumentError(
                f"ReduceLROnPlateau looks at {self.monitor!r}, which was not measured.",
                got=f"numbers {list(logs or {})}",
                hint='TorchScheduler(scheduler, monitor="loss"), or validation_data',
            )
        self.scheduler.step(value)

    def state_dict(self) -> dict[str, Any]:
        """The scheduler's counters; its functions and its optimizer are not part of it."""
        plain = (bool, int, float, str, type(None))
        kept = {
            name: value
            for name, value in self.scheduler.state_dict().items()
            if isinstance(value, plain) or (isinstance(value, list) and all(isinstance(v, plain) for v in value))
        }
        return {"scheduler": kept, "due": self._due}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(self.scheduler.state_dict() | state["scheduler"])
        self._due = bool(state["due"])


def is_scheduler(candidate: Any) -> bool:
    """Whether something is a scheduler of PyTorch's, told by what it can do: its module would load the compiler."""
    needed = ("step", "state_dict", "load_state_dict", "optimizer")
    return not isinstance(candidate, type) and all(hasattr(candidate, name) for name in needed)
