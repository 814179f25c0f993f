"""The search for two worlds that an operation takes, where it refuses the usual ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from .texts import without_examples
from .world import MORE, MOST, USUAL, Example, Shape, Unknown, World, merged_shape

REFUSALS = (RuntimeError, IndexError, ValueError, AssertionError, ArithmeticError)
_MANY = 24  # numbers of an operation that sizes are made from


@dataclass(slots=True)
class Found:
    """Two worlds, what the operation gives in each; and the shapes that it takes, where it fixes an unknown axis."""

    high: World
    low: World
    first: Any
    second: Any
    fixed: list[Shape] | None = None


@dataclass(slots=True)
class Search:
    """An operation, by what can be asked of it.

    Args:
        run: what it gives in a world; raises one of `REFUSALS` where it takes no such sizes.
        shapes: the shapes of its inputs in a world; that of a number is the number alone.
        unknowns: the unknown axes that its inputs depend on.
        numbers: whole numbers that it was made or called with: bounds, windows, sizes of weights.
        alike: whether two results have one structure.
        unknown_in: how many axes of the result differ between two results.
        is_cheap: asking costs next to nothing, as of a layer with a rule, so larger worlds are asked for in any case.
    """

    run: Callable[[World], Any]
    shapes: Callable[[World], list[Example]]
    unknowns: Callable[[], list[Unknown]]
    numbers: Callable[[], list[int]]
    alike: Callable[[Any, Any], bool]
    unknown_in: Callable[[Any, Any], int]
    is_cheap: bool = False

    def find(self, high: World, low: World, doubtful: Callable[[Any, Any], bool]) -> Found:
        """Two worlds at the ends of what the operation takes.

        Args:
            high, low: to begin with: those of its inputs.
            doubtful: whether what two results have in common may differ in a larger world.

        Raises:
            one of `REFUSALS`: it takes no sizes at all; that of the usual ones.
        """
        fixed = False
        try:
            first = self.run(high)
        except REFUSALS:
            found = self._larger(high) or self._fixing(high)
            if found is None:
                raise
            high, first, fixed = found
        second = self._tried(low)
        if second is None or not self.alike(first, second):
            third = self._tried(high.on(MORE.base)) if second is not None else None
            if third is not None and not self.alike(first, third):
                return Found(high, high, first, third)
            low, second = self._smallest(high, low, first, fixed)
        if fixed and self._tried(high.choosing({u: n - 1 for u, n in high.chosen})) is None:  # else it is a bound
            return Found(high, low, first, second, self._fixed_shapes(high))
        if doubtful(first, second):
            high, first = self._farther(high, first, second)
        return Found(high, low, first, second)

    def reworded(self, error: Exception, high: World) -> str:
        """What an error says, with ``None`` for example sizes; one of ours is reworded itself, in all its parts."""
        other: Any = None
        elsewhere = high.on(MORE.base if high.base != MORE.base else USUAL.base)
        try:
            self.run(elsewhere)
        except Exception as found:  # noqa: BLE001  whatever it says
            other = found
        at, more = self._sizes(high) or [], self._sizes(elsewhere) or []
        moving = {a for a, b in zip(at, more, strict=False) if a != b}
        for name in ("headline", "got", "expected", "hint"):
            text = getattr(error, name, None)
            if text:
                said = getattr(other, name, None)
                setattr(error, name, without_examples(str(text), said and str(said), moving))
        said = None if other is None else str(other).strip()
        return without_examples(str(error).strip(), said, moving)

    def _tried(self, world: World) -> Any:
        try:
            return self.run(world)
        except (TypeError, *REFUSALS):
            return None

    def _larger(self, high: World) -> tuple[World, Any, bool] | None:
        """For windows, crops and quotients that the usual sizes are too small or no multiples for."""
        worlds = [high.on(MORE.base), high.on(MOST.base)]
        worlds += [USUAL.choosing({u: n * high.size(u) for u in self.unknowns()}) for n in self.numbers()[:_MANY]]
        found = ((world, self._tried(world)) for world in worlds)
        return next(((world, first, False) for world, first in found if first is not None), None)

    def _fixing(self, high: World) -> tuple[World, Any, bool] | None:
        """For operations that take one size of an unknown axis, or sizes up to a bound."""
        for world, moving in self._candidates(high):
            sizes = self._sizes(world)
            if (
                sizes is None or min((sizes[i] for i in moving), default=0) < 2
            ):  # an axis of size 1 goes with any other: that says nothing
                continue
            first = self._tried(world)
            if first is not None:
                return *self._released(high, world, first), True
        return None

    def _released(self, high: World, world: World, first: Any) -> tuple[World, Any]:
        """Every size that need not be the one that was chosen is the usual one again."""
        for unit in _units(self.unknowns()):
            released = world.choosing({u: high.size(u) for u in unit})
            result = self._tried(released) if released != world else None
            if result is not None and self.alike(first, result):
                world, first = released, result
        return world, first

    def _candidates(self, high: World) -> Iterator[tuple[World, list[int]]]:
        """Worlds in which some size of the inputs is one of the known sizes; and the places of sizes that move."""
        at = self._sizes(high) or []
        groups: dict[int, list[Unknown]] = {}
        for unknown in self.unknowns():
            if unknown.axis:  # a batch of one size only is a mistake
                groups.setdefault(high.size(unknown), []).append(unknown)
        for size, group in sorted(groups.items()):
            more = self._sizes(high.choosing(dict.fromkeys(group, 2 * size)))
            if more is None or len(more) != len(at):
                continue
            moving = [i for i, (a, b) in enumerate(zip(at, more, strict=True)) if a != b]
            targets = sorted({*self.numbers()[:_MANY], *(n for i, n in enumerate(at) if i not in moving)})
            wanted = {size + round((n - at[i]) * size / (more[i] - at[i])) for i in moving for n in targets}
            yield from ((high.choosing(dict.fromkeys(group, n)), moving) for n in sorted(wanted) if n > 1)

    def _sizes(self, world: World) -> list[int] | None:
        try:
            return [n for shape in self.shapes(world) for n in shape]
        except REFUSALS:
            return None

    def _fixed_shapes(self, high: World) -> list[Shape]:
        """The shapes that it takes; where even the others can have no other sizes, all of them are known."""
        others = high.on(MORE.base)
        examples = [self.shapes(high), self.shapes(others) if self._sizes(others) is not None else self.shapes(high)]
        return [merged_shape(pair) for pair in zip(*examples, strict=True)]

    def _smallest(self, high: World, low: World, first: Any, fixed: bool) -> tuple[World, Any]:
        """The world of the smallest sizes that the operation takes, each unknown axis for itself."""
        unknowns = self.unknowns()
        begin = {u: low.size(u) for u in unknowns}
        results: dict[World, Any] = {}

        def takes(sizes: dict[Unknown, int]) -> bool:
            world = low.choosing({u: n for u, n in sizes.items() if n != begin[u]})
            results[world] = result = self._tried(world)
            return result is not None and self.alike(first, result)

        def least(below: int, above: int, sizes: Callable[[int], dict[Unknown, int]]) -> int:
            while above - below > 1:
                middle = (below + above) // 2
                below, above = (below, middle) if takes(sizes(middle)) else (middle, above)
            return above

        below = max(begin.values(), default=1)
        for size in _ladder(below, self.numbers()[:_MANY]):
            if takes({u: max(n, size) for u, n in begin.items()}):
                break
            below = size
        else:
            return self._another(high, low, first, fixed)
        size = least(below, size, lambda k: {u: max(n, k) for u, n in begin.items()})
        sizes = {u: max(n, size) for u, n in begin.items()}
        for unit in _units(unknowns) if len(unknowns) > 1 else ():
            if takes(sizes | {u: begin[u] for u in unit}):
                sizes |= {u: begin[u] for u in unit}
            elif len(unit) == 1:
                others = dict(sizes)
                sizes[unit[0]] = least(begin[unit[0]], sizes[unit[0]], lambda k, u=unit[0], o=others: o | {u: k})  # type: ignore[misc]
        takes(sizes)
        world = low.choosing({u: n for u, n in sizes.items() if n != begin[u]})
        return world, results[world]

    def _another(self, high: World, low: World, first: Any, fixed: bool) -> tuple[World, Any]:
        """Where nothing small is taken: any second world, which at least has another batch."""
        for world in (high.on(low.base), high.on(MORE.base), high.on(MOST.base), USUAL):
            second = self._tried(world) if world != high else None
            if second is not None and self.alike(first, second):
                return world, second
        if not fixed:
            self.run(low)
        return high, first

    def _farther(self, high: World, first: Any, second: Any) -> tuple[World, Any]:
        """A larger world, where it shows that a size is not known."""
        unknown, largest = self.unknown_in(first, second), max(self.numbers(), default=0)
        bases = (MORE.base, MOST.base)[: 2 if largest > 500 or self.is_cheap else 1]
        worlds = [high.on(base) for base in bases if base > high.base]
        # Where sizes were chosen, as for quotients, not every larger one is taken.
        worlds += [high.choosing({u: k * n for u, n in high.chosen}) for k in range(2, 30) if high.chosen]
        if largest > 10**5:
            worlds.append(high.choosing({u: largest * high.size(u) for u in self.unknowns()}))
        for world in worlds:
            third = self._tried(world)
            if third is not None and self.alike(first, third) and self.unknown_in(third, second) > unknown:
                return world, third
        return high, first


def _units(unknowns: list[Unknown]) -> list[list[Unknown]]:
    """What may have sizes of its own: all axes but one, the same axis of all inputs, each by itself, and pairs."""
    by_axis: dict[int, list[Unknown]] = {}
    for unknown in unknowns:
        by_axis.setdefault(unknown.axis, []).append(unknown)
    few = unknowns if 2 < len(unknowns) < 9 else []
    return [
        *([other for other in few if other is not unknown] for unknown in few),
        *(unit for unit in by_axis.values() if len(unit) > 1),
        *([unknown] for unknown in unknowns),
        *([a, b] for a, b in combinations(few, 2)),
    ]


def _ladder(below: int, numbers: Iterable[int]) -> list[int]:
    """Sizes above one, denser near it; powers of two among them, and what the operation speaks of."""
    powers = [2**k for k in range(21)]
    return sorted(n for n in {*powers, *(below + n for n in powers), *numbers} if n > below)
