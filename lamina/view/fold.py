"""Fold: a block of rows that comes again and again is drawn once, with how often it comes.

What counts is the structure of the graph: the same operations with the same settings, shapes and lines between them,
each block read by the next one alone. Names do not count.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

from .facts import Facts, Row, Wire
from .likeness import likenesses
from .parts import lines_across, moved_taps, piece, readers, renumbered, same_places

_LEAST = 3  # rows that a fold must save
_EFFORT = 2_000_000  # pairs of rows that are compared
_TRIES = 8  # ways to cut a stretch of rows


@dataclass(frozen=True, slots=True)
class Run:
    """``times`` blocks of ``period`` rows from row ``begin`` on."""

    begin: int
    period: int
    times: int

    @property
    def end(self) -> int:
        return self.begin + self.period * self.times

    @property
    def saved(self) -> int:
        return self.period * (self.times - 1)


def fold(facts: Facts) -> Facts:
    """The facts with each run of equal blocks in the place of one row, which has one of the blocks in it."""
    runs = _runs(facts)
    return _folded(facts, runs) if runs else facts


# -- finding


def _runs(facts: Facts) -> list[Run]:
    """Runs of equal blocks that do not overlap, those that save most taken first."""
    numbers: dict[Hashable, int] = {}
    kinds = [numbers.setdefault(likeness, len(numbers)) for likeness in likenesses(facts)]
    read = readers(facts)
    crossing = lines_across(facts, read)
    count = len(kinds)
    found: list[Run] = []
    for period in range(1, min(count // 2, max(40, _EFFORT // max(1, count))) + 1):
        for begin, end in _stretches(facts, kinds, period):
            if any(period % run.period == 0 and run.begin <= begin and end <= run.end for run in found):
                continue
            run = _best_in(facts, begin, end, period, read, crossing)
            while run is not None:  # a run may end before the stretch does, where something else reads a block
                found += [run] if run.saved >= _LEAST else []
                run = _best_in(facts, run.end, end, period, read, crossing)
    taken: list[Run] = []
    for run in sorted(found, key=lambda run: (-run.saved, run.period, run.begin)):
        if all(run.end <= other.begin or other.end <= run.begin for other in taken):
            taken.append(run)
    return sorted(taken, key=lambda run: run.begin)


def _stretches(facts: Facts, kinds: list[int], period: int) -> Iterator[tuple[int, int]]:
    """Where each row is like that one period before, for two periods at least: begins and ends."""
    rows, begin = facts.rows, None
    for i in range(len(rows) - period + 1):
        same = i + period < len(rows) and kinds[i] == kinds[i + period]
        same = same and _same_lines(rows[i], rows[i + period], period)
        if same and begin is None:
            begin = i
        elif not same and begin is not None:
            if i - begin >= period:
                yield begin, i + period
            begin = None


def _same_lines(one: Row, other: Row, period: int) -> bool:
    """Whether both read what stands as far before them, or the very same."""
    return len(one.inputs) == len(other.inputs) and all(
        (w.output, w.mask) == (v.output, v.mask) and v.row - w.row in (period, 0)
        for w, v in zip(one.inputs, other.inputs, strict=True)
    )


def _best_in(
    facts: Facts, begin: int, end: int, period: int, read: dict[tuple[int, int], list[int]], crossing: list[int]
) -> Run | None:
    """A stretch of rows cut into equal blocks where the fewest lines lead from one to the next; of these ways that with
    the most blocks, then one whose blocks begin where the line forks."""

    def cost(first: int) -> tuple[int, int, int, int]:
        second = first + period
        forks = max((len(read.get((second - 1, k), ())) for k in range(2)), default=0)
        return crossing[second], -((end - first) // period), -forks, first

    for first in sorted(range(begin, min(begin + period, end - 2 * period + 1)), key=cost)[:_TRIES]:
        run = _lasting(facts, Run(first, period, (end - first) // period), read)
        if run is not None:
            return run
    return None


def _lasting(facts: Facts, run: Run, read: dict[tuple[int, int], list[int]]) -> Run | None:
    """The longest beginning of a run whose blocks are read by the next block alone; the last by anything."""
    if not _starts_well(facts, run):
        return None
    times = 1
    while times < run.times:
        block = range(run.begin + run.period * (times - 1), run.begin + run.period * times)
        outputs = ((row, k) for row in block for k in range(max(1, len(facts.rows[row].outputs or ()))))
        if any(i >= block.stop + run.period for place in outputs for i in read.get(place, ())):
            break
        times += 1
    return Run(run.begin, run.period, times) if times > 1 else None


def _starts_well(facts: Facts, run: Run) -> bool:
    """Whether the second block reads, of what the first reads from outside, the same or the first block's results."""
    for i in range(run.begin, run.begin + run.period):
        for wire, later in zip(facts.rows[i].inputs, facts.rows[i + run.period].inputs, strict=True):
            if wire.row < run.begin and wire.row != later.row and later.row < run.begin:
                return False
            if wire.row >= run.begin and wire.row == later.row:
                return False
    return True


