"""The rows of a display: pieces of text with the name of a style, laid out for a width. Knows no terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .moment import Entry, Moment, grouped
from .wording import clean, duration, is_alarming, number, rate, watch

Span = tuple[str, str]  # text and the name of its style: a key of the tables in terminal.py and notebook.py
Line = list[Span]

_GAP = "  "
_WIDEST_BAR, _NARROWEST_BAR = 32, 8


@dataclass(frozen=True)
class Look:
    """What a display can show.

    Attributes:
        width: characters in a line.
        done, rest: what the two parts of a bar are made of; they differ, for displays without colour.
        measure: how many columns a text takes; wide characters take two on a terminal.
    """

    width: int = 80
    done: str = "━"
    rest: str = "─"
    measure: Callable[[str], int] = len

    def size(self, line: Line) -> int:
        """Columns that a line takes."""
        return sum(self.measure(text) for text, _ in line)


def frame(moment: Moment, look: Look) -> list[Line]:
    """What stands on the screen while an epoch runs: a bar with its times, then the numbers.

    >>> for line in frame(Moment("Epoch 1/3", 5, 20, 1.0, 0.2, 3.0, {"loss": 0.5}, notes=["lr 0.01"]), Look(64)):
    ...     print(text_of(line))
    Epoch 1/3  ━━━━─────────────   5/20  200 ms/step  0:01  ETA 0:03
      loss 0.5000  lr 0.01
    """
    own, *groups = _groups(moment)
    rows = _bar_rows(moment, look)
    rows += _flow([*own[1], *([(note, "faint")] for note in moment.notes)], look, _GAP)
    names = [_clip(clean(name), look) for name, _ in groups]
    across = max(map(look.measure, names), default=0)
    for name, (_, items) in zip(names, groups, strict=True):
        padding = " " * (across - look.measure(name))
        rows += _flow(items, look, " " * (across + 2 * len(_GAP)), [(_GAP, ""), (name + padding + _GAP, "output")])
    return rows


def closing(moment: Moment, look: Look) -> list[Line]:
    """What an epoch leaves behind: one line, broken before an output or a number where it is too long.

    >>> done = Moment("Epoch 1/3", 20, 20, 4.0, 0.2, logs={"loss": 0.5, "val_loss": 0.6}, ended="done")
    >>> [text_of(line) for line in closing(done, Look(80))]
    ['Epoch 1/3  20/20  4.0s  200 ms/step  loss 0.5000 (val 0.6000)']
    """
    own, *groups = _groups(moment)
    start: list[Line] = [[(moment.head, "head")] if moment.head else _bar(moment, look, 20)]
    count = moment.count.strip()
    start.append([(count, "time") if moment.ended == "done" else (f"{moment.ended} at {count}", "bad")])
    start.append([(duration(moment.elapsed), "time")])
    if moment.per_step is not None:
        start.append([(rate(moment.per_step, moment.unit), "time")])
    labelled = [[[(clean(name), "output"), (" ", ""), *items[0]], *items[1:]] for name, items in groups]
    parts = [[*start, *own[1]], *labelled]
    whole = _joined([item for part in parts for item in part])
    if look.size(whole) <= look.width:
        return [whole]
    indent = " " * (look.measure(moment.head) + len(_GAP)) if moment.head and look.width >= 50 else _GAP
    first, *others = parts
    rows = _flow(first, look, indent, [])
    for part in others:
        rows += _flow(part, look, indent + _GAP, [(indent, "")])
    return rows


def text_of(line: Line) -> str:
    """A line without its styles.

    >>> text_of([("loss", "name"), (" 0.5", "value")])
    'loss 0.5'
    """
    return "".join(text for text, _ in line)


# -- the bar


def _bar_rows(moment: Moment, look: Look) -> list[Line]:
    head: Line = [(moment.head, "head")] if moment.head else []
    count = _count(moment)
    times: list[Line] = [[(text, "time")] for text in _times(moment)]
    taken = look.size(_joined([head, count, *times])) + len(_GAP)
    room = look.width - taken
    if room >= _NARROWEST_BAR:
        return [_joined([head, _bar(moment, look, min(room, _WIDEST_BAR)), count, *times])]
    room = look.width - look.size(_joined([head, count])) - len(_GAP)
    bar = _bar(moment, look, min(room, _WIDEST_BAR)) if room >= _NARROWEST_BAR else []
    return [*_flow([head, bar, count], look, _GAP, []), *_flow(times, look, _GAP)]


def _bar(moment: Moment, look: Look, width: int) -> Line:
    if not moment.steps:
        return []
    full = min(width, width * moment.step // moment.steps)
    style = "validation" if moment.validating else "bar"
    return [(look.done * full, style), (look.rest * (width - full), "rest")]


def _count(moment: Moment) -> Line:
    count = moment.count if moment.steps is not None else f"{moment.unit} {moment.count}"
    return [("validating " if moment.validating else "", "time"), (count, "value")]


def _times(moment: Moment) -> list[str]:
    times = [rate(moment.per_step, moment.unit)] if moment.per_step is not None else []
    times.append(watch(moment.elapsed))
    return [*times, f"ETA {watch(moment.left)}"] if moment.left is not None else times


# -- the numbers


def _groups(moment: Moment) -> list[tuple[str, list[Line]]]:
    """(output, its numbers); what belongs to no output comes first, even if it is nothing."""
    groups = grouped(moment.logs, moment.outputs)
    own = groups.pop("", [])
    return [("", [_entry(e) for e in own]), *((name, [_entry(e) for e in entries]) for name, entries in groups.items())]


def _entry(entry: Entry) -> Line:
    line = [(clean(entry.name) + " ", "name"), _value(entry.value, "value")]
    if entry.validation is not None:
        line += [(" (val ", "name"), _value(entry.validation, "validation"), (")", "name")]
    return line


def _value(value: object, style: str) -> Span:
    return number(value), "bad" if is_alarming(value) else style


# -- lines out of items


def _joined(items: Sequence[Line]) -> Line:
    line: Line = []
    for item in filter(None, items):
        line += [(_GAP, ""), *item] if line else item
    return line


def _flow(items: Sequence[Line], look: Look, indent: str, start: Line | None = None) -> list[Line]:
    """Items beside each other, going on below, indented, where the line is full. An item is never broken."""
    lines: list[Line] = [[(indent, "")] if start is None else list(start)]
    used = look.size(lines[0])
    begins = True
    for item in filter(None, items):
        size = look.size(item)
        if not begins and used + len(_GAP) + size > look.width:
            lines.append([(indent, "")])
            used, begins = len(indent), True
        lines[-1] += item if begins else [(_GAP, ""), *item]
        used += size if begins else len(_GAP) + size
        begins = False
    return [] if begins else lines


def _clip(name: str, look: Look) -> str:
    """An output's name that leaves room for its numbers."""
    longest = max(8, look.width // 3)
    return name if look.measure(name) <= longest else name[: longest // 2 - 1] + "..."
