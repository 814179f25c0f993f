"""How many channels a layer has that is made wider or narrower by a factor."""

from __future__ import annotations


def rounded(channels: float, by: int = 8) -> int:
    """The nearest multiple, at least one, and the next one where that would take away more than a tenth.

    >>> rounded(32 * 0.5), rounded(11), rounded(3)
    (16, 16, 8)
    """
    nearest = max(by, int(channels + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * channels else nearest
