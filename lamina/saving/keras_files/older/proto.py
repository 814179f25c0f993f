"""A ``NodeDef`` of TensorFlow's, as tf.keras 1.14 to 2.0 wrote it: the bytes of a protocol buffer, in a string.

Of the format only what such a node needs is read: whole numbers and pieces of bytes, each by the number of its field.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from lamina.saving.errors import LoadingError

_MAX_BYTES = 1 << 20
_OP, _ATTR = 2, 5
# Fields of an attribute's value -> the words of its form in JSON.
_INT, _FLOAT, _BOOL, _TYPE, _LIST = 3, 4, 5, 6, 1
_DTYPES = {
    1: "DT_FLOAT", 2: "DT_DOUBLE", 3: "DT_INT32", 4: "DT_UINT8", 5: "DT_INT16", 6: "DT_INT8", 9: "DT_INT64",
    10: "DT_BOOL", 19: "DT_HALF",
}  # fmt: skip


def node_def_of(text: str, where: str) -> dict[str, Any]:
    """The operation and its attributes, in the form that later versions write as JSON.

    Raises:
        LoadingError: no such bytes.

    >>> node_def_of("\\n\\x01a\\x12\\x05AddV2", "a layer")
    {'op': 'AddV2', 'attr': {}}
    """
    try:
        data = text.encode()
        if len(data) > _MAX_BYTES:
            raise ValueError("too long")
        found: dict[str, Any] = {"op": "", "attr": {}}
        for number, value in _fields(data):
            if number == _OP:
                found["op"] = _bytes(value).decode()
            elif number == _ATTR:
                pair = dict(_fields(_bytes(value)))
                found["attr"][_bytes(pair[1]).decode()] = _attribute(_bytes(pair[2]))
        return found
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise LoadingError(
            f"{where} tells its operation in bytes that cannot be read.", got=f"{text!r}"[:80],
            expected="a NodeDef of TensorFlow's, as bytes or as JSON",
        ) from error  # fmt: skip


def _attribute(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        if number == _INT:
            found = {"i": _signed(value)}
        elif number == _FLOAT:
            found = {"f": struct.unpack("<f", _bytes(value))[0]}
        elif number == _BOOL:
            found = {"b": bool(value)}
        elif number == _TYPE:
            found = {"type": _DTYPES.get(value, "") if isinstance(value, int) else ""}
        elif number == _LIST:
            found = {"list": {"i": _whole_numbers(_bytes(value))}}
    return found


def _whole_numbers(data: bytes) -> list[int]:
    found: list[int] = []
    for number, value in _fields(data):
        if number != _INT:
            continue
        if isinstance(value, int):
            found.append(_signed(value))
            continue
        place = 0
        while place < len(value):
            item, place = _varint(value, place)
            found.append(_signed(item))
    return found


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field of a message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = _varint(data, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("a field of an unknown kind")
        if place + size > len(data):
            raise ValueError("a field that ends behind the message")
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A whole number, seven bits in each byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number that is too long")


def _signed(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes in place of a number")
    return value - (1 << 64) if value >> 63 else value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number in place of bytes")
    return value
