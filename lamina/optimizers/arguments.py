"""Checks of the arguments that all optimizers share."""

from __future__ import annotations

import warnings
from typing import Any

from lamina.graph.errors import ArgumentError
from lamina.graph.source import caller


def number(given: Any) -> float:
    """A float; a text that spells one is none, as in Keras.

    Raises:
        TypeError, ValueError: no number.
    """
    if isinstance(given, str):
        raise TypeError(given)
    return float(given)


def tell_of_negative_rate(optimizer: Any, rate: float) -> None:
    """Warn of a learning rate below 0, which makes the loss larger."""
    if rate < 0:
        warnings.warn_explicit(
            f"{type(optimizer).__name__} has a learning rate of {rate:g}: below 0, each step makes the loss larger. "
            f"Try {-rate:g}; to make something larger, minimise its negative.",
            UserWarning,
            *caller(),
        )


# What took the place of Keras 2's words.
_OLDER = {
    "lr": "learning_rate=",
    "decay": "learning_rate=schedules.InverseTimeDecay(rate, 1, decay) or ExponentialDecay(...), or weight_decay=",
    "schedule_decay": "learning_rate=schedules.ExponentialDecay(...)",
    "clip_norm": "clipnorm=",
    "clip_value": "clipvalue=",
    "rate": "learning_rate=",
}


def check_arguments(optimizer: Any, unknown: dict[str, Any]) -> None:
    """ArgumentError for arguments that do not exist, contradict each other or are out of range."""
    who = type(optimizer).__name__
    if unknown:
        hint = ", ".join(_OLDER[name] for name in unknown if name in _OLDER) or None
        raise ArgumentError(f"{who} does not know these arguments.", got=", ".join(unknown), hint=hint)
    clips = {name: getattr(optimizer, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    given = [f"{name}={value}" for name, value in clips.items() if value is not None]
    if len(given) > 1:
        raise ArgumentError(f"{who} can clip in one way only.", got=", ".join(given), expected="one of them")
    if any(value is not None and value < 0 for value in clips.values()):
        raise ArgumentError(f"{who} cannot clip to less than nothing.", got=given[0], expected="a number > 0, or None")
    steps, every = optimizer.gradient_accumulation_steps, optimizer.ema_overwrite_frequency
    if steps and (not isinstance(steps, int) or steps < 2):
        got = f"gradient_accumulation_steps={steps!r}"
        raise ArgumentError(f"{who} accumulates over at least 2 steps.", got=got, expected="an int >= 2, or None")
    if optimizer.use_ema and not 0 <= optimizer.ema_momentum <= 1:
        got = f"ema_momentum={optimizer.ema_momentum!r}"
        raise ArgumentError(f"The momentum of {who}'s average is a share.", got=got, expected="a number in [0, 1]")
    if optimizer.use_ema and every and (not isinstance(every, int) or every < 1):
        got = f"ema_overwrite_frequency={every!r}"
        raise ArgumentError(f"{who} overwrites after whole steps.", got=got, expected="an int >= 1, or None")
