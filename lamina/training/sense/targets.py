"""Targets that are not finite, where the user has said what is to happen then."""

from __future__ import annotations

import torch

from .inputs import not_finite
from .said import Said


def tell_of_targets(said: Said, name: str, target: torch.Tensor) -> bool:
    """Warn of NaN and of infinite values in the targets of an output, (N, ...) on the host; whether there are any."""
    is_looked_at = target.is_floating_point() and target.device.type == "cpu" and target.ndim > 0
    held = not_finite(target) if is_looked_at else ""
    if held:
        said.once(
            f"targets {name}",
            f"The targets of output {name!r} hold {held}: the loss of such a row is no number, and TerminateOnNaN "
            "ends the training there.",
            here=True,
        )
    return bool(held)
