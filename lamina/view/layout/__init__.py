"""A layered layout for pictures of directed acyclic graphs: boxes on ranks, lines that flow one way.

The method is Sugiyama's, one file per step: `ranks`, `layers` (long lines get a bend on every rank they pass), `order`
(few crossings), `blocks` and `place` (straight chains, skips around them), `route`. Plain Python, no recursion, the
same result each time; the time grows with the boxes and the ranks that lines pass.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from lamina.graph.errors import GraphError

from .blocks import align
from .layers import Layered, Segment, layered
from .order import order_layers
from .parts import Box, Direction, Drawing, Edge, Point, Rect, Spacing, curve
from .place import place_across
from .ranks import assign_ranks, path_lengths
from .route import corner_points, rank_positions, touch_points

__all__ = ["Box", "Drawing", "Edge", "Rect", "Spacing", "curve", "lay_out"]


def lay_out(
    boxes: Sequence[Box], edges: Sequence[Edge], direction: Direction = "TB", spacing: Spacing | None = None
) -> Drawing:
    """Place boxes and route lines so that everything flows in one direction.

    Args:
        boxes: what to place; their order breaks ties, from left to right.
        edges: lines between them, without circles.
        direction: ``"TB"``, from top to bottom, or ``"LR"``, from left to right.
        spacing: distances.

    Raises:
        GraphError: the edges run in a circle, two boxes have one key, or an edge leads to no box.

    >>> drawing = lay_out([Box("a", 40, 20), Box("b", 60, 20)], [Edge("a", "b")])
    >>> drawing.boxes["a"], drawing.paths
    (Rect(x=10.0, y=0.0, width=40, height=20), [[(30.0, 20.0), (30.0, 44.0)]])
    """
    spacing = spacing or Spacing()
    flat = boxes if direction == "TB" else [replace(box, width=box.height, height=box.width) for box in boxes]
    ends = _ends(boxes, edges)
    rank = assign_ranks(len(boxes), ends, [box.pin for box in boxes])
    graph = layered(flat, edges, ends, rank, path_lengths(len(boxes), ends))
    order_layers(graph)
    block, shift = align(graph)
    x = place_across(graph, block, shift, spacing)
    last = touch_points(graph, edges, x, spacing)
    return _finish(flat, graph, x, last, spacing, direction)


def _ends(boxes: Sequence[Box], edges: Sequence[Edge]) -> list[tuple[int, int]]:
    index: dict[Hashable, int] = {box.key: i for i, box in enumerate(boxes)}
    if len(index) != len(boxes):
        raise GraphError("Two boxes of a picture have the same key.")
    for edge in edges:
        if edge.source not in index or edge.target not in index:
            raise GraphError("A line of a picture leads to no box.", got=f"{edge.source!r} -> {edge.target!r}")
    return [(index[edge.source], index[edge.target]) for edge in edges]


def _finish(
    boxes: Sequence[Box], graph: Layered, x: list[float], last: list[Segment], spacing: Spacing, direction: Direction
) -> Drawing:
    """Corner to the origin, round, and turn the picture where it flows to the right."""
    begin, end = rank_positions(graph, x, spacing)
    paths = [corner_points(graph, way, tip, x, begin, end) for way, tip in zip(graph.ways, last, strict=True)]
    lows = [x[v] - graph.left[v] for v in range(len(x))]
    highs = [x[v] + graph.right[v] for v in range(len(x))]
    origin = min(lows, default=0.0)

    def turned(point: Point) -> Point:
        across, along = round(point[0] - origin, 2), round(point[1], 2)
        return (across, along) if direction == "TB" else (along, across)

    rects = {}
    for v, box in enumerate(boxes):
        r = graph.rank[v]
        corner = turned((x[v] - box.width / 2, (begin[r] + end[r] - graph.length[v]) / 2))
        size = (box.width, box.height) if direction == "TB" else (box.height, box.width)
        rects[box.key] = Rect(*corner, *size)
    width, height = turned((max(highs, default=0.0), max(end, default=0.0)))
    return Drawing(width, height, rects, [[turned(p) for p in path] for path in paths], direction)
