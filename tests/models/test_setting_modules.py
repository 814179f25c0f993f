"""Setting a module where a layer of the graph is changes the graph: `model.out = Dense(3)` and its many forms."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    apply_activation_checkpointing,
    checkpoint_wrapper,
)

import lamina
from lamina import Input, Model, Sequential, layers
from lamina.callbacks import Callback
from lamina.graph import ArgumentError, LaminaError
from lamina.saving import SavingError

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))


def drawn():
    """One layer called twice, so that every call must follow; functions between; two outputs."""
    x = Input((4,), name="x")
    both = layers.Dense(4, activation="relu", name="both")
    h = both(torch.tanh(both(x)) * 2)
    h = layers.BatchNormalization(name="norm")(h)
    return Model(x, {"a": layers.Dense(3, name="out")(h), "b": h.sum(-1)})


def sequential():
    return Sequential([Input((4,)), layers.Dense(5, name="hidden"), layers.Dense(3, name="out")])


class Adapter(nn.Module):
    """As LoRA has it: the layer as it was, and a small way beside it."""

    def __init__(self, base, width):
        super().__init__()
        self.base = base
        self.beside = nn.Linear(width, width, bias=False)

    def forward(self, x):
        return self.base(x) + self.beside(x)


class LayerAdapter(layers.Layer):
    def __init__(self, base):
        super().__init__()
        self.base = base

    def build(self, shape):
        self.scale = self.add_weight((), "zeros", name="scale")

    def call(self, x):
        return self.base(x) * (1 + self.scale)


WAYS = {
    "attribute": lambda model, name, module: setattr(model, name, module),
    "dict of modules": lambda model, name, module: model._modules.__setitem__(name, module),
    "add_module": lambda model, name, module: model.add_module(name, module),
    "register_module": lambda model, name, module: model.register_module(name, module),
    "set_submodule": lambda model, name, module: model.set_submodule(name, module),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "new", [lambda: layers.Dense(3), lambda: nn.Linear(4, 3), lambda: layers.Dense(3, name="other")]
)
def test_the_program_calls_the_new_module_and_the_lists_agree(way, new):
    model, module = drawn(), new()
    before = model(X)
    WAYS[way](model, "out", module)
    after = model(X)
    assert torch.equal(after["b"], before["b"])
    assert not torch.equal(after["a"], before["a"])
    h = model.norm(model.both(torch.tanh(model.both(X)) * 2))
    torch.testing.assert_close(after["a"], module(h))
    assert {id(p) for p in module.parameters()} <= {id(p) for p in model.parameters()}
    assert {id(p) for p in model.parameters()} == {id(w) for w in model.weights if w.requires_grad}
    assert [key.split(".")[0] for key in model.state_dict()] == ["both"] * 2 + ["norm"] * 4 + ["out"] * 2
    assert model.get_layer("out") is model.out
    assert model.out in model.layers
    assert "out = out_layer." in model.program().source


@pytest.mark.parametrize("make", [lambda: layers.Dense(4), lambda: nn.Linear(4, 4), lambda: layers.Identity()])
def test_every_call_of_a_shared_layer_follows(make):
    model, new = drawn(), make()
    model.both = new
    h = model.norm(new(torch.tanh(new(X)) * 2))
    torch.testing.assert_close(model(X)["a"], model.out(h))
    assert len([node for node in model.graph.nodes if node.op is model.both]) == 2


def test_another_width_at_the_end_and_what_reads_it_follow():
    model = drawn()
    model.out = layers.Dense(7)
    assert model(X)["a"].shape == (6, 7)
    assert model.output_shape["a"] == (None, 7)
    x = Input((4,))
    longer = Model(x, torch.relu(layers.Dense(3, name="d")(x)).sum(-1, keepdim=True) * 2)
    longer.d = layers.Dense(9)
    assert longer(X).shape == (6, 1)
    torch.testing.assert_close(longer(X), torch.relu(longer.d(X)).sum(-1, keepdim=True) * 2)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("new", [lambda: layers.Dense(5), lambda: nn.Linear(4, 5)])
def test_what_cannot_follow_is_refused_and_nothing_is_changed(way, new):
    model = drawn()
    source, state, before = model.program().source, list(model.state_dict()), model(X)
    with pytest.raises(LaminaError, match="(?s)both.*'both'.*test_setting_modules.py.*nothing is changed"):
        WAYS[way](model, "both", new()), model(X)
    assert model.program().source == source
    assert list(model.state_dict()) == state
    after = model(X)
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_what_has_no_place_is_refused():
    model = Model(x := Input((4,)), layers.Dense(3, name="d")(x) * torch.ones(3) + layers.Dense(3, name="e")(x))
    with pytest.raises(ArgumentError, match="'e' already"):
        model.d = model.e
    with pytest.raises(ArgumentError, match="constant at 'mul_constant'"):
        model.mul_constant = layers.Dense(3)
    with pytest.raises(ArgumentError, match="An Input cannot stand"):
        model.d = layers.InputLayer((3,))
    with pytest.raises(TypeError, match="cannot assign"):
        model.d = 3
    other = Model(x, layers.Dense(3, name="named")(x))
    with pytest.raises(ArgumentError, match="goes by its name"):
        model.d = other.named
    model.d = copy.deepcopy(other.named)
    assert torch.equal(model.d(X), other(X))
    assert other.named.name == "named"
    model.mul_constant.value = torch.zeros(3)
    torch.testing.assert_close(model(X), model.e(X))


def test_the_functions_of_a_choice_stay_as_they_are():
    x = Input((4,))
    one, two = layers.Dense(3, name="one"), layers.Dense(3, name="two")
    model = Model(x, lamina.ops.cond(x.sum() > 0, lambda: one(x), lambda: two(x)))
    path = next(path for path, part in model.named_modules() if part is one).rpartition(".")[0]
    with pytest.raises(ArgumentError, match="'one' is a part of the function"):
        model.get_submodule(path).one = layers.Dense(3)


@pytest.mark.parametrize("delete", [
    lambda model: delattr(model, "out"), lambda model: setattr(model, "out", None),
    lambda model: (model._modules.pop("out"), model(X)),
])  # fmt: skip
@pytest.mark.parametrize("make", [drawn, sequential])
def test_a_layer_that_is_used_cannot_be_deleted(delete, make):
    model = make()
    with pytest.raises(ArgumentError, match=r"drawn with 'out'.*(\n.*)*model.out = layers.Identity\(\)"):
        delete(model)
    assert "out.kernel" in model.state_dict()
    assert model(X) is not None


def test_a_module_beside_the_graph_is_trained_and_saved_but_not_run():
    """As subclasses have it that draw a graph and step by themselves."""

    class Own(Model):
        def train_step(self, data):
            x, y = data
            loss = (self.extra(self(x)) - y).square().mean()
            loss.backward()
            self.optimizer.apply([p.grad for p in self.parameters()], list(self.parameters()))
            self.zero_grad()
            return {"loss": loss.detach()}

    x = Input((4,))
    model = Own(x, layers.Dense(5)(x))
    model.extra, model.other = layers.Dense(3), nn.Linear(5, 5)
    model.extra(model(X)), model.other(model(X))
    assert "extra.kernel" in model.state_dict()
    assert model.extra.kernel in set(model.weights)
    assert len(model.weights) == len(model.state_dict()) == 6
    before = model.extra.kernel.numpy().copy()
    source = model.program().source
    model.compile("sgd", "mse")
    model.other.requires_grad_(False)
    del model.other
    model.fit(X, Y, verbose=0)
    assert (model.extra.kernel.numpy() != before).any()
    assert model.program().source == source
    model.add_loss(model.output.square().mean())  # draws anew, and keeps what stands beside
    assert "extra.kernel" in model.state_dict()
    plain = Model(x, layers.Dense(5)(x))
    plain.extra = nn.Linear(4, 2)
    with pytest.raises(SavingError, match="'extra' that is no part of its graph"):
        Model(x, plain(x)).save("never.lamina")
    del model.extra
    assert "extra.kernel" not in model.state_dict()


def test_another_name_for_a_layer_of_the_graph_stands_for_it():
    class Own(Model):
        def __init__(self):
            x = Input((4,))
            head = layers.Dense(3)
            super().__init__(x, head(x))
            self.head = head

    model = Own()
    model.head = new = layers.Dense(3)
    torch.testing.assert_close(model(X), new(X))
    assert model.head is new
    assert all(p is q for p, q in zip(model.parameters(), new.parameters(), strict=True))


def test_attributes_of_a_model_are_not_its_layers():
    x = Input((4,))
    model = Model(x, layers.Dense(3, name="loss")(x))
    before = model(X)
    model.compile("sgd", nn.MSELoss())
    assert torch.equal(model(X), before)
    assert list(model.state_dict()) == ["loss.kernel", "loss.bias"]
    model.fit(X, Y, verbose=0)


def test_nested_models_are_changed_for_those_around_them():
    x = Input((4,))
    encoder = Model(x, layers.Dense(5, name="dense")(x), name="encoder")
    y = Input((4,))
    model = Model(y, layers.Dense(3)(encoder(y)))
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.encoder.dense = new = nn.Linear(4, 5)
    torch.testing.assert_close(model(X), model.layers[-1](new(X)))
    assert "encoder.dense.module.weight" in model.state_dict()
    np.testing.assert_allclose(model.predict(X), model(X).detach(), rtol=1e-5)
    before = new.weight.detach().clone()
    model.fit(X, Y, verbose=0)
    assert not torch.equal(new.weight, before)
    with pytest.raises(ArgumentError, match=r"(?s)\(None, 7\) instead of \(None, 5\).*test_setting_modules.py"):
        model.encoder.dense = layers.Dense(7)
    model.encoder = nn.Linear(4, 5)
    assert "encoder.module.weight" in model.state_dict()
    assert model(X).shape == (6, 3)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("built", [True, False])
def test_a_chain_keeps_its_order(way, built):
    model = sequential() if built else Sequential([layers.Dense(5, name="hidden"), layers.Dense(3, name="out")])
    WAYS[way](model, "hidden", new := nn.Linear(4, 5))
    assert model(X).shape == (6, 3)
    torch.testing.assert_close(model(X), model.out(new(X)))
    assert [layer.name for layer in model.layers] == ["hidden", "out"]
    assert list(model.state_dict()) == ["hidden.module.weight", "hidden.module.bias", "out.kernel", "out.bias"]
    model.out = layers.Dense(2)
    model.add(layers.Dense(1, name="more"))
    assert model(X).shape == (6, 1)
    assert len(model.layers) == 3
    model.pop()
    assert model(X).shape == (6, 2)
    assert copy.deepcopy(model)(X).shape == (6, 2)


def test_adapters_are_put_round_layers_as_libraries_do_it():
    """Walk, find the parent, set the child; and fold it in again."""
    model = Sequential(
        [Input((4,)), layers.Dense(4, name="one"), Sequential([layers.Dense(4, name="two")], name="part")]
    )
    before = model(X)
    found = [(path, part) for path, part in model.named_modules() if isinstance(part, layers.Dense)]
    for path, part in found:
        parent, _, child = path.rpartition(".")
        adapter = Adapter(part, 4)
        nn.init.zeros_(adapter.beside.weight)
        setattr(model.get_submodule(parent), child, adapter)
    torch.testing.assert_close(model(X), before)
    names = [name for name, _ in model.named_parameters()]
    assert "one.module.beside.weight" in names
    assert "part.two.module.base.kernel" in names
    for name, weight in model.named_parameters():
        weight.requires_grad_("beside" in name)
    model.compile("sgd", "mse")
    kernel = found[0][1].kernel.numpy().copy()
    model.fit(X, torch.zeros(6, 4), verbose=0)
    assert (found[0][1].kernel.numpy() == kernel).all()
    assert model.one.module.beside.weight.abs().sum() > 0
    for path, part in found:
        parent, _, child = path.rpartition(".")
        setattr(model.get_submodule(parent), child, part)
    torch.testing.assert_close(model(X), before)
    assert "one.kernel" in model.state_dict()


def test_activation_checkpointing():
    torch.manual_seed(0)
    model = drawn()
    state, before = model.state_dict(), model(X)
    (before["a"].sum() + before["b"].sum()).backward()
    due = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    apply_activation_checkpointing(
        model, check_fn=lambda part: isinstance(part, (layers.Dense, layers.BatchNormalization))
    )
    runs = []
    model.both.module._checkpoint_wrapped_module.register_forward_pre_hook(lambda *_: runs.append(1))
    after = model(X)
    (after["a"].sum() + after["b"].sum()).backward()
    assert len(runs) == 4, "each call runs again on the way back"
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), due, strict=True))
    model.load_state_dict(state)  # by the names that the weights had
    assert torch.equal(model(X)["a"], before["a"])
    assert list(model.state_dict()) == [key.replace(".", ".module.", 1) for key in state]


def test_a_mask_goes_past_an_adapter():
    ids = torch.tensor([[1, 2, 0, 0], [3, 0, 0, 0]])
    x = Input((4,), dtype="int64")
    h = layers.Dense(4, name="d")(layers.Embedding(5, 4, mask_zero=True, name="e")(x))
    model = Model(x, layers.LSTM(3, name="rnn")(h))
    before = model(ids)
    model.d = checkpoint_wrapper(model.d)
    torch.testing.assert_close(model(ids), before)
    model.e = checkpoint_wrapper(model.e)
    torch.testing.assert_close(model(ids), before)
    model.rnn = checkpoint_wrapper(model.rnn)
    torch.testing.assert_close(model(ids), before)


def test_a_mask_comes_and_goes_with_the_layer_that_makes_it():
    ids = torch.tensor([[1, 2, 0, 0], [3, 0, 0, 0]])

    def make(mask_zero):
        x = Input((4,), dtype="int64")
        return Model(x, layers.LSTM(3, name="rnn")(layers.Embedding(5, 4, mask_zero=mask_zero, name="e")(x)))

    for mask_zero in (True, False):
        model, due = make(mask_zero), make(not mask_zero)
        model.e = layers.Embedding(5, 4, mask_zero=not mask_zero)
        due.load_state_dict(model.state_dict())
        torch.testing.assert_close(model(ids), due(ids))


@pytest.mark.parametrize("way", WAYS)
def test_folded_and_joined_programs_follow(way):
    x = Input((8, 8, 3))
    h = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(x)))
    model = Model(x, layers.Dense(2, name="out")(layers.Flatten()(h)))
    image = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    model.compile("sgd", "mse")
    model.fit(image, np.ones((2, 2)), verbose=0), model.predict(image)
    WAYS[way](model, "conv", layers.Conv2D(4, 3, use_bias=False))
    np.testing.assert_allclose(model.predict(image), model(image).detach(), rtol=1e-4, atol=1e-5)
    before = model.conv.kernel.numpy().copy()
    model.fit(image, np.ones((2, 2)), verbose=0)
    assert (model.conv.kernel.numpy() != before).any()
    np.testing.assert_allclose(model.predict(image), model(image).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "torch", "scaled"])
def test_training_goes_on_with_the_new_weights(optimizer, tmp_path):
    model = sequential()
    given = {
        "adam": lambda: "adam",
        "torch": lambda: torch.optim.Adam(model.parameters(), lr=0.01),
        "scaled": lambda: lamina.optimizers.LossScaleOptimizer(lamina.optimizers.Adam()),
    }[optimizer]()
    model.compile(given, "mse")
    model.fit(X, Y, verbose=0, epochs=2)
    model.out = new = layers.Dense(3)
    before = new.kernel.numpy().copy()
    model.fit(X, Y, verbose=0)
    assert (new.kernel.numpy() != before).any()
    model.save_checkpoint(tmp_path / "c.lamina")
    model.load_checkpoint(tmp_path / "c.lamina")
    model.train_on_batch(X, Y)


@pytest.mark.parametrize("when", ["on_epoch_begin", "on_epoch_end", "on_train_batch_end"])
@pytest.mark.parametrize("convolves", [False, True])
def test_a_callback_may_exchange_a_layer(when, convolves):
    x = Input((4,))
    h = layers.Dense(4, name="d")(x)
    if convolves:  # so that fit runs a joined program
        h = layers.Flatten()(
            layers.BatchNormalization()(layers.Conv1D(4, 1, activation="relu")(layers.Reshape((4, 1))(h)))
        )
    model = Model(x, layers.Dense(3)(h))
    model.compile("sgd", "mse")
    new = layers.Dense(4)
    seen = []

    class Changes(Callback):
        def at(self, index, logs=None):
            if model.d is not new:
                model.d = new
                seen.append(new.kernel.numpy().copy())

    setattr(Changes, when, Changes.at)
    model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=[Changes()])
    assert (new.kernel.numpy() != seen[0]).any()


def test_copies_files_and_clones_have_the_new_layer(tmp_path):
    model = drawn()
    model.out = layers.Dense(5)
    model.norm = layers.LayerNormalization()
    expected = model(X)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(X)["a"], expected["a"])
        other.out = layers.Dense(2)
        assert other(X)["a"].shape == (6, 2)
        assert model(X)["a"].shape == (6, 5)
    model.save(tmp_path / "m.lamina")
    assert torch.equal(lamina.models.load_model(tmp_path / "m.lamina")(X)["a"], expected["a"])
    clone = lamina.models.clone_model(model)
    assert list(clone.state_dict()) == list(model.state_dict())
    assert clone(X)["a"].shape == (6, 5)
    again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert torch.equal(again(X)["a"], expected["a"])


def test_a_foreign_module_is_saved_where_it_stands(tmp_path):
    model = drawn()
    model.out = nn.Linear(4, 5)
    model.save(tmp_path / "m.lamina")
    loaded = lamina.models.load_model(tmp_path / "m.lamina")
    torch.testing.assert_close(loaded(X)["a"], model(X)["a"])
    assert list(loaded.state_dict()) == list(model.state_dict())


def test_parts_of_a_layer_and_of_a_module_are_seen():
    """What a layer in the graph holds may be exchanged, too: the shapes behind it follow, or it is said."""

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(5)

        def call(self, x):
            return self.inner(x)

    x = Input((4,))
    model = Model(x, Block()(x))
    model.block.inner = layers.Dense(7)
    assert model(X).shape == (6, 7)
    assert model.output_shape == (None, 7)
    net = nn.Sequential(nn.Linear(4, 5))
    net.fc = nn.Linear(5, 6)
    model = Model(x, layers.TorchModule(net, name="backbone")(x))
    model.backbone.fc = fc = nn.Linear(5, 8)
    assert net.fc is fc
    assert model.backbone.fc is fc
    assert model(X).shape == (6, 8)
    assert model.output_shape == (None, 8)
    assert "backbone.module.fc.weight" in model.state_dict()
    model.backbone.fc.weight = nn.Parameter(torch.zeros(8, 5))
    torch.testing.assert_close(model(X), fc.bias.expand(6, 8))


def test_the_mode_and_the_freezing_of_the_place_are_the_new_ones():
    model = drawn().train()
    model.out = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
    assert all(part.training for part in model.modules())
    model.eval()
    model.out = layers.Dense(3)
    assert not any(part.training for part in model.modules())
    model.trainable = False
    model.out = layers.Dense(3)
    assert model.trainable_weights == []


def test_hooks_and_lines():
    model = drawn()
    seen = []
    model.register_forward_hook(lambda *_: seen.append("model"))
    model.norm.register_forward_hook(lambda *_: seen.append("norm"))
    lines = {name: model.node(name).source for name in ("both", "norm", "tanh")}
    model.out = layers.Dense(3)
    model(X)
    assert seen == ["norm", "model"]
    assert {name: model.node(name).source for name in lines} == lines
    assert model.node("out").source.line > lines["norm"].line
    model.summary()


def test_compiled():
    model = drawn()
    run = torch.compile(model, backend="eager")
    run(X)
    model.out = layers.Dense(5)
    torch.testing.assert_close(run(X)["a"], model(X)["a"])


def test_the_old_weights_and_their_state_are_let_go_of_at_once():
    model = sequential()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    old = weakref.ref(model.get_layer("out").kernel)
    model.out = layers.Dense(3)
    gc.collect()
    assert old() is None


def test_a_layer_that_was_refused_keeps_its_own_name():
    model, new = drawn(), layers.Dense(7, name="mine")
    with pytest.raises(LaminaError, match="(?s)both.*axis -1 of size 4, not 7"):
        model.both = new
    assert new.name == "mine"
    x = Input((4,))
    assert Model(x, new(x)).layers[-1].name == "mine"


def test_a_result_in_another_dtype_reaches_the_models_around():
    x, y = Input((4,)), Input((4,))
    inner = Model(x, layers.Dense(3, name="out")(x))
    outer = Model(y, inner(y) * 2.0)
    outer(X)
    inner.out = layers.Dense(3, dtype="float64")
    assert outer(X).dtype == torch.float64
    assert outer.output.dtype == torch.float64


def test_an_adapter_that_gives_another_shape_keeps_no_mask():
    class Pool(nn.Module):
        def forward(self, x):
            return x.mean(1)

    x = Input((5, 4))
    model = Model(x, layers.Dense(4, name="hidden")(layers.Masking()(x)))
    assert model.output.mask is not None
    model.hidden = Pool()
    assert (model.output.shape, model.output.mask) == ((None, 4), None)
