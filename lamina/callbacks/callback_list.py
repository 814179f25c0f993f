"""CallbackList: calls each callback in turn, and knows which hooks anybody listens to."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from lamina.graph import ArgumentError
from lamina.graph.source import warn
from lamina.processes import is_first
from lamina.tracebacks import door

from .base import Callback, Logs
from .history import History
from .misuse import refuse_hook, tell_of_misuse
from .progbar_logger import ProgbarLogger
from .torch_scheduler import TorchScheduler, is_scheduler


class CallbackList:
    """Callbacks as one, for ``fit`` and for loops of your own.

    Args:
        callbacks: one, or any nesting of lists and tuples; None: none.
        add_history, add_progbar: add a `History`, a `ProgbarLogger`, at the end, if there is none yet.
        model: the model in training.
        params: what each callback's ``params`` is to hold.

    Raises:
        ArgumentError: something that is no callback.

    >>> calls = CallbackList([lamina.callbacks.LambdaCallback(on_train_begin=lambda logs: print("begin"))], epochs=3)
    >>> calls.on_train_begin()
    begin
    >>> calls.listens("on_epoch_end"), calls.callbacks[0].params
    (False, {'epochs': 3})
    """

    @door
    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks: list[Callback] = list(_flat(callbacks))
        self.model = model
        self.params: dict[str, Any] = {}
        if add_history and not any(isinstance(c, History) for c in self.callbacks):
            self.callbacks.append(History())
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        tell_of_misuse(self.callbacks)
        self._order()
        self.set_model(model)
        self.set_params(params)

    def append(self, callback: Callback) -> None:
        """One more, called after the others of its turn; it gets the model and the parameters that they have."""
        for new in _flat(callback):
            new.set_model(self.model)
            new.set_params(self.params)
            self.callbacks.append(new)
        self._order()

    def _order(self) -> None:
        """By turns, else as given."""
        self.callbacks.sort(key=lambda callback: callback.turn)

    def set_model(self, model: Any) -> None:
        """Say to each which model is in training."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Say to each how ``fit``, ``evaluate`` or ``predict`` was called."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    @property
    def shows_progress(self) -> bool:
        """Whether one of them shows progress itself, such as `ProgbarLogger`."""
        return any(callback.shows_progress for callback in self.callbacks)

    def listens(self, *hooks: str) -> bool:
        """Whether any callback listens to one of these hooks; see `Callback.listens_to`."""
        return any(callback.listens_to(hook) for callback in self.callbacks for hook in hooks)

    def call(self, hook: str, *args: Any) -> None:
        """Call one hook of each, in order.

        ``on_train_end`` reaches each of them even if one before it raises: what a callback promised for the end of a
        training, such as the best weights, it keeps.
        """
        if hook == "on_train_end":
            with ExitStack() as calls:
                for callback in reversed(self.callbacks):
                    if not callback.first_only or is_first():
                        calls.callback(callback.on_train_end, *args)
            return
        for callback in self.callbacks:
            if callback.first_only and not is_first():
                continue
            try:
                getattr(callback, hook)(*args)
            except TypeError as error:
                if error.__traceback__.tb_next is None:  # type: ignore[union-attr]  # it did not even begin
                    refuse_hook(callback, hook, args)
                raise

    # -- what an interrupted run keeps

    def state_dict(self) -> dict[str, Any]:
        """The state of each, by class name; the second of a class is ``"LambdaCallback_1"``."""
        return {name: callback.state_dict() for name, callback in self._named()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Give each its state back. One that the interrupted run did not have starts afresh.

        One of that run that had a state and is missing here is warned of.
        """
        named = dict(self._named())
        missing = [name for name, own in state.items() if own and name not in named]
        if missing:
            warn(
                f"The run that is resumed had callbacks that this one has not: {', '.join(missing)}; here are "
                f"{', '.join(named) or 'none'}."
            )
        for name, callback in named.items():
            if name in state:
                callback.load_state_dict(state[name])

    def _named(self) -> Iterator[tuple[str, Callback]]:
        count: dict[str, int] = {}
        for callback in self.callbacks:
            kind = type(callback).__name__
            number = count[kind] = count.get(kind, -1) + 1
            yield (f"{kind}_{number}" if number else kind), callback

    # -- Keras' names for `call`, for loops of your own

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.call("on_train_begin", logs or {})

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.call("on_train_end", logs or {})

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.call("on_epoch_begin", epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.call("on_epoch_end", epoch, {} if logs is None else logs)  # the same dict: callbacks add to it

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Also the older ``on_batch_begin``."""
        self.call("on_train_batch_begin", batch, logs or {})
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Also the older ``on_batch_end``."""
        self.call("on_train_batch_end", batch, logs or {})
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_batch_begin", batch, logs or {})

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_batch_end", batch, logs or {})

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self.call("on_test_begin", logs or {})

    def on_test_end(self, logs: Logs | None = None) -> None:
        self.call("on_test_end", logs or {})

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_test_batch_begin", batch, logs or {})

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_test_batch_end", batch, logs or {})

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self.call("on_predict_begin", logs or {})

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self.call("on_predict_end", logs or {})

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_predict_batch_begin", batch, logs or {})

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.call("on_predict_batch_end", batch, logs or {})


def _flat(callbacks: Any) -> Iterator[Callback]:
    """The callbacks in any nesting of lists."""
    if callbacks is None:
        return
    if isinstance(callbacks, CallbackList):
        yield from callbacks.callbacks
    elif isinstance(callbacks, list | tuple):
        for inner in callbacks:
            yield from _flat(inner)
    elif isinstance(callbacks, Callback):
        yield callbacks
    elif is_scheduler(callbacks):
        yield TorchScheduler(callbacks)
    else:
        is_class = isinstance(callbacks, type) and issubclass(callbacks, Callback)
        is_hook = inspect.isfunction(callbacks)
        hint = f"{callbacks.__name__}(...)" if is_class else None
        hint = "LambdaCallback(on_epoch_end=function)" if is_hook else hint
        raise ArgumentError(
            "callbacks holds something that is no callback.",
            got=repr(callbacks)[:200],
            expected="objects of lamina.callbacks.Callback",
            hint=hint,
        )
