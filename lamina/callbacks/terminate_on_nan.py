"""TerminateOnNaN: ends a training whose loss is no number any more."""

from __future__ import annotations

import math

from .base import Callback, Logs
from .messages import say


class TerminateOnNaN(Callback):
    """Stops when the loss is not a number or infinite. Every step waits for its loss.

    Args:
        raise_error: True raises instead of ending the training in order.

    Raises:
        RuntimeError: ``raise_error`` is True and the loss is no number any more.

    >>> TerminateOnNaN(raise_error=True).on_train_batch_end(3, {"loss": float("nan")})
    Traceback (most recent call last):
    RuntimeError: The loss is nan at batch 3: training cannot go on.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"The loss is {loss} at batch {batch}: training cannot go on.")
        say(f"Batch {batch}: the loss is {loss}, training ends.")
        self.model.stop_training = True
