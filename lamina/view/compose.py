"""Compose: facts of a model to a scene. Plans sizes and places from the inside out, then draws from the outside in."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from . import style
from .cards import Card, Options, card_of, draw_card, pill_of, tensor_text, times_word
from .facts import Facts, Row, Tap, Wire, describe
from .fold import fold
from .fonts import text_width
from .layout import Box, Drawing, Edge, Rect, curve, lay_out
from .layout.parts import Direction
from .notes import note_of, tensor_note
from .parts import block_by_block, without_auxiliary
from .scene import Arrow, Group, Label, Panel, Point, Scene, Shape, Stroke, Word, line_width
from .wrap import Column, column_begins, columns, rounded, side_by_side

_FRAME_PAD = 14.0
_HEADER = 22.0
_LABEL_GAP = 14.0
_NO_ARROWS = "No arrows: its call() is code, not a graph."
_MANY = 50  # rows from which on repeated blocks are folded


_NOTHING = Drawing(0.0, 0.0, {}, [], "TB")


@dataclass(slots=True)
class _Port:
    """Where one output of a box leaves it, measured across the flow from the centre, and what is written there."""

    at: float
    text: str


@dataclass(slots=True)
class _Plan:
    """One graph, laid out: its boxes (cards, or frames with a plan inside), and where its lines run.

    ``size``: of the whole, with the frame of a nested graph; ``offset``: where in it the drawing begins; ``entries``,
    ``exits``: where lines from outside cross the frame, across the flow from the corner.
    """

    facts: Facts
    cards: dict[int | tuple[str, int], Card] = field(default_factory=dict)
    frames: dict[int, _Plan] = field(default_factory=dict)
    ports: dict[int, dict[int, _Port]] = field(default_factory=dict)
    wires: list[tuple[Edge, Wire | None]] = field(default_factory=list)
    drawing: Drawing = _NOTHING
    size: Point = (0.0, 0.0)
    offset: Point = (0.0, 0.0)
    entries: list[float] = field(default_factory=list)
    exits: list[float] = field(default_factory=list)


def compose(facts: Facts, options: Options) -> Scene:
    """The picture of a model: a large one with its repeated blocks folded, in as many columns as make it fit a page."""
    scene = _composed(facts, options)
    return scene if facts.wired else _with_note(scene)


def _composed(facts: Facts, options: Options) -> Scene:
    if options.expand is not True:
        facts = without_auxiliary(facts)
    if options.expand is True or (options.expand is None and len(facts.rows) < _MANY):
        return _scene_of(facts.name, [_planned(facts, options, nested=False)], [(0.0, 0.0)], [], options)
    facts = fold(block_by_block(facts))
    plan = _planned(facts, options, nested=False)
    begins = _columns(plan, facts)
    if len(begins) < 2:
        return _scene_of(facts.name, [plan], [(0.0, 0.0)], [], options)
    plans = [_planned(part, options, nested=False) for part in columns(facts, begins)]
    places, ways = side_by_side([column_of(p) for p in plans], options.rankdir)
    return _scene_of(facts.name, plans, places, ways, options)


def _with_note(scene: Scene) -> Scene:
    """The picture of a model without a graph, with the reason why it has no arrows below it."""
    words = (Word(_NO_ARROWS, style.SMALL, style.MUTED),)
    scene.width = max(scene.width, line_width(words) + 2 * style.MARGIN)
    scene.height += style.LEADING + 4.0
    label = Label(style.MARGIN, scene.height - style.MARGIN, words, centered=False)
    scene.groups.append(Group("note", shapes=[label]))
    return scene


def _columns(plan: _Plan, facts: Facts) -> list[int]:
    """The rows that begin a column."""
    along, across = (1, 0) if plan.drawing.direction == "TB" else (0, 1)
    ends = []
    for i in range(len(facts.rows)):
        rect = plan.drawing.boxes[i]
        ends.append((rect.y + rect.height, rect.x + rect.width)[across])
    return column_begins(facts, ends, plan.size[across], plan.size[along])


def column_of(plan: _Plan) -> Column:
    """A column's size, and where lines come into it and leave it, across the flow."""
    return Column(plan.size, plan.entries, plan.exits)


