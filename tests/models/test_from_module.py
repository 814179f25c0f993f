"""Model.from_module: compile, fit, predict and summary for a bare module of PyTorch's."""

import copy
import dataclasses
import pickle
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from lamina import Input, Model, layers
from lamina.graph import ArgumentError, DtypeError, ShapeError, StructureError, ValueNeededError
from lamina.models import load_model


class Two(nn.Module):
    """Two arguments, one result."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Embedding(10, 4)

    def forward(self, facts, tokens, scale=None):
        result = self.left(facts) + self.right(tokens).mean(1)
        return result if scale is None else result * scale


class Heads(nn.Module):
    """Several results, in a structure that is told."""

    def __init__(self, make):
        super().__init__()
        self.price, self.kind, self.make = nn.Linear(3, 1), nn.Linear(3, 4), make

    def forward(self, x):
        return self.make(self.price(x), self.kind(x))


Pair = namedtuple("Pair", "price kind")


@dataclasses.dataclass
class Record:
    price: torch.Tensor
    kind: torch.Tensor
    cache: object = None


@dataclasses.dataclass
class ModelOutput(OrderedDict):
    """As Hugging Face's: a dataclass that is a mapping of those fields that are not None."""

    price: torch.Tensor = None
    kind: torch.Tensor = None
    states: torch.Tensor = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None:
                OrderedDict.__setitem__(self, field.name, value)


class DataDependent(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(x) if x.sum().item() > 0 else self.linear(-x)


def make_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))


def rows(n=32, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, 3)).astype("float32")
    return x, x.sum(1, keepdims=True)


WAYS = [None, (3,), [3], np.zeros((1, 3), "float32"), torch.zeros(5, 3), [(3,)]]


@pytest.mark.parametrize("inputs", WAYS, ids=["none", "shape", "list", "array", "tensor", "list of one"])
def test_fit_evaluate_predict(inputs):
    net, (x, y) = make_net(), rows()
    model = Model.from_module(net, inputs=inputs)
    model.compile("adam", "mse", metrics=["mae"])
    before = copy.deepcopy(net.state_dict())
    history = model.fit(x, y, epochs=3, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert any(not torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert before["1.num_batches_tracked"] + 12 == net[1].num_batches_tracked
    assert not any(part.training for part in net.modules())
    expected = net(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert model.evaluate(x, y, verbose=0)[0] == pytest.approx(np.square(expected - y).mean(), rel=1e-5)
    assert model.name == "sequential"


def test_it_trains_as_a_loop_by_hand_does():
    net, twin = make_net(), make_net()
    net[3], twin[3] = nn.Identity(), nn.Identity()
    x, y = rows()
    model = Model.from_module(net, inputs=(3,))
    model.compile(torch.optim.SGD(net.parameters(), 0.1), "mse")
    model.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0)
    optimizer = torch.optim.SGD(twin.parameters(), 0.1)
    for _ in range(2):
        for part in (slice(0, 16), slice(16, 32)):
            optimizer.zero_grad()
            nn.functional.mse_loss(twin(torch.from_numpy(x[part])), torch.from_numpy(y[part])).backward()
            optimizer.step()
    for a, b in zip(net.state_dict().values(), twin.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_modules_own_weights_under_its_own_keys():
    net = make_net()
    for model in (Model.from_module(net, inputs=(3,)), Model.from_module(net)):
        assert {id(p) for p in model.parameters()} == {id(p) for p in net.parameters()}
        assert len(model.trainable_weights) == 6
        other = {key: value + 1 for key, value in make_net().state_dict().items()}
        net.load_state_dict(other)
        assert all(any(torch.equal(v, w) for w in model.state_dict().values()) for v in other.values())
    assert list(Model.from_module(net).state_dict()) == [f"module.{key}" for key in net.state_dict()]
    assert list(Model.from_module(net, (3,)).state_dict()) == [f"sequential.module.{key}" for key in net.state_dict()]


@pytest.mark.parametrize("inputs", [None, (3,)])
def test_training_mode_reaches_the_module(inputs):
    class Notes(nn.Module):
        def forward(self, x):
            seen.append(self.training)
            return x

    seen, hooked, net = [], [], make_net().append(Notes())
    assert net.training
    model = Model.from_module(net, inputs=inputs)
    assert not net[-1].training
    model.train()
    assert net[-1].training
    model.eval()
    seen.clear()
    net[-1].register_forward_pre_hook(lambda module, args: hooked.append(module))
    model(torch.ones(2, 3))
    model(torch.ones(2, 3), training=True)
    assert seen == [False, True]
    assert hooked == [net[-1], net[-1]]  # a hook is given the module itself
    assert not net[-1].training


@pytest.mark.parametrize("inputs", [None, (3,)])
def test_frozen(inputs):
    net, (x, y) = make_net(), rows()
    tail = Model.from_module(net, inputs=inputs)
    tail.trainable = False
    before = copy.deepcopy(net.state_dict())
    x_in = Input((3,))
    model = Model(x_in, layers.Dense(1)(tail(x_in)))
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=2, verbose=0)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def data_of_two(n=12):
    facts, y = rows(n)
    tokens = np.random.default_rng(1).integers(0, 10, (n, 5))
    return facts, tokens, np.repeat(y, 4, 1)


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        [(3,), Input((5,), dtype="int64")],
        (np.zeros((1, 3), "float32"), np.zeros((1, 5), "int64")),
        {"tokens": torch.zeros(1, 5, dtype=torch.int64), "facts": (3,)},
        {"facts": Input((3,)), "tokens": Input((None,), dtype="int64")},
    ],
    ids=["none", "list", "examples", "named", "named inputs"],
)
def test_several_arguments(inputs):
    net = Two()
    facts, tokens, y = data_of_two()
    model = Model.from_module(net, inputs=inputs)
    model.compile("adam", "mse")
    named = {"tokens": tokens, "facts": facts}
    model.fit(named, y, verbose=0)
    expected = net(torch.from_numpy(facts), torch.from_numpy(tokens)).detach().numpy()
    np.testing.assert_allclose(model.predict(named, verbose=0), expected, rtol=1e-5, atol=1e-6)
    if not isinstance(inputs, dict) or list(inputs) == ["facts", "tokens"]:  # a dict has an order of its own
        np.testing.assert_allclose(model.predict([facts, tokens], verbose=0), expected, rtol=1e-5, atol=1e-6)
    if inputs is not None:
        assert sorted(model.input_names) == ["facts", "tokens"]


