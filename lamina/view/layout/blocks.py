"""Step 4 of a layout: vertices that shall stand exactly below each other."""

from __future__ import annotations

from bisect import insort

from .layers import Layered, Segment


def align(graph: Layered) -> tuple[list[int], list[float]]:
    """Join vertices to blocks, each a straight vertical run over neighbouring ranks.

    A long line is straight for all of its length. A box stands below the box it follows on the longest way, so that a
    chain is straight and its skips go around it; where ways fork evenly, the fork stands in the middle of them, in no
    block with any. No two runs of different blocks cross, so blocks have a left and a right.

    Returns:
        For each vertex its block, and where its centre lies from the block's axis.
    """
    place = {v: i for layer in graph.layers for i, v in enumerate(layer)}
    down = [_preferred(graph, place, v, graph.out[v]) for v in range(len(graph.rank))]
    up = [_preferred(graph, place, v, graph.into[v]) for v in range(len(graph.rank))]
    block = list(range(len(graph.rank)))
    shift = [0.0] * len(graph.rank)

    def regret(s: Segment) -> int:
        """0 for a piece of a long line, else how far down it stands in the wishes of its ends; 99: unwanted."""
        if graph.is_bend(s.up) and graph.is_bend(s.down):
            return 0
        ends = (down[s.up], up[s.down])
        return 1 + sum(wishes.index(s) for wishes in ends) if all(s in wishes for wishes in ends) else 99

    for layer in graph.layers:
        wanted = [s for s in sorted((s for v in layer for s in graph.out[v]), key=regret) if regret(s) < 99]
        for s in _without_crossings(wanted, place):
            block[s.down] = block[s.up]
            shift[s.down] = shift[s.up] + s.up_at - s.down_at
    return block, shift


def _preferred(graph: Layered, place: dict[int, int], v: int, segments: list[Segment]) -> list[Segment]:
    """Of all segments on one side of ``v``, those that should rather be straight, best first; none of an even fork."""
    if len(segments) % 2:
        middle = sorted(segments, key=lambda s: place[_far(s, v)])[len(segments) // 2]
        return [middle]
    if len(segments) != 2:
        return []
    one, other = sorted(segments, key=lambda s: (graph.is_bend(_far(s, v)), -graph.weight[_far(s, v)]))
    same_sort = graph.is_bend(_far(one, v)) == graph.is_bend(_far(other, v))
    even = same_sort and graph.weight[_far(one, v)] == graph.weight[_far(other, v)]
    return [] if even else [one, other]


def _far(segment: Segment, v: int) -> int:
    return segment.down if segment.up == v else segment.up


def _without_crossings(wanted: list[Segment], place: dict[int, int]) -> list[Segment]:
    """Of the segments between two ranks, earlier ones first, those that neither cross nor touch one already taken."""
    taken: list[tuple[int, int]] = []
    kept = []
    for s in wanted:
        ends = (place[s.up], place[s.down])
        insort(taken, ends)
        at = taken.index(ends)
        left_ok = at == 0 or (taken[at - 1][0] < ends[0] and taken[at - 1][1] < ends[1])
        right_ok = at == len(taken) - 1 or (taken[at + 1][0] > ends[0] and taken[at + 1][1] > ends[1])
        if left_ok and right_ok:
            kept.append(s)
        else:
            taken.pop(at)
    return kept
