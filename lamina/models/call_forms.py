"""The ways in which a model can be called: by position, as one nesting, or by the names of its inputs."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lamina.graph import ArgumentError, tree

OPTIONS = ("training", "mask")
_TAKEN = ("self", "inputs", *OPTIONS)


class CallForms:
    """What a call of a model gives, by position or by name, as one nesting that its binding matches.

    Args:
        keys: what the inputs are called: the keys of a declared dict, else the names of the inputs.
        count: how many tensors the model takes.
        label: the model, for errors.

    Attributes:
        parameters: the same names as Python can write them, in order: ``"my image"`` is ``my_image``, and what ``call``
            takes itself gets an underscore: ``training_``.
    """

    def __init__(self, keys: Iterable[Any], count: int, label: str) -> None:
        self.keys, self.count, self.label = list(keys), count, label
        self.parameters = _identifiers(map(str, self.keys))
        as_written = {key: key for key in self.keys if key not in OPTIONS}
        self._key_of = as_written | dict(zip(self.parameters, self.keys, strict=True))

    def gather(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """(the inputs, ``training`` and ``mask`` where given).

        ``model(x)``, ``model([a, b])``, ``model({"a": a, "b": b})``, ``model(a, b)``, ``model(a=a, b=b)``,
        ``model(a, b=b)``, ``model(inputs=[a, b])``; Keras' flag may stand last: ``model(x, True)``.

        Raises:
            ArgumentError: a name that no input has; an input given twice; nothing given.
        """
        named = {self._key_of[name]: value for name, value in kwargs.items() if name in self._key_of}
        options = {name: value for name, value in kwargs.items() if name not in self._key_of}
        if len(args) > 1 and (isinstance(args[-1], bool) or (args[-1] is None and self._is_whole(args))):
            args, options["training"] = args[:-1], args[-1]
        if "inputs" in options and not (args or named):
            args = (options.pop("inputs"),)
        places = dict(zip(self.keys, args, strict=False))
        unknown = [name for name in options if name not in OPTIONS]
        if unknown or named.keys() & places.keys() or not (args or named):
            raise self._refusal(args, kwargs)
        if named:
            return {**places, **named}, options
        return args[0] if len(args) == 1 else list(args), options

    def _is_whole(self, args: tuple[Any, ...]) -> bool:
        """Whether all inputs stand before the last argument, which is no optional input then."""
        return len(args) > self.count or tree.is_nested(args[0])

    def _refusal(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ArgumentError:
        names = ", ".join(self.parameters)
        return ArgumentError(
            f"{self.label} was called with the wrong arguments.",
            got=f"{len(args)} positional, {list(kwargs)} by name",
            expected=f"its inputs once each, by position or by name: {names}; and {' and '.join(OPTIONS)} by name",
            hint=f"model({', '.join(f'{name}=...' for name in self.parameters)})",
        )

    @property
    def signature(self) -> inspect.Signature:
        """What a call of the model takes, under the inputs' names."""
        by_place, only_by_name = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        # The first one may be a nesting of all inputs, so none after it is required.
        first, *rest = (inspect.Parameter(name, by_place) for name in self.parameters)
        places = [first, *(parameter.replace(default=None) for parameter in rest)]
        options = [inspect.Parameter(name, only_by_name, default=None) for name in OPTIONS]
        return inspect.Signature([*places, *options])


def _identifiers(names: Iterable[str]) -> list[str]:
    """Distinct names that Python can write, as near to the given ones as can be.

    >>> _identifiers(["image", "a b", "a.b", "2nd", "class", "training"])
    ['image', 'a_b', 'a_b_1', 'input_2nd', 'class_', 'training_']
    """
    found: list[str] = []
    for name in names:
        base = re.sub(r"\W", "_", name)
        if not base.strip("_") or not base.isidentifier():
            base = f"input_{base.lstrip('_')}".rstrip("_")
        if keyword.iskeyword(base) or base in _TAKEN:
            base = f"{base}_"
        free, number = base, 0
        while free in found:
            number += 1
            free = f"{base}_{number}"
        found.append(free)
    return found
