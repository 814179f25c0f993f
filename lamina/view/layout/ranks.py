"""Step 1 of a layout: which rank (row) each box stands on."""

from __future__ import annotations

from collections.abc import Sequence

from lamina.graph.errors import GraphError

_FAR = 8  # ranks


def assign_ranks(count: int, edges: Sequence[tuple[int, int]], pins: Sequence[str | None]) -> list[int]:
    """A rank for each of ``count`` boxes, such that every edge goes down by at least one.

    Every box goes as high as it can, but an input that is needed late sinks to where it is needed: its lines get
    shorter. So does a box with as many lines above it as below, if it sinks far: beside a long way, one line that forks
    late reads better than many that run along it.

    Raises:
        GraphError: the edges run in a circle.
    """
    above, below = _neighbours(count, edges)
    order = _topological(count, above, below)
    rank = [0] * count
    for v in order:
        rank[v] = max((rank[u] + 1 for u in above[v]), default=0)
    for v in reversed(order):
        lowest = min((rank[w] - 1 for w in below[v]), default=rank[v])
        even = len(above[v]) == len(below[v])
        if len(above[v]) < len(below[v]) or (even and lowest - rank[v] > _FAR):
            rank[v] = lowest
    return _pinned(rank, pins)


def path_lengths(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """For each box the number of boxes on the longest way from end to end of the graph that leads through it."""
    above, below = _neighbours(count, edges)
    order = _topological(count, above, below)
    down, up = [1] * count, [1] * count
    for v in order:
        up[v] = max((up[u] + 1 for u in above[v]), default=1)
    for v in reversed(order):
        down[v] = max((down[w] + 1 for w in below[v]), default=1)
    return [a + b - 1 for a, b in zip(up, down, strict=True)]


def _neighbours(count: int, edges: Sequence[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for u, v in dict.fromkeys(edges):
        above[v].append(u)
        below[u].append(v)
    return above, below


def _topological(count: int, above: list[list[int]], below: list[list[int]]) -> list[int]:
    waiting = [len(a) for a in above]
    order = [v for v in range(count) if not waiting[v]]
    for v in order:  # grows while it is walked
        for w in below[v]:
            waiting[w] -= 1
            if not waiting[w]:
                order.append(w)
    if len(order) != count:
        raise GraphError("The boxes to draw depend on each other in a circle.", got=f"{count - len(order)} such boxes")
    return order


def _pinned(rank: list[int], pins: Sequence[str | None]) -> list[int]:
    """Ranks from 0 without holes; pinned boxes alone on the first and the last."""
    free = sorted({r for r, pin in zip(rank, pins, strict=True) if pin is None})
    new = {r: i for i, r in enumerate(free, start=1 if "first" in pins else 0)}
    last = len(free) + (1 if "first" in pins else 0)
    ends = {"first": 0, "last": last}
    return [new[r] if pin is None else ends[pin] for r, pin in zip(rank, pins, strict=True)]
