"""What a person reads who misuses a layer: which layer, what came, what was due, what to try; and where, if drawn."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from lamina import layers
from lamina.graph import ArgumentError, DtypeError, LaminaError, ShapeError
from tests.layers.cases import ERRORS
from tests.layers.cases.form import made
from tests.layers.cases.wrong import BadArgument, BadInput, Message, Misuse

HERE = r"test_errors\.py"
REFUSED = {"rank": ShapeError, "width": ShapeError, "geometry": ShapeError, "dtype": DtypeError}


def rows(kind: type) -> Any:
    return pytest.mark.parametrize("row", [row for row in ERRORS if isinstance(row, kind)], ids=str)


def says(error: BaseException, message: Message) -> None:
    """The text of the error holds the pattern, or all the texts."""
    text = str(error)
    if isinstance(message, str):
        assert re.search(message, text, re.DOTALL), f"{message!r} not in:\n{text}"
    else:
        missing = [part for part in message if part not in text]
        assert not missing, f"{missing} not in:\n{text}"


def layer_of(row: BadInput) -> Any:
    layer = getattr(layers, row.layer)(**made(dict(row.arguments), layers), name="it")
    if row.first is not None:
        layer(inputs(row.first, "float32"))
    return layer


def inputs(shapes: Any, dtype: str) -> Any:
    if isinstance(shapes, list):
        return [inputs(shape, dtype) for shape in shapes]
    return layers.Input(batch_shape=shapes, dtype=dtype)


@rows(BadArgument)
def test_argument(row: BadArgument) -> None:
    with pytest.raises(ArgumentError) as caught:
        getattr(layers, row.layer)(**made(dict(row.arguments), layers))
    says(caught.value, row.message)


@rows(BadInput)
def test_drawing(row: BadInput) -> None:
    """On symbolic tensors the error names the layer, what came, what was due, and this file and line."""
    layer, given = layer_of(row), inputs(row.shapes, row.dtype)
    with pytest.raises(
        REFUSED[row.fault], match=r'(?s)"it" cannot take this input.*got.*expected.*test_errors\.py'
    ) as caught:
        layer(given)
    says(caught.value, row.message)


@pytest.mark.parametrize(
    "row", [row for row in ERRORS if isinstance(row, BadInput) and row.rule and row.fault != "dtype"], ids=str
)
def test_shape_rule(row: BadInput) -> None:
    layer = layer_of(row)
    with pytest.raises(ShapeError, match=f'(?s){row.layer} "it" cannot take this input.*got.*expected') as caught:
        layer.compute_output_shape(row.shapes)
    says(caught.value, row.message)


@pytest.mark.parametrize(
    "row", [row for row in ERRORS if isinstance(row, BadInput) and not row.rule and row.first is None], ids=str
)
def test_build(row: BadInput) -> None:
    layer = layer_of(row)
    with pytest.raises(ShapeError, match=f'(?s){row.layer} "it" cannot take this input.*got.*expected') as caught:
        layer.build(row.shapes)
    says(caught.value, row.message)


@rows(Misuse)
def test_misuse(row: Misuse) -> None:
    with pytest.raises(row.error) as caught:
        row.do()
    assert isinstance(caught.value, (LaminaError, IndexError))
    says(caught.value, row.message)


def test_a_built_layer_refuses_another_width() -> None:
    for layer, shape, other in [
        (layers.Dense(3), (None, 5), (6,)),
        (layers.Conv2D(3, 3), (None, 8, 8, 4), (8, 8, 5)),
        (layers.Conv2D(3, 3, data_format="channels_first"), (None, 4, 8, 8), (5, 8, 8)),
        (layers.BatchNormalization(), (None, 5), (6,)),
        (layers.GroupNormalization(1), (None, 5), (6,)),
        (layers.PReLU(), (None, 5), (6,)),
    ]:
        layer._build_once(shape)
        with pytest.raises(ShapeError, match=r"(?s)axis -?1 of size \d, not \d"):
            layer(layers.Input(other))


@pytest.mark.parametrize(
    "layer, first, second",
    [
        (layers.LSTM(4), ((5, 3),), ((5, 4),)),
        (layers.EinsumDense("abc,cd->abd", (None, 2)), ((5, 3),), ((5, 4),)),
        (layers.MultiHeadAttention(2, 4), ((5, 3), (6, 3)), ((5, 3), (6, 4))),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else "",
)
def test_refuses_another_width_than_it_was_built_for(layer: layers.Layer, first: Any, second: Any) -> None:
    layer(*map(layers.Input, first))
    with pytest.raises(ShapeError, match="3") as caught:
        layer(*map(layers.Input, second))
    assert type(layer).__name__ in str(caught.value)


def test_input_length_is_said_to_be_needless() -> None:
    with pytest.warns(UserWarning, match="drop input_length"):
        layers.Embedding(5, 2, input_length=10)


def test_batch_normalization_names_a_mask_of_another_rank() -> None:
    layer = layers.BatchNormalization(name="it")
    with pytest.raises(ShapeError, match=r'(?s)BatchNormalization "it" cannot use this mask.*mask \(2,\).*\(2, 3\)'):
        layer(torch.zeros(2, 3, 4), training=True, mask=torch.ones(2, dtype=torch.bool))


def test_an_attribute_without_a_name_is_not_there():
    assert not hasattr(layers.Dense(2), "")
