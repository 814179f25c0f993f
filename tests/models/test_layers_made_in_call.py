"""Layers and weights that a layer of the user's makes in its `call`: known once the model is drawn, wherever they are.

What is compared in the end are the objects: the weights that a drawn model lists are those that it runs and trains.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from lamina import Input, Model
from lamina.layers import RNN, Dense, Layer, TimeDistributed
from lamina.models import load_model


class Pair(NamedTuple):
    one: Any
    two: Any


class Lazy(Layer):
    """Makes a layer in its first call, and puts it where a subclass says."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.kept = self.empty()

    def empty(self) -> Any:
        return None

    def call(self, x: torch.Tensor) -> Any:
        raise NotImplementedError


class AsAttribute(Lazy):
    def call(self, x):
        if self.kept is None:
            self.kept = Dense(3)
        return self.kept(x)


class NeverSet(Layer):
    def call(self, x):
        if not hasattr(self, "dense"):
            self.dense = Dense(3)
        return self.dense(x)


class InPlaceOfIdentity(Lazy):
    def empty(self):
        return torch.nn.Identity()

    def call(self, x):
        if isinstance(self.kept, torch.nn.Identity):
            self.kept = Dense(3)
        return self.kept(x)


class InList(Lazy):
    def empty(self):
        return []

    def call(self, x):
        while len(self.kept) < 2:
            self.kept.append(Dense(3))
        for dense in self.kept:
            x = dense(x)
        return x


class InListBesideOthers(InList):
    def empty(self):
        return [Dense(3)]


class InListOfSomeLayer(Layer):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = InList()

    def call(self, x):
        return self.inner(x)


class InDict(Lazy):
    def empty(self):
        return {}

    def call(self, x):
        if "a" not in self.kept:
            self.kept["a"] = Dense(3)
        return self.kept["a"](x)


class InOrderedDict(InDict):
    def empty(self):
        return OrderedDict()


class InDictBySize(Lazy):
    def empty(self):
        return {}

    def call(self, x):
        return self.kept.setdefault(x.shape[-1], Dense(3))(x)


class InDefaultDict(Lazy):
    def empty(self):
        return {"deep": defaultdict(lambda: Dense(3))}

    def call(self, x):
        return self.kept["deep"]["a"](x)


class InTuple(Lazy):
    def call(self, x):
        if self.kept is None:
            self.kept = (Dense(3), [Dense(3)])
        return self.kept[1][0](self.kept[0](x))


class InNamedTuple(Lazy):
    def empty(self):
        return Pair(Dense(3), [])

    def call(self, x):
        if not self.kept.two:
            self.kept.two.append(Dense(3))
        return self.kept.two[0](self.kept.one(x))


class Nested(Lazy):
    def empty(self):
        return {"a": [], "b": ({},)}

    def call(self, x):
        if not self.kept["a"]:
            self.kept["a"].append(Dense(3))
            self.kept["b"][0]["c"] = Dense(3)
        return self.kept["a"][0](x) + self.kept["b"][0]["c"](x)


class InNewContainer(Layer):
    def call(self, x):
        if not hasattr(self, "kept"):
            self.kept = {"a": {}}
            self.kept["a"]["b"] = [Dense(3)]
        return self.kept["a"]["b"][0](x)


class KnownByTwoNames(Lazy):
    def empty(self):
        self.all: Any = {"same": []}
        return self.all["same"]

    def call(self, x):
        if not self.kept:
            self.all["same"].append(Dense(3))
        return self.kept[0](x)


class HeldByTheCall(Lazy):
    """What the call holds while a layer builds stays what the layer has."""

    def empty(self):
        return []

    def call(self, x):
        kept, self.calls = self.kept, 1
        if not kept:
            kept.append(Dense(3))
            kept[0].build(x.shape)
            self.scale = self.add_weight((3,), name="scale", initializer="ones")
            kept.append(Dense(3))
        assert self.kept is kept
        assert self.calls == 1
        return kept[1](kept[0](x)) * self.scale


class OfPyTorch(Lazy):
    def empty(self):
        return []

    def call(self, x):
        if not self.kept:
            self.kept.append(torch.nn.Linear(3, 3))
        return self.kept[0](x)


class WeightsInList(Lazy):
    def empty(self):
        return []

    def call(self, x):
        while len(self.kept) < 2:
            self.kept.append(self.add_weight((3, 3), name="w"))
        return x @ self.kept[0] @ self.kept[1]


class WeightsInDict(Lazy):
    def empty(self):
        return {}

    def call(self, x):
        if not self.kept:
            self.kept["a"] = self.add_weight((3, 3))
        return x @ self.kept["a"]


class MarkedBefore(Lazy):
    def call(self, x):
        if not self.kept:
            self.kept = True  # before the weight
            self.w = self.add_weight((3, 3))
        return x @ self.w


