"""Facts: what summary and picture both read."""

from __future__ import annotations

import pytest
import torch

from lamina import layers, ops
from lamina.layers import Dense, Input, Layer
from lamina.models import Model
from lamina.view.facts import Tensor, Wire, describe
from lamina.view.families import family_of
from tests.view.models import chain, encoder, masked, siamese, split


def row(model, name):
    return next(r for r in describe(model).rows if r.name == name)


def test_a_row_says_what_there_is_to_know():
    wide = row(chain(), "wide")
    assert (wide.kind, wide.family, wide.hint, wide.activation) == ("Dense", "core", "16", "relu")
    assert wide.inputs == (Wire(0, 0),)
    assert wide.outputs == (Tensor((None, 16), "float32"),)
    assert (wide.params, wide.trainable, wide.calls) == (8 * 16 + 16, True, 1)
    assert "models.py:" in wide.source
    assert wide.config["units"] == 16


def test_the_ends_of_the_model_are_named():
    facts = describe(siamese())
    assert [tap.name for tap in facts.inputs] == ["left", "right"]
    assert [(tap.name, facts.rows[tap.row].name) for tap in facts.outputs] == [
        ("digit_a", "head"),
        ("digit_b", "head:1"),
        ("equal", "same"),
    ]


def test_calls_of_a_shared_layer_are_counted():
    calls = [(r.name, r.layer_name, r.call, r.calls) for r in describe(siamese()).rows if r.calls > 1]
    assert sorted(calls) == [
        ("encoder", "encoder", 1, 2),
        ("encoder:1", "encoder", 2, 2),
        ("head", "head", 1, 2),
        ("head:1", "head", 2, 2),
    ]


def test_each_result_of_a_node_is_told_apart():
    facts = describe(split())
    at = next(i for i, r in enumerate(facts.rows) if r.kind == "torch.chunk")
    reads = {r.kind: r.inputs for r in facts.rows}
    assert reads["torch.sigmoid"] == (Wire(at, 1),)
    assert reads["×"][0] == Wire(at, 0)
    assert [t.shape for t in facts.rows[at].outputs] == [(None, 3), (None, 3)]


def test_a_mask_is_seen_as_one():
    facts = describe(masked())
    wires = {facts.rows[w.row].name: w.mask for w in row(masked(), "mean").inputs}
    assert wires.pop("words") is False
    assert list(wires.values()) == [True]


def test_a_dict_feeds_a_nested_model_by_name():
    a, b = Input((2,), name="a"), Input((3,), name="b")
    inner = Model({"a": a, "b": b}, torch.cat([a, b], -1), name="inner")
    x, y = Input((2,), name="x"), Input((3,), name="y")
    facts = describe(Model([x, y], inner({"b": y, "a": x})))
    fed = [facts.rows[w.row].name for w in facts.rows[-1].feeds]
    assert fed == ["x", "y"]


def test_one_tensor_may_feed_a_nested_model_twice():
    a, b = Input((2,), name="a"), Input((2,), name="b")
    inner = Model([a, b], a - b, name="inner")
    x = Input((2,), name="x")
    nested = describe(Model(x, inner([x, x]))).rows[-1]
    assert nested.feeds == (Wire(0, 0), Wire(0, 0))
    assert nested.inputs == (Wire(0, 0),)


def test_a_model_may_begin_inside_another():
    x = Input((4,), name="x")
    hidden = Dense(3, name="hidden")(x)
    facts = describe(Model(hidden, Dense(2, name="last")(hidden)))
    assert [(r.name, r.family) for r in facts.rows] == [("hidden", "input"), ("last", "core")]
    assert facts.rows[1].inputs == (Wire(0, 0),)


def test_a_model_without_a_graph_has_its_children_for_rows():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = encoder()
            self.linear = torch.nn.Linear(4, 2)

    facts = describe(Net())
    assert not facts.wired
    assert [(r.name, r.kind, r.params) for r in facts.rows] == [("encoder", "Model", 152), ("linear", "Linear", 10)]
    assert facts.rows[0].outputs == (Tensor((None, 4), "float32"),)
    assert facts.rows[1].outputs is None


def test_a_wrapped_module_is_known_by_its_own_class():
    x = Input((4,), name="x")
    wrapped = describe(Model(x, layers.TorchModule(torch.nn.Linear(4, 2))(x))).rows[-1]
    assert (wrapped.kind, wrapped.family, wrapped.params) == ("Linear", "core", 10)


def test_a_layer_that_cannot_say_its_config_is_shown_all_the_same():
    class Shy(Layer):
        def call(self, inputs):
            return inputs

        def get_config(self):
            raise NotImplementedError

    x = Input((4,), name="x")
    assert describe(Model(x, Shy(name="shy")(x))).rows[-1].config == {}


