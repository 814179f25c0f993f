"""JSON that nobody vouches for: bounded before it is parsed, no key twice, no word that JSON does not have."""

from __future__ import annotations

import json
from typing import Any

from .errors import LoadingError

# A node takes about 200 bytes and 10 objects and lists.
MAX_BYTES = 64 * 2**20
MAX_OBJECTS = 1_000_000
MAX_VALUES = 4_000_000


def parse(text: bytes | str, where: str) -> Any:
    """What a JSON text says.

    Raises:
        LoadingError: no JSON, too much or too deep of it, a key twice, or NaN and Infinity.

    >>> parse('{"a": [1, 2.5]}', "here")
    {'a': [1, 2.5]}
    """
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if not isinstance(data, (bytes, bytearray)):
        raise LoadingError(f"{where} holds no JSON that can be read.", got=type(text).__name__, expected="a string")
    objects, values = data.count(b"{") + data.count(b"["), data.count(b",")
    if len(data) > MAX_BYTES or objects > MAX_OBJECTS or values > MAX_VALUES:
        raise LoadingError(
            f"{where} holds more than any model does.",
            got=f"{len(data)} bytes of JSON, {objects} objects and lists, {values} values",
            expected=f"at most {MAX_BYTES}, {MAX_OBJECTS} and {MAX_VALUES}",
        )
    try:
        return json.loads(data, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except LoadingError:
        raise
    except (ValueError, RecursionError) as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise LoadingError(f"{where} holds no JSON that can be read.", got=got) from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise LoadingError("The JSON says a key twice.", got=", ".join(repr(key) for key, _ in pairs)[:200])
    return found


def _no_constant(word: str) -> Any:
    raise LoadingError(f"The JSON holds {word}, which JSON does not have.")