KINDS = [
    AsAttribute,
    NeverSet,
    InPlaceOfIdentity,
    InList,
    InListBesideOthers,
    InListOfSomeLayer,
    InDict,
    InOrderedDict,
    InDictBySize,
    InDefaultDict,
    InTuple,
    InNamedTuple,
    Nested,
    InNewContainer,
    KnownByTwoNames,
    HeldByTheCall,
    OfPyTorch,
    WeightsInList,
    WeightsInDict,
    MarkedBefore,
]
X = np.ones((4, 3), "float32")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", [None, "mixed_bfloat16"])
def test_a_drawn_model_knows_what_the_call_has_made(kind, policy):
    x = Input((3,))
    model = Model(x, kind(dtype=policy)(x))
    weights, keys = model.weights, list(model.state_dict())
    assert weights
    assert len(keys) == len(weights)
    before = [weight.detach().clone() for weight in weights]
    model.compile("sgd", "mse")
    model.predict(X, verbose=0)
    model.fit(X, np.full((4, 3), 9.0, "float32"), verbose=0)
    assert [id(weight) for weight in model.weights] == [id(weight) for weight in weights]
    assert list(model.state_dict()) == keys
    assert not any(torch.equal(a, b) for a, b in zip(before, weights, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_and_called_it_has_the_same_weights(kind):
    drawn, called = kind(), kind()
    drawn(Input((3,)))
    called(torch.ones(2, 3))
    assert list(drawn.state_dict()) == list(called.state_dict())
    assert [w.shape for w in drawn.weights] == [w.shape for w in called.weights]


def test_a_list_of_the_users_own_gets_the_layer():
    class Given(Layer):
        def __init__(self, kept):
            super().__init__()
            self.kept = kept

        def call(self, x):
            if not self.kept:
                self.kept.append(Dense(2))
            return self.kept[0](x)

    mine: list[Any] = []
    x = Input((3,))
    model = Model(x, Given(mine)(x))
    assert len(mine) == 1
    assert mine[0].weights[0] is model.weights[0]


def test_what_the_call_notes_beside_it_is_kept_and_a_tensor_is_not():
    class Notes(InDict):
        def call(self, x):
            self.seen = {"last": x}
            self.kept["n"] = self.kept.get("n", 0) + 1
            return super().call(x)

    layer = Notes()
    layer(Input((3,)))
    assert layer.kept["n"] == 1
    assert not hasattr(layer, "seen")


def test_a_call_that_makes_nothing_leaves_its_lists_as_they_were():
    class Counts(Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.log, self.cache = Dense(3), [[]], {"a": {}}

        def call(self, x):
            self.log[0].append(1)
            self.cache["a"][len(self.log[0])] = self.dense
            return x * 2

    layer = Counts()
    log = layer.log
    layer(Input((3,)))
    assert layer.log is log
    assert log == [[]]
    assert layer.cache == {"a": {}}


def test_a_layer_within_a_wrapper():
    x = Input((5, 3))
    model = Model(x, TimeDistributed(Nested())(x))
    weights = model.weights
    model.predict(np.ones((2, 5, 3)), verbose=0)
    assert len(weights) == 4
    assert [id(w) for w in model.weights] == [id(w) for w in weights]


@pytest.mark.parametrize("kind", [AsAttribute, InList, InDict, Nested, InNewContainer])
def test_a_file_has_it(kind, tmp_path):
    x = Input((3,))
    model = Model(x, kind()(x))
    model.save(tmp_path / "m.lamina")
    again = load_model(tmp_path / "m.lamina", custom_objects={kind.__name__: kind})
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", ["build", "predict", "fit"])
def test_a_model_defined_by_its_call(kind, first):
    class Around(Model):
        def __init__(self):
            super().__init__()
            self.inner = [kind()]

        def call(self, x):
            return self.inner[0](x)

    model = Around()
    model.compile("sgd", "mse")
    target = np.full((4, 3), 9.0, "float32")
    if first == "build":
        model.build((None, 3))
        assert model.weights
    elif first == "predict":
        model.predict(X, verbose=0)
    else:
        model.fit(X, target, verbose=0)
    before = [weight.detach().clone() for weight in model.weights]
    model.fit(X, target, verbose=0)
    assert before
    assert not any(torch.equal(a, b) for a, b in zip(before, model.weights, strict=True))


# -- where a rule answers for the call, and within other layers


class WithRule(Nested):
    def compute_output_shape(self, input_shape):
        return input_shape


class Cell(Layer):
    """A cell that makes layers in its call, and reads their weights."""

    state_size = output_size = 3

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.by_name, self.kept = None, []

    def call(self, x, states, training=None):
        if self.by_name is None:
            self.by_name = Dense(3, dtype=self.dtype_policy)
            self.by_name.build(x.shape)
            self.kept.append(Dense(3, dtype=self.dtype_policy))
            self.kept[0].build(states[0].shape)
        h = x @ self.by_name.kernel + torch.einsum("bi,ij->bj", states[0], self.kept[0].kernel)
        return h, [h]


def test_a_rule_of_shapes_does_not_hide_them():
    x = Input((3,))
    model = Model(x, WithRule()(x))
    weights = model.weights
    model.predict(X, verbose=0)
    assert len(weights) == 4
    assert [id(w) for w in model.weights] == [id(w) for w in weights]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("drawn", [True, False])
def test_a_cell_of_the_users(policy, drawn):
    layer = RNN(Cell(dtype=policy), dtype=policy)
    if drawn:
        layer(Input((5, 3)))
        assert len(layer.weights) == 4
    results = [layer(torch.ones(2, 5, 3)) for _ in range(2)]
    assert len(layer.weights) == 4
    torch.testing.assert_close(*results)
    assert {str(result.dtype) for result in results} == {f"torch.{layer.compute_dtype}"}


# -- under a mixed policy


class BesideOwnWeights(Layer):
    """Runs on a stand-in, since it has weights of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = None

    def build(self, input_shape):
        self.w = self.add_weight((3, 3))
        self.ws = [self.w]

    def call(self, x):
        if self.dense is None:
            self.dense = Dense(3, dtype=self.dtype_policy)
        if len(self.ws) < 2:
            self.ws.append(self.add_weight((3, 3)))
        return torch.einsum("bi,ij->bj", self.dense(x @ self.w), self.ws[1])


class BesideOtherParts(Cell):
    """Its list is lent too, since it holds a layer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.kept = [Dense(3, use_bias=False, dtype=self.dtype_policy)]

    def call(self, x, states, training=None):
        if len(self.kept) == 1:
            self.kept.append(Dense(3, use_bias=False, dtype=self.dtype_policy))
        h = self.kept[1](self.kept[0](x)) + states[0]
        return h, [h]


@pytest.mark.parametrize("kind", [BesideOwnWeights, MarkedBefore, WeightsInList, WeightsInDict])
@pytest.mark.parametrize("drawn", [True, False])
def test_weights_made_in_call_are_in_the_compute_dtype(kind, drawn):
    layer = kind(dtype="mixed_bfloat16")
    if drawn:
        layer(Input((3,)))
    else:
        layer(torch.ones(2, 3))
    count = len(layer.weights)
    results = [layer(torch.ones(2, 3)) for _ in range(2)]
    assert len(layer.weights) == count
    assert [result.dtype for result in results] == [torch.bfloat16] * 2
    assert torch.equal(*results)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_list_that_is_lent_keeps_what_is_put_into_it(policy):
    layer = RNN(BesideOtherParts(dtype=policy), dtype=policy)
    first, second = (layer(torch.ones(2, 5, 3)) for _ in range(2))
    assert len(layer.weights) == len(layer.cell.kept) == 2
    assert torch.equal(first, second)


def test_an_error_of_the_first_call_is_told_once():
    class Wrong(MarkedBefore):
        calls = 0

        def call(self, x):
            self.calls += 1
            return super().call(x) @ torch.ones(7, 7)

    layer = Wrong(dtype="mixed_bfloat16")
    with pytest.raises(RuntimeError, match="7"):
        layer(torch.ones(2, 3))
    assert len(layer.weights) == 1


class Rebinding(BesideOwnWeights):
    def call(self, x):
        if len(self.ws) < 3:
            self.ws = [*self.ws, self.add_weight((3, 3))]
            self.ws.append(self.add_weight((3, 3)))
        for w in self.ws:
            x = torch.einsum("bi,ij->bj", x, w)
        return x


def test_a_list_of_weights_that_is_set_anew_holds_the_weights():
    layer = Rebinding(dtype="mixed_bfloat16")
    first, second = (layer(torch.ones(2, 3)) for _ in range(2))
    assert torch.equal(first, second)
    assert [id(w) for w in layer.ws] == [id(w) for w in layer.weights]


class WithSetAndBuffer(Layer):
    """Beside the layer that it makes, it notes a word in a set of its own and keeps what it has computed."""

    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()
        self.dense: Any = None

    def call(self, x):
        if self.dense is None:
            self.dense = Dense(4)
            self.words.add("made")
            self.words.discard("before")
            self.register_buffer("seen", x * 2)
        return self.dense(x)


def test_a_set_keeps_its_identity_and_a_buffer_of_a_trial_is_forgotten() -> None:
    layer = WithSetAndBuffer()
    words = layer.words
    words.add("before")
    model = Model(x := Input((3,)), layer(x))
    assert layer.words is words
    assert words == {"made"}
    assert "seen" not in layer._buffers
    assert not any(tensor.is_meta for tensor in model.state_dict().values())
