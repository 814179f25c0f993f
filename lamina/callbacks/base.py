"""Callback: code of the user's that runs between the steps and epochs of a training."""

from __future__ import annotations

from typing import Any

from lamina.one_line import named_with_settings, one_line
from lamina.tracebacks import Doored

Logs = dict[str, Any]


class Callback(Doored):
    """Base of callbacks; override the hooks that you need.

    ``logs`` are numbers by the names that `History` has. Methods named ``on_..._batch_end`` make a step wait for its
    numbers, so they cost speed: override them only where you need them, and see `listens_to`.

    Attributes:
        params: ``epochs``, ``steps`` (None where unknown) and ``verbose``, as ``fit`` was told.

    >>> class Patient(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch + 1} of {self.params['epochs']}: {logs['loss']}")
    >>> patient = Patient()
    >>> patient.set_params({"epochs": 3})
    >>> patient.on_epoch_end(0, {"loss": 0.5})
    epoch 1 of 3: 0.5
    """

    shows_progress = False
    """True for a callback that shows progress itself, so that ``fit`` shows none beside it."""

    first_only = False
    """True for a callback that only writes or shows something: of several processes that train, the first calls it."""

    turn = 0
    """Which come after which at each hook: those that keep what the others have become have a higher one."""

    _model: Any = None

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    __repr__ = one_line(named_with_settings)

    @property
    def model(self) -> Any:
        """The model in training, and after it the model that was: a callback that is kept keeps it."""
        return self._model

    def set_model(self, model: Any) -> None:
        """Say which model is in training; None: none any more."""
        self._model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Say how ``fit``, ``evaluate`` or ``predict`` was called; see `params`."""
        self.params = params

    def listens_to(self, hook: str) -> bool:
        """Whether it has anything to do at this hook: by default, whether the method is overridden.

        A step waits for its numbers only where somebody listens to its end. A callback that is interested in some steps
        only answers for the step that is under way, from ``on_train_batch_begin`` on; asked outside of a step, it
        answers whether it ever listens.
        """
        return getattr(type(self), hook) is not getattr(Callback, hook) or hook in vars(self)

    def state_dict(self) -> dict[str, Any]:
        """What an interrupted run must keep: dicts and lists of JSON scalars, with tensors and arrays at the leaves.

        Tensors are the callback's own, not copies.
        """
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave; called after ``on_train_begin`` of the run that continues."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, whatever ended the training."""

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


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
