"""Which library an object comes from, told without importing that library."""

from __future__ import annotations

from typing import Any


def comes_from(value: Any, package: str, *names: str) -> bool:
    """Whether a class called one of ``names`` in ``package`` is among the classes of a value.

    >>> comes_from(np.zeros(2), "numpy", "ndarray"), comes_from([1], "pandas", "DataFrame")
    (True, False)
    """
    return any(c.__name__ in names and c.__module__.partition(".")[0] == package for c in type(value).__mro__)