# -- folding


def _folded(facts: Facts, runs: list[Run]) -> Facts:
    begins = {run.begin: run for run in runs}
    read = readers(facts)
    rows: list[Row] = []
    places: dict[tuple[int, int], tuple[int, int]] = {(-1 - k, 0): (-1 - k, 0) for k in range(facts.entries)}
    i = 0
    while i < len(facts.rows):
        run = begins.get(i)
        if run is None:
            places |= same_places(facts, {i: len(rows)})
            rows.append(renumbered(facts.rows[i], places))
            i += 1
            continue
        row, exits = _row_of(facts, run, read)
        places |= {place: (len(rows), k) for k, place in enumerate(exits)}
        rows.append(renumbered(row, places))
        i = run.end
    outputs, exits_out = moved_taps(facts.outputs, places), moved_taps(facts.exits, places)
    inputs = [tap for tap in moved_taps(facts.inputs, places) if tap.row >= 0]
    return replace(facts, rows=rows, inputs=inputs, outputs=outputs, exits=exits_out)


def _row_of(facts: Facts, run: Run, read: dict[tuple[int, int], list[int]]) -> tuple[Row, list[tuple[int, int]]]:
    """The row that stands for a run, and which results of its last block it gives."""
    first, last = range(run.begin, run.begin + run.period), range(run.end - run.period, run.end)
    exits = [place for place, by in sorted(read.items()) if place[0] in last and any(i >= run.end for i in by)]
    if run.period == 1:
        row = replace(facts.rows[run.begin], times=run.times)
        return row, [(run.end - 1, k) for k in range(max(1, len(row.outputs or ())))]
    wires = [wire for i in first for wire in facts.rows[i].inputs if wire.row < run.begin]
    wires = list(dict.fromkeys(wires))
    entries = list(dict.fromkeys((wire.row, wire.output) for wire in wires))
    back = run.period * (run.times - 1)
    block = piece(facts, run.begin, run.begin + run.period, entries, [(row - back, k) for row, k in exits])
    block = replace(block, name=f"×{run.times}", kind="", outputs=[], inputs=[])
    begin, end = facts.rows[run.begin].name, facts.rows[run.end - 1].name
    return Row(
        name=f"{begin} to {end}",
        layer_name="",
        kind=f"{run.times} times the same",
        family="model",
        hint="",
        inputs=tuple(Wire(*place, any(w.mask for w in wires if (w.row, w.output) == place)) for place in entries),
        outputs=tuple((facts.rows[row].outputs or ())[k] for row, k in exits) if facts.wired else None,
        weights=tuple(w for i in range(run.begin, run.end) for w in facts.rows[i].weights),
        feeds=tuple(Wire(*place) for place in entries),
        times=run.times,
        block=fold(block),
    ), exits