def _scene_of(name: str, plans: list[_Plan], places: list[Point], ways: list[list[Point]], options: Options) -> Scene:
    """Plans at their places, and the lines from one to the next."""
    width = max(x + plan.size[0] for plan, (x, _) in zip(plans, places, strict=True))
    height = max(y + plan.size[1] for plan, (_, y) in zip(plans, places, strict=True))
    corners = [point for way in ways for point in way]
    width, height = max([width, *(x for x, _ in corners)]), max([height, *(y for _, y in corners)])
    scene = Scene(name, width + 2 * style.MARGIN, height + 2 * style.MARGIN)
    for way in ways:
        points = [(x + style.MARGIN, y + style.MARGIN) for x, y in way]
        scene.groups.append(Group("line", shapes=[Stroke(points[0], rounded(points), style.LINE, 1.4)]))
    for plan, (x, y) in zip(plans, places, strict=True):
        _draw(plan, options, (x + style.MARGIN, y + style.MARGIN), scene)
    return scene


# -- planning


def _planned(facts: Facts, options: Options, nested: bool) -> _Plan:
    plan = _Plan(facts)
    used = _used_outputs(facts)
    boxes: list[Box] = []
    for i, row in enumerate(facts.rows):
        inner = _inside(row, options)
        if inner is not None:
            plan.frames[i] = _planned(inner, options, nested=True)
        texts = {j: tensor_text(row.outputs[j], options) for j in sorted(used[i])} if row.outputs else {}
        boxes.append(_box(plan, i, row, texts, options))
    _add_ends(plan, boxes, options, nested)
    _add_wires(plan, options, nested)
    edges = [edge for edge, _ in plan.wires]
    if not facts.wired:  # nothing is known of what reads what: one below the other, without lines
        edges = [Edge(i, i + 1) for i in range(len(facts.rows) - 1)]
    plan.drawing = lay_out(boxes, edges, options.rankdir)
    plan.size = (plan.drawing.width, plan.drawing.height)
    if nested:
        _frame(plan, options)
    else:
        _cross(plan)
    return plan


def _inside(row: Row, options: Options) -> Facts | None:
    """What is drawn in the frame of a row: the block that comes several times, or a nested model."""
    if row.block is not None or not options.expand_nested or row.inner is None:
        return row.block
    inner = replace(describe(row.inner), times=row.times)
    if options.expand is True:
        return inner
    inner = without_auxiliary(inner)
    folds = options.expand is False or len(inner.rows) >= _MANY or row.times > 1
    return fold(block_by_block(inner)) if folds else inner


def _used_outputs(facts: Facts) -> list[set[int]]:
    used: list[set[int]] = [set() for _ in facts.rows]
    for row in facts.rows:
        for wire in row.inputs:
            if wire.row >= 0:  # else it comes from outside
                used[wire.row].add(wire.output)
    for tap in [*facts.outputs, *facts.exits]:
        used[tap.row].add(tap.output)
    return used


def _box(plan: _Plan, i: int, row: Row, texts: dict[int, str], options: Options) -> Box:
    """The box of a row, with room for its ports and for the labels at them."""
    down = options.rankdir == "TB"
    widths = [text_width(text, style.TINY) for text in texts.values()]
    step = max([16.0, *(w + _LABEL_GAP for w in widths)]) if down else 16.0
    span = step * (len(texts) - 1)
    inner = plan.frames.get(i)
    if inner is not None:
        width, height = inner.size
        across = width if down else height
        ports = {j: _Port(inner.exits[j] - across / 2, text) for j, text in texts.items() if j < len(inner.exits)}
    else:
        card = plan.cards[i] = card_of(row, options, least_width=span + 30.0 if down else 0.0)
        width, height = card.width, card.height if down else max(card.height, span + 20.0)
        plan.cards[i] = Card(card.lines, card.family, width, height, card.stacked)
        ports = {j: _Port(k * step - span / 2, text) for k, (j, text) in enumerate(texts.items())}
    plan.ports[i] = ports
    if not any(texts.values()):
        return Box(i, width, height)
    if down:
        reach = max((p.at + 5 + text_width(p.text, style.TINY) for p in ports.values()), default=0.0)
        return Box(i, width, height, tail=style.TAIL, beside=reach)
    return Box(i, width, height, tail=max(widths) + 10.0)


