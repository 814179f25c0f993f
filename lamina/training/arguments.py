"""The numbers that ``fit``, ``evaluate`` and ``predict`` are given."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch

from lamina.call_errors import CallError
from lamina.config import max_steps_per_epoch
from lamina.graph import ArgumentError
from lamina.losses import resolve_loss
from lamina.metrics import resolve_metric
from lamina.nearest import nearest, suggested
from lamina.sizes.cycles import refuse_loop


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


def check_names(compiled: Mapping[str, Any]) -> None:
    """Refuse names of losses and metrics that there are not: what they are for an output is known only with the data.

    Args:
        compiled: loss, metrics, weighted_metrics as given to ``compile``, in any nesting.

    Raises:
        ArgumentError: such a name, with the nearest ones.

    >>> check_names({"loss": {"a": "mse", "b": None}, "metrics": ["acc"]})
    """
    some = (None, 1)
    for key, resolve in (("loss", resolve_loss), ("metrics", resolve_metric), ("weighted_metrics", resolve_metric)):
        try:
            for name in _names(compiled.get(key)):
                resolve(name, some, some)
        except RecursionError:
            refuse_loop(compiled.get(key))
            raise


def _names(given: Any) -> Iterator[str]:
    """The strings in a nesting; a dict that tells a class is a thing of its own."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, Mapping):
        if "class_name" not in given:
            for entry in given.values():
                yield from _names(entry)
    elif isinstance(given, (list, tuple)):
        for entry in given:
            yield from _names(entry)


_OF_TORCH_COMPILE = frozenset(inspect.signature(torch.compile).parameters)


def refuse_others(named: Mapping[str, Any]) -> None:
    """Refuse what `compile` does not know by name: PyTorch's modules have another method of that name.

    Raises:
        ArgumentError: it is for ``torch.compile``.
        CallError: it is for nobody.
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
        near = suggested(nearest(name, ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")))
        raise CallError(f"compile() has no argument {name!r}.", got=", ".join(named), hint=near or None)
