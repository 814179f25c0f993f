"""How many batches one call of the batch hooks stands for."""

from __future__ import annotations

from typing import Any


def batches_of_call(model: Any, params: dict[str, Any], batch: int) -> int:
    """Batches from one ``on_train_batch_begin`` to its ``on_train_batch_end``.

    One, or ``steps_per_execution`` as the model is compiled; at the end of an epoch, what is left of it.

    Args:
        batch: index of the first of them, from 0.
        params: what ``fit`` told the callbacks.
    """
    several = int(getattr(model, "steps_per_execution", 1) or 1)
    steps = params.get("steps")
    return several if steps is None else max(1, min(several, steps - batch))
