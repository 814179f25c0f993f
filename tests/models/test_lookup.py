"""`get_layer` through nested models and layers within layers."""

from __future__ import annotations

import pytest

from lamina.graph import ArgumentError
from lamina.layers import LSTM, Bidirectional, Dense, Input, TimeDistributed
from lamina.models import Model, Sequential


def model() -> Model:
    x = Input((5, 4))
    inner = Sequential([Input((4,)), Dense(3, name="first"), Dense(2)], name="inner")
    encoder = Model(
        x, Bidirectional(LSTM(3, name="cell"), name="both")(TimeDistributed(inner, name="each")(x)), name="encoder"
    )
    y = Input((5, 4))
    return Model(y, Dense(1, name="head")(encoder(y)))


@pytest.mark.parametrize("separator", ["/", "."])
def test_a_path_leads_through_models_and_layers(separator):
    whole = model()
    encoder = whole.get_layer("encoder")
    assert whole.get_layer(f"encoder{separator}each") is encoder.get_layer("each")
    deep = whole.get_layer(separator.join(["encoder", "each", "inner", "first"]))
    assert deep is encoder.get_layer("each").layer.get_layer("first")
    assert encoder.get_layer(separator.join(["each", "layer", "first"])) is deep
    assert whole.get_layer("head").name == "head"


@pytest.mark.parametrize(
    "path, missing, there",
    [
        ("encoder/dense", "'dense' (of 'encoder/dense')", "both"),
        ("encode/each", "'encode' (of 'encode/each')", "encoder, head"),
        ("head/kernel", "'kernel' (of 'head/kernel')", 'Dense "head"'),
        ("nothing", "no layer 'nothing'.", "head"),
        ("encoder/", "'' (of 'encoder/')", "each"),
    ],
)
def test_an_error_says_where_the_way_ends(path, missing, there):
    with pytest.raises(ArgumentError) as caught:
        model().get_layer(path)
    assert missing in str(caught.value)
    assert there in str(caught.value)
