"""Parts of facts: some of the rows of a model as a model of their own, with lines that come in and go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from .facts import Facts, Row, Tap, Wire


def readers(facts: Facts) -> dict[tuple[int, int], list[int]]:
    """For each result that is read, (row, output), the rows that read it; `len(rows)` for each output of the model."""
    found: dict[tuple[int, int], list[int]] = {}
    for i, row in enumerate(facts.rows):
        for wire in row.inputs:
            found.setdefault((wire.row, wire.output), []).append(i)
    for tap in [*facts.outputs, *facts.exits]:
        found.setdefault((tap.row, tap.output), []).append(len(facts.rows))
    return found


def lines_across(facts: Facts, read: dict[tuple[int, int], list[int]]) -> list[int]:
    """For each place before a row, and behind the last, how many results from before it are read from there on.

    Outputs of the model count as read where they are made.
    """
    change = [0] * (len(facts.rows) + 2)
    for (row, _), by in read.items():
        last = max((i for i in by if i < len(facts.rows)), default=row)
        change[max(row, -1) + 1] += 1
        change[last + 1] -= 1
    return list(accumulate(change))[: len(facts.rows) + 1]


def renumbered(row: Row, places: dict[tuple[int, int], tuple[int, int]]) -> Row:
    """A row that reads what it reads at other places; what has none there is not read any more."""

    def moved(wire: Wire | None) -> Wire | None:
        place = None if wire is None else places.get((wire.row, wire.output))
        return None if wire is None or place is None else Wire(*place, wire.mask, wire.letter)

    inputs = dict.fromkeys(wire for wire in map(moved, row.inputs) if wire is not None)
    return replace(row, inputs=tuple(inputs), feeds=tuple(map(moved, row.feeds)))


def moved_taps(taps: Sequence[Tap], places: dict[tuple[int, int], tuple[int, int]]) -> list[Tap]:
    """Ends of the model at other places, without those that have none."""
    found = ((tap.name, places.get((tap.row, tap.output))) for tap in taps)
    return [Tap(name, *place) for name, place in found if place is not None]


def same_places(facts: Facts, rows: dict[int, int]) -> dict[tuple[int, int], tuple[int, int]]:
    """Where the results of rows are that have moved, old row -> new row."""
    return {
        (old, output): (new, output)
        for old, new in rows.items()
        for output in range(max(1, len(facts.rows[old].outputs or ())))
    }


def in_order(facts: Facts, order: Sequence[int]) -> Facts:
    """The same with its rows in another order, or without some of them."""
    places = same_places(facts, {old: new for new, old in enumerate(order)})
    places |= {(-1 - k, 0): (-1 - k, 0) for k in range(facts.entries)}
    return replace(
        facts,
        rows=[renumbered(facts.rows[old], places) for old in order],
        inputs=moved_taps(facts.inputs, places),
        outputs=moved_taps(facts.outputs, places),
        exits=moved_taps(facts.exits, places),
    )


def without_auxiliary(facts: Facts) -> Facts:
    """Without the rows that only compute masks which layers hand on by themselves."""
    if not any(row.auxiliary for row in facts.rows):
        return facts
    return in_order(facts, [i for i, row in enumerate(facts.rows) if not row.auxiliary])


def block_by_block(facts: Facts) -> Facts:
    """With its rows in such an order that what belongs together stands together: each row behind all that it alone
    needs, of what it reads inputs first, then the longest way. So equal blocks have their rows in the same order, and a
    decoder stands behind its encoder.
    """
    if not facts.wired:
        return facts
    depth: list[int] = []
    for row in facts.rows:
        depth.append(1 + max((depth[wire.row] for wire in row.inputs if wire.row >= 0), default=0))
    order: dict[int, bool] = {}  # False while what a row reads is being placed
    for end in [*(tap.row for tap in [*facts.outputs, *facts.exits]), *range(len(facts.rows))]:
        stack = [end]
        while stack:
            row = stack[-1]
            if row in order:
                if not order[row]:
                    del order[row]
                    order[row] = True
                stack.pop()
                continue
            order[row] = False
            read = dict.fromkeys(wire.row for wire in facts.rows[row].inputs if wire.row >= 0)
            # The last one pushed is placed first.
            stack += sorted((r for r in read if r not in order), key=lambda r: (depth[r] == 1, depth[r]))
    return in_order(facts, list(order))


def piece(facts: Facts, begin: int, end: int, entries: list[tuple[int, int]], exits: list[tuple[int, int]]) -> Facts:
    """Rows ``begin`` to ``end`` as facts of their own.

    Args:
        entries: what they read from outside, (row, output); `Wire` -1 is the first of them, -2 the second.
        exits: which of their results lines lead out of.
    """
    places = same_places(facts, {old: old - begin for old in range(begin, end)})
    places |= {place: (-1 - k, 0) for k, place in enumerate(entries)}
    inside = {place: to for place, to in places.items() if to[0] >= 0}
    return replace(
        facts,
        rows=[renumbered(row, places) for row in facts.rows[begin:end]],
        inputs=moved_taps(facts.inputs, inside),
        outputs=moved_taps(facts.outputs, inside),
        entries=len(entries),
        exits=[Tap("", *inside[place]) for place in exits],
    )
