"""What the registry says of Keras' operation for a function, read: its class and its parameters by both names."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

NEEDED: Any = object()


class Parameter(NamedTuple):
    """A parameter of a function.

    Attributes:
        default: the function's; `NEEDED` where there is none.
        fixed: Keras has no such parameter.
    """

    name: str
    keras_name: str
    default: Any
    fixed: bool


class Rule(NamedTuple):
    """An operation of Keras': the module where it is kept, its class; parameters of its call, and further ones."""

    place: str
    class_name: str
    call: tuple[Parameter, ...]
    config: tuple[Parameter, ...]


@lru_cache(maxsize=512)
def rule_of(text: str) -> Rule:
    """The rule that a text in the table of operations means.

    >>> rule = rule_of("numpy.Round input:x | decimals=0")
    >>> rule.class_name, rule.call[0].keras_name, rule.config[0].default
    ('Round', 'x', 0)
    """
    name, *words = text.split()
    place, _, class_name = name.partition(".")
    bar = words.index("|") if "|" in words else len(words)
    return Rule(place, class_name, tuple(map(_parameter, words[:bar])), tuple(map(_parameter, words[bar + 1 :])))


def _parameter(word: str) -> Parameter:
    names, has_default, default = word.strip("()").partition("=")
    name, _, keras_name = names.partition(":")
    return Parameter(name, keras_name or name, _literal(default) if has_default else NEEDED, word.startswith("("))


def _literal(text: str) -> Any:
    words = {"None": None, "True": True, "False": False}
    if text in words:
        return words[text]
    if text.isalpha():
        return text
    return float(text) if "." in text or "e" in text else int(text)