def _add_ends(plan: _Plan, boxes: list[Box], options: Options, nested: bool) -> None:
    """Points where lines enter and leave a nested model, or a part of one; marks for the outputs of the whole."""
    entries, exits = _ends(plan.facts, nested)
    boxes[0:0] = [Box(("in", k), 1.0, 1.0, pin="first") for k in range(entries)]
    for k, tap in enumerate(exits):
        outputs = plan.facts.rows[tap.row].outputs or ()
        text = tensor_text(outputs[tap.output], options) if tap.output < len(outputs) else ""
        room = text_width(text, style.TINY) if options.rankdir == "TB" else 1.0
        # Labels will stand side by side behind a frame.
        boxes.append(Box(("exit", k), room + 1.0, 1.0, pin="last"))
    for k, tap in enumerate(() if nested else plan.facts.outputs):
        pill = plan.cards["out", k] = pill_of(tap.name)
        boxes.append(Box(("out", k), pill.width, pill.height))


def _ends(facts: Facts, nested: bool) -> tuple[int, list[Tap]]:
    """How many lines come from outside, and where lines lead out: of a nested model, its inputs and outputs."""
    inputs, outputs = (facts.inputs, facts.outputs) if nested else ([], [])
    return len(inputs) + facts.entries, [*outputs, *facts.exits]


def _add_wires(plan: _Plan, options: Options, nested: bool) -> None:
    def add(wire: Wire, target: Hashable, target_at: float | None = None) -> None:
        if wire.row < 0:
            plan.wires.append((Edge(("in", -1 - wire.row), target, target_at=target_at), wire))
            return
        port = plan.ports[wire.row].get(wire.output)
        edge = Edge(wire.row, target, wire.output, port.at if port else 0.0, target_at)
        plan.wires.append((edge, wire))

    across = 0 if options.rankdir == "TB" else 1
    for i, row in enumerate(plan.facts.rows):
        inner = plan.frames.get(i)
        fed = row.feeds if inner is not None else ()
        if inner is not None:
            for wire, entry in zip(fed, inner.entries, strict=False):
                if wire is not None:
                    add(wire, i, entry - inner.size[across] / 2)
        for wire in row.inputs:
            if wire not in fed:
                add(wire, i)
    for k, tap in enumerate(plan.facts.inputs if nested else ()):
        plan.wires.append((Edge(("in", k), tap.row), None))
    for k, tap in enumerate(_ends(plan.facts, nested)[1]):
        add(Wire(tap.row, tap.output), ("exit", k))
    for k, tap in enumerate(() if nested else plan.facts.outputs):
        add(Wire(tap.row, tap.output), ("out", k))


def _frame(plan: _Plan, options: Options) -> None:
    """Put a frame around a nested graph's layout, and find where lines cross it."""
    drawing = plan.drawing
    width = max(drawing.width + 2 * _FRAME_PAD, line_width(_header_words(plan.facts)) + 20.0 + 2 * _FRAME_PAD)
    plan.size = (width, drawing.height + _HEADER + _FRAME_PAD)
    plan.offset = ((width - drawing.width) / 2, _HEADER)
    _cross(plan)


def _cross(plan: _Plan) -> None:
    """Where lines from outside enter a plan and leave it."""
    across = 0 if plan.drawing.direction == "TB" else 1

    def crossing(rect: Rect) -> float:
        return plan.offset[across] + ((rect.x + rect.width / 2, rect.y + rect.height / 2)[across])

    pins: dict[str, list[float]] = {"in": [], "exit": []}
    for key, rect in plan.drawing.boxes.items():  # in the order of their numbers
        if isinstance(key, tuple) and key[0] in pins:
            pins[key[0]].append(crossing(rect))
    plan.entries, plan.exits = pins["in"], pins["exit"]


