"""Lists and dicts that hold themselves: a walk through one would not end."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from lamina.errors import StructureError

_NESTED = (list, tuple, deque, Mapping)


def refuse_loop(root: Any) -> None:
    """Refuse a structure that holds itself.

    A walk by recursion calls it where it meets a `RecursionError`, so that no walk costs more for it.

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
            kind = type(part).__name__
            raise StructureError(
                "This structure holds itself, so it has no end.",
                got=f"a {kind} of {len(part)}",
                hint=f"a copy without the {kind} itself in it",
            ) from None
        elif id(part) not in done and isinstance(part, _NESTED):
            children = part.values() if isinstance(part, Mapping) else part
            if any(issubclass(kind, _NESTED) for kind in set(map(type, children))):  # of a million numbers at once
                within.add(id(part))
                stack.append((part, True))
                stack += [(child, False) for child in children if isinstance(child, _NESTED)]
