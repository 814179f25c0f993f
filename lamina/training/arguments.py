"""The numbers that ``fit``, ``evaluate`` and ``predict`` are given."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any

import torch

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


_OF_TORCH_COMPILE = frozenset(inspect.signature(torch.compile).parameters)


def refuse_others(named: Mapping[str, Any]) -> None:
    """Refuse what `compile` does not know by name: PyTorch's modules have another method of that name.

    Raises:
        ArgumentError: it is for ``torch.compile``.
        TypeError: it is for nobody.
    """
    for name in named:
        if name in _OF_TORCH_COMPILE:
            given = ", ".join(f"{key}={value!r}" for key, value in named.items())
            raise ArgumentError(
                f"compile() has no argument {name!r}: it says how a model is trained, as Keras' does.",
                got=f"compile({given}), as PyTorch's Module.compile has it",
                hint=f"torch.nn.Module.compile(model, {given}), or torch.compile(model, {given}); "
                "compile(..., jit_compile=True) for fit",
            )
        raise TypeError(f"compile() got an unexpected keyword argument {name!r}")
