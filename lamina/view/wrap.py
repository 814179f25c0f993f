"""Wrap: a long picture is broken into columns, as text is into lines, so that it fits a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from .facts import Facts
from .layout.parts import Direction
from .parts import lines_across, piece, readers
from .scene import Point

_PAGE = (794.0, 1123.0)  # pixels of a page, upright or not
_READABLE = 0.75  # of its size; what is as large as this on a page stays in one column
_GUTTER = 44.0  # between two columns, where the line runs back
_TURN = 18.0  # from the end of a column to where the line turns
_CORNER = 8.0
_WORTH = 1.25  # times as large as in one column, or there are no columns
_MOST = 16  # columns
_ASIDE = 0.15  # of a column's length


@dataclass(frozen=True, slots=True)
class Column:
    """A column's size, and where lines come in and lead out, across the flow."""

    size: Point
    entries: list[float]
    exits: list[float]


def column_begins(facts: Facts, ends: Sequence[float], width: float, length: float) -> list[int]:
    """The rows with which columns begin, so that all of it is as large as can be on a page.

    A column ends only where a single tensor leads on.

    Args:
        ends: where each row ends along the flow, drawn in one column.
        width, length: of that column.
    """
    cuts = _cuts(facts, ends)
    best, largest = [0], _scale([0.0, length], width)
    alone = largest
    if alone >= _READABLE:
        return best
    for count in range(2, min(_MOST, len(cuts) + 1) + 1):
        share = length / count
        chosen = dict.fromkeys(_best_near(cuts, share * k, share * _ASIDE) for k in range(1, count))
        scale = _scale([0.0, *(cut.at for cut in chosen), length], width)
        if scale > largest * 1.02:
            best, largest = [0, *(cut.row for cut in chosen)], scale
    return best if largest > alone * _WORTH else [0]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place where a column may end: before which row, where along the flow, and whether the line forks there."""

    row: int
    at: float
    forks: bool


def _cuts(facts: Facts, ends: Sequence[float]) -> list[_Cut]:
    read = readers(facts)
    across = lines_across(facts, read)
    at = list(accumulate(ends, max))
    return [
        _Cut(i, at[i - 1], any(len(read.get((i - 1, k), ())) > 1 for k in range(2)) or facts.rows[i].block is not None)
        for i in range(1, len(facts.rows))
        if across[i] == 1 or not facts.wired
    ]


def _best_near(cuts: list[_Cut], place: float, aside: float) -> _Cut:
    """The cut next to a place; one between two blocks, where the line forks, may lie further ``aside``."""
    return min(cuts, key=lambda cut: (abs(cut.at - place) + (0.0 if cut.forks else aside), cut.at))


def _scale(stops: list[float], width: float) -> float:
    """How large columns that end at these places can be drawn on a page."""
    count = len(stops) - 1
    longest = max(end - begin for begin, end in pairwise(stops)) + (2 * _TURN if count > 1 else 0.0)
    wide = count * width + (count - 1) * _GUTTER
    return max(min(x / wide, y / longest) for x, y in (_PAGE, _PAGE[::-1]))


def columns(facts: Facts, begins: Sequence[int]) -> list[Facts]:
    """The rows of each column, with the tensor that comes from the one before and the one that leads to the next."""
    read = readers(facts)
    found = []
    for begin, end in pairwise([*begins, len(facts.rows)]):
        found.append(piece(facts, begin, end, _over(facts, read, begin), _over(facts, read, end)))
    return found


def _over(facts: Facts, read: dict[tuple[int, int], list[int]], cut: int) -> list[tuple[int, int]]:
    """What is made before a row and read from it on."""
    count = len(facts.rows)
    return [place for place, by in read.items() if place[0] < cut and any(cut <= i < count for i in by)]


def side_by_side(parts: Sequence[Column], direction: Direction) -> tuple[list[Point], list[list[Point]]]:
    """Where the corner of each column stands, and the corner points of the line from each to the next.

    The line goes on past the end of its column, back through the gutter, and into the next column from before.
    """
    across = 0 if direction == "TB" else 1
    longest = max(part.size[1 - across] for part in parts)
    places, x = [], 0.0
    for part in parts:
        places.append(_point(across, x, _TURN))
        x += part.size[across] + _GUTTER
    ways = []
    for i, (part, following) in enumerate(pairwise(parts)):
        if not part.exits or not following.entries:
            continue
        begin, end = places[i][across] + part.exits[0], places[i + 1][across] + following.entries[0]
        back = places[i + 1][across] - _GUTTER / 2
        bottom = longest + 2 * _TURN
        corners = [(begin, _TURN + part.size[1 - across]), (begin, bottom), (back, bottom), (back, 0.0), (end, 0.0)]
        ways.append([_point(across, *corner) for corner in [*corners, (end, _TURN)]])
    return places, ways


def _point(across: int, over: float, along: float) -> Point:
    return (over, along) if across == 0 else (along, over)


def rounded(points: Sequence[Point]) -> tuple[tuple[Point, ...], ...]:
    """The steps of a stroke along corner points, with round corners."""
    steps: list[tuple[Point, ...]] = []
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        enter, leave = _towards(corner, before), _towards(corner, after)
        steps += [(enter,), (corner, corner, leave)]
    return (*steps, (points[-1],))


def _towards(corner: Point, point: Point) -> Point:
    """A point a little way from a corner."""
    long = max(abs(point[0] - corner[0]), abs(point[1] - corner[1]))
    part = min(_CORNER / long, 0.5) if long else 0.0
    return (corner[0] + (point[0] - corner[0]) * part, corner[1] + (point[1] - corner[1]) * part)
