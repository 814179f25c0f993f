"""Losses that users write: what is wrong with one that gives no tensor, or takes other arguments than it is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from lamina.call_errors import CallError
from lamina.graph.errors import LaminaError


class LossValueError(LaminaError, TypeError, ValueError):
    """A loss gives something that nothing can be learnt from."""

    __module__ = "lamina"


def no_values(name: str, values: Any) -> LossValueError:
    """The error for what a loss gave in place of a tensor."""
    if values is None:
        hint = f"a `return` at the end of {name}"
    else:
        hint = "torch or ops in place of numpy, float(), .item() and .numpy(): a number has no gradient"
    return LossValueError(
        f"The loss {name} gives no tensor, so there is nothing to learn from.",
        got="None" if values is None else f"{type(values).__name__} {values!r}"[:80],
        expected="a tensor, computed from the predictions by torch or ops: one value for each sample, or one for all",
        hint=hint,
    )


def no_metric(name: str) -> LossValueError:
    """The error for a metric function that gave nothing."""
    return LossValueError(
        f"The metric {name} gives no value.",
        got="None",
        expected="a tensor: one value for each sample, or one for all",
        hint=f"a `return` at the end of {name}",
    )


def refuse_signature(name: str, fn: Callable[..., Any], *given: str, **named: Any) -> None:
    """Refuse a function that cannot be called with these arguments.

    Raises:
        CallError: so it is.
    """
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # a function of C, which says itself what it takes
        return
    try:
        signature.bind(*given, **named)
    except TypeError as error:
        raise CallError(
            f"{name} is called with {' and '.join(given)}, which it does not take.",
            got=f"{getattr(fn, '__name__', type(fn).__name__)}{signature}: {error}",
            expected=f"a function ({', '.join(given)})",
            hint=f"def loss({', '.join(given)}): return ...",
        ) from None
