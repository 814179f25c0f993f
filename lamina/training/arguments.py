"""The numbers that ``fit``, ``evaluate`` and ``predict`` are given."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from lamina.config import max_steps_per_epoch
from lamina.graph import ArgumentError


def check_counts(least: int = 1, **counts: Any) -> None:
    """Refuse what is no whole number of at least ``least``. None, which leaves it open, is none of this one's business.

    Raises:
        ArgumentError: names the argument.

    >>> check_counts(steps=None, epochs=3)
    """
    for name, count in counts.items():
        if count is None:
            continue
        if isinstance(count, bool) or not hasattr(count, "__index__") or count < least:
            raise ArgumentError(
                f"{name} cannot be {count!r}.", got=type(count).__name__, expected=f"a whole number, {least} or more"
            )


def check_frequency(frequency: Any) -> None:
    """Refuse what is neither a number of epochs nor several of them, as ``validation_freq``.

    Raises:
        ArgumentError: something else.

    >>> check_frequency([1, 5, 10])
    """
    if not isinstance(frequency, Collection) or isinstance(frequency, (str, bytes)):
        check_counts(validation_freq=frequency)


def limited(steps: int | None) -> int | None:
    """Steps of an epoch, within what `lamina.config` allows."""
    limit = max_steps_per_epoch()
    return steps if limit is None else limit if steps is None else min(steps, limit)
