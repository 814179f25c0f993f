"""Pictures: well-formed, complete, readable, and written to files."""

from __future__ import annotations

import math
import re
import struct
import sys
import warnings
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.graph import ArgumentError
from lamina.layers import Dense, Input
from lamina.models import Model
from lamina.view import model_to_svg, plot_model
from lamina.view.cards import Options, shape_text
from lamina.view.compose import compose
from lamina.view.facts import describe
from lamina.view.fonts import shortened, text_width
from lamina.view.scene import Arrow, Label, Panel, Stroke
from lamina.view.style import FAMILY_COLORS, INK, LINE, MUTED
from lamina.view.svg import to_svg
from tests.view import models

SVG = "{http://www.w3.org/2000/svg}"
MODELS = [
    models.chain,
    models.encoder,
    models.siamese,
    models.masked,
    models.split,
    models.trunk,
    models.twice,
    models.wide,
]
EVERYTHING = {
    "show_shapes": True,
    "show_dtype": True,
    "show_layer_names": True,
    "show_layer_activations": True,
    "show_trainable": True,
}


def boxes(svg: str) -> list[ET.Element]:
    return [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == "box"]


def texts(element: ET.Element) -> list[str]:
    return ["".join(t.itertext()) for t in element.iter(f"{SVG}text")]


def box(svg: str, name: str) -> ET.Element:
    return next(g for g in boxes(svg) if g.get("data-name") == name)


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_one_box_for_each_call_and_each_output(build, rankdir):
    model = build()
    facts = describe(model)
    names = [g.get("data-name") for g in boxes(model_to_svg(model, rankdir=rankdir, expand=True))]
    assert sorted(names) == sorted([r.name for r in facts.rows] + [tap.name for tap in facts.outputs])


@pytest.mark.parametrize("build", MODELS)
def test_one_arrow_for_each_line(build):
    facts = describe(build())
    arrows = [s for g in compose(facts, Options(expand=True)).groups for s in g.shapes if isinstance(s, Arrow)]
    assert len(arrows) == sum(len(r.inputs) for r in facts.rows) + len(facts.outputs)


def test_what_several_lines_share_is_drawn_once():
    scene = compose(describe(models.trunk()), Options())
    for group in (g for g in scene.groups if g.kind == "line"):
        pieces = []
        for stroke in (s for s in group.shapes if isinstance(s, Stroke)):
            corners = [stroke.start, *(step[-1] for step in stroke.steps)]
            pieces += pairwise(corners)
        assert len(pieces) == len(set(pieces))
    longest = max(sum(isinstance(s, Stroke) for s in g.shapes) for g in scene.groups)
    assert longest == 4


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("rankdir", ["TB", "LR"])
@pytest.mark.parametrize("options", [{}, EVERYTHING])
@pytest.mark.parametrize("expand", [False, True])
def test_no_text_leaves_its_box_and_nothing_leaves_the_picture(build, rankdir, options, expand):
    scene = compose(describe(build()), Options(rankdir=rankdir, expand_nested=expand, **options))
    for group in scene.groups:
        panels = [s for s in group.shapes if isinstance(s, Panel)]
        for label in (s for s in group.shapes if isinstance(s, Label)):
            left = label.x - label.width / 2 if label.centered else label.x
            assert left >= 0
            assert left + label.width <= scene.width
            if group.kind in ("box", "plate"):
                card = max(panels, key=lambda p: p.width)
                assert card.x <= left
                assert left + label.width <= card.x + card.width
                assert card.y + 0.7 * label.words[0].size <= label.y <= card.y + card.height - 3
        for panel in panels:
            assert panel.x >= 0
            assert panel.y >= 0
            assert panel.x + panel.width <= scene.width
            assert panel.y + panel.height <= scene.height


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
@pytest.mark.parametrize("expand", [False, True])
def test_labels_of_lines_lie_on_no_box_and_on_no_other_label(rankdir, expand):
    options = Options(show_shapes=True, show_dtype=True, rankdir=rankdir, expand_nested=expand)
    for build in MODELS:
        scene = compose(describe(build()), options)
        cards = [s for g in scene.groups if g.kind == "box" for s in g.shapes if isinstance(s, Panel)]
        labels = [s for g in scene.groups if g.kind == "labels" for s in g.shapes]
        places = [(s.x, s.x + s.width, s.y - 8, s.y + 2) for s in labels]
        blocks = [(p.x, p.x + p.width, p.y, p.y + p.height) for p in cards]
        for i, one in enumerate(places):
            for other in places[i + 1 :] + blocks:
                apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
                assert apart, (build.__name__, labels[i].words[0].text)


@given(st.text(min_size=1, max_size=60))
def test_any_name_gives_a_well_formed_picture(name):
    facts = describe(models.chain())
    rows = [replace(row, name=name, layer_name=name) if row.name == "wide" else row for row in facts.rows]
    svg = to_svg(compose(replace(facts, rows=rows, name=name), Options(show_layer_names=True)))
    notes = [g.find(f"{SVG}title").text for g in boxes(svg)]
    written = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", name)
    assert notes[1].startswith(re.sub("\r\n?", "\n", f"{written} (Dense)"))


