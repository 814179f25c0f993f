"""Worlds where an operation gives another answer to what it asks about sizes.

``if x.shape[1] > 5000`` has one answer in both of the usual worlds. Two values of the asked size tell how it moves with
the unknown axes, and so where it meets the number that it was compared with, or divided by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .world import Unknown, World

_MOST_WORLDS = 16
_LARGEST = 2**24


def worlds_around(ours: Sequence[Any], theirs: Sequence[Any], high: World, low: World, unknowns: Any) -> list[World]:
    """Worlds on both sides of the numbers that sizes meet, where those at hand are on one side.

    Args:
        ours, theirs: the questions (kind, value, target, answer) that were asked in the worlds ``high`` and ``low``.
        unknowns: the unknown axes that the operation's inputs depend on.
    """
    worlds: dict[World, None] = {}
    for group in ([u for u in unknowns if u.axis], [u for u in unknowns if not u.axis]):
        for first, second in dict.fromkeys(_pairs(ours, theirs)):
            for world in _crossing(first, second, high, low, group):
                worlds[world] = None
    return [world for world in worlds if world not in (high, low)][:_MOST_WORLDS]


def _pairs(ours: Sequence[Any], theirs: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """The same question in both worlds, where it has one answer; None for a question that only one of them asks."""
    asked: dict[Any, list[Any]] = {}
    for question in theirs:
        asked.setdefault((question.kind, question.target), []).append(question)
    for first in ours:
        same = asked.get((first.kind, first.target))
        second = same.pop(0) if same else None
        if second is None or _is_alike(first, second):
            yield first, second
    yield from ((question, None) for rest in asked.values() for question in rest)  # of another branch


def _is_alike(one: Any, other: Any) -> bool:
    """Whether the answers have anything in common: of a division, the quotient or the rest."""
    if one.kind == "divided":
        return any(a == b for a, b in zip(one.answer, other.answer, strict=True))
    return bool(one.answer == other.answer)


def _crossing(first: Any, second: Any, high: World, low: World, group: list[Unknown]) -> Iterator[World]:
    if first.kind == "differs" and (second is None or first.value == second.value):
        for unknown in group if len(group) > 1 else ():
            yield high.choosing({unknown: 2 * high.size(unknown)})
        return
    if first.kind == "spoken":
        far = {unknown: 2 * int(first.target) + 1 for unknown in group if unknown.axis}
        if far:
            yield high.choosing(far)
        return
    if second is not None and first.value == second.value:
        return  # a size that is known, such as that of the last axis
    times = ((1, 2) if first.value >= 0 else (-1, -2)) if first.kind == "divided" else (1,)
    for target in (first.target * k for k in times):
        sizes = _sizes_at(target, first.value, second and second.value, high, low, group)
        steps = [(sizes, step) for step in (1, 0, -1)]
        # What was asked about may not move evenly, as where it was bounded before: then often as the size itself.
        for sizes, step in (*steps, ({unknown: round(abs(target)) for unknown in group}, 0)):
            moved = {u: size + step for u, size in sizes.items()}
            if moved and all(1 <= size <= _LARGEST for size in moved.values()):
                yield high.choosing(moved)


def _sizes_at(
    target: float, value: int, other: int | None, high: World, low: World, group: list[Unknown]
) -> dict[Unknown, int]:
    """Sizes of these axes at which what was asked about is ``target``, if it moves evenly with all of them."""
    if other is None:
        return {unknown: round(abs(target)) for unknown in group}
    part = (target - other) / (value - other)
    return {u: round(low.size(u) + part * (high.size(u) - low.size(u))) for u in group}
