"""Callback and the list of them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from lamina.graph import ArgumentError

Logs = dict[str, Any]


class Callback:
    """Base of callbacks; override what you need. ``self.model`` is the model in training.

    ``logs`` are numbers by the names that `History` has. Methods named ``on_..._batch_end`` make every step wait
    for its numbers, so they cost speed; override them only where you need them.
    """

    _model: Any = None

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    @property
    def model(self) -> Any:
        """The model in training; held weakly, so that a callback or a `History` that is kept keeps no model."""
        return self._model() if self._model is not None else None

    def set_model(self, model: Any) -> None:
        self._model = weakref.ref(model) if model is not None else None

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before the first step of an epoch; ``epoch`` counts from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a training step."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training step."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keras' older name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keras' older name for `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before evaluation, also the one inside ``fit``."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before an evaluation step."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After an evaluation step."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch is predicted."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch is predicted."""


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end: called
            with Keras' arguments: ``(epoch, logs)``, ``(batch, logs)`` or ``(logs)``.

    >>> seen = []
    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)).on_epoch_end(0, {})
    >>> seen
    [0]
    """

    def __init__(self, **functions: Callable[..., None] | None) -> None:
        super().__init__()
        for name, function in functions.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise ArgumentError(
                    f"LambdaCallback has no hook {name!r}.",
                    expected=", ".join(n for n in vars(Callback) if n.startswith("on_")),
                )
            if function is not None:
                setattr(self, name, function)


class CallbackList:
    """Calls each callback in turn; knows which hooks anybody listens to.

    >>> calls = CallbackList([LambdaCallback(on_train_begin=lambda logs: print("begin"))])
    >>> calls.call("on_train_begin", {})
    begin
    """

    def __init__(self, callbacks: Iterable[Callback], model: Any = None, params: dict[str, Any] | None = None) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params or {})

    def listens(self, *hooks: str) -> bool:
        """Whether any callback overrides one of these methods."""
        return any(
            getattr(type(c), hook, None) is not getattr(Callback, hook) or hook in vars(c)
            for c in self.callbacks
            for hook in hooks
        )

    def call(self, hook: str, *args: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args)