def test_markup_in_names_stays_text():
    x = Input((4,), name="x")
    svg = model_to_svg(Model(x, Dense(2, name='<b> & "c"')(x), name="m"))
    assert texts(box(svg, '<b> & "c"'))[0] == '<b> & "c"'


def test_splines_of_graphviz_are_taken_and_said_to_change_nothing():
    model = models.chain()
    expected = plot_model(model, None).svg
    assert plot_model(model, None, splines="ortho").svg == expected
    with pytest.warns(UserWarning, match="splines='curved'"):
        assert plot_model(model, None, splines="curved").svg == expected
    with pytest.raises(ArgumentError, match="splines"):
        plot_model(model, None, splines="wavy")


def test_what_the_options_show():
    model = models.chain()
    plain = boxes(plot_model(model, None).svg)
    assert [texts(b) for b in plain] == [["xInput"], ["Dense16, relu"], ["Dense4, relu"], ["narrow"]]
    silent = boxes(plot_model(model, None, show_layer_activations=False).svg)
    assert [texts(b) for b in silent] == [["xInput"], ["Dense16"], ["Dense4"], ["narrow"]]
    svg = model_to_svg(model, show_trainable=True, show_dtype=True)
    assert texts(box(svg, "wide")) == ["wide", "Dense16, relu", "trainable"]
    assert {"(B, 8) float32", "(B, 16) float32", "(B, 4) float32"} <= set(texts(ET.fromstring(svg)))
    model.get_layer("wide").trainable = False
    assert texts(box(model_to_svg(model, show_trainable=True), "wide")) == ["wide", "Dense16, relu", "frozen"]


def test_shared_layers_have_a_box_for_each_call_and_say_so():
    svg = model_to_svg(models.siamese())
    assert texts(box(svg, "head")) == ["head", "Dense10", "shared, call 1 of 2"]
    assert texts(box(svg, "head:1")) == ["head", "Dense10", "shared, call 2 of 2"]


def test_tooltips_say_what_the_box_has_no_room_for():
    note = box(model_to_svg(models.encoder()), "second").find(f"{SVG}title").text.splitlines()
    assert note[:4] == [
        "second (Conv2D)",
        "in: (None, 8, 8, 4) float32 from first",
        "out: (None, 8, 8, 4) float32",
        "params: 144",
    ]
    assert "filters: 4" in note
    assert re.fullmatch(r"at (.*/)?models\.py:\d+", note[-1])


def test_expanded_models_stand_in_a_frame_that_their_lines_enter():
    scene = compose(describe(models.siamese()), Options(expand_nested=True))
    frames = [g.shapes[0] for g in scene.groups if g.kind == "frame"]
    assert len(frames) == 2
    cards = {g.name: g.shapes[0] for g in scene.groups if g.kind == "box"}
    assert {"first", "second", "sum", "pool", "image"} <= set(cards)
    inside = [g for g in scene.groups if g.kind == "box" for f in frames if lies_in(g.shapes[0], f)]
    assert len(inside) == 2 * len(describe(models.encoder()).rows)
    ends = [
        point for g in scene.groups for s in g.shapes if isinstance(s, Stroke) for point in (s.start, s.steps[-1][-1])
    ]
    for frame in frames:
        assert any(abs(y - frame.y) < 0.1 and frame.x < x < frame.x + frame.width for x, y in ends)
        bottom = frame.y + frame.height
        assert sum(abs(y - bottom) < 0.1 and frame.x < x < frame.x + frame.width for x, y in ends) >= 2


def lies_in(inner: Panel, outer: Panel) -> bool:
    across = outer.x < inner.x and inner.x + inner.width < outer.x + outer.width
    return across and outer.y < inner.y and inner.y + inner.height < outer.y + outer.height


def test_a_mask_is_a_dashed_line():
    svg = ET.fromstring(model_to_svg(models.masked(), expand=True))
    assert len([p for p in svg.iter(f"{SVG}path") if p.get("stroke-dasharray")]) == 1


def test_what_only_computes_masks_is_hidden():
    assert [g.get("data-name") for g in boxes(model_to_svg(models.masked()))] == ["tokens", "words", "mean", "mean"]


def test_a_model_without_a_graph_is_a_column_of_its_children():
    class Net(Model):
        def __init__(self):
            super().__init__(name="net")
            self.first, self.second = Dense(3), Dense(2)

    scene = compose(describe(Net()), Options())
    cards = [g.shapes[0] for g in scene.groups if g.kind == "box"]
    assert [card.y for card in cards] == sorted({card.y for card in cards})
    assert not [s for g in scene.groups for s in g.shapes if isinstance(s, (Stroke, Arrow))]


def test_a_deep_model_is_drawn():
    x = inputs = Input((2,), name="x")
    for _ in range(1500):
        x = x + 1
    model = Model(inputs, x)
    assert len(boxes(plot_model(model, None, expand=True).svg)) == 1502
    assert [texts(b) for b in boxes(plot_model(model, None).svg)] == [["xInput"], ["x + 1×1500"], ["add_1499"]]


