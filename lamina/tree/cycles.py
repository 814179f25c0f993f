"""Structures that hold themselves: a walk through one would not end."""

from __future__ import annotations

from typing import Any

from lamina.sizes.cycles import refuse_loop as refuse_loop

_FIRST = 2**14


class Guard:
    """Counts the containers that a walk goes into, and looks now and then whether it can end.

    It looks after 16,384 containers, and each time that there are twice as many: what a walk costs grows by less than
    its half.

    >>> loop = []
    >>> loop.append(loop)
    >>> guard = Guard(loop)
    >>> for _ in range(20_000):
    ...     guard.step()
    Traceback (most recent call last):
    lamina.StructureError: This structure holds itself, so it has no end.
      got       a list of 1
      where     ...
      try       a copy without the list itself in it
    """

    __slots__ = ("_left", "_root", "_seen")

    def __init__(self, root: Any) -> None:
        self._root, self._seen, self._left = root, 0, _FIRST

    def step(self) -> None:
        """One more container.

        Raises:
            StructureError: the structure holds itself.
        """
        self._left -= 1
        if not self._left:
            self._seen = self._left = max(_FIRST, 2 * self._seen)
            refuse_loop(self._root)