MAKERS = {
    "dict": lambda a, b: {"price": a, "kind": b},
    "named tuple": Pair,
    "dataclass": Record,
    "model output": ModelOutput,
    "mapping": lambda a, b: OrderedDict(price=a, kind=b, rest=None),
}


@pytest.mark.parametrize("inputs", [None, (3,)], ids=["undeclared", "declared"])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_named_results(make, inputs):
    model = Model.from_module(Heads(make), inputs=inputs)
    model.compile("adam", {"price": "mse", "kind": "mae"}, metrics={"kind": ["mse"]})
    x, y = rows()
    history = model.fit(x, {"kind": np.repeat(y, 4, 1), "price": y}, verbose=0).history
    assert {"loss", "price_loss", "kind_loss", "kind_mse"} <= set(history)
    found = model.predict(x, verbose=0)
    assert {key: value.shape for key, value in found.items()} == {"price": (32, 1), "kind": (32, 4)}
    if inputs is not None:
        assert model.output_names == ["price", "kind"]


@pytest.mark.parametrize("make", [lambda a, b: (a, b), lambda a, b: [a, None, b]])
def test_results_of_a_tuple(make):
    x, y = rows()
    model = Model.from_module(Heads(make), inputs=(3,), output_names=["price", "kind"])
    assert dict(model.output_shape) == {"price": (None, 1), "kind": (None, 4)}
    model.compile("adam", {"kind": "mse"})
    model.fit(x, {"kind": np.repeat(y, 4, 1)}, verbose=0)
    plain = Model.from_module(Heads(make), inputs=(3,))
    plain.compile("adam", ["mse", None])
    plain.fit(x, [y, None], verbose=0)
    assert len(plain.predict(x, verbose=0)) == 2


