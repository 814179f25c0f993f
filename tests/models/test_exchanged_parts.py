"""Modules within layers and lists that somebody else's code exchanges, and weights that it computes."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

import lamina
from lamina import Input, Model, layers
from lamina.saving import SavingError


class Forwarding(nn.Module):
    """An adapter that hands out what it wraps, as many do."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.scale = inner, nn.Parameter(torch.full((), 2.0))

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, *args, **kwargs):
        return self.inner(*args, **kwargs) * self.scale


class Plain(nn.Module):
    """An adapter that hands out nothing."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.scale = inner, nn.Parameter(torch.full((), 2.0))

    def forward(self, *args, **kwargs):
        return self.inner(*args, **kwargs) * self.scale


class Listed(Model):
    def __init__(self, container):
        super().__init__()
        self.blocks = container([layers.Dense(4), layers.Dense(4)])

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


@pytest.mark.parametrize(
    "container, way",
    [(list, "setattr"), (tuple, "setattr"), (list, "modules"), (tuple, "modules"), (list, "container")],
)
def test_a_module_in_a_list_is_exchanged_in_both_places(container, way):
    model, x = Listed(container), torch.randn(2, 3)
    model(x)
    new = Plain(model.blocks[0])
    if way == "setattr":
        model.blocks_0 = new
    elif way == "modules":
        model._modules["blocks_0"] = new
        list(model.named_modules())
    else:
        model.blocks[0] = new
    assert sum(p is new.scale for p in model.parameters()) == 1
    assert len(list(model.parameters())) == 5
    assert "blocks_0_1.kernel" not in model.state_dict()
    first, second = new.inner, model.blocks[1]
    torch.testing.assert_close(model(x), second(first(x) * 2))
    model(x).sum().backward()
    assert new.scale.grad is not None


class Keyed(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.heads = {"a": {"b": [layers.Dense(2)]}}

    def call(self, x):
        return self.heads["a"]["b"][0](x)


def test_at_any_depth():
    layer, x = Keyed(), torch.ones(1, 3)
    before = layer(x)
    layer.heads_a_b_0 = Plain(layer.heads["a"]["b"][0])
    torch.testing.assert_close(layer(x), before * 2)


PLACES = {
    "query": lambda x: layers.MultiHeadAttention(2, 4, name="it")(x, x),
    "attention_output": lambda x: layers.MultiHeadAttention(2, 4, name="it")(x, x),
    "value": lambda x: layers.GroupQueryAttention(4, 2, 1, name="it")(x, x),
    "layer": lambda x: layers.TimeDistributed(layers.Dense(3), name="it")(x),
    "forward_layer": lambda x: layers.Bidirectional(layers.LSTM(3), name="it")(x),
}


@pytest.mark.parametrize("adapter", [Forwarding, Plain])
@pytest.mark.parametrize("place", PLACES)
def test_an_adapter_within_a_layer_is_called(place, adapter):
    x = Input((5, 4))
    model = Model(x, PLACES[place](x))
    data = torch.randn(2, 5, 4)
    before = model(data)
    holder = model.get_layer("it")
    new = adapter(getattr(holder, place))
    setattr(holder, place, new)
    after = model(data)
    assert not torch.allclose(before, after)
    after.sum().backward()
    assert new.scale.grad is not None
    with torch.no_grad():
        new.scale.fill_(1.0)
    torch.testing.assert_close(model(data), before)


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_pruned_cells_compute_with_the_weights_of_now(kind):
    x = Input((5, 4))
    model = Model(x, kind(3, name="it")(x))
    cell, data = model.get_layer("it").cell, torch.randn(2, 5, 4)
    prune.l1_unstructured(cell, "kernel", 0.5)
    for _ in range(2):
        model(data).sum().backward()
    with torch.no_grad():
        cell.kernel_orig.mul_(0.5)
    pruned = model(data)
    prune.remove(cell, "kernel")
    torch.testing.assert_close(model(data), pruned)


def test_what_a_file_would_lose_is_refused_while_saving(tmp_path):
    def fresh():
        x = Input((4,))
        return Model(x, layers.Dense(3, name="hidden")(x))

    model = fresh()
    prune.l1_unstructured(model.hidden, "kernel", 0.5)
    with pytest.raises(SavingError, match="'kernel' of Dense \"hidden\" is computed from others"):
        model.save(tmp_path / "a.lamina")
    model = fresh()
    nn.utils.parametrizations.weight_norm(model.hidden, "kernel")
    with pytest.raises(SavingError, match="remove_parametrizations"):
        model.save(tmp_path / "a.lamina")
    parametrize.remove_parametrizations(model.hidden, "kernel")
    model.save(tmp_path / "a.lamina")
    assert lamina.models.load_model(tmp_path / "a.lamina").count_params() == 15
    model = fresh()
    model.hidden.register_parameter("extra", nn.Parameter(torch.ones(1)))
    with pytest.raises(SavingError, match="'extra' that its class does not make"):
        model.save(tmp_path / "b.lamina")


def test_an_exchange_leaves_no_cast_of_the_old_layer():
    x = Input((4,))
    model = Model(x, layers.Dense(8, name="h", dtype="mixed_bfloat16")(x))
    model.h = layers.Dense(8, dtype="float32")
    assert ".to(" not in model.program().source
    model = Model(x, layers.Dense(8, name="h", dtype="mixed_bfloat16")(x))
    model.h = nn.Linear(4, 8)
    assert model(torch.ones(1, 4)).dtype == torch.float32


def test_weights_assigned_in_another_dtype_take_their_layers_along():
    x = Input((4,))
    model = Model(x, layers.Dense(2)(layers.Dense(3)(x)))
    state = {name: value.bfloat16() for name, value in model.state_dict().items()}
    model.load_state_dict(state, assign=True)
    assert model(torch.ones(1, 4)).dtype == torch.bfloat16
    assert {layer.dtype for layer in model.layers[1:]} == {"bfloat16"}


def test_two_calls_of_a_spectral_normalization_before_the_backward_pass():
    layer = layers.SpectralNormalization(layers.Dense(3))
    a, b = torch.randn(4, 5), torch.randn(4, 5)
    layer(a)
    total = layer(a, training=True).square().sum() + layer(b, training=True).square().sum()
    total.backward()
    assert layer.layer.kernel.grad is not None
