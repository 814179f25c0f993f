"""Cards: what stands in the box of a row, and how large that makes the box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import style
from .facts import Row, Tensor
from .fonts import shortened
from .layout.parts import Direction
from .scene import WORD_GAP, Group, Label, Panel, Shape, Word, line_width


@dataclass(frozen=True, slots=True)
class Options:
    """What a picture shows, under the names of `plot_model`."""

    show_shapes: bool = False
    show_dtype: bool = False
    show_layer_names: bool = False
    rankdir: Direction = "TB"
    expand_nested: bool = False
    show_layer_activations: bool = True
    show_trainable: bool = False
    expand: bool | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A box with lines of words."""

    lines: list[list[Word]]
    family: str
    width: float
    height: float
    stacked: bool = False


def card_of(row: Row, options: Options, least_width: float = 0.0) -> Card:
    """The card of a row: what it is, its main settings, and what the options ask for."""
    accent = style.FAMILY_COLORS[row.family].accent
    hint = _hint(row, options)
    lines = [_fitted(_heading(row, hint, options, accent))]
    named = options.show_layer_names and row.family not in ("input", "model")
    if named:
        kind = row.kind
        below = [Word(kind, style.SMALL, style.MUTED)] if kind != row.layer_name else []
        below += [Word(hint, style.SMALL, accent)] if hint else []
        lines += [_fitted(below)] if below else []
    for text in _remarks(row, options):
        lines.append(_fitted([Word(text, style.SMALL, style.MUTED)]))
    text_room = max(line_width(line) for line in lines)
    width = max(text_room + 2 * style.PAD_X + style.BAR + 4, least_width, 64.0)
    height = 2 * style.PAD_Y + style.LEADING * len(lines) - 1
    return Card(lines, row.family, width, height, stacked=row.inner is not None or row.times > 1)


def pill_of(name: str) -> Card:
    """The mark of one of the model's outputs."""
    line = _fitted([Word(name, style.SMALL, style.FAMILY_COLORS["output"].accent, bold=True)])
    return Card([line], "output", line_width(line) + 26.0, 24.0)


def times_word(times: int) -> list[Word]:
    """How often something comes, where that is more than once."""
    return [Word(f"×{times}", style.TITLE, style.FAMILY_COLORS["model"].accent, bold=True)] if times > 1 else []


def _hint(row: Row, options: Options) -> str:
    """The main settings, and the activation where they do not say it."""
    if not options.show_layer_activations or not row.activation or row.activation in row.hint:
        return row.hint
    return ", ".join(filter(None, [row.hint, row.activation]))


def _heading(row: Row, hint: str, options: Options, accent: str) -> list[Word]:
    if row.family == "input":
        return [Word(row.name, style.TITLE, style.INK, bold=True), Word("Input", style.SMALL, accent)]
    if row.family == "model":
        words = [Word(row.layer_name, style.TITLE, style.INK, bold=True), Word(row.kind, style.SMALL, accent)]
    elif options.show_layer_names:
        words = [Word(row.layer_name, style.TITLE, style.INK, bold=True)]
    else:
        words = [Word(row.kind, style.TITLE, style.INK, bold=True)]
        words += [Word(hint, style.SMALL, accent)] if hint else []
    return words + times_word(row.times)


def _remarks(row: Row, options: Options) -> list[str]:
    remarks = []
    if row.calls > 1:
        named = options.show_layer_names or row.family == "model"
        remarks.append(f"{'' if named else row.layer_name + ', '}shared, call {row.call} of {row.calls}")
    if options.show_trainable and row.trainable is not None:
        remarks.append("trainable" if row.trainable else "frozen")
    return remarks


def _fitted(words: list[Word]) -> list[Word]:
    """Words of a line, shortened where they would make the card too wide."""
    room = style.WIDEST
    fitted = []
    for i, word in enumerate(words):
        share = room if i == len(words) - 1 else room - 60.0 * (len(words) - 1 - i)
        text = shortened(word.text, share, word.size, word.bold)
        fitted.append(Word(text, word.size, word.color, word.bold))
        room -= fitted[-1].width + WORD_GAP
    return fitted


def draw_card(card: Card, x: float, y: float, name: str, note: str) -> Group:
    """The shapes of a card whose upper left corner is at (x, y)."""
    colors = style.FAMILY_COLORS[card.family]
    shapes: list[Shape] = []
    radius = card.height / 2 if card.family == "output" else style.RADIUS
    if card.stacked:
        shapes.append(Panel(x + 3, y + 3, card.width, card.height, radius, colors.fill, colors.rim))
    shapes.append(Panel(x, y, card.width, card.height, radius, colors.fill, colors.rim, 1.2))
    left = x
    if card.family != "output":
        shapes.append(Panel(x + 5, y + 6, style.BAR, card.height - 12, style.BAR / 2, colors.accent))
        left += style.BAR + 4
    centre = (left + x + card.width) / 2
    top = y + (card.height - style.LEADING * len(card.lines)) / 2
    for i, line in enumerate(card.lines):
        base = top + style.LEADING * i + style.LEADING / 2 + 0.36 * line[0].size
        shapes.append(Label(centre, base, tuple(line)))
    return Group("box", name, note, shapes)


def tensor_text(tensor: Tensor, options: Options) -> str:
    """``(B, 28, 28, 1) float32``: the batch axis is B, other unknown axes are ?; as much of it as is asked for."""
    words = []
    if options.show_shapes:
        words.append(shape_text(tensor.shape))
    if options.show_dtype:
        words.append(tensor.dtype)
    return " ".join(words)


def shape_text(shape: Sequence[int | None] | None) -> str:
    """A shape for a picture.

    >>> shape_text((None, None, 64)), shape_text((None,)), shape_text(())
    ('(B, ?, 64)', '(B)', '( )')
    """
    if shape is None:
        return "number"
    if not shape:
        return "( )"
    first = "B" if shape[0] is None else str(shape[0])
    return "(" + ", ".join([first, *("?" if n is None else str(n) for n in shape[1:])]) + ")"
