"""The one walk over a nested structure that all functions here are made of: by a stack, so depth costs no recursion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cycles import Guard

END = object()


class Done:
    """What stands for a part of the structure in the result, so that the walk does not go into it."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def walk(root: Any, enter: Callable[[Any], Any]) -> Any:
    """Fold a structure, depth first.

    Args:
        enter: called with each part before those within it. It gives `Done(result)`, or (children, rebuild): the parts
            to go into, and what makes the result of theirs.

    >>> walk([1, [2, 3]], lambda part: (part, sum) if isinstance(part, list) else Done(part))
    6
    """
    stack: list[tuple[Any, Any, list[Any]]] = []
    part, guard = root, Guard(root)
    while True:
        step = enter(part)
        if isinstance(step, Done):
            result = step.value
        else:
            children, rebuild = step
            if children:
                guard.step()
                rest = iter(children)
                stack.append((rebuild, rest, []))
                part = next(rest)
                continue
            result = rebuild([])
        part = END
        while stack and part is END:
            rebuild, rest, made = stack[-1]
            made.append(result)
            part = next(rest, END)
            if part is END:
                stack.pop()
                result = rebuild(made)
        if part is END:
            return result
