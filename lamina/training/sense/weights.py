"""Weights of rows below 0: what they weigh is unlearnt."""

from __future__ import annotations

import torch

from .said import Said


def tell_of_negative_weights(said: Said, name: str, weight: torch.Tensor) -> None:
    """Warn of negative weights of an output's rows or steps, (B, ...) on the host."""
    if weight.device.type != "cpu" or not weight.numel() or weight.dtype is torch.bool:
        return
    negative = weight < 0
    if negative.any():
        row = int(negative.reshape(len(weight), -1).any(1).nonzero()[0]) if weight.ndim else 0
        value = weight[negative][0].item()
        said.once(
            f"negative weights {name}",
            f"sample_weight of the output {name!r} holds {value:.4g} in row {row}: below 0, training makes the loss of "
            "this row larger. Try weights of 0 and above, where 0 leaves a row out; or go on, where that is meant (the "
            "advantages of a policy gradient).",
            here=True,
        )
