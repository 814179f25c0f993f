"""Structures that hold themselves: a walk through one would not end."""

from __future__ import annotations

from typing import Any

from lamina.graph import StructureError

from .containers import is_nested

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


def refuse_loop(root: Any) -> None:
    """Refuse a structure that holds itself.

    Raises:
        StructureError: so it is.
    """
    within: set[int] = set()
    done: set[int] = set()
    stack = [(root, False)]
    while stack:
        part, is_left = stack.pop()
        if is_left:
            within.discard(id(part))
            done.add(id(part))
        elif id(part) in within:
            raise StructureError(
                "This structure holds itself, so it has no end.", got=f"a {type(part).__name__} of {len(part)}"
            )
        elif id(part) not in done and is_nested(part):
            within.add(id(part))
            stack.append((part, True))
            stack += [
                (child, False) for child in (part.values() if isinstance(part, dict) else part) if is_nested(child)
            ]
