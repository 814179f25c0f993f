"""The learning rates of a model's optimizers, as callbacks read and set them."""

from __future__ import annotations

from itertools import count
from typing import Any

from lamina.graph import ArgumentError, ArgumentTypeError


def optimizers_of(model: Any) -> dict[str, Any]:
    """Name in the logs -> optimizer: ``learning_rate``, or ``learning_rate_<name>`` where there are several.

    Of several with one name the second is ``learning_rate_<name>_1``.

    What wraps an optimizer to scale the loss is looked through.
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return {}
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    several = getattr(inner, "optimizers", None)
    if several is None:
        return {"learning_rate": inner}
    if not several:  # it learns of its optimizers with the weights, which are there before the first step
        optimizer.build(list(model.parameters()))
    found: dict[str, Any] = {}
    for each in inner.optimizers:
        first = name = f"learning_rate_{each.name}"
        for number in count(1):
            if name not in found:
                break
            name = f"{first}_{number}"
        found[name] = each
    return found


def learning_rates(model: Any) -> dict[str, float]:
    """The learning rate of each optimizer that has one, by its name in the logs."""
    return {
        name: float(optimizer.learning_rate)
        for name, optimizer in optimizers_of(model).items()
        if hasattr(optimizer, "learning_rate")
    }


def refuse_schedules(model: Any, who: str) -> None:
    """ArgumentError where something else than ``who`` decides on the rate (TypeError too), or there is none."""
    for name, optimizer in optimizers_of(model).items():
        if not hasattr(optimizer, "learning_rate"):
            raise ArgumentError(f"{who} sets a learning rate, and {type(optimizer).__name__} has none.")
        rate = getattr(optimizer, "_learning_rate", None)
        if callable(rate):
            raise ArgumentTypeError(
                f"{who} cannot set the {name}: a schedule decides on it at every step.",
                got=f"{type(optimizer).__name__}(learning_rate={type(rate).__name__})",
                expected="a learning rate that is a number",
                hint="the schedule or the callback, one of them",
            )
