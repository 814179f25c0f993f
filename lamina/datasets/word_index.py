"""Words and their ranks, from a JSON file that nobody vouches for."""

from __future__ import annotations

import json
from pathlib import Path

from .files import not_held

_LARGEST = 64 << 20


def read_word_index(path: Path) -> dict[str, int]:
    """word -> rank.

    Raises:
        DatasetError: it is something else.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"{path.stat().st_size} bytes")
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict) or not all(type(rank) is int for rank in found.values()):
            raise ValueError("something else than words with whole numbers")
    except (ValueError, RecursionError) as error:
        raise not_held(path, f"{error}"[:200], '{"word": 3, ...}', "the words") from error
    return found
