"""What became of a model's words when the file of an older or another library was read: one table for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lamina.columns import padded, wrapped_words
from lamina.printable import QUOTED, printable

KINDS = ("translated", "renamed", "defaulted", "left out")

# Columns of the printed table: together they are 80 wide.
_KIND, _WHAT, _WHERE = 10, 42, 24
_GAP = "  "
_MOST_ROWS = 60
_MOST_LAYERS = 3


class TranslationWarning(UserWarning):
    """Something of a file was left out or renamed while it was read; the table of `Translations` tells it, too."""


class Translation(NamedTuple):
    """One thing that was read as something else than the file says.

    Attributes:
        kind: "translated", "renamed", "defaulted" (the file does not tell it) or "left out".
        what: old -> new, or what is there now, or what is not.
        layers: names of the layers that it happened to; none where it belongs to no layer.
    """

    kind: str
    what: str
    layers: tuple[str, ...] = ()


class Translations:
    """What was translated, renamed, defaulted or left out while a file was read, each once, with its layers.

    Printed, it is a table of 80 columns, with at most 200 characters of what the file says in a cell. Its truth is
    whether there was anything.

    >>> told = Translations("'old.h5', Keras 1.2.2")
    >>> told.add("translated", "nb_filter -> filters", "conv_1")
    >>> told.add("translated", "nb_filter -> filters", "conv_2")
    >>> told.add("defaulted", "reset_after=False", "gru_1")
    >>> print(told)
    Not as it stands in 'old.h5', Keras 1.2.2:
    translated  nb_filter -> filters                        conv_1, conv_2
    defaulted   reset_after=False                           gru_1
    >>> told.to_list()[1]
    {'kind': 'defaulted', 'what': 'reset_after=False', 'layers': ['gru_1']}
    """

    def __init__(self, source: str = "the file") -> None:
        self.source = source
        self._layers: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, kind: str, what: str, layer: str = "") -> None:
        """Add a thing; the same one of another layer is told once, with both."""
        key = kind, printable(what.replace("\n", " "), QUOTED)
        layers = self._layers.setdefault(key, {})
        if layer:
            layers[printable(layer.replace("\n", " "), _WHERE)] = None

    def __iter__(self) -> Iterator[Translation]:
        found = [Translation(kind, what, tuple(layers)) for (kind, what), layers in self._layers.items()]
        return iter(sorted(found, key=lambda one: KINDS.index(one.kind)))

    def __len__(self) -> int:
        return len(self._layers)

    def to_list(self) -> list[dict[str, Any]]:
        """The same as JSON types."""
        return [{**one._asdict(), "layers": list(one.layers)} for one in self]

    def __str__(self) -> str:
        rows = list(self)
        lines = [f"Not as it stands in {printable(self.source)}:"]
        for row in rows[:_MOST_ROWS]:
            lines += _printed(row)
        if len(rows) > _MOST_ROWS:
            lines.append(f"and {len(rows) - _MOST_ROWS} more")
        return "\n".join(lines)


Report = Callable[[Translations], Any]


def tell(told: Translations, report: Report | None) -> None:
    """Give the table to whoever asked for it, where there is something in it."""
    if told and report is not None:
        report(told)


def _printed(row: Translation) -> list[str]:
    """The lines of a row; what is wider than its column goes on below."""
    what = wrapped_words(row.what, _WHAT) or [""]
    where = wrapped_words(_named(row.layers), _WHERE)
    lines = []
    for k in range(max(len(what), len(where))):
        cells = [row.kind if k == 0 else "", *(part[k] if k < len(part) else "" for part in (what, where))]
        line = _GAP.join(padded(cell, width) for cell, width in zip(cells, (_KIND, _WHAT, _WHERE), strict=True))
        lines.append(line.rstrip())
    return lines


def _named(layers: tuple[str, ...]) -> str:
    more = f" and {len(layers) - _MOST_LAYERS} more" if len(layers) > _MOST_LAYERS else ""
    return ", ".join(layers[:_MOST_LAYERS]) + more
