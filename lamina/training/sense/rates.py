"""Learning rates that are wrong whatever the data are, and optimizers that are shared between models."""

from __future__ import annotations

from typing import Any

import torch

from lamina import optimizers

from .said import Said

# Their steps have about the length of the rate, however small the gradient is, so that 1 is larger than any weight.
# Others are left alone: a rate of 1 is usual for Adadelta, and may be right for SGD, Adagrad and Ftrl.
_BY_THE_RATE = (
    optimizers.Adam, optimizers.Adamax, optimizers.Nadam, optimizers.RMSprop, optimizers.Lion, optimizers.Lamb,
    torch.optim.Adam, torch.optim.AdamW, torch.optim.Adamax, torch.optim.NAdam, torch.optim.RAdam, torch.optim.RMSprop,
)  # fmt: skip
_LARGEST = 1.0


def tell_of_rates(said: Said, optimizer: Any) -> None:
    """Warn of a learning rate of 1 and more where each step is about as long as the rate."""
    outer = getattr(optimizer, "inner_optimizer", optimizer)
    for each in getattr(outer, "optimizers", None) or [outer]:
        inner = getattr(each, "optimizer", each)  # of PyTorch's
        if isinstance(inner, _BY_THE_RATE) and _rate(each) >= _LARGEST:
            kind, rate = type(inner).__name__, _rate(each)
            said.once(
                f"rate {kind}",
                f"{kind} has a learning rate of {rate:g}: each of its steps moves every weight by about that much, "
                "whatever the gradient is, and no weight is so large. Try 0.001, and up to 0.1.",
            )


def _rate(optimizer: Any) -> float:
    """That of the next step. What a function or a schedule of the user's makes of being asked nobody knows."""
    given = getattr(optimizer, "_learning_rate", None)
    if callable(given) and not type(given).__module__.startswith("lamina."):
        return 0.0
    return float(optimizer.learning_rate)


def tell_of_strangers(said: Said, label: str, optimizer: Any, every: list[torch.nn.Parameter]) -> None:
    """Warn of an optimizer that is to learn of weights, and has trained others: it was compiled into another model.

    Of two models that share all weights of one of them nothing is told.

    Args:
        label: the model.
        every: the weights of the model.
    """
    inner: Any = getattr(optimizer, "inner_optimizer", optimizer)
    known = {id(p) for p in getattr(inner, "_parameters", ())}
    own = {id(p) for p in every}
    strangers = known - own
    steps = int(getattr(inner, "iterations", 0))
    if strangers and steps and not own <= known:
        kind = type(inner).__name__
        said.once(
            "strangers",
            f"The {kind} of {label} has made {steps} steps on {len(strangers)} weights that are none "
            "of the model's: it is shared with another model, and both count its steps and change its learning rate. "
            "Try an optimizer of its own for each model.",
        )
