"""Ids of parametrized tests."""

from __future__ import annotations

import re


def without_address(value: object) -> str:
    """The text of a value: the same in every process, as running tests in parallel demands."""
    return re.sub(r" object at 0x[0-9a-f]+| at 0x[0-9a-f]+", "", str(value))
