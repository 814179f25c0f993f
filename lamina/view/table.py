"""The rows of a summary as plain cells, before they are printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from lamina.graph.errors import ArgumentError

from .facts import Facts, Row, Shape, count, describe
from .parts import without_auxiliary

_IN_ASCII = str.maketrans({"−": "-", "×": "*", "…": "..."})


@dataclass(frozen=True, slots=True)
class Table:
    """A summary: a title, columns with their rows of cells, and the totals below."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    totals: list[tuple[str, str]]


@dataclass(slots=True)
class _Level:
    """Where the walk into nested models stands: the rows of one model still to come."""

    facts: Facts
    rows: list[tuple[int, Row]]
    counted: set[int]


def table_of(
    facts: Facts, expand_nested: bool, show_trainable: bool, layer_range: Sequence[str] | None, plain: bool
) -> Table:
    """The summary of a model.

    Args:
        expand_nested: also the rows of nested models, indented below theirs; of a shared one below its first call.
        show_trainable: a column that says whether a row's weights train.
        layer_range: only the rows from the first one whose name matches the first pattern to the last one that matches
            the second.
        plain: in ASCII: spaces before nested rows, not branches, and ``-`` for ``−``.
    """
    facts = without_auxiliary(facts)
    found = _walk(facts, expand_nested, _range(facts, layer_range))
    levels = {id(entry.facts): entry.facts for entry in found}
    connected = any(not level_facts.is_chain for level_facts in levels.values())
    columns = ["Layer (type)", "Output Shape", "Param #"]
    columns += ["Connected to"] if connected else []
    columns += ["Trainable"] if show_trainable else []
    rows = []
    for entry in found:
        row = entry.row
        branch, kind = entry.branch, row.kind
        if plain:
            branch, kind = " " * len(branch), kind.translate(_IN_ASCII) if row.family == "function" else kind
        cells = [f"{branch}{row.name} ({kind})", _shapes(row), entry.params]
        cells += [_sources(row, entry.facts)] if connected else []
        cells += [{True: "Y", False: "N", None: "-"}[row.trainable]] if show_trainable else []
        rows.append(cells)
    return Table(f'Model: "{facts.name}"', columns, rows, _totals(facts.weights))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row to print, the facts it belongs to, its parameters in words, and the branch that it hangs on."""

    facts: Facts
    row: Row
    params: str
    branch: str


def _walk(facts: Facts, expand: bool, shown: range) -> list[_Entry]:
    """Every row to print."""
    found: list[_Entry] = []
    top = [(i, facts.rows[i]) for i in shown]
    stack = [_Level(facts, top[::-1], set())]
    while stack:
        level = stack[-1]
        if not level.rows:
            stack.pop()
            continue
        _, row = level.rows.pop()
        found.append(_Entry(level.facts, row, _params(row, level.counted), _branch(stack)))
        if expand and row.inner is not None and row.call == 1:
            inner = without_auxiliary(describe(row.inner))
            own = set(level.counted)  # what the nested rows count again in detail was counted by their model's row
            stack.append(_Level(inner, list(enumerate(inner.rows))[::-1], own))
        level.counted.update(id(w) for w in row.weights)
    return found


def _branch(stack: Sequence[_Level]) -> str:
    """What a nested row hangs on: lines that lead on to the rows still to come on each level."""
    around = "".join("│ " if level.rows else "  " for level in stack[1:-1])
    return around + ("├ " if stack[-1].rows else "└ ") if len(stack) > 1 else ""


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
