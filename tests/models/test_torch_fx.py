"""`torch.fx.symbolic_trace` and `torch.vmap` of models and layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state

from lamina.graph import ArgumentError, GraphError
from lamina.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    LayerNormalization,
    MultiHeadAttention,
    Permute,
)
from lamina.models import Model, Sequential


class Own(Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = Dense(4, activation="relu"), Dense(2)

    def call(self, inputs):
        return self.head(torch.tanh(self.hidden(inputs)))


def single():
    x = Input((8,))
    return Model(x, Dense(3)(Dense(5, activation="relu")(x)) * 2)


def picture():
    x = Input((8, 8, 3))
    return Model(x, Dense(2)(Flatten()(Dropout(0.5)(BatchNormalization()(Conv2D(4, 3)(x))))))


def two():
    a, b = Input((4,)), Input((4,))
    shared = Dense(3)
    return Model([a, b], {"sum": Add()([shared(a), shared(b)]), "parts": [a, torch.chunk(b, 2, -1)[1]]})


def nested():
    x = Input((8,))
    weight = nn.Parameter(torch.ones(8))
    return Model(x, single()(x * weight + torch.arange(x.size(0)).unsqueeze(1)))


def attention():
    x = Input((None, 4))
    return Model(x, MultiHeadAttention(2, 4)(x, x) + torch.arange(x.size(1), device=x.device).unsqueeze(1))


def masked():
    x = Input((5,), dtype="int64")
    return Model(x, LSTM(3)(Embedding(9, 4, mask_zero=True)(x)))


def own():
    model = Own()
    model(torch.ones(2, 8))
    return model


MODELS = {
    "single": (single, [torch.randn(2, 8)]),
    "picture": (picture, [torch.randn(2, 8, 8, 3)]),
    "two inputs": (two, [torch.randn(2, 4), torch.randn(2, 4)]),
    "nested, with a parameter": (nested, [torch.randn(2, 8)]),
    "attention": (attention, [torch.randn(2, 5, 4)]),
    "masked": (masked, [torch.randint(0, 9, (2, 5))]),
    "call of its own": (own, [torch.randn(2, 8)]),
    "sequential": (lambda: Sequential([Input((8,)), Dense(3), LayerNormalization()]), [torch.randn(2, 8)]),
    "within a module": (lambda: nn.Sequential(nn.Linear(8, 8), single(), nn.ReLU()), [torch.randn(2, 8)]),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_traced_model_computes_the_same_and_shares_its_weights(name):
    make, inputs = MODELS[name]
    model = make()
    traced = torch.fx.symbolic_trace(model)
    torch.testing.assert_close(traced(*inputs), model(*inputs), rtol=0, atol=0)
    mine = {id(p) for p in model.parameters()}
    assert {id(p) for p in traced.parameters()} == mine
    traced.graph.lint()


def test_layers_are_nodes_of_the_traced_model():
    traced = torch.fx.symbolic_trace(picture())
    kinds = [type(traced.get_submodule(n.target)).__name__ for n in traced.graph.nodes if n.op == "call_module"]
    assert kinds == ["Conv2D", "BatchNormalization", "Dropout", "Flatten", "Dense"]
    traced.train()
    real = torch.randn(2, 8, 8, 3)
    assert not torch.equal(traced(real), traced(real))  # Dropout is in training mode


@pytest.mark.parametrize(
    "layer, real",
    [
        (LayerNormalization(), torch.randn(2, 4)),
        (Conv2D(3, 3), torch.randn(2, 8, 8, 3)),
        (Permute((2, 1)), torch.randn(2, 3, 4)),
    ],
)
def test_a_layer_is_traced_through(layer, real):
    expected = layer(real)
    torch.testing.assert_close(torch.fx.symbolic_trace(layer)(real), expected)


def test_a_layer_that_cannot_be_traced_through_says_what_to_do():
    layer = Dense(3)
    layer(torch.ones(2, 4))
    with pytest.raises(GraphError, match=r"Dense \"dense\" by itself") as caught:
        torch.fx.symbolic_trace(layer)
    assert "Model(x, layer(x))" in str(caught.value)


def test_a_layer_without_weights_is_refused():
    with pytest.raises(ArgumentError, match="before it was built"):
        torch.fx.symbolic_trace(Own())


def test_leaves_are_as_the_tracer_says():
    class Whole(torch.fx.Tracer):
        def is_leaf_module(self, module, path):
            return isinstance(module, Model) or super().is_leaf_module(module, path)

    model = nn.Sequential(nn.Linear(8, 8), single())
    targets = [node.target for node in Whole().trace(model).nodes if node.op == "call_module"]
    assert targets == ["0", "1"]


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("name", ["single", "picture", "nested, with a parameter", "attention", "call of its own"])
def test_vmap_over_inputs(name):
    make, inputs = MODELS[name]
    model = make()
    stacked = [torch.stack([t, t + 1, t * 2]) for t in inputs]
    expected = torch.stack([model(*(t[i] for t in stacked)) for i in range(3)])
    torch.testing.assert_close(torch.vmap(model)(*stacked), expected, rtol=1e-5, atol=1e-5)


def test_vmap_over_layers_and_over_weights():
    real = torch.randn(3, 2, 4)
    layer = Dense(5)
    expected = torch.stack([layer(row) for row in real])
    torch.testing.assert_close(torch.vmap(layer)(real), expected)
    models = [single() for _ in range(3)]
    weights, buffers = stack_module_state(models)
    x = torch.randn(2, 8)
    results = torch.vmap(lambda w, b: functional_call(models[0], (w, b), (x,)))(weights, buffers)
    torch.testing.assert_close(results, torch.stack([model(x) for model in models]))
