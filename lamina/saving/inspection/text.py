"""What `inspect_file` found, as a person reads it: 80 columns, the file's facts first, then a table of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.columns import padded, width_of, wrapped_words
from lamina.printable import printable

_WIDTH = 80
_LABEL = 12
# Columns of the table: layer, class, weights, values; a space between them.
_COLUMNS = (21, 18, 29, 9)
_MOST_LAYERS = 500
_WIDEST = 1000
_MOST_WEIGHTS = 12

Facts = Mapping[str, Any]


def text_of(told: Facts) -> str:
    """The text for what ``FileFacts.to_dict()`` gave."""
    lines = list(_head(told))
    if told["layers"]:
        lines += ["", *_table(told)]
    if told["others"]:
        lines += ["", "tensors" if not told["layers"] else "tensors that belong to no layer above", *_others(told)]
    return "\n".join(line.rstrip() for line in [*lines, "", _sum(told)])


def _head(told: Facts) -> Iterator[str]:
    yield from _row("file", f"{told['path']}: {told['kind']}, {size_of(told['bytes'])}")
    yield from _row("written by", told["written_by"])
    yield from _row("members", ", ".join(f"{name} {size_of(size)}" for name, size in told["members"].items()))
    if told["model"]:
        yield from _row("model", f"{told['model']['class_name']} '{told['model']['name']}'")
    yield from _row("inputs", ", ".join(map(_input, told["inputs"])))
    yield from _row("outputs", ", ".join(told["outputs"]))
    calls = (f"{name} ({count} times)" if count > 1 else name for name, count in told["functions"].items())
    yield from _row("functions", ", ".join(calls))
    if told["optimizer"]:
        yield from _row("optimizer", _optimizer(told["optimizer"]))
    for part, text in told["training"].items():
        yield from _row(part.replace("_", " "), text)
    if told["run"]:
        yield from _row("training", ", ".join(f"{key} {value}" for key, value in told["run"].items()))
    for one in told["needed"]:
        yield from _row("needs" if one["needed"] else "uses", _needed(one))


def _row(label: str, text: str) -> Iterator[str]:
    if not text:
        return
    head = padded(label, _LABEL - 1) + " "
    for k, line in enumerate(wrapped_words(printable(text, _WIDEST), _WIDTH - len(head))):
        yield (head if k == 0 else " " * _LABEL) + line


def _input(one: Facts) -> str:
    shape = "" if one["shape"] is None else f" {shape_of(one['shape'])}"
    return f"{one['name']}{shape}" + (f" {one['dtype']}" if one["dtype"] else "")


def _optimizer(one: Facts) -> str:
    settings = ", ".join(f"{key}={value}" for key, value in one["settings"].items())
    stored = f"; {_counted(one['tensors'], 'tensor')} of its state" if one["tensors"] else "; no state"
    return f"{one['class_name']}({settings}){stored}"


def _needed(one: Facts) -> str:
    text = f"the {one['kind']} {one['name']}"
    if one["at_hand"]:
        return f"{text}, which is at hand"
    return f"{text}: {one['hint']}"


def _table(told: Facts) -> Iterator[str]:
    rows = [["layer", "class", "weights", "values"], *_layer_rows(told)]
    widths = _widths(rows)
    for row in rows:
        yield _cells(row, widths)
    if len(told["layers"]) > _MOST_LAYERS:
        yield f"and {len(told['layers']) - _MOST_LAYERS} layers more"


def _layer_rows(told: Facts) -> Iterator[list[str]]:
    for layer in told["layers"][:_MOST_LAYERS]:
        weights = layer["weights"]
        shown = [f"{one['name']} {shape_of(one['shape'])}" for one in weights[:_MOST_WEIGHTS]]
        more = [f"and {len(weights) - _MOST_WEIGHTS} more"] if len(weights) > _MOST_WEIGHTS else []
        kind = layer["class_name"]
        notes = [f"traced: {_counted(layer['operations'], 'operation')}"] if layer["operations"] is not None else []
        notes += [f"called {layer['calls']} times"] if (layer["calls"] or 1) > 1 else []
        counts = [_count(one["shape"]) for one in weights[:_MOST_WEIGHTS]]
        columns = [[layer["name"], *notes], [kind], shown + more, counts]
        for k in range(max(map(len, columns))):
            yield [column[k] if k < len(column) else "" for column in columns]


def _widths(rows: list[list[str]]) -> list[int]:
    """Widths of the columns: a column that needs more than its share takes what others leave."""
    widths = list(_COLUMNS)
    need = [max(width_of(printable(cell, _WIDEST)) for cell in column) for column in zip(*rows, strict=True)]
    for i, wanted in enumerate(need[:-1]):
        for j, other in enumerate(need[:-1]):
            taken = max(0, min(wanted - widths[i], widths[j] - other))
            widths[i], widths[j] = widths[i] + taken, widths[j] - taken
    return widths


def _cells(cells: list[str], widths: list[int]) -> str:
    *words, number = (printable(cell, width) for cell, width in zip(cells, widths, strict=True))
    row = [padded(word, width) for word, width in zip(words, widths[:-1], strict=True)]
    return " ".join([*row, padded(number, widths[-1], right=True)])


def _others(told: Facts) -> Iterator[str]:
    name, kind, values = 45, 24, _COLUMNS[-1]
    for one in told["others"][:_MOST_LAYERS]:
        facts = f"{shape_of(one['shape'])} {one['dtype']}"
        cells = padded(printable(one["name"], name), name), padded(printable(facts, kind), kind)
        yield " ".join([*cells, padded(_count(one["shape"]), values, right=True)])
    if len(told["others"]) > _MOST_LAYERS:
        yield f"and {len(told['others']) - _MOST_LAYERS} more"


def _sum(told: Facts) -> str:
    layers = f"{_counted(len(told['layers']), 'layer')}, " if told["layers"] else ""
    stored = sum(one["bytes"] for one in told["others"]) + sum(
        one["bytes"] for layer in told["layers"] for one in layer["weights"]
    )
    count = f"{_counted(told['values'], 'value')} in {_counted(told['tensors'], 'tensor')}"
    return f"{layers}{count}, {size_of(stored)}"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' * (count != 1)}"


def _count(shape: Any) -> str:
    count = 1
    for size in shape:
        count *= size
    return f"{count:,}" if count < 10**7 else f"{count:.1e}"


def shape_of(shape: Any) -> str:
    """The shape as Keras prints it.

    >>> shape_of([None, 4]), shape_of([3])
    ('(None, 4)', '(3,)')
    """
    return str(tuple(shape))


def size_of(count: int) -> str:
    """A number of bytes for a person.

    >>> size_of(620), size_of(3 * 2**20)
    ('620 bytes', '3.0 MiB')
    """
    if count < 1024:
        return f"{count} bytes"
    size, unit = count / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if size >= 1024:
            size, unit = size / 1024, larger
    return f"{size:.1f} {unit}"