def _header_words(facts: Facts) -> list[Word]:
    words = [Word(facts.name, style.TITLE, style.INK, bold=True)]
    words += [Word(facts.kind, style.SMALL, style.MUTED)] if facts.kind else []
    words += [] if facts.wired else [Word("code, not a graph", style.SMALL, style.MUTED)]
    return words + times_word(facts.times)


# -- drawing


def _draw(plan: _Plan, options: Options, at: Point, scene: Scene) -> None:
    """Draw a plan whose corner is at ``at``: frames first, lines over them, boxes and text on top."""
    at = (at[0] + plan.offset[0], at[1] + plan.offset[1])
    rows, boxes = plan.facts.rows, plan.drawing.boxes
    corners = {key: (at[0] + rect.x, at[1] + rect.y) for key, rect in boxes.items()}
    for key, inner in plan.frames.items():
        scene.groups.append(_frame_group(inner, rows[key], note_of(rows[key], plan.facts), corners[key]))
    scene.groups.extend(_lines(plan, at))
    for key, inner in plan.frames.items():
        _draw(inner, options, corners[key], scene)
        scene.groups.append(_header(inner, rows[key], corners[key]))
    for place, card in plan.cards.items():
        if isinstance(place, int):
            name, note = rows[place].name, note_of(rows[place], plan.facts)
        else:
            name = plan.facts.outputs[place[1]].name
            note = f"output {name!r}"
        scene.groups.append(draw_card(card, *corners[place], name, note))
    scene.groups.append(_port_labels(plan, at))


def _frame_group(inner: _Plan, row: Row, note: str, corner: Point) -> Group:
    colors = style.FAMILY_COLORS["model"]
    panel = Panel(*corner, *inner.size, style.RADIUS + 3, colors.rim, colors.rim, 1.2, opacity=0.09)
    return Group("frame", row.name, note, [panel])


def _header(inner: _Plan, row: Row, corner: Point) -> Group:
    """The name of a frame: on a plate on its upper rim, over any line that passes below it."""
    colors = style.FAMILY_COLORS["model"]
    words = _header_words(inner.facts)
    if row.calls > 1:
        words[1:] = [Word(f"shared {row.call}/{row.calls}", style.SMALL, style.MUTED)]
    width = line_width(words) + 20.0
    x, y = corner[0] + 10.0, corner[1] - 11.0
    plate = Panel(x, y, width, 22.0, 11.0, colors.fill, colors.rim, 1.2)
    return Group("plate", row.name, "", [plate, Label(x + width / 2, y + 15.5, tuple(words))])


def _lines(plan: _Plan, at: Point) -> list[Group]:
    """For each tensor one group: its trunk once, then each branch from where it leaves the trunk."""
    groups: dict[tuple[Hashable, int], Group] = {}
    drawn: set[tuple[Hashable, int, Point, Point]] = set()
    across = 0 if plan.drawing.direction == "TB" else 1
    first: dict[Hashable, float] = {}  # where the first line of each box arrives
    for (edge, _), path in zip(plan.wires, plan.drawing.paths, strict=False):
        first[edge.target] = min(first.get(edge.target, math.inf), path[-1][across] + at[across])
    for (edge, wire), path in zip(plan.wires, plan.drawing.paths, strict=False):
        key = (edge.source, edge.port)
        group = groups.setdefault(key, Group("line", note=_line_note(plan, edge)))
        points = [(x + at[0], y + at[1]) for x, y in _to_the_rims(plan, edge, path)]
        tip = points[-1]
        arrow = edge.target in plan.cards
        if arrow:
            points[-1] = _back(tip, style.ARROW - 1.0, plan.drawing.direction)
        pieces = list(pairwise(points))
        fresh = 0
        while fresh < len(pieces) - 1 and (*key, *pieces[fresh]) in drawn:
            fresh += 1
        drawn.update((*key, *piece) for piece in pieces)
        steps = tuple(_step(a, b, plan.drawing.direction) for a, b in pieces[fresh:])
        group.shapes.append(Stroke(points[fresh], steps, style.LINE, 1.4, dashed=wire is not None and wire.mask))
        if arrow:
            group.shapes.append(_arrow(tip, plan.drawing.direction))
        if arrow and wire is not None and wire.letter:
            group.shapes.append(_letter(wire.letter, tip, tip[across] <= first[edge.target], plan.drawing.direction))
    return list(groups.values())


