"""Words and their ranks, from a JSON file that nobody vouches for."""

from __future__ import annotations

import json
from pathlib import Path

from .files import DatasetError

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
        raise DatasetError(
            f"{path.name} does not hold the words.",
            got=f"{error}"[:200],
            expected='{"word": 3, ...}',
            hint=f"delete {path}, and it is fetched anew",
        ) from error
    return found
