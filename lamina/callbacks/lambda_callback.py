"""LambdaCallback: a callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.graph import ArgumentError
from lamina.nearest import nearest, suggested

from .base import HOOKS, Callback

Hook = Callable[..., Any] | None


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin, on_epoch_end: called with ``(epoch, logs)``.
        on_train_begin, on_train_end: called with ``(logs)``.
        on_train_batch_begin, on_train_batch_end: called with ``(batch, logs)``. A function at the end of batches makes
            every step wait for its numbers.
        kwargs: any other hook of `Callback`, by its name; a name that is none, and like none, is an attribute.

    Raises:
        ArgumentError: a name that is like a hook's or begins with `on_`, and is none; something that cannot be called.

    >>> seen = []
    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)).on_epoch_end(0, {})
    >>> seen
    [0]
    """

    def __init__(
        self,
        on_epoch_begin: Hook = None,
        on_epoch_end: Hook = None,
        on_train_begin: Hook = None,
        on_train_end: Hook = None,
        on_train_batch_begin: Hook = None,
        on_train_batch_end: Hook = None,
        **kwargs: Hook,
    ) -> None:
        super().__init__()
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in {**named, **kwargs}.items():
            near = suggested(nearest(name, HOOKS))
            if name not in HOOKS and (near or name.startswith("on_")):  # others are methods of the user's
                near = near or ", ".join(HOOKS)
                raise ArgumentError(f"LambdaCallback has no hook {name!r}.", hint=near)
            if function is None:
                continue
            if not callable(function):
                raise ArgumentError(f"LambdaCallback({name}=) is a function.", got=repr(function))
            setattr(self, name, function)
