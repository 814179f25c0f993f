"""Step 3 of a layout: who stands left of whom on a rank, such that few lines cross."""

from __future__ import annotations

from bisect import bisect_left

from .layers import Layered, Segment

_ROUNDS = 24
_PATIENCE = 8
_PASSES = 6
_WIDER_THAN_ANY = 1e6  # pixels: turns a place on a box's rim into less than a place on a rank


def order_layers(graph: Layered) -> None:
    """Fill ``graph.layers``. Starts from the order in which the user wrote things, and keeps it where it can.

    Sweeps down and up; on each rank, sorts by the mean place of the neighbours on the rank before. Keeps the best order
    seen; stops as soon as nothing crosses or nothing improves.
    """
    _first_order(graph)
    best, fewest = [list(layer) for layer in graph.layers], _all_crossings(graph)
    idle = 0
    for sweep in range(_ROUNDS):
        if fewest == 0 or idle == _PATIENCE:
            break
        _sweep(graph, down=sweep % 2 == 0, mirrored=sweep % 4 > 1)
        _swap_neighbours(graph)
        crossings = _all_crossings(graph)
        idle += 1
        if crossings < fewest:
            best, fewest, idle = [list(layer) for layer in graph.layers], crossings, 0
    graph.layers = best


def _first_order(graph: Layered) -> None:
    """Walk down from the sources as the user wrote them; what is reached first stands further left."""
    seen = [False] * len(graph.rank)
    sources = [v for v in range(graph.boxes) if not graph.into[v]]
    stack = sources[::-1]
    while stack:
        v = stack.pop()
        if seen[v]:
            continue
        seen[v] = True
        graph.layers[graph.rank[v]].append(v)
        stack.extend(reversed(_children(graph, v)))


def _children(graph: Layered, v: int) -> list[int]:
    """Boxes before passing lines, and of two boxes the one on the longer way first: skips run on the right."""
    below = list(dict.fromkeys(s.down for s in graph.out[v]))
    boxes = sorted(w for w in below if not graph.is_bend(w))
    if len(boxes) == 2:
        boxes.sort(key=lambda w: -graph.weight[w])
    return boxes + [w for w in below if graph.is_bend(w)]


def _sweep(graph: Layered, down: bool, mirrored: bool) -> None:
    """Sort each rank by the rank before it; ``mirrored``: equals change places, which leads out of dead ends."""
    ranks = range(1, len(graph.layers)) if down else range(len(graph.layers) - 2, -1, -1)
    place = _places(graph)
    for r in ranks:
        layer = graph.layers[r]
        wish: dict[int, float] = {}
        for i, v in enumerate(layer):
            near = _ends_above(graph, place, v) if down else _ends_below(graph, place, v)
            wish[v] = sum(near) / len(near) if near else float(i)
        if mirrored:
            layer.reverse()
        layer.sort(key=wish.__getitem__)
        for i, v in enumerate(layer):
            place[v] = i


def _places(graph: Layered) -> list[int]:
    place = [0] * len(graph.rank)
    for layer in graph.layers:
        for i, v in enumerate(layer):
            place[v] = i
    return place


def _all_crossings(graph: Layered) -> int:
    place = _places(graph)
    return sum(_crossings([end for v in layer for end in _lower_ends(graph, place, v)]) for layer in graph.layers)


def _lower_ends(graph: Layered, place: list[int], v: int) -> list[float]:
    """Where the lines that leave ``v`` end, those that leave it further left first."""
    return [end for _, end in sorted((s.up_at, _below(place, s)) for s in graph.out[v])]


def _crossings(ends: list[float]) -> int:
    """Pairs of segments that cross: inversions among the lower ends, segments sorted by their upper ends."""
    total = 0
    ordered: list[float] = []
    for end in reversed(ends):
        at = bisect_left(ordered, end)
        total += at
        ordered.insert(at, end)
    return total


def _swap_neighbours(graph: Layered) -> None:
    """Swap neighbours on a rank wherever fewer lines cross afterwards."""
    place = _places(graph)
    for _ in range(_PASSES):
        if not sum(_swap_on(graph, place, layer) for layer in graph.layers):
            break


def _swap_on(graph: Layered, place: list[int], layer: list[int]) -> int:
    swaps = 0
    for i in range(len(layer) - 1):
        a, b = layer[i], layer[i + 1]
        if _pair(graph, place, a, b) > _pair(graph, place, b, a):
            layer[i], layer[i + 1] = b, a
            place[a], place[b] = i + 1, i
            swaps += 1
    return swaps


def _pair(graph: Layered, place: list[int], a: int, b: int) -> int:
    """Crossings between the lines of ``a`` and those of ``b`` when ``a`` stands left of ``b``."""
    above = _inversions(sorted(_ends_above(graph, place, a)), sorted(_ends_above(graph, place, b)))
    below = _inversions(sorted(_ends_below(graph, place, a)), sorted(_ends_below(graph, place, b)))
    return above + below


def _ends_above(graph: Layered, place: list[int], v: int) -> list[float]:
    return [place[s.up] + s.up_at / _WIDER_THAN_ANY for s in graph.into[v]]


def _ends_below(graph: Layered, place: list[int], v: int) -> list[float]:
    return [_below(place, s) for s in graph.out[v]]


def _below(place: list[int], s: Segment) -> float:
    return place[s.down] + s.down_at / _WIDER_THAN_ANY


def _inversions(left: list[float], right: list[float]) -> int:
    """How many pairs (x of ``left``, y of ``right``) have y < x; both sorted."""
    total = below = 0
    for x in left:
        while below < len(right) and right[below] < x:
            below += 1
        total += below
    return total