@pytest.mark.parametrize(
    "layer, family, hint",
    [
        (layers.Conv2D(64, 3, strides=2), "convolution", "64, 3×3, /2"),
        (layers.Conv1D(8, 5, dilation_rate=2), "convolution", "8, 5, dilated 2"),
        (layers.Conv2DTranspose(16, 2, strides=2), "convolution", "16, 2×2, ×2"),
        (layers.Conv1DTranspose(16, 2), "convolution", "16, 2"),
        (layers.UpSampling2D((2, 3)), "reshaping", "×2×3"),
        (layers.RepeatVector(8), "reshaping", "8 times"),
        (layers.MaxPooling2D(), "pooling", "2×2"),
        (layers.MaxPooling2D(3, strides=2), "pooling", "3×3, /2"),
        (layers.Embedding(1000, 64), "core", "1000 → 64"),
        (layers.Dropout(0.5), "regularization", "0.5"),
        (layers.Reshape((7, -1)), "reshaping", "(7, -1)"),
        (layers.Concatenate(axis=1), "merging", "axis 1"),
        (layers.Concatenate(), "merging", ""),
        (layers.BatchNormalization(), "normalization", ""),
        (layers.Activation("relu"), "activation", "relu"),
        (layers.GroupQueryAttention(32, 8, 2), "attention", "8 heads of 32"),
        (layers.Rescaling(1 / 255), "preprocessing", ""),
        (layers.CategoryEncoding(10), "preprocessing", "10"),
        (layers.Hashing(16), "preprocessing", "16 bins"),
        (layers.ZeroPadding2D(1), "reshaping", "1"),
        (layers.ZeroPadding2D(((1, 2), (0, 3))), "reshaping", "1×2×0×3"),
    ],
)
def test_family_and_hint_of_a_layer(layer, family, hint):
    from lamina.view.hints import config_of, hint_of

    assert family_of(layer) == family
    assert hint_of(layer, config_of(layer)) == hint


def test_arguments_of_a_users_own_layer_are_named():
    class MyBlock(Layer):
        def __init__(self, n, rate=0.1, **options):
            super().__init__(**options)
            self.n, self.rate = n, rate

        def call(self, inputs):
            return inputs

    x = Input((4,))
    assert describe(Model(x, MyBlock(8)(x))).rows[-1].hint == "n=8, rate=0.1"


@pytest.mark.parametrize(
    "function, kind, hint",
    [
        (lambda x: x[:, -1], "[:, -1]", ""),
        (lambda x: x[..., ::2], "[..., ::2]", ""),
        (lambda x: torch.mean(x, dim=1), "torch.mean", "dim=1"),
        (lambda x: x / 3.0000001, "x / 3", ""),
        (lambda x: 2 / x, "2 / x", ""),
        (lambda x: 2 - x, "2 − x", ""),
        (lambda x: x - 2, "x − 2", ""),
        (lambda x: 2**x, "2 ** x", ""),
        (lambda x: -x, "−x", ""),
        (lambda x: ~(x > 0), "~x", ""),
        (lambda x: x + torch.ones(4), "x + tensor (4,)", ""),
        (lambda x: torch.ones(4) - x, "tensor (4,) − x", ""),
        (lambda x: torch.tanh(x), "torch.tanh", ""),
        (lambda x: torch.pow(2.0, x), "torch.pow", "2, x"),
        (lambda x: torch.nn.functional.relu(x), "F.relu", ""),
        (lambda x: ops.sum(x), "ops.sum", ""),
        (lambda x: ops.sum(x, axis=1, keepdims=True), "ops.sum", "axis 1, keepdims"),
        (lambda x: ops.subtract(2, x), "2 − x", ""),
        (lambda x: ops.relu(x), "ops.relu", ""),
        (lambda x: ops.transpose(x, (0, 2, 1)), "ops.transpose", "axes 0, 2, 1"),
        (lambda x: ops.softmax(ops.expand_dims(x, 1)), "ops.softmax", ""),
    ],
)
def test_a_function_is_said_as_it_was_written(function, kind, hint):
    x = Input((5, 4))
    row = describe(Model(x, function(x))).rows[-1]
    assert (row.kind, row.hint) == (kind, hint)


@pytest.mark.parametrize(
    "function, said, letters",
    [
        (lambda x, y: x - y, "a − b", {"x": "a", "y": "b"}),
        (lambda x, y: y - x, "a − b", {"y": "a", "x": "b"}),
        (lambda x, y: y / x, "a / b", {"y": "a", "x": "b"}),
        (lambda x, y: ops.subtract(y, x), "a − b", {"y": "a", "x": "b"}),
        (lambda x, y: torch.sub(y, x, alpha=2), "torch.sub a, b, alpha=2", {"y": "a", "x": "b"}),
        (lambda x, y: torch.cat([y, x], 1), "torch.cat [a, b], 1", {"y": "a", "x": "b"}),
        (lambda x, y: ops.concatenate([y, x], axis=1), "ops.concatenate [a, b], axis 1", {"y": "a", "x": "b"}),
        (lambda x, y: layers.Subtract()([y, x]), "Subtract a − b", {"y": "a", "x": "b"}),
        (lambda x, y: x + y, "+", {"x": "", "y": ""}),
        (lambda x, y: torch.maximum(x, y), "torch.maximum", {"x": "", "y": ""}),
        (lambda x, y: x - x, "x − x", {"x": ""}),
    ],
)
def test_operands_are_told_apart_where_their_order_counts(function, said, letters):
    x, y = Input((4,), name="x"), Input((4,), name="y")
    facts = describe(Model([x, y], [function(x, y), y]))
    row = next(row for row in facts.rows if row.family != "input")
    assert f"{row.kind} {row.hint}".strip() == said
    assert {facts.rows[wire.row].name: wire.letter for wire in row.inputs} == letters


def test_a_subclass_belongs_to_the_family_of_its_base():
    class Mine(layers.Conv2D):
        pass

    class Own(Layer):
        pass

    assert family_of(Mine(2, 1)) == "convolution"
    assert family_of(Own()) == "custom"


@pytest.mark.parametrize("activation, told", [("linear", None), (None, None), ("relu", "relu"), ("softmax", "softmax")])
def test_an_activation_is_told_unless_it_does_nothing(activation, told):
    x = Input((4,))
    assert row(Model(x, Dense(2, activation=activation, name="d")(x)), "d").activation == told
    assert row(Model(x, layers.Activation(activation or "linear", name="a")(x)), "a").activation == told