# -- colours and text


def luminance(color: str) -> float:
    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(color[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2: 4.5 is asked for text, 3 for lines and large text."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("family", [f for f in FAMILY_COLORS if f != "output"])
def test_text_is_readable_on_every_card(family):
    colors = FAMILY_COLORS[family]
    assert contrast(INK, colors.fill) > 7
    assert contrast(MUTED, colors.fill) > 4.5
    assert contrast(colors.accent, colors.fill) > 4.5


@pytest.mark.parametrize("page", ["#ffffff", "#0d1117", "#000000"])
def test_lines_and_their_labels_are_seen_on_light_and_dark_pages(page):
    assert contrast(LINE, page) > 3.9


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60), st.booleans())
def test_widths_are_those_of_the_widest_font_named(text, bold):
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font, LoadFlags

    font = FT2Font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(1000, 72)
    units = [font.load_char(ord(c), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536 for c in text]
    assert text_width(text, 1000, bold) == pytest.approx(sum(units), abs=0.6 * len(text) + 1e-6)


@given(st.text(max_size=80), st.floats(30, 200))
def test_shortened_text_fits_and_keeps_both_ends(text, room):
    short = shortened(text, room, 10)
    assert text_width(short, 10) <= max(room, text_width("WWW", 10) * 2)
    if short != text:
        head, tail = short.split("…", 1) if text.count("…") == 0 else ("", "")
        assert text.startswith(head)
        assert text.endswith(tail)


def test_shape_texts():
    assert [shape_text(s) for s in [(None, None, 64), (32, 8), (None,), (), None]] == [
        "(B, ?, 64)",
        "(32, 8)",
        "(B)",
        "( )",
        "number",
    ]


# -- files


def test_the_default_file_is_an_svg(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = plot_model(models.chain())
    assert (tmp_path / "model.svg").read_text(encoding="utf-8") == picture.svg == picture._repr_svg_()
    assert repr(picture) == "<Picture in model.svg>"


def test_a_page_holds_the_picture(tmp_path):
    picture = plot_model(models.chain(), tmp_path / "model.html")
    page = (tmp_path / "model.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert picture.svg in page


@pytest.mark.parametrize("dpi", [96, 200])
def test_a_png_has_the_size_that_dpi_says(tmp_path, dpi):
    picture = plot_model(models.masked(), tmp_path / "model.png", show_shapes=True, dpi=dpi)
    head = (tmp_path / "model.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    root = ET.fromstring(picture.svg)
    for got, due in zip(struct.unpack(">II", head[16:]), (root.get("width"), root.get("height")), strict=True):
        assert math.isclose(got, float(due) * dpi / 96, abs_tol=2)


def test_a_png_shows_what_the_svg_shows(tmp_path):
    """The colour of each card stands where the scene says."""
    from matplotlib.image import imread

    scene = compose(describe(models.wide()), Options())
    plot_model(models.wide(), tmp_path / "model.png", dpi=96)
    pixels = imread(tmp_path / "model.png")
    cards = [g.shapes[0] for g in scene.groups if g.kind == "box"]
    for card in cards:
        got = pixels[round(card.y + 4), round(card.x + card.width / 2), :3]
        due = [int(card.fill[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert got == pytest.approx(due, abs=0.02)


def test_a_pdf_is_one(tmp_path):
    plot_model(models.chain(), tmp_path / "model.pdf")
    assert (tmp_path / "model.pdf").read_bytes().startswith(b"%PDF-")


def test_wrong_arguments_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ArgumentError, match='"TB" or "LR"'):
        plot_model(models.chain(), None, rankdir="BT")
    with pytest.raises(ArgumentError, match=r"expected +\.svg, \.html, .*\.png"):
        plot_model(models.chain(), tmp_path / "model.xyz")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [n for n in sys.modules if n.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ArgumentError, match=r"(?s)needs matplotlib.*pip install 'lamina\[plot\]'; \.svg and \.html"):
        plot_model(models.chain(), tmp_path / "model.png")


def test_signs_that_no_font_has_are_told_of_once(tmp_path, monkeypatch):
    from lamina.view import glyphs

    monkeypatch.setattr(glyphs, "_LARGE", ())
    x = Input((4,), name="输入")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        plot_model(Model(x, Dense(2, name="全连接层")(x)), tmp_path / "model.png", show_layer_names=True)
    assert [str(one.message) for one in seen] == [
        "No font here that matplotlib knows has these signs: 入全层接输连. They are drawn as □; .svg has them."
    ]


def test_a_model_without_a_graph_says_why_it_has_no_arrows():
    class Written(Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = Dense(3), Dense(2)

        def call(self, inputs):
            return self.second(self.first(inputs))

    assert "No arrows: its call() is code, not a graph." in plot_model(Written(), None).svg
    assert "No arrows" not in plot_model(models.chain(), None).svg
