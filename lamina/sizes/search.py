"""The search for two worlds that an operation takes, where it refuses the usual ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from .effort import FEW, FIRST, Effort
from .texts import numbers_that_differ, without_examples
from .thresholds import worlds_around
from .world import MORE, MOST, USUAL, Example, Shape, Unknown, World, merged_shape

REFUSALS = (RuntimeError, IndexError, ValueError, AssertionError, ArithmeticError)
_MANY = 24  # numbers of an operation that sizes are made from
_LARGEST = 2**24  # of them


@dataclass(slots=True)
class Found:
    """Two worlds, and what the operation gives in each.

    Where it fixes an unknown axis, ``fixed`` has the shapes that it takes; where it gives another structure for other
    sizes, those that it was given: what it is given when it runs is to be checked.
    """

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
        is_users: it runs code of the user's, which may keep what it makes: the largest world is left out, since numbers
            that the code speaks of are noted.
        asked: what it has asked about sizes in each world where it was run, see `thresholds`.

    Attributes:
        varies: whether results of another structure were met.
    """

    run: Callable[[World], Any]
    shapes: Callable[[World], list[Example]]
    unknowns: Callable[[], list[Unknown]]
    numbers: Callable[[], list[int]]
    alike: Callable[[Any, Any], bool]
    unknown_in: Callable[[Any, Any], int]
    is_cheap: bool = False
    is_users: bool = False
    asked: dict[World, list[Any]] = field(default_factory=dict)
    varies: bool = False
    effort: Effort = field(default_factory=Effort)

    def find(self, high: World, low: World, doubtful: Callable[[Any, Any], bool]) -> Found:
        """Two worlds at the ends of what the operation takes.

        Args:
            high, low: to begin with: those of its inputs.
            doubtful: whether what two results have in common may differ in a larger world.

        Raises:
            one of `REFUSALS`: it takes no sizes at all; that of the usual ones.
        """
        high, first, fixed = self._first(high)
        self.effort.spare()
        second = self._tried(low)
        if second is None or not self._same(first, second):
            third = self._tried(high.on(MORE.base)) if second is not None else None
            if third is not None and not self.alike(first, third):
                return Found(high, high, first, third)
            low, second = self._smallest(high, low, first, fixed)
        less = high.choosing({u: n - 1 for u, n in high.chosen})
        if fixed and self._tried(less) is None:  # else it takes several sizes, such as those up to a bound
            return Found(high, low, first, second, self._fixed_shapes(high))
        if doubtful(first, second):
            high, first = self._farther(high, first, second)
        result = self._at_other_answers(Found(high, low, first, second))
        if self.varies or fixed:
            worlds = [result.high, less, less.on(MORE.base)] if fixed else [result.high, result.low]
            result.fixed = [merged_shape(sizes) for sizes in zip(*map(self.shapes, worlds), strict=True)]
        return result

    def _first(self, high: World) -> tuple[World, Any, bool]:
        """The first world that it takes, what it gives there, and whether an axis had to have one size."""
        self.effort.allow(FIRST)
        try:
            return high, self._run(high), False
        except REFUSALS as error:
            if isinstance(error, TypeError):  # a dtype, or values that are not there: no size helps
                raise
            long = self.effort.exceeded
            if not long:
                self.effort.spare()
            found = (self._of_fewer_steps(high) if long else None) or self._larger(high) or self._fixing(high)
            if found is not None:
                return found
            if not long:
                raise
        self.effort.allow(None)
        return high, self._run(high), False

    def _of_fewer_steps(self, high: World) -> tuple[World, Any, bool] | None:
        """For loops within loops over unknown axes."""
        sizes = {unknown: high.size(unknown) for unknown in self.unknowns()}
        worlds = [high.choosing({u: min(n, most) for u, n in sizes.items()}) for most in (24, 6)]
        return self._any_of(worlds)

    def _any_of(self, worlds: Iterable[World]) -> tuple[World, Any, bool] | None:
        found = ((world, self._tried(world)) for world in worlds)
        return next(((world, first, False) for world, first in found if first is not None), None)

    def reworded(self, error: Exception, high: World) -> str:
        """What an error says, with ``None`` for example sizes; one of ours is reworded itself, in all its parts."""
        other: Any = None
        double = high.choosing({u: 2 * high.size(u) for u in self.unknowns()})
        self.effort.allow(FEW)
        for elsewhere in (high.on(MORE.base if high.base != MORE.base else USUAL.base), double):
            try:
                self._run(elsewhere)
            except Exception as found:  # noqa: BLE001  whatever it says
                other = None if self.effort.exceeded else found
            if not self.effort.exceeded:
                break
            self.effort.allow(FIRST)
        at, more = self._sizes(high) or [], self._sizes(elsewhere) or []
        moving = {a for a, b in zip(at, more, strict=False) if a != b}
        for name in ("headline", "got", "expected", "hint"):
            text = getattr(error, name, None)
            if text:
                said = getattr(other, name, None)
                setattr(error, name, without_examples(str(text), said and str(said), moving))
        said = None if other is None else str(other).strip()
        return without_examples(str(error).strip(), said, moving)

    def _same(self, first: Any, other: Any) -> bool:
        """Whether two results are of one structure; notes where they are not."""
        same = self.alike(first, other)
        self.varies = self.varies or not same
        return same

    def _at_other_answers(self, found: Found) -> Found:
        """Worlds where what the operation asks about sizes has other answers, if they show that a size is not known."""
        ours, theirs = self.asked.get(found.high, ()), self.asked.get(found.low, ())
        if not ours and not theirs:
            return found
        for world in worlds_around(ours, theirs, found.high, found.low, self.unknowns()):
            third, unknown = self._tried(world), self.unknown_in(found.first, found.second)
            if third is None or not self._same(found.first, third):
                continue
            if self.unknown_in(third, found.second) > unknown:
                found = Found(world, found.low, third, found.second)
            elif self.unknown_in(found.first, third) > unknown:
                found = Found(found.high, world, found.first, third)
        return found

    def _run(self, world: World) -> Any:
        with self.effort:
            try:
                return self.run(world)
            finally:
                self.effort.note(world)

    def _tried(self, world: World) -> Any:
        if self.effort.foretells(world, self.unknowns):
            return None
        try:
            return self._run(world)
        except (TypeError, *REFUSALS):
            return None

    def _larger(self, high: World) -> tuple[World, Any, bool] | None:
        """For windows, crops and quotients that the usual sizes are too small or no multiples for."""
        worlds = [high.on(MORE.base), high.on(MOST.base)]
        worlds += [USUAL.choosing({u: n * high.size(u) for u in self.unknowns()}) for n in self._spoken(high)]
        if self.effort.exceeded or high.chosen:
            worlds[:0] = [high.choosing({u: k * high.size(u) for u in self.unknowns()}) for k in (2, 4, 8, 16)]
        return self._any_of(worlds)

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

    def _candidates(self, high: World, deeper: bool = True) -> Iterator[tuple[World, list[int]]]:
        """Worlds in which some size is one of the known sizes, the batch moving last; and the inputs' sizes that move.

        Sizes are those of the inputs, and those that the refusal speaks of: of what the operation makes of them.
        """
        at, told_worlds = self._sizes(high) or [], list[World]()
        for size, group in self._groups(high):
            double = high.choosing(dict.fromkeys(group, 2 * size))
            more = self._sizes(double)
            if more is None or len(more) != len(at):
                continue
            moving = [i for i, (a, b) in enumerate(zip(at, more, strict=True)) if a != b]
            known = {*self.numbers()[:_MANY], *self._met(high), *(n for i, n in enumerate(at) if i not in moving)}
            targets = sorted(known)
            wanted = {size + round((n - at[i]) * size / (more[i] - at[i])) for i in moving for n in targets}
            pairs, same = self._told(high, group)
            told = {round(size * n) for pair in pairs for k in same if k > 1 for n in _parts(*pair, k)}
            worlds = [high.choosing(dict.fromkeys(group, n)) for n in sorted(told) if n > 1]
            wanted = wanted - told if deeper else set()
            for world in (*worlds, *(high.choosing(dict.fromkeys(group, n)) for n in sorted(wanted) if n > 1)):
                yield world, moving
            told_worlds += [high.choosing(dict.fromkeys(group, n)) for n in sorted(told.intersection(same)) if n > 1]
        for world in told_worlds[:_MANY] if deeper else ():  # then another axis may have to have one size too
            yield from self._candidates(world, deeper=False)

    def _groups(self, high: World) -> list[tuple[int, list[Unknown]]]:
        """Unknown axes that may have to have one size, alike axes together and then each by itself; with their size."""
        groups: dict[tuple[bool, int], list[Unknown]] = {}
        chosen = {unknown for unknown, _ in high.chosen}
        for unknown in self.unknowns():
            if unknown not in chosen:
                groups.setdefault((unknown.axis == 0, high.size(unknown)), []).append(unknown)
        alike = [(size, group) for (_, size), group in sorted(groups.items())]
        return [*alike, *((size, [u]) for size, group in alike if 1 < len(group) < 5 for u in group)]

    def _met(self, world: World) -> list[int]:
        """The whole numbers that sizes were compared with and divided by in a trial."""
        asked = [question.target for question in self.asked.get(world, ()) if question.kind in ("compared", "divided")]
        return [*dict.fromkeys(int(n) for n in asked if n == int(n) and 1 < n < _LARGEST)][:_MANY]

    def _spoken(self, world: World) -> list[int]:
        """Numbers of the operation, of what it asks in a world, and of its refusal there."""
        numbers = [*self.numbers(), *self._met(world), *self._told(world, self.unknowns())[1]]
        return [n for n in dict.fromkeys(numbers) if n > 1][:_MANY]

    def _told(self, world: World, moving: Iterable[Unknown]) -> tuple[list[tuple[int, int]], list[int]]:
        """Of what is refused in a world, and in one where some axes are twice as large: numbers that move or stay."""
        double = world.choosing({unknown: 2 * world.size(unknown) for unknown in moving})
        return numbers_that_differ(self._refusal(world), self._refusal(double))

    def _refusal(self, world: World) -> str:
        if self.effort.foretells(world, self.unknowns):
            return ""
        try:
            self._run(world)
        except REFUSALS as error:
            return str(error)
        return ""

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
            return result is not None and self._same(first, result)

        def least(below: int, above: int, sizes: Callable[[int], dict[Unknown, int]]) -> int:
            while above - below > 1:
                middle = (below + above) // 2
                below, above = (below, middle) if takes(sizes(middle)) else (middle, above)
            return above

        below = max(begin.values(), default=1)
        for size in _ladder(below, self._spoken(low)):
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
            self._run(low)
        return high, first

    def _farther(self, high: World, first: Any, second: Any) -> tuple[World, Any]:
        """A larger world, where it shows that a size is not known."""
        unknown, largest = self.unknown_in(first, second), max(self.numbers(), default=0)
        is_far = not self.is_users and (largest > 500 or self.is_cheap)
        bases = (MORE.base, MOST.base)[: 2 if is_far else 1]
        worlds = [high.on(base) for base in bases if base > high.base]
        if worlds and self.effort.foretells(worlds[0], self.unknowns):  # a loop over steps
            worlds = [high.choosing({u: 2 * high.size(u) for u in self.unknowns()})]
        # Where sizes were chosen, as for quotients, not every larger one is taken.
        worlds += [high.choosing({u: k * n for u, n in high.chosen}) for k in range(2, 30) if high.chosen]
        if largest > 10**5 and not self.is_users:
            worlds.append(high.choosing({u: largest * high.size(u) for u in self.unknowns()}))
        for world in worlds:
            third = self._tried(world)
            if third is not None and self.alike(first, third) and self.unknown_in(third, second) > unknown:
                return world, third
        return high, first


def _parts(one: int, two: int, wanted: int) -> Iterator[float]:
    """By what to multiply a size so that what is ``one``, and ``two`` for twice the size, is as wanted."""
    yield 1 + (wanted - one) / (two - one)
    square = (two - one) / 3  # of what grows with the square, as the patches of a picture do, beside a constant part
    if wanted > one - square and square > 0:
        yield ((wanted - one) / square + 1) ** 0.5


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
