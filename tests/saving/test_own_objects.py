"""Initializers, regularizers, constraints and activations of the user's: no file is refused for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import lamina
from lamina import ArgumentError, Model, constraints, initializers, layers, regularizers
from lamina.layers import Dense, Input, Layer
from lamina.models import clone_model, load_model, model_from_json
from lamina.saving import LoadingError


def decay(w: torch.Tensor) -> torch.Tensor:
    return 0.01 * (w * w).sum()


def clipped(w: torch.Tensor) -> torch.Tensor:
    return w.clamp(-0.5, 0.5)


def tenths(shape: Any, dtype: Any = None) -> torch.Tensor:
    return torch.full(tuple(shape), 0.1)


def swish(x: torch.Tensor) -> torch.Tensor:
    return x * torch.sigmoid(1.3 * x)


class Untold(regularizers.Regularizer):
    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.rate * (x * x).sum()


class Decay(Untold):
    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate}


class PlainDecay:
    """Of no base class."""

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.rate * (x * x).sum()

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate}


class Within(constraints.Constraint):
    def __init__(self, most: float = 1.0) -> None:
        self.most = most

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        return w.clamp(-self.most, self.most)


class Filled(initializers.Initializer):
    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        return torch.full(tuple(shape), self.by)

    def get_config(self) -> dict[str, Any]:
        return {"by": self.by}


class Own(Layer):
    """A custom layer with a weight of such kinds."""

    def __init__(self, kernel_initializer: Any = "ones", kernel_regularizer: Any = None, kernel_constraint: Any = None):
        super().__init__()
        self.given = kernel_initializer, kernel_regularizer, kernel_constraint

    def build(self, shape: Any) -> None:
        first, penalty, limit = self.given
        self.w = self.add_weight((shape[-1], 3), initializer=first, regularizer=penalty, constraint=limit)

    def call(self, x: Any) -> Any:
        return x @ self.w


TOLD = {
    "regularizer": (decay, Decay(0.2), PlainDecay(0.3)),
    "constraint": (clipped, Within()),
    "initializer": (tenths, Filled(0.2)),
}
UNTOLD = {"regularizer": (lambda w: w.abs().sum(), Untold(0.3)), "constraint": (Within(0.5), lambda w: w.clamp(0))}
MAKERS = {
    "Dense": lambda **own: Dense(3, **own),
    "Own": lambda **own: Own(**own),
    "Bidirectional": lambda **own: layers.Bidirectional(layers.GRU(2, **own)),
}


def model_with(maker: str, kind: str, thing: Any) -> tuple[Model, torch.Tensor]:
    x = Input((5, 4) if maker == "Bidirectional" else (4,))
    model = Model(x, MAKERS[maker](**{f"kernel_{kind}": thing})(x))
    model.compile("adam", "mse")
    data = torch.randn(6, *x.shape[1:])
    model.fit(data, torch.zeros_like(model(data)).detach(), epochs=1, verbose=0)
    return model, data


def handed(thing: Any) -> dict[str, Any]:
    named = thing if hasattr(thing, "__name__") else type(thing)
    return {named.__name__: named, "Own": Own}


ALL_TOLD = [(kind, thing) for kind, things in TOLD.items() for thing in things]


@pytest.mark.parametrize("maker", [pytest.param(m, marks=[pytest.mark.slow] * (m == "Bidirectional")) for m in MAKERS])
@pytest.mark.parametrize("kind, thing", ALL_TOLD)
def test_what_is_for_training_only_may_be_missing(maker: str, kind: str, thing: Any, tmp_path: Path) -> None:
    model, data = model_with(maker, kind, thing)
    model.save(tmp_path / "m.lamina")
    named = thing if hasattr(thing, "__name__") else type(thing)
    if maker == "Own" and kind == "initializer":  # nothing of what was traced needs it
        without = load_model(tmp_path / "m.lamina")
    else:
        with pytest.warns(UserWarning, match=f"{kind}.*{named.__name__}.*custom_objects") as told:
            without = load_model(tmp_path / "m.lamina")
        assert "answers as it did" in str(told[0].message)
    assert torch.equal(without(data), model(data))
    assert without.compiled
    assert type(without.layers[-1]) is type(model.layers[-1]) or maker == "Own"
    without.fit(data, torch.zeros_like(model(data)).detach(), epochs=1, verbose=0)

    loaded = load_model(tmp_path / "m.lamina", custom_objects=handed(thing))
    assert torch.equal(loaded(data), model(data))
    assert type(loaded.layers[-1]) is type(model.layers[-1])
    assert [float(v.detach()) for v in loaded.losses] == [float(v.detach()) for v in model.losses]
    assert [type(w.constraint) for w in loaded.weights] == [type(w.constraint) for w in model.weights]


@pytest.mark.parametrize("maker", ("Dense", "Own"))
@pytest.mark.parametrize("kind, thing", [(kind, thing) for kind, things in UNTOLD.items() for thing in things])
def test_what_no_file_can_tell_is_left_out(maker: str, kind: str, thing: Any, tmp_path: Path) -> None:
    model, data = model_with(maker, kind, thing)
    with pytest.warns(UserWarning, match=f"saved without the {kind} of its weight"):
        model.save(tmp_path / "m.lamina")
    for custom_objects in ({}, handed(thing)):  # its class alone would make another one
        with pytest.warns(UserWarning, match=f"loaded without {kind}"):
            loaded = load_model(tmp_path / "m.lamina", custom_objects=custom_objects)
        assert torch.equal(loaded(data), model(data))
        assert loaded.compiled


def test_what_was_missing_is_kept_for_whoever_has_it(tmp_path: Path) -> None:
    model, data = model_with("Dense", "regularizer", Decay(0.2))
    model.save(tmp_path / "first.lamina")
    with pytest.warns(UserWarning, match="loaded without"):
        without = load_model(tmp_path / "first.lamina")
    assert repr(without.layers[-1].kernel_regularizer) == "<AbsentRegularizer for Decay>"
    assert type(clone_model(without).layers[-1]) is Dense
    for name in ("second.lamina", "second.keras"):
        without.save(tmp_path / name)
        again = load_model(tmp_path / name, custom_objects={"Decay": Decay})
        assert again.layers[-1].kernel_regularizer.rate == 0.2
        assert torch.equal(again(data), model(data))


@pytest.mark.parametrize("kind, thing", ALL_TOLD)
def test_a_keras_file_is_read_without_it_too(kind: str, thing: Any, tmp_path: Path) -> None:
    model, data = model_with("Dense", kind, thing)
    model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match="loaded without"):
        without = load_model(tmp_path / "m.keras", report=None)
    assert torch.equal(without(data), model(data))
    assert without.compiled
    loaded = load_model(tmp_path / "m.keras", custom_objects=handed(thing))
    assert [float(v.detach()) for v in loaded.losses] == [float(v.detach()) for v in model.losses]


def test_a_config_without_weights_needs_it() -> None:
    x = Input((4,))
    model = Model(x, Dense(3, kernel_initializer=tenths)(x))
    with pytest.raises(LoadingError, match="tenths"):
        model_from_json(model.to_json())
    made = model_from_json(model.to_json(), custom_objects={"tenths": tenths})
    assert torch.equal(made.weights[0], torch.full((4, 3), 0.1))


def test_an_object_that_tells_nothing_of_itself_is_no_default_one() -> None:
    assert constraints.serialize(Within())["config"] == {}
    with pytest.raises(ArgumentError, match="another one"):
        constraints.serialize(Within(0.5))


ACTIVATIONS = {
    "a layer with arguments": lambda: layers.LeakyReLU(0.3),
    "a function": lambda: swish,
    "a lambda": lambda: lambda x: x * 2 + 1,
    "a module": torch.nn.GELU,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_answers_as_it_did(name: str, tmp_path: Path) -> None:
    x = Input((4,))
    model = Model(x, Dense(3, activation=ACTIVATIONS[name]())(x))
    model.save(tmp_path / "m.lamina")
    data = torch.randn(5, 4)
    assert torch.equal(load_model(tmp_path / "m.lamina")(data), model(data))
    if name == "a layer with arguments":
        twin = clone_model(model)
        twin.set_weights(model.get_weights())
        assert torch.equal(twin(data), model(data))


@pytest.mark.parametrize("name", ("a layer with arguments", "a function"))
def test_both_directions_have_the_activation(name: str, tmp_path: Path) -> None:
    x = Input((5, 4))
    layer = layers.Bidirectional(layers.LSTM(3, activation=ACTIVATIONS[name]()))
    model = Model(x, layer(x))
    assert type(layer.backward_layer.cell.activation) is type(layer.forward_layer.cell.activation)
    model.save(tmp_path / "m.lamina")
    data = torch.randn(2, 5, 4)
    assert torch.equal(load_model(tmp_path / "m.lamina")(data), model(data))


def test_a_function_is_not_taken_for_a_class_that_is_spelled_alike() -> None:
    with pytest.raises(ArgumentError, match="LeakyReLU"):
        lamina.activations.deserialize({"class_name": "LeakyReLU", "config": {"negative_slope": 0.3}})