def test_weights_of_unknown_shape():
    x, y = rows()
    for inputs in ((3,), x, None):
        net = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(1))
        model = Model.from_module(net, inputs=inputs)
        model.compile("adam", "mse")
        model.fit(x, y, verbose=0)
        assert net[0].weight.shape == (4, 3)


def test_a_module_that_looks_at_values():
    with pytest.raises(ValueNeededError, match="needs the values of its input") as caught:
        Model.from_module(DataDependent(), inputs=(3,))
    assert "output_shape" in str(caught.value)
    x, y = rows()
    for model in (
        Model.from_module(DataDependent(), inputs=(3,), output_shape=(None, 2)),
        Model.from_module(DataDependent()),
    ):
        model.compile("sgd", "mse")
        model.fit(x, np.repeat(y, 2, 1), verbose=0)
        assert model.predict(x, verbose=0).shape == (32, 2)


def test_data_are_checked_before_the_module_sees_them():
    model = Model.from_module(Two(), inputs=[(3,), np.zeros((1, 5), "int64")])
    facts, tokens, _ = data_of_two()
    with pytest.raises(ShapeError, match="'facts'"):
        model([facts[:, :2], tokens])
    with pytest.raises(DtypeError, match="'tokens'"):
        model([facts, tokens.astype("float32")])
    with pytest.raises(StructureError, match="'tokens'"):
        model({"facts": facts})


BAD = {
    "no module": (lambda: Model.from_module(torch.tanh, (3,)), "takes an nn.Module"),
    "a layer": (lambda: Model.from_module(layers.Dense(2), (3,)), "is a layer already"),
    "no input": (lambda: Model.from_module(make_net(), "x"), "cannot be this"),
    "names": (lambda: Model.from_module(make_net(), (3,), output_names=["a", "b"]), "returns 1 tensor"),
    "names without inputs": (lambda: Model.from_module(make_net(), output_names=["a"]), "inputs are known"),
    "subclass without inputs": (lambda: type("Mine", (Model,), {}).from_module(make_net()), "needs its inputs"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_refused(case):
    make, text = case
    with pytest.raises(ArgumentError, match=text):
        make()


def test_inputs_that_the_module_cannot_take():
    with pytest.raises(ShapeError, match="cannot take this input"):
        Model.from_module(make_net(), inputs=(4,))


def test_a_subclass_keeps_its_steps():
    class Mine(Model):
        def hello(self):
            return "hello"

    assert Mine.from_module(make_net(), (3,), name="mine").hello() == "hello"


@pytest.mark.parametrize("inputs", [None, (3,)])
def test_copies_and_files(inputs, tmp_path):
    model = Model.from_module(make_net(), inputs=inputs)
    x = torch.ones(2, 3)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin(x), model(x))
        assert next(twin.parameters()) is not next(model.parameters())
    other = Model.from_module(nn.Sequential(*make_net()), inputs=inputs)
    with torch.no_grad():
        next(other.parameters()).add_(1.0)
    model.save_weights(tmp_path / "m.weights.safetensors")
    other.load_weights(tmp_path / "m.weights.safetensors")
    assert torch.equal(other(x), model(x))
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina")
    assert torch.equal(loaded(x), model(x))
    assert list(loaded.state_dict()) == list(model.state_dict())


def test_a_wrapped_module():
    """As DistributedDataParallel does: the module within an attribute of that name."""

    class Wrapped(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, *args, **kwargs):
            return self.module(*args, **kwargs)

    model = Model.from_module(Wrapped(Two()), inputs=[(3,), np.zeros((1, 5), "int64")])
    assert model.input_names == ["facts", "tokens"]
    facts, tokens, _ = data_of_two()
    undeclared = Model.from_module(Wrapped(Two()))
    assert undeclared([torch.from_numpy(facts), torch.from_numpy(tokens)]).shape == (12, 4)


def test_summary(capsys):
    Model.from_module(make_net(), inputs=(3,), name="net").summary(expand_nested=True)
    text = capsys.readouterr().out
    assert 'Model: "net"' in text
    assert "Trainable params: 57" in text
    for line in ("0 (Linear)", "1 (BatchNorm1d)", "4 (Linear)"):
        assert line in text
    assert "(None, 8)" in text
    Model.from_module(make_net()).summary()
    assert "4 (Linear)" in capsys.readouterr().out
