"""Step 2 of a layout: the layered graph, in which every segment of a line goes from one rank to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .parts import Box, Edge


@dataclass(slots=True, eq=False)
class Segment:
    """A piece of a line between neighbouring ranks; ``up_at``, ``down_at``: where it touches, from the centre."""

    up: int
    down: int
    up_at: float = 0.0
    down_at: float = 0.0


@dataclass(slots=True)
class Layered:
    """Boxes 0..boxes-1, then bends: places where a long line passes a rank.

    The edges of one port share their bends, so a tensor that is read in ten places is one trunk with ten branches, and
    the number of bends grows with the boxes, not with the edges.

    Attributes:
        boxes: number of real boxes.
        rank: of each vertex.
        left, right: how far a vertex reaches to either side of its centre line.
        length: how far a box reaches along the flow, tail included.
        layers: for each rank its vertices from left to right.
        segments: all pieces of lines.
        into, out: for each vertex the segments that arrive and leave.
        ways: for each edge its segments from source to target.
        weight: for each vertex, how long the longest way through it is.
    """

    boxes: int
    rank: list[int]
    left: list[float]
    right: list[float]
    length: list[float]
    layers: list[list[int]]
    weight: list[int]
    segments: list[Segment] = field(default_factory=list)
    into: list[list[Segment]] = field(default_factory=list)
    out: list[list[Segment]] = field(default_factory=list)
    ways: list[list[Segment]] = field(default_factory=list)

    def is_bend(self, vertex: int) -> bool:
        return vertex >= self.boxes

    def add_bend(self, rank: int, weight: int) -> int:
        self.rank.append(rank)
        self.left.append(0.0)
        self.right.append(0.0)
        self.length.append(0.0)
        self.weight.append(weight)
        self.into.append([])
        self.out.append([])
        return len(self.rank) - 1

    def add_segment(self, up: int, down: int, up_at: float, down_at: float) -> Segment:
        segment = Segment(up, down, up_at, down_at)
        self.segments.append(segment)
        self.out[up].append(segment)
        self.into[down].append(segment)
        return segment


def layered(
    boxes: Sequence[Box], edges: Sequence[Edge], ends: Sequence[tuple[int, int]], rank: list[int], weight: list[int]
) -> Layered:
    """Split long edges at each rank they pass.

    Args:
        boxes, edges: as given to the layout, in top-to-bottom terms.
        ends: for each edge the indices of its source and target.
        rank, weight: for each box.
    """
    half = [box.width / 2 for box in boxes]
    graph = Layered(
        boxes=len(boxes),
        rank=list(rank),
        left=list(half),
        right=[max(h, box.beside) for h, box in zip(half, boxes, strict=True)],
        length=[box.height + box.tail for box in boxes],
        layers=[],
        weight=list(weight),
        into=[[] for _ in boxes],
        out=[[] for _ in boxes],
    )
    trunks: dict[tuple[int, int], list[Segment]] = {}
    for edge, (source, target) in zip(edges, ends, strict=True):
        trunk = trunks.setdefault((source, edge.port), [])
        need = rank[target] - rank[source] - 1
        while len(trunk) < need:
            at, up_at = (trunk[-1].down, 0.0) if trunk else (source, edge.source_at)
            bend = graph.add_bend(graph.rank[at] + 1, weight[source])
            trunk.append(graph.add_segment(at, bend, up_at, 0.0))
        at, up_at = (trunk[need - 1].down, 0.0) if need else (source, edge.source_at)
        last = graph.add_segment(at, target, up_at, edge.target_at or 0.0)
        graph.ways.append([*trunk[:need], last])
    graph.layers = [[] for _ in range(max(graph.rank, default=-1) + 1)]
    return graph
