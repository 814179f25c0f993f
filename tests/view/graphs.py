"""Random boxes and lines, and what must hold of any layout of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations, pairwise

from hypothesis import strategies as st

from lamina.view.layout import Box, Drawing, Edge, curve

SIZES = st.integers(10, 200).map(float)


@st.composite
def graphs(draw, most=14):
    """Boxes 0..n-1 of random sizes and lines that lead from lower to higher numbers, some of them twice."""
    n = draw(st.integers(1, most))
    boxes = []
    for i in range(n):
        tail = draw(st.sampled_from([0.0, 16.0]))
        boxes.append(Box(i, draw(SIZES), draw(SIZES), tail, draw(SIZES) if tail else 0.0))
    edges = []
    for target in range(1, n):
        for source in draw(st.lists(st.integers(0, target - 1), max_size=4)):
            port = draw(st.integers(0, 1))
            reach = min(boxes[source].width, boxes[source].height) / 2 - 4
            edges.append(Edge(source, target, port, round(port * reach, 1)))
    return boxes, edges


def along(drawing: Drawing) -> int:
    """Which coordinate of a point grows with the flow."""
    return 1 if drawing.direction == "TB" else 0


def span(rect, axis: int) -> tuple[float, float]:
    return (rect.x, rect.x + rect.width) if axis == 0 else (rect.y, rect.y + rect.height)


def sampled(path, drawing: Drawing, steps: int = 24) -> Iterator[tuple[float, float]]:
    """Points on a line, its curves included."""
    for a, b in pairwise(path):
        c, d = curve(a, b, drawing.direction)
        for k in range(steps + 1):
            t = k / steps
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            yield tuple(sum(w * p[axis] for w, p in zip(weights, (a, c, d, b), strict=True)) for axis in (0, 1))


def tangle(seed: int) -> tuple[list[Box], list[Edge]]:
    """Thirty boxes of random widths, each below one or two of the six before it."""
    rng = random.Random(seed)
    boxes = [Box(i, rng.randrange(30, 160), 30) for i in range(30)]
    edges = [Edge(rng.randrange(max(0, j - 6), j), j) for j in range(1, 30) for _ in range(rng.randrange(1, 3))]
    return boxes, edges


def crossings(layers: list[list[int]], segments: list[tuple[int, int]]) -> int:
    """How many pairs of lines cross, counted one by one; lines lead from a rank to the next."""
    rank = {v: r for r, layer in enumerate(layers) for v in layer}
    place = {v: i for layer in layers for i, v in enumerate(layer)}
    return sum(
        rank[a] == rank[c] and (place[a] - place[c]) * (place[b] - place[d]) < 0
        for (a, b), (c, d) in combinations(segments, 2)
    )


def residual_chain(blocks: int, depth: int = 3) -> tuple[list[Box], list[Edge]]:
    """A chain in which each block of boxes is skipped by a line."""
    boxes, edges = [Box(0, 80, 30)], []
    for _ in range(blocks):
        start = len(boxes) - 1
        for _ in range(depth):
            edges.append(Edge(len(boxes) - 1, len(boxes)))
            boxes.append(Box(len(boxes), 60 + 7 * len(boxes) % 50, 30))
        edges.append(Edge(start, len(boxes) - 1))
    return boxes, edges
