"""Summary: a table of a model's layers, in colour on a terminal, as plain text anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TextIO

from lamina.columns import breaks_words, fineness_for, padded, went_on, widths_for, wrapped
from lamina.graph.errors import ArgumentError

from .facts import describe
from .table import Table, table_of

_GAP = "  "
_WIDEST = (48, 40, 20, 40, 9)  # of the columns, where line_length does not say otherwise


def summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a model's layers with the shapes of their outputs and the numbers of their parameters.

    Each call of a layer has a row. Parameters that several rows use are counted in the first; the others say
    ``shared``, so the column adds up to the total. A subclassed model has no graph: its rows are its child layers.

    Args:
        model: a model, or a layer.
        line_length: characters in a line; by default those of the terminal, elsewhere the environment's ``COLUMNS``, or
            as many as needed.
        positions: where each column ends, in parts of the line (the last 1.0) or in characters.
        print_fn: called with each line of plain text, instead of printing.
        expand_nested: also the layers of nested models, indented.
        show_trainable: a column that says whether a row's weights train: Y, N, or - where it has none.
        layer_range: names, or patterns of names, of the first and the last row to print.

    Raises:
        ArgumentError: ``positions`` or ``layer_range`` do not fit the model.

    >>> from lamina.layers import Dense, Input
    >>> from lamina.models import Model
    >>> x = Input((4,), name="x")
    >>> summary(Model(x, Dense(2, name="y")(x), name="tiny"))
    Model: "tiny"
    _____________________________________
    Layer (type)    Output Shape  Param #
    =====================================
    x (InputLayer)  (None, 4)           0
    y (Dense)       (None, 2)          10
    =====================================
    Total params: 10 (40.00 B)
     Trainable params: 10 (40.00 B)
     Non-trainable params: 0 (0.00 B)
    """
    facts = describe(model)
    out = sys.stdout
    colorful = print_fn is None and _is_terminal(out)
    plain = not (colorful and _encoding(out).startswith("utf"))
    table = table_of(facts, expand_nested, show_trainable, layer_range, plain=plain)
    widths = _column_ends(table, line_length, positions)
    if colorful:
        _print_in_color(table, out, line_length, widths)
        return
    for line in _plain_lines(table, line_length or _columns_told(), widths):
        if print_fn is not None:
            print_fn(line)
        else:
            out.write(_printable(line, _encoding(out)) + "\n")


# -- where it is printed to


def _is_terminal(stream: TextIO) -> bool:
    return bool(getattr(stream, "isatty", bool)())


def _columns_told() -> int | None:
    """How wide the environment says a line may be, if it does."""
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isdecimal() and int(told) > 0 else None


def _encoding(stream: TextIO) -> str:
    return (getattr(stream, "encoding", None) or "utf-8").lower()


def _printable(line: str, encoding: str) -> str:
    """The line with what the stream's encoding lacks written as escapes, so that printing never raises."""
    return line.encode(encoding, errors="backslashreplace").decode(encoding)


# -- widths


def _column_ends(table: Table, line_length: int | None, positions: Sequence[float] | None) -> list[int] | None:
    """Widths of the columns from ``positions``; None lets them follow from what stands in them."""
    if positions is None:
        return None
    count = len(table.columns)
    if len(positions) < count or list(positions) != sorted(positions):
        raise ArgumentError(
            f"This summary has {count} columns; positions says for each where it ends.",
            got=f"positions={list(positions)}",
            expected=f"{count} growing numbers for " + ", ".join(table.columns),
        )
    length = line_length or 96
    ends = [round(p * length) if positions[-1] <= 1 else round(p) for p in positions[:count]]
    return [max(4, end - start - len(_GAP)) for start, end in zip([-len(_GAP), *ends], ends, strict=False)]


def _limits(table: Table) -> list[int]:
    return [_WIDEST[4] if name == "Trainable" else _WIDEST[i] for i, name in enumerate(table.columns)]


def _laid_out(table: Table, room: int | None, widths: list[int] | None) -> tuple[list[int], list[list[list[str]]]]:
    """The widths of the columns, and each row, the heads first, as the lines of its cells."""
    rows = [table.columns, *table.rows]
    if widths is None:
        last = range(len(table.columns))
        widths, finely = widths_for(rows, room, _limits(table), [*last[3:], *last[:3]])
    else:
        finely = [fineness_for(column, width) for column, width in zip(zip(*rows, strict=True), widths, strict=True)]
    return widths, [[wrapped(*cell) for cell in zip(row, widths, finely, strict=True)] for row in rows]


# -- plain text


def _plain_lines(table: Table, line_length: int | None, widths: list[int] | None) -> list[str]:
    gaps = len(_GAP) * (len(table.columns) - 1)
    widths, rows = _laid_out(table, None if line_length is None else line_length - gaps, widths)
    head, *body = [_plain_row(table, row, widths) for row in rows]
    totals = [f"{what}: {amount}" for what, amount in table.totals]
    across = sum(widths) + gaps
    lines = [line for row in body for line in row]
    return [table.title, "_" * across, *head, "=" * across, *lines, "=" * across, *totals]


def _plain_row(table: Table, cells: list[list[str]], widths: list[int]) -> list[str]:
    """The lines of a row: a cell that is too long goes on below itself."""
    lines = []
    for k in range(max(map(len, cells))):
        parts = [cell[k] if k < len(cell) else "" for cell in cells]
        filled = [
            padded(part, width, right=name == "Param #")
            for part, width, name in zip(parts, widths, table.columns, strict=True)
        ]
        lines.append(_GAP.join(filled).rstrip())
    return lines


# -- colour


def _print_in_color(table: Table, out: TextIO, line_length: int | None, widths: list[int] | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    width = line_length or _columns_told()
    # A width alone is not heeded on a terminal without colours.
    console = Console(file=out, width=width, height=25 if width else None, highlight=False)
    encoding = _encoding(out)
    cells = [[_printable(cell, encoding) for cell in row] for row in table.rows]
    table = replace(table, rows=cells)
    grid = RichTable(header_style="bold")
    # Lines between columns take room.
    told, (widths, rows) = widths, _laid_out(table, console.width - 3 * len(table.columns) - 1, widths)
    if told is None and any(map(breaks_words, zip(table.columns, *table.rows, strict=True), widths)):
        grid = RichTable(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        widths, rows = _laid_out(table, console.width - 2 * len(table.columns) + 2, None)
    for name, lines, width in zip(table.columns, rows[0], widths, strict=True):
        justify: Any = "right" if name == "Param #" else "left"
        grid.add_column("\n".join(lines), justify=justify, overflow="fold", width=width)
    for row in rows[1:]:
        row[0] = went_on(row[0], max(map(len, row)))
        name, shape, params, *more = ["\n".join(lines) for lines in row]
        grid.add_row(_name_in_color(name), Text(shape, "green"), Text(params, "cyan"), *map(Text, more))
    console.print(Text(_printable(table.title, encoding), "bold"))
    console.print(grid)
    for what, amount in table.totals:
        console.print(Text.assemble((f" {what}: ", "bold"), (amount, "cyan")))


def _name_in_color(cell: str) -> Any:
    from rich.text import Text

    """With the kind in blue; a cell may go on below anywhere in it."""
    text, begin = Text(cell), cell.rfind("(")
    text.stylize("blue", begin + 1, len(cell) - 1)
    return text
