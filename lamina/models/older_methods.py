"""Methods of models that older Keras had: each says what to write."""

from __future__ import annotations

from functools import partial
from typing import Any, NoReturn

from lamina.public_names import MissingNameError
from lamina.users_traceback import at_users_line


class _Gone:
    """Stands for a method that is gone: called, it says what to write."""

    def __init__(self, hint: str) -> None:
        self.hint = hint

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, model: Any, owner: type) -> Any:
        own = getattr(model, "_modules", {}).get(self.name)  # a part of the user's by this name
        return own if own is not None else at_users_line(partial(self._refuse, owner.__name__))

    def _refuse(self, kind: str, *_: Any, **__: Any) -> NoReturn:
        raise MissingNameError(f"{kind} has no method {self.name!r} any more.", hint=self.hint)


class OlderMethods:
    """Base of models: their older methods, which refuse."""

    fit_generator = _Gone("fit(generator, steps_per_epoch=...): it takes generators, Sequences and loaders")
    evaluate_generator = _Gone("evaluate(generator, steps=...)")
    predict_generator = _Gone("predict(generator, steps=...)")
    predict_classes = _Gone("predict(x).argmax(axis=-1), or (predict(x) > 0.5).astype('int32') for one sigmoid")
    predict_proba = _Gone("predict(x), which gives the probabilities of a softmax or sigmoid")
