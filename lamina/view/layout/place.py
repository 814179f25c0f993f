"""Step 5 of a layout: how far right each vertex stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from .layers import Layered
from .parts import Spacing

_ROUNDS = 16
_STILL = 0.2  # pixels; less movement than this in a whole round is none
_TOUCH = 0.01


@dataclass(slots=True)
class _Block:
    """A straight run of vertices, which moves as one.

    ``pulls``: for each line to another block that block, and where it wants this one's axis from its own;
    ``left``, ``right``: neighbours and the least distance between the axes.
    """

    index: int
    rank: int
    x: float = 0.0
    pulls: list[tuple[_Block, float]] = field(default_factory=list)
    left: list[tuple[_Block, float]] = field(default_factory=list)
    right: list[tuple[_Block, float]] = field(default_factory=list)

    def push(self) -> tuple[float, int]:
        """How far the block wants to move, and how many lines want it to."""
        if not self.pulls:
            return 0.0, 0
        return sum(other.x + offset for other, offset in self.pulls) / len(self.pulls) - self.x, len(self.pulls)

    def move(self, by: float) -> float:
        """Move as far towards ``by`` as the neighbours let."""
        if by > 0:
            by = max(0.0, min([by, *(b.x - self.x - gap for b, gap in self.right)]))
        else:
            by = min(0.0, max([by, *(b.x - self.x + gap for b, gap in self.left)]))
        self.x += by
        return abs(by)


def place_across(graph: Layered, block: list[int], shift: list[float], spacing: Spacing) -> list[float]:
    """The centre of each vertex, measured across the flow.

    Lines pull blocks together, neighbours on a rank push each other apart. Blocks start between their leftmost and
    their rightmost place; then each moves towards the mean of what it is connected to, down the ranks and up again, and
    blocks that touch and push against each other move together. Distances between neighbours hold at every step.
    """
    blocks = _blocks(graph, block, shift, spacing)
    inner = sorted(blocks.values(), key=lambda b: (b.rank, b.index))
    _spread(inner)
    for _ in range(_ROUNDS):
        moved = 0.0
        for b in [*inner, *reversed(inner)]:
            moved = max(moved, b.move(b.push()[0]))
        moved = max(moved, _move_together(inner))
        if moved < _STILL:
            break
    return [blocks[block[v]].x + shift[v] for v in range(len(block))]


def _blocks(graph: Layered, block: list[int], shift: list[float], spacing: Spacing) -> dict[int, _Block]:
    blocks: dict[int, _Block] = {}
    for v, b in enumerate(block):
        known = blocks.setdefault(b, _Block(b, graph.rank[v]))
        known.rank = min(known.rank, graph.rank[v])
    gaps: dict[tuple[int, int], float] = {}
    for layer in graph.layers:
        for a, b in pairwise(layer):
            between = spacing.lines if graph.is_bend(a) or graph.is_bend(b) else spacing.boxes
            gap = graph.right[a] + between + graph.left[b] + shift[a] - shift[b]
            pair = block[a], block[b]
            gaps[pair] = max(gap, gaps.get(pair, gap))
    for (i, j), gap in gaps.items():
        blocks[i].right.append((blocks[j], gap))
        blocks[j].left.append((blocks[i], gap))
    for s in graph.segments:
        one, other = blocks[block[s.up]], blocks[block[s.down]]
        if one is not other:
            offset = shift[s.up] + s.up_at - shift[s.down] - s.down_at
            one.pulls.append((other, -offset))
            other.pulls.append((one, offset))
    return blocks


def _spread(blocks: list[_Block]) -> None:
    """Put each block halfway between its leftmost and its rightmost place."""
    order = _left_to_right(blocks)
    leftmost: dict[int, float] = {}
    for b in order:
        leftmost[b.index] = max((leftmost[a.index] + gap for a, gap in b.left), default=0.0)
    width = max(leftmost.values(), default=0.0)
    rightmost: dict[int, float] = {}
    for b in reversed(order):
        rightmost[b.index] = min((rightmost[a.index] - gap for a, gap in b.right), default=width)
    for b in blocks:
        b.x = (leftmost[b.index] + rightmost[b.index]) / 2


def _left_to_right(blocks: list[_Block]) -> list[_Block]:
    """Each block after all that stand left of it."""
    waiting = {b.index: len(b.left) for b in blocks}
    order = [b for b in blocks if not waiting[b.index]]
    for b in order:  # grows while it is walked
        for other, _ in b.right:
            waiting[other.index] -= 1
            if not waiting[other.index]:
                order.append(other)
    return order


def _move_together(blocks: list[_Block]) -> float:
    """Move groups of touching blocks that push against each other by their common wish; returns the largest move."""
    group = {b.index: b.index for b in blocks}
    push = {b.index: b.push() for b in blocks}
    members = {b.index: [b] for b in blocks}
    touching = [(b, o) for b in blocks for o, gap in b.right if o.x - b.x - gap < _TOUCH]
    merged = True
    while merged:
        merged = False
        for one, other in touching:
            i, j = group[one.index], group[other.index]
            if i == j or push[i][0] <= push[j][0]:
                continue
            if len(members[i]) < len(members[j]):
                i, j = j, i
            (pi, wi), (pj, wj) = push[i], push[j]
            push[i] = ((pi * wi + pj * wj) / (wi + wj) if wi + wj else 0.0, wi + wj)
            for b in members[j]:
                group[b.index] = i
            members[i] += members.pop(j)
            merged = True
    return max((_shift_group(m, push[i][0], group) for i, m in members.items() if len(m) > 1), default=0.0)


def _shift_group(members: list[_Block], by: float, group: dict[int, int]) -> float:
    mine = group[members[0].index]
    if by > 0:
        room = [o.x - b.x - gap for b in members for o, gap in b.right if group[o.index] != mine]
        by = max(0.0, min([by, *room]))
    else:
        room = [o.x - b.x + gap for b in members for o, gap in b.left if group[o.index] != mine]
        by = min(0.0, max([by, *room]))
    for b in members:
        b.x += by
    return abs(by)
