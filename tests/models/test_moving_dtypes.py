"""`double()`, `half()`, `to(dtype)`, default dtypes and the meta device: the model goes along, and says so."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from lamina import Input, Model, Sequential, config, layers
from lamina.defaults import defaults
from lamina.models import clone_model, load_model

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(3, 6, 4, generator=GENERATOR)


def recurrent():
    x = Input((6, 4), name="x")
    h = layers.LSTM(5, return_sequences=True)(x)
    h = layers.BatchNormalization(name="norm")(h)
    h = layers.MultiHeadAttention(2, 3)(h, h)
    h = layers.LayerNormalization()(h + h.mean(1, keepdim=True))
    h = layers.Bidirectional(layers.GRU(3))(h)
    return Model(x, layers.Dense(2, name="out")(torch.tanh(h) * torch.ones(6) + 1))


def convolutional():
    x = Input((6, 4))
    h = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(4, 3, padding="same")(x)))
    h = layers.SeparableConv1D(3, 3)(layers.SpatialDropout1D(0.1)(h))
    return Model(x, {"a": layers.Dense(2)(layers.GlobalAveragePooling1D()(h)), "b": layers.PReLU()(h)})


def nested():
    y = Input((6, 4))
    inner = recurrent()
    return Model(y, layers.Dense(2)(inner(y) + inner(y * 2)))


def foreign():
    x = Input((6, 4))
    return Model(x, layers.Dense(2)(layers.TorchModule(nn.Sequential(nn.Linear(4, 3), nn.Tanh()))(x)))


def custom():
    class Own(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight((shape[-1], 3), name="w")

        def call(self, x):
            return x @ self.w

    x = Input((6, 4))
    return Model(x, layers.Dense(2)(Own()(x)))


def rescaled():
    x = Input((6, 4))
    h = layers.Rescaling([1.0, 2.0, 3.0, 4.0], 0.1)(x)
    return Model(x, layers.Dense(2)(layers.Normalization(mean=[0.1] * 4, variance=[2.0] * 4)(h)))


def choosing():
    x = Input((6, 4))
    first, second = layers.Dense(3), layers.Dense(3)
    h = layers_of_choice(x, first, second)
    return Model(x, layers.Dense(2)(h))


def layers_of_choice(x, first, second):
    from lamina import ops

    return ops.cond(x.sum() > 0, lambda: first(x), lambda: second(x))


def chain():
    return Sequential([Input((6, 4)), layers.Dense(3), layers.Dropout(0.1), layers.Dense(2)])


MODELS = {f.__name__: f for f in (recurrent, convolutional, nested, foreign, custom, rescaled, choosing, chain)}
MOVES = {
    "double": (lambda m: m.double(), torch.float64),
    "half": (lambda m: m.half(), torch.float16),
    "bfloat16": (lambda m: m.bfloat16(), torch.bfloat16),
    "to": (lambda m: m.to(torch.float64), torch.float64),
    "to device and dtype": (lambda m: m.to("cpu", torch.float64), torch.float64),
    "type": (lambda m: m.type(torch.float64), torch.float64),
    "there and back": (lambda m: m.half().double(), torch.float64),
    "within a parent": (lambda m: nn.ModuleList([m]).double(), torch.float64),
}


def leaves(result):
    return list(result.values()) if isinstance(result, dict) else [result]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("kind", MODELS)
def test_a_model_moves_as_a_whole(kind, move):
    torch.manual_seed(0)
    model = MODELS[kind]()
    before = leaves(model(X))
    fn, dtype = MOVES[move]
    fn(model)
    for given in (X, X.to(dtype), X.numpy(), X.double()):
        after = leaves(model(given))
        assert all(t.dtype == dtype for t in after)
    rough = 0.2 if torch.finfo(dtype).bits == 16 or "back" in move else 1e-5
    for a, b in zip(after, before, strict=True):
        torch.testing.assert_close(a.float(), b, rtol=rough, atol=rough)
    state = [t for t in model.state_dict().values() if t.is_floating_point()]
    assert {t.dtype for t in state} == {dtype}
    assert [t.dtype for t in model.outputs] == [dtype] * len(after)
    assert model.inputs[0].dtype == dtype
    named = str(dtype).removeprefix("torch.")
    for part in model.modules():
        if isinstance(part, layers.Layer) and not isinstance(part, Model):
            assert (part.compute_dtype, part.variable_dtype, part.get_config().get("dtype", named)) == (named,) * 3


@pytest.mark.parametrize("kind", MODELS)
def test_in_float64_it_computes_in_float64(kind):
    """Nothing on the way is rounded to float32: the result is that of a model that was made in float64."""
    torch.manual_seed(0)
    model = MODELS[kind]().double()
    policy, floatx = defaults.policy, defaults.chosen_floatx
    try:
        config.set_floatx("float64")
        made = MODELS[kind]()
    finally:
        defaults.policy, defaults.chosen_floatx = policy, floatx
    made.load_state_dict(model.state_dict())
    for a, b in zip(leaves(model(X.double())), leaves(made.double()(X.double())), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["recurrent", "convolutional", "nested", "foreign", "chain"])
def test_moved_models_train_and_are_copied_and_saved(kind, tmp_path):
    model = MODELS[kind]().double()
    target = {name: np.ones((3, *shape[1:])) for name, shape in zip(
        model.output_names, [tuple(t.shape) for t in leaves(model(X))], strict=True)}  # fmt: skip
    y = target if len(target) > 1 else next(iter(target.values()))
    model.compile("adam", "mse")
    model.fit(X, y, verbose=0)
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    expected = leaves(model(X))
    assert all(leaf.dtype == np.float64 for leaf in leaves(model.predict(X)))
    model.evaluate(X, y, verbose=0)
    others = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), clone_model(model)]
    others[-1].set_weights(model.get_weights())
    model.save(tmp_path / "m.lamina")
    others.append(load_model(tmp_path / "m.lamina"))
    for other in others:
        assert {p.dtype for p in other.parameters()} == {torch.float64}
        for a, b in zip(leaves(other(X)), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    # after a fit, with the optimizer's state
    model.float()
    model.fit(X, y, verbose=0)
    assert {t.dtype for t in model.optimizer.variables[2:]} <= {torch.float32, torch.float64, torch.int64}
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_one_layer_within_a_model_has_casts_at_its_borders():
    torch.manual_seed(0)
    x = Input((4,))
    a, b, c = layers.Dense(4, name="a"), layers.Dense(4, name="b"), layers.Dense(4, name="c")
    model = Model(x, c(b(a(x))))
    given = X[:, 0]
    before = model(given)
    b.double()
    assert "b_layer.run(to)" in model.program().source
    assert model(given).dtype == torch.float32
    torch.testing.assert_close(model(given), before)
    torch.testing.assert_close(model(given), c(b(a(given).double()).float()))
    model.compile("adam", "mse")
    model.fit(given, np.zeros((3, 4)), verbose=0), model.predict(given)
    assert [p.dtype for p in model.parameters()] == [torch.float32] * 2 + [torch.float64] * 2 + [torch.float32] * 2
    outer = Model(y := Input((4,)), torch.relu(model(y)))
    c.double()
    assert model(given).dtype == outer(given).dtype == torch.float64
    assert outer.outputs[0].dtype == torch.float64
    model.float()
    assert ".to(" not in model.program().source
    assert outer(given).dtype == torch.float32


def test_a_foreign_module_within_a_model_too():
    x = Input((4,))
    model = Model(x, layers.Dense(2)(layers.TorchModule(nn.Linear(4, 3), name="linear")(x)))
    before = model(X[:, 0])
    model.linear.double()
    torch.testing.assert_close(model(X[:, 0]), before)


def test_casts_of_the_users_own_stay():
    x = Input((4,))
    model = Model(x, layers.Dense(2)(torch.relu(layers.Dense(3)(x).to(torch.float16))))
    assert model(X[:, 0]).dtype == torch.float32
    model.double()
    assert "to(torch.float16)" in model.program().source
    assert model(X[:, 0]).dtype == torch.float64


@pytest.mark.parametrize("mixed", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_layers(mixed):
    """Cast weights make a plain layer; weights that keep their dtype, a layer that stays mixed."""
    x = Input((4,))
    h = layers.BatchNormalization(dtype=mixed)(layers.Dense(3, dtype=mixed)(x))
    model = Model(x, layers.Dense(2, dtype=mixed)(h))
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    model.float()
    assert model.layers[1].dtype_policy.name == mixed
    assert model(X[:, 0]).dtype != torch.float32
    model.double()
    assert model.layers[1].dtype_policy.name == "float64"
    assert model(X[:, 0].double()).dtype == torch.float64
    assert ".to(" not in model.program().source
    assert "run_mixed" not in model.program().source
    model.to(torch.bfloat16)
    assert model(X[:, 0]).dtype == torch.bfloat16


def test_inputs_of_whole_numbers_stay():
    ids = Input((5,), dtype="int64")
    model = Model(ids, layers.Dense(2)(layers.Embedding(7, 4)(ids))).double()
    assert model.inputs[0].dtype == torch.int64
    assert model(torch.ones(2, 5, dtype=torch.int64)).dtype == torch.float64
    count = Input((4,), dtype="int32")
    model = Model(count, layers.Dense(2)(count)).double()
    big = torch.full((1, 4), 2**24 + 1, dtype=torch.int32)
    assert "float32" not in model.program().source
    assert model(big).dtype == torch.float64


def test_unbuilt_layers_and_chains_and_subclasses():
    layer = layers.Dense(3).double()
    assert layer(X).dtype == layer.kernel.dtype == torch.float64
    chain = Sequential([layers.Dense(3), layers.BatchNormalization()]).double()
    assert chain(X).dtype == torch.float64
    assert chain.inputs[0].dtype == torch.float64

    class Own(Model):
        def __init__(self):
            super().__init__()
            self.first, self.last = layers.LSTM(3), layers.Dense(2)

        def call(self, x):
            return self.last(self.first(x))

    for moved in (Own().double(), make_built(Own()).double()):
        assert moved(X).dtype == torch.float64
        assert moved.get_config() is not None
    y = Input((6, 4))
    outer = Model(y, make_built(Own())(y)).double()
    assert outer(X).dtype == torch.float64


def make_built(model):
    model(X)
    return model


def test_running_averages_move_and_go_on():
    model = Sequential([Input((4,)), layers.BatchNormalization(name="norm")]).double()
    model(X[:, 0] + 5, training=True)
    assert model.norm.moving_mean.dtype == torch.float64
    assert model.norm.moving_mean.abs().sum() > 0


def test_a_device_alone_changes_no_graph():
    model = recurrent()
    graph = model.graph
    model.to("cpu").share_memory()
    assert model.graph is graph


def test_floatx_follows_pytorch_until_it_is_set(monkeypatch):
    monkeypatch.setattr(defaults, "chosen_floatx", None)
    monkeypatch.setattr(defaults, "policy", None)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        assert config.floatx() == "float64"
        model = recurrent()
        assert model(X).dtype == model.inputs[0].dtype == torch.float64
        chain = Sequential([layers.Dense(2)])
        chain.compile("adam", "mse")
        chain.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        assert {p.dtype for p in [*model.parameters(), *chain.parameters()]} == {torch.float64}
        assert layers.Dense(2, dtype="float32").compute_dtype == "float32"
        config.set_floatx("float32")
        assert recurrent()(X).dtype == torch.float32
        config.set_floatx(None)
        assert config.floatx() == "float64"
    finally:
        torch.set_default_dtype(before)
    assert config.floatx() == "float32"
    assert Input((2,)).dtype == torch.float32


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("assign", [False, True])
def test_made_without_storage_then_given_some(kind, assign):
    real = MODELS[kind]()
    with torch.device("meta"):
        model = MODELS[kind]()
    weights = [*model.parameters(), *model.buffers()]
    assert {w.device.type for w in model.parameters()} == {"meta"}
    assert weights
    if not assign:
        model.to_empty(device="cpu")
    model.load_state_dict(real.state_dict(), assign=assign)
    for a, b in zip(leaves(model(X)), leaves(real(X)), strict=True):
        torch.testing.assert_close(a, b)


def test_the_device_of_a_trial_is_not_that_of_the_weights():
    """A layer that builds others while it is tried on shapes has real weights."""

    class Late(layers.Layer):
        def build(self, shape):
            self.inner = layers.Dense(3)

        def call(self, x):
            return self.inner(x)

    x = Input((4,))
    assert {p.device.type for p in Model(x, Late()(x)).parameters()} == {"cpu"}
    with torch.device("meta"):
        late = Model(x, Late()(x))
    assert {p.device.type for p in late.parameters()} == {"meta"}


def test_dtypes_that_no_layer_computes_in_leave_the_policy():
    for layer in (layers.Dense(3), layers.ReLU()):
        for dtype in (torch.int32, torch.complex64):
            layer.type(dtype)
            assert (layer.dtype, layer.compute_dtype) == ("float32", "float32")


def test_weights_of_another_dtype_take_their_layer_along_beside_one_that_is_never_cast():
    class Table(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight((shape[-1], 3), name="kernel")
            self.table = self.add_weight((3,), name="table", autocast=False)

        def call(self, x):
            return x @ self.kernel + self.table.to(x.dtype)

    layer = Table()
    layer(torch.ones(2, 4))
    state = {"kernel": layer.kernel.detach().double(), "table": layer.table.detach().clone()}
    layer.load_state_dict(state, assign=True)
    assert (layer.dtype, layer.table.dtype) == ("float64", torch.float32)
    assert layer(torch.ones(2, 4)).dtype == torch.float64
