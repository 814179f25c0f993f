"""Attributes that optimizers had in Keras 2: who reads or sets one is told what it is called now."""

from __future__ import annotations

from typing import Any

from lamina.graph.errors import ArgumentError


class OlderNameError(ArgumentError, AttributeError):
    """An attribute of an optimizer by the name that it had in Keras 2."""

    __module__ = "lamina"


class OlderName:
    """An attribute that goes by another name now. A class of the user's may have one of its own by the old name.

    >>> class Rate:
    ...     lr = OlderName("learning_rate")
    >>> hasattr(Rate(), "lr")
    False
    """

    def __init__(self, today: str) -> None:
        self._today = today

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, optimizer: Any, owner: type) -> Any:
        if optimizer is not None and self._name in vars(optimizer):
            return vars(optimizer)[self._name]
        raise self._error(owner, f"optimizer.{self._name}")

    def __set__(self, optimizer: Any, value: Any) -> None:
        if not type(optimizer).__module__.startswith("lamina."):
            vars(optimizer)[self._name] = value
            return
        raise self._error(type(optimizer), f"optimizer.{self._name} = {value!r}")

    def _error(self, kind: type, got: str) -> OlderNameError:
        return OlderNameError(
            f"{kind.__name__} has no {self._name!r}: it is called {self._today} now.",
            got=got,
            hint=f"optimizer.{self._today}, which can be read and set",
        )


class OlderNames:
    """Base of optimizers: what they had in Keras 2, which ``dir`` does not list."""

    lr = OlderName("learning_rate")

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name != "lr" or name in vars(self)]