def _to_the_rims(plan: _Plan, edge: Edge, path: list[Point]) -> list[Point]:
    """The path, begun at the very rim of its source, past the room for labels; lines of a frame go to its rim."""
    along = 1 if plan.drawing.direction == "TB" else 0
    rect = plan.drawing.boxes[edge.source]
    start = (rect.x + rect.width, rect.y + rect.height)[along]
    if edge.source not in plan.cards and edge.source not in plan.frames:
        start = -plan.offset[along]
    points = [_moved(path[0], along, start), *path]
    if edge.target not in plan.cards and edge.target not in plan.frames:
        points.append(_moved(path[-1], along, plan.size[along] - plan.offset[along]))
    return _without_stops(points, along)


def _moved(point: Point, along: int, to: float) -> Point:
    return (point[0], to) if along else (to, point[1])


def _without_stops(points: list[Point], along: int) -> list[Point]:
    """Straight runs in one piece."""
    kept: list[Point] = []
    for point in points:
        if kept and point == kept[-1]:
            continue
        if len(kept) >= 2 and kept[-2][1 - along] == kept[-1][1 - along] == point[1 - along]:
            kept.pop()
        kept.append(point)
    return kept


def _step(start: Point, end: Point, direction: Direction) -> tuple[Point, ...]:
    across = 0 if direction == "TB" else 1
    if abs(start[across] - end[across]) < 0.05:
        return (end,)
    return (*curve(start, end, direction), end)


def _back(tip: Point, by: float, direction: Direction) -> Point:
    return (tip[0], tip[1] - by) if direction == "TB" else (tip[0] - by, tip[1])


def _arrow(tip: Point, direction: Direction) -> Arrow:
    x, y = tip
    long, half = style.ARROW, style.ARROW * 0.42
    if direction == "TB":
        return Arrow((tip, (x - half, y - long), (x + half, y - long)), style.LINE)
    return Arrow((tip, (x - long, y - half), (x - long, y + half)), style.LINE)


def _letter(text: str, tip: Point, before: bool, direction: Direction) -> Label:
    """What a box calls a tensor, beside the head of the arrow that brings it: before the first arrow, else behind."""
    word = Word(text, style.TINY, style.LINE, bold=True)
    if direction == "TB":
        x, y = tip[0] + (-5.0 - word.width if before else 5.0), tip[1] - 3.0
    else:
        x, y = tip[0] - style.ARROW - word.width, tip[1] + (-5.0 if before else 12.0)
    return Label(x, y, (word,), centered=False)


def _line_note(plan: _Plan, edge: Edge) -> str:
    if not isinstance(edge.source, int):
        return ""
    row = plan.facts.rows[edge.source]
    return tensor_note(row.outputs[edge.port], row.name) if row.outputs else row.name


def _port_labels(plan: _Plan, at: Point) -> Group:
    """The shapes and dtypes of tensors, each beside the line where it leaves its box."""
    shapes: list[Shape] = []
    for i, ports in plan.ports.items():
        rect = plan.drawing.boxes[i]
        for port in ports.values():
            if not port.text:
                continue
            if plan.drawing.direction == "TB":
                x, y = rect.x + rect.width / 2 + port.at + 5, rect.y + rect.height + 12.0
            else:
                x, y = rect.x + rect.width + 5, rect.y + rect.height / 2 + port.at - 4
            word = Word(port.text, style.TINY, style.LINE)
            shapes.append(Label(at[0] + x, at[1] + y, (word,), centered=False))
    return Group("labels", shapes=shapes)
