"""What goes into a layout and what comes out of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["TB", "LR"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A thing to place.

    Attributes:
        key: what edges call it.
        width, height: its size, in pixels.
        tail: room kept free behind the box, along the flow, for the labels of the edges that leave it.
        beside: how far those labels reach to the right of (below, when the flow goes right) the box's centre line.
        pin: ``"first"`` or ``"last"`` puts it on a rank of its own kind before or behind all others.
    """

    key: Hashable
    width: float
    height: float
    tail: float = 0.0
    beside: float = 0.0
    pin: Literal["first", "last"] | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from one box to another.

    Attributes:
        source, target: keys of boxes.
        port: which output of the source. Edges from one port share a trunk and branch off where they must.
        source_at, target_at: where the line touches, measured across the flow from the box's centre. The source's
            default is the centre; a target spreads its lines by itself when not told.
    """

    source: Hashable
    target: Hashable
    port: int = 0
    source_at: float = 0.0
    target_at: float | None = None


@dataclass(frozen=True, slots=True)
class Rect:
    """Where a box came to lie: its upper left corner and its size, without the tail."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished layout.

    Attributes:
        width, height: of everything.
        boxes: key -> rectangle.
        paths: for each edge, in the order given, its corner points. Between two points that differ along the flow only,
            the line is straight; else it is an S-curve that leaves and arrives along the flow (see `curve`).
        direction: of the flow.
    """

    width: float
    height: float
    boxes: dict[Hashable, Rect]
    paths: list[list[Point]]
    direction: Direction


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distances in pixels: between boxes side by side, between lines, between ranks, and of lines on a box's rim."""

    boxes: float = 26.0
    lines: float = 14.0
    ranks: float = 24.0
    ports: float = 14.0


def curve(start: Point, end: Point, direction: Direction) -> tuple[Point, Point]:
    """The two inner control points of the Bezier curve from ``start`` to ``end``, both tangents along the flow."""
    if direction == "TB":
        middle = (start[1] + end[1]) / 2
        return (start[0], middle), (end[0], middle)
    middle = (start[0] + end[0]) / 2
    return (middle, start[1]), (middle, end[1])
