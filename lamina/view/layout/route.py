"""Step 6 of a layout: how far down each rank lies, where lines touch boxes, and the corner points of every line."""

from __future__ import annotations

from collections.abc import Sequence

from .layers import Layered, Segment
from .parts import Edge, Point, Spacing

_STEEP = 0.2  # a line that crosses far between two ranks pushes them apart by this part of the distance
_ROOMIEST = 90.0  # but by no more pixels than this
_CORNER = 8.0  # pixels at the ends of a rim that lines keep away from
_STRAIGHT = 1.0  # pixels that a line may be moved along a box's rim to become straight


def touch_points(graph: Layered, edges: Sequence[Edge], x: list[float], spacing: Spacing) -> list[Segment]:
    """For each edge its last segment, with ``down_at`` set to where the line touches its target.

    A single line comes in at the centre. Of several, one that comes straight from above the centre keeps it; the others
    touch left and right of it, in the order in which they come, so that they do not cross.
    """
    arriving: dict[int, list[tuple[float, int]]] = {}
    last = [way[-1] for way in graph.ways]
    for i, (edge, segment) in enumerate(zip(edges, last, strict=True)):
        if edge.target_at is None:
            arriving.setdefault(segment.down, []).append((x[segment.up] + segment.up_at, i))
    for target, lines in arriving.items():
        lines.sort()
        half = max(graph.left[target] - _CORNER, graph.left[target] / 2)
        step = min(spacing.ports, 2 * half / max(1, len(lines) - 1))
        for (_, i), at in zip(lines, _rim(x[target], [line[0] for line in lines], half, step), strict=True):
            last[i].down_at = at
    return last


def _rim(centre: float, coming: list[float], half: float, step: float) -> list[float]:
    """Where lines that come from ``coming`` (sorted) touch a rim of ``centre`` +- ``half``, ``step`` apart."""
    if len(coming) == 1:
        aside = coming[0] - centre
        return [aside if abs(aside) <= _STRAIGHT else 0.0]
    off = [c - centre for c in coming]
    straight = [i for i, o in enumerate(off) if abs(o) <= step / 2]
    middle = straight[0] if len(straight) == 1 else (len(off) - 1) / 2
    at = [(i - middle) * step for i in range(len(off))]
    over = max(at[-1] - half, -half - at[0], 0.0)
    return [a * half / (half + over) for a in at]


def rank_positions(graph: Layered, x: list[float], spacing: Spacing) -> tuple[list[float], list[float]]:
    """Where each rank begins and ends along the flow."""
    reach = [0.0] * len(graph.layers)
    for s in graph.segments:
        run = abs(x[s.up] + s.up_at - x[s.down] - s.down_at)
        reach[graph.rank[s.up]] = max(reach[graph.rank[s.up]], run)
    begin, end, y = [], [], 0.0
    for rank, layer in enumerate(graph.layers):
        begin.append(y)
        y += max((graph.length[v] for v in layer), default=0.0)
        end.append(y)
        y += spacing.ranks + min(_STEEP * reach[rank], _ROOMIEST)
    return begin, end


def corner_points(
    graph: Layered, way: list[Segment], last: Segment, x: list[float], begin: list[float], end: list[float]
) -> list[Point]:
    """The points of one line, (across, along): out of its source, past every rank that it crosses, into its target."""
    points: list[Point] = []
    for s in [*way[:-1], last]:
        upper, lower = graph.rank[s.up], graph.rank[s.down]
        points.append((x[s.up] + s.up_at, end[upper]))
        points.append((x[s.down] + s.down_at, begin[lower]))
    first_box, last_box = way[0].up, last.down
    points[0:0] = [(points[0][0], end[graph.rank[first_box]] - _slack(graph, first_box, begin, end))]
    points.append((points[-1][0], begin[graph.rank[last_box]] + _slack(graph, last_box, begin, end)))
    return _merged(points)


def _slack(graph: Layered, box: int, begin: list[float], end: list[float]) -> float:
    """The free room before, and behind, a box in the middle of a rank that is longer than the box."""
    rank = graph.rank[box]
    return (end[rank] - begin[rank] - graph.length[box]) / 2


def _merged(points: list[Point]) -> list[Point]:
    """Without repeated points and without points in the middle of straight runs."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(kept[-1][0] - point[0]) < 0.05 and abs(kept[-1][1] - point[1]) < 0.05:
            continue
        if len(kept) >= 2 and kept[-2][0] == kept[-1][0] == point[0]:
            kept.pop()
        kept.append(point)
    return kept
