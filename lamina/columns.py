"""Columns of a table of text: how wide each is, and where a cell that is too long goes on below itself.

Widths are those on a screen, where a sign of East Asian scripts takes two places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST_WORD = 72  # on a screen; nothing is made wider for the sake of a longer one
# Where a cell may go on below, each finer than the one before: between words; behind signs within names, and between
# East Asian signs; in `GlobalAveragePooling2D` before capitals; anywhere.
_SPACES = r"(?<=\s)(?=[^\s#])"
_NAMES = rf"{_SPACES}|(?<=[_/.:,])(?=\S)|(?<=[\u2e80-\uffdc])(?=[\u2e80-\uffdc])"
_BREAKS = (_SPACES, _NAMES, rf"{_NAMES}|(?<=[a-z])(?=[A-Z])", r"(?<=.)(?=.)")

_GOES_ON = str.maketrans("├└", "│ ")  # the branches beside the second line of a name


def width_of(text: str) -> int:
    """Places that a text takes on a screen.

    >>> width_of("Dense"), width_of("日本")
    (5, 4)
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # its tables are seldom wanted

    return cell_len(text)


def widths_for(
    rows: Sequence[Sequence[str]], room: int | None, most: Sequence[int], order: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Widths of the columns, and how finely the cells of each are broken.

    Args:
        rows: cells, the heads of the columns among them.
        room: for all columns together; None for as much as it takes.
        most: of each column where there is room enough, unless a word is longer.
        order: which column's words are broken first where they must be.

    >>> widths_for([["Layer (type)", "Param #"], ["a_long_name (Dense)", "12"]], 19, [40, 20], [0, 1])
    ([12, 7], [0, 0])
    """
    columns = list(zip(*rows, strict=True))
    natural = [max(map(width_of, column)) for column in columns]
    words = [min(_LONGEST_WORD, max(longest_part(cell, 0) for cell in column)) for column in columns]
    widths = [min(n, max(m, w)) for n, m, w in zip(natural, most, words, strict=True)]
    finely = [0] * len(columns)
    if room is None or sum(widths) <= room:
        return widths, finely
    least = [max(longest_part(cell, 0) for cell in column) for column in columns]
    anywhere = len(_BREAKS) - 1
    for fineness in range(1, anywhere):
        for i in order:
            if sum(least) <= room:
                break
            finely[i], least[i] = fineness, max(longest_part(cell, fineness) for cell in columns[i])
    while sum(least) > room and max(least) > 1:  # the longest words are broken first
        i = max(range(len(least)), key=lambda i: least[i])
        finely[i], least[i] = anywhere, least[i] - 1
    return _shrunk(widths, least, room), finely


def _shrunk(widths: list[int], least: list[int], room: int) -> list[int]:
    """Widths made smaller where they are largest, none below its least, until there is room."""
    widths = [max(width, low) for width, low in zip(widths, least, strict=True)]
    while sum(widths) > room:
        open_ = [i for i, low in enumerate(least) if widths[i] > max(low, 1)]
        if not open_:
            break
        widths[max(open_, key=lambda i: widths[i])] -= 1
    return widths


def fineness_for(cells: Sequence[str], width: int) -> int:
    """How finely the cells of a column of this width must be broken."""
    fits = (all(longest_part(cell, fineness) <= width for cell in cells) for fineness in range(len(_BREAKS)))
    return next((fineness for fineness, fit in enumerate(fits) if fit), len(_BREAKS) - 1)


def breaks_words(cells: Sequence[str], width: int) -> bool:
    """Whether a column of this width is too narrow for the parts of its names."""
    return fineness_for(cells, width) == len(_BREAKS) - 1


def longest_part(cell: str, fineness: int) -> int:
    """The widest piece of a cell that is not broken, with the indent before the first."""
    indent = len(_indent(cell))
    parts = re.split(_BREAKS[fineness], cell[indent:].rstrip())
    return max((width_of(part.rstrip()) + indent + (indent > 0 and i > 0) for i, part in enumerate(parts)), default=0)


def wrapped(cell: str, width: int, fineness: int = 0) -> list[str]:
    """The lines of a cell. A name that goes on below keeps its indent.

    >>> wrapped("  block_one (Dense)", 12), wrapped("global_average", 10, 1), wrapped("日本語", 4, 3)
    (['  block_one', '   (Dense)'], ['global_', 'average'], ['日本', '語'])
    """
    if width_of(cell) <= width:
        return [cell]
    lines, line = [], _indent(cell)
    begun, below = False, line.translate(_GOES_ON) + (" " if line else "")
    for part in re.split(_BREAKS[min(fineness, len(_BREAKS) - 2)], cell[len(line) :].rstrip()):
        for piece in _cut(part, max(1, width - len(below))):
            if begun and width_of((line + piece).rstrip()) > width:
                lines.append(line.rstrip())
                line = below
            line, begun = line + piece, True
    return [*lines, line.rstrip()]


def went_on(lines: Sequence[str], count: int) -> list[str]:
    """The lines of a cell, filled up to so many with the branches that lead on past it.

    >>> went_on(["│ ├ dense"], 2), went_on(["└ dense"], 2)
    (['│ ├ dense', '│ │'], ['└ dense', ''])
    """
    branches = _indent(lines[0]).translate(_GOES_ON).rstrip()
    return [*lines, *[branches] * (count - len(lines))]


def _indent(cell: str) -> str:
    """What stands before a name: spaces, or branches."""
    return cell[: len(cell) - len(cell.lstrip(" ├└│"))]


def cut(text: str, width: int) -> str:
    """The text, or as much of its begin and end as fits a width, around three dots.

    >>> cut("an_encoder_of_text", 12), cut("日本語日本語日本語", 12)
    ('an_e..._text', '日本...本語')
    """
    if len(text) > width:
        left = (width - 3) // 2
        text = f"{text[:left]}...{text[len(text) - (width - 3 - left) :]}"
    if width_of(text) <= width:
        return text
    head, tail = _cut(text, max(1, (width - 3) // 2))[0], _cut(text[::-1], max(1, width - 3 - (width - 3) // 2))[0]
    return f"{head}...{tail[::-1]}"


def wrapped_words(text: str, width: int) -> list[str]:
    """The lines of a text, broken between words, and within a word that is wider than a line."""
    return wrapped(text, width, 0) if text.strip() else []


def _cut(part: str, width: int) -> list[str]:
    """A part that is wider than a line in pieces that are not."""
    if width_of(part.rstrip()) <= width:
        return [part]
    pieces: list[str] = []
    piece = ""
    for sign in part:
        if piece and width_of(piece + sign) > width:
            pieces, piece = [*pieces, piece], ""
        piece += sign
    return [*pieces, piece]


def padded(text: str, width: int, right: bool = False) -> str:
    """The text, filled up with spaces to a width on a screen.

    >>> padded("日本", 6) + "|", padded("12", 4, right=True)
    ('日本  |', '  12')
    """
    fill = " " * (width - width_of(text))
    return fill + text if right else text + fill
