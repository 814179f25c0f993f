"""What a step of the user's takes: Keras' arguments by name, without those that it does not know."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any


def taken_by(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arguments that a function has; what says something (is not None) stays, but for ``training``.

    >>> taken_by(lambda x, y: 0, {"x": 1, "y": 2, "sample_weight": None, "training": True})
    {'x': 1, 'y': 2}
    """
    known = _parameters(function)
    if known is None:
        return dict(given)
    return {name: value for name, value in given.items() if name in known or not (value is None or name == "training")}


@lru_cache(maxsize=256)
def _parameters(function: Callable[..., Any]) -> frozenset[str] | None:
    """The names of its arguments; None where it takes any."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters)
