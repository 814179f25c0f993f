"""What a notebook shows of a model: its picture and its table, as HTML that stands alone and meets no other cell."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import torch

import lamina
from lamina import layers
from tests.view import models

SVG = "{http://www.w3.org/2000/svg}"


class Net(lamina.Model):
    def __init__(self):
        super().__init__(name="net")
        self.first, self.second = layers.Dense(3), layers.Dense(2)

    def call(self, inputs):
        return self.second(self.first(inputs))


def called() -> Net:
    net = Net()
    net(torch.ones(2, 5))
    return net


def page_of(model) -> ET.Element:
    return ET.fromstring(model._repr_html_().replace("<details open>", "<details>"))


@pytest.mark.parametrize(
    "build",
    [
        models.chain,
        models.siamese,
        models.masked,
        called,
        Net,
        lambda: lamina.Sequential([layers.Dense(3)]),
        lambda: lamina.Sequential(),
        lambda: lamina.Sequential([lamina.Input((2,), name="<b>&")], name="a<script>"),
    ],
)
def test_it_is_the_picture_and_the_table(build):
    model = build()
    page = page_of(model)  # well-formed, so it closes what it opens
    assert len(list(page.iter(f"{SVG}svg"))) == 1
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert page.find(".//pre").text == "\n".join(lines)
    assert page.find(".//summary/code").text == repr(model)
    named = [e.tag for e in page.iter() if e.get("id") or e.tag.endswith(("style", "script"))]
    assert named == []


def test_shapes_of_a_subclassed_model_are_in_both():
    page = page_of(called())
    assert "".join(page.find(f".//{SVG}svg").itertext()).count("(None, 3)") == 1
    assert "(None, 3)" in page.find(".//pre").text


def test_its_colours_are_those_of_the_page():
    """The table has the page's colours; the picture has no ground, and its lines are seen on both (see view)."""
    text = models.chain()._repr_html_()
    assert "background:transparent;color:inherit" in text
    assert "max-width:100%" in text


def test_a_long_table_is_folded_away():
    x = inputs = lamina.Input((4,))
    for _ in range(60):
        x = layers.Dense(4)(x)
    assert "<details>" in lamina.Model(inputs, x)._repr_html_()
    assert "<details open>" in models.chain()._repr_html_()


def test_whatever_a_part_raises_there_is_a_page():
    class Rude(layers.Layer):
        @property
        def weights(self):
            raise RuntimeError("no weights")

        def call(self, inputs):
            return inputs

    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(2)], name="rude")
    model.add(Rude())
    assert "rude" in model._repr_html_()
    assert "before super().__init__()" in lamina.Model.__new__(lamina.Model)._repr_html_()
