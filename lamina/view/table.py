"""The rows of a summary as plain cells, before they are printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from lamina.graph.errors import ArgumentError

from .facts import Facts, Row, Shape, count, describe
from .parts import without_auxiliary


@dataclass(frozen=True, slots=True)
class Table:
    """A summary: a title, columns with their rows of cells, and the totals below."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    totals: list[tuple[str, str]]


@dataclass(slots=True)
class _Level:
    """Where the walk into nested models stands: the rows of one model still to come, and how deep it lies."""

    facts: Facts
    rows: list[tuple[int, Row]]
    depth: int
    counted: set[int]


def table_of(
    facts: Facts, expand_nested: bool, show_trainable: bool, layer_range: Sequence[str] | None, indent: str
) -> Table:
    """The summary of a model.

    Args:
        expand_nested: also the rows of nested models, indented below theirs; of a shared one below its first call.
        show_trainable: a column that says whether a row's weights train.
        layer_range: only the rows from the first one whose name matches the first pattern to the last one that matches
            the second.
        indent: what stands before the name of a row, for each level of nesting.
    """
    facts = without_auxiliary(facts)
    found = _walk(facts, expand_nested, _range(facts, layer_range))
    levels = {id(level_facts): level_facts for level_facts, _, _, _ in found}
    connected = any(not level_facts.is_chain for level_facts in levels.values())
    columns = ["Layer (type)", "Output Shape", "Param #"]
    columns += ["Connected to"] if connected else []
    columns += ["Trainable"] if show_trainable else []
    rows = []
    for level_facts, row, depth, params in found:
        cells = [f"{indent * depth}{row.name} ({row.kind})", _shapes(row), params]
        cells += [_sources(row, level_facts)] if connected else []
        cells += [{True: "Y", False: "N", None: "-"}[row.trainable]] if show_trainable else []
        rows.append(cells)
    return Table(f'Model: "{facts.name}"', columns, rows, _totals(facts.weights))


def _walk(facts: Facts, expand: bool, shown: range) -> list[tuple[Facts, Row, int, str]]:
    """Every row to print, with the facts it belongs to, its depth, and its parameters in words."""
    found: list[tuple[Facts, Row, int, str]] = []
    top = [(i, facts.rows[i]) for i in shown]
    stack = [_Level(facts, top[::-1], 0, set())]
    while stack:
        level = stack[-1]
        if not level.rows:
            stack.pop()
            continue
        _, row = level.rows.pop()
        found.append((level.facts, row, level.depth, _params(row, level.counted)))
        if expand and row.inner is not None and row.call == 1:
            inner = without_auxiliary(describe(row.inner))
            own = set(level.counted)  # what the nested rows count again in detail was counted by their model's row
            stack.append(_Level(inner, list(enumerate(inner.rows))[::-1], level.depth + 1, own))
        level.counted.update(id(w) for w in row.weights)
    return found


def _params(row: Row, counted: set[int]) -> str:
    """Parameters that no row before has counted; ``shared`` stands for those that one has."""
    if not row.built:
        return f"{row.params:,} (unbuilt)"
    new = count(w for w in row.weights if id(w) not in counted)
    if new == row.params:
        return f"{new:,}"
    return f"{new:,} + shared" if new else "shared"


def _shapes(row: Row) -> str:
    if row.outputs is None:
        return "?"
    if len(row.outputs) == 1:
        return _shape(row.outputs[0].shape)
    return "[" + ", ".join(_shape(tensor.shape) for tensor in row.outputs) + "]"


def _shape(shape: Shape | None) -> str:
    return "number" if shape is None else str(shape)


def _sources(row: Row, facts: Facts) -> str:
    names = []
    for wire in row.inputs:
        source = facts.rows[wire.row]
        several = len(source.outputs or ()) > 1
        names.append(source.name + (f"[{wire.output}]" if several else "") + (" as mask" if wire.mask else ""))
    return ", ".join(names) or "-"


def _totals(weights: Iterable[torch.Tensor]) -> list[tuple[str, str]]:
    weights = list(weights)
    parts = {
        "Total params": weights,
        " Trainable params": [w for w in weights if w.requires_grad],
        " Non-trainable params": [w for w in weights if not w.requires_grad],
    }
    return [
        (what, f"{count(some):,} ({memory_text(sum(w.numel() * w.element_size() for w in some))})")
        for what, some in parts.items()
    ]


def memory_text(size: float) -> str:
    """A number of bytes for people.

    >>> memory_text(0), memory_text(2048), memory_text(25_700_000)
    ('0.00 B', '2.00 KB', '24.51 MB')
    """
    unit = 0
    while size >= 1024 and unit < 5:
        size, unit = size / 1024, unit + 1
    return f"{size:.2f} {('B', 'KB', 'MB', 'GB', 'TB', 'PB')[unit]}"


def _range(facts: Facts, layer_range: Sequence[str] | None) -> range:
    if layer_range is None:
        return range(len(facts.rows))
    if isinstance(layer_range, str) or len(layer_range) != 2:
        raise ArgumentError(
            "layer_range takes two names, or patterns of names: the first layer and the last.", got=repr(layer_range)
        )
    first, last = (_matching(facts, str(pattern)) for pattern in layer_range)
    ends = (min(first), max(last)) if min(first) <= max(last) else (min(last), max(first))
    return range(ends[0], ends[1] + 1)


def _matching(facts: Facts, pattern: str) -> list[int]:
    try:
        places = [i for i, row in enumerate(facts.rows) if row.name == pattern or re.match(pattern, row.name)]
    except re.error as error:
        raise ArgumentError(f"layer_range: {pattern!r} is no pattern.", got=str(error)) from None
    if not places:
        names = ", ".join(row.name for row in facts.rows)
        raise ArgumentError(f"layer_range: no layer is called {pattern!r}.", expected=names)
    return places
