"""Weights of samples and classes below 0, which turn learning round."""

from __future__ import annotations

from typing import Any

import torch

from .said import Said


def tell_of_negative(said: Said, what: str, weights: Any) -> None:
    """Warn of weights below 0, given as a tensor or as a table of numbers."""
    if isinstance(weights, torch.Tensor):
        if weights.device.type != "cpu" or not weights.numel() or weights.dtype == torch.bool:
            return
        least = weights.min().item()
    else:
        least = min(weights, default=0)
    if least < 0:
        said.once(
            f"negative {what}",
            f"{what} holds {least:g}: below 0, the loss is made larger instead of smaller. Try 0 for what is not to "
            "count.",
            here=True,
        )
