"""Which names somebody may have meant by one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 80  # letters of a name that somebody may have meant to write; comparing takes the square of them


def fold(name: str) -> str:
    """One key for `GlorotUniform`, `glorot_uniform` and `glorotuniform`."""
    return name.replace("_", "").lower()


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Those of some names that somebody may have meant, the nearest first; at most `count` of them.

    >>> nearest("Conv2d", ["Conv1D", "Conv2D", "Dense"]), nearest("squared", ["mean_squared_error", "poisson"])
    (['Conv2D', 'Conv1D'], ['mean_squared_error'])
    """
    if len(name) > _LONGEST:
        return []
    spelled: dict[str, str] = {}
    for each in sorted(known, key=lambda each: each[:1].isupper() is name[:1].isupper()):
        spelled[fold(each)] = each  # of MeanSquaredError and mean_squared_error that which is written like the name
    key = fold(name)
    alike = {other: _likeness(key, other) for other in spelled}
    least = 0.6 if len(key) > 3 else 0.5
    near = sorted((other for other in spelled if alike[other] >= least), key=alike.__getitem__, reverse=True)
    near += [other for other in spelled if len(key) > 2 and (key in other or (len(other) > 3 and other in key))]
    return [spelled[other] for other in dict.fromkeys(near)][:count]


def _likeness(key: str, other: str) -> float:
    """From 0 to 1; a name that begins alike counts too, a little less."""
    begins = difflib.SequenceMatcher(None, key, other[: len(key) + 1]).ratio() if len(key) > 3 else 0.0
    return max(difflib.SequenceMatcher(None, key, other).ratio(), 0.8 * begins)


def suggested(near: Iterable[str]) -> str:
    """``'a' or 'b'?`` for names; "" for none."""
    text = " or ".join(map(repr, near))
    return f"{text}?" if text else ""
