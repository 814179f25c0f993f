"""Reading plain data that nobody vouches for: each field by its name and type, anything else is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import LoadingError

_REQUIRED = object()
_JSON_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
}


def field(data: dict[str, Any], key: str, kind: type, where: str, default: Any = _REQUIRED) -> Any:
    """``data[key]``, which must be of exactly this JSON type (true and false are no integers).

    Raises:
        LoadingError: it is missing and there is no default, or of another type.

    >>> field({"version": 1}, "version", int, "model.json")
    1
    """
    if key not in data and default is not _REQUIRED:
        return default
    value = data.get(key, _REQUIRED)
    if type(value) is not kind:
        got = "nothing" if value is _REQUIRED else f"{value!r}"[:80]
        raise LoadingError(f"{where} is malformed.", got=f"{key!r}: {got}", expected=f"{key!r}: {_JSON_NAMES[kind]}")
    return value


def items(values: list[Any], kind: type, where: str) -> list[Any]:
    """The list itself, each item of which must be of exactly this JSON type."""
    for value in values:
        if type(value) is not kind:
            raise LoadingError(f"{where} is malformed.", got=f"{value!r}"[:80], expected=_JSON_NAMES[kind])
    return values


def position(value: Any, count: int, where: str) -> int:
    """An index into something that has ``count`` entries."""
    if type(value) is not int or not 0 <= value < count:
        raise LoadingError(f"{where} points to nothing.", got=f"{value!r}"[:80], expected=f"an integer in [0, {count})")
    return value


def refuse_unknown(data: dict[str, Any], known: Iterable[str], where: str) -> None:
    """Every key must be a known one: what is not understood is not passed over."""
    unknown = [key for key in data if key not in set(known)]
    if unknown:
        raise LoadingError(f"{where} holds what this version does not know.", got=", ".join(map(repr, unknown))[:200])
