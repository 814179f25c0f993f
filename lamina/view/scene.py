"""A picture as plain shapes in pixels, before it becomes SVG, PNG or PDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .fonts import text_width

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle with round corners; ``opacity`` is that of its fill."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    stroke: str | None = None
    stroke_width: float = 1.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Word:
    """A run of text in one style; ``width`` is what it takes at most, in whatever font."""

    text: str
    size: float
    color: str
    bold: bool = False

    @property
    def width(self) -> float:
        return text_width(self.text, self.size, self.bold)


WORD_GAP = 6.0  # pixels between words of one line


@dataclass(frozen=True, slots=True)
class Label:
    """One line of words, around ``x`` or to the right of it; ``y`` is the base line."""

    x: float
    y: float
    words: tuple[Word, ...]
    centered: bool = True

    @property
    def width(self) -> float:
        return line_width(self.words)


def line_width(words: Sequence[Word]) -> float:
    """What a line of words takes at most."""
    return sum(word.width for word in words) + WORD_GAP * (len(words) - 1)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line of straight runs and Bezier curves: a start, then end points, or two control points and an end point."""

    start: Point
    steps: tuple[tuple[Point, ...], ...]
    color: str
    width: float
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """A filled polygon."""

    points: tuple[Point, ...]
    color: str


Shape = Panel | Label | Stroke | Arrow


@dataclass(slots=True)
class Group:
    """Shapes that belong together: a box, a frame, the lines from one tensor. ``note`` is its tooltip."""

    kind: str
    name: str = ""
    note: str = ""
    shapes: list[Shape] = field(default_factory=list)


@dataclass(slots=True)
class Scene:
    """The whole picture: groups, those that lie on top last."""

    title: str
    width: float
    height: float
    groups: list[Group] = field(default_factory=list)
