"""Registered and scoped classes and functions: found by exact name wherever Lamina has none of that name."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError, Model, layers, saving, utils
from lamina.layers import Dense, Input, Layer
from lamina.models import clone_model, load_model, model_from_json
from lamina.saving import LoadingError
from tests.keras_names import _parameters


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    """What a test registers is gone afterwards."""
    before = dict(saving.get_custom_objects())
    yield
    saving.get_custom_objects().clear()
    saving.get_custom_objects().update(before)


class Scale(Layer):
    def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Halves(lamina.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        return torch.full(tuple(shape), 0.5, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {}


class Steady(lamina.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def __call__(self, step: Any) -> float:
        return self.rate

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate}


class Counted(lamina.metrics.Mean):
    pass


class Slower(lamina.optimizers.SGD):
    pass


def thrice(x: torch.Tensor) -> torch.Tensor:
    return x * 3


def absolute(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    return (y_true - y_pred).abs().mean(-1)


# ---- names


NAMES = (
    "CustomObjectScope custom_object_scope deserialize_keras_object get_custom_objects get_registered_name "
    "get_registered_object load_model load_weights register_keras_serializable save_model save_weights "
    "serialize_keras_object"
).split()


@pytest.mark.parametrize("name", NAMES)
def test_keras_names_stand_where_keras_has_them(name: str) -> None:
    assert name in saving.__all__
    assert (name in utils.__all__) == hasattr(keras.utils, name)
    if name in utils.__all__:
        assert getattr(utils, name) is getattr(saving, name)


@pytest.mark.parametrize("name", [name for name in NAMES if "weights" not in name and name != "save_model"])
def test_arguments_are_keras_own(name: str) -> None:
    theirs = [(p, default) for p, default in _parameters(getattr(keras.saving, name)) if p != "kwargs"]
    assert _parameters(getattr(saving, name))[: len(theirs)] == theirs


def test_registered_names_are_keras_own() -> None:
    for library in (keras.saving, saving):
        register = library.register_keras_serializable
        assert library.get_registered_name(register()(thrice)) == "Custom>thrice"
        assert library.get_registered_name(register("mine", "three")(thrice)) == "mine>three"
        assert library.get_registered_object("mine>three") is thrice
        assert library.get_registered_object("three") is None
        assert library.get_registered_object("three", {"three": 3}, {"three": 4}) == 3
        assert library.get_registered_object("three", None, {"three": 4}) == 4
        assert library.get_registered_name(absolute) == "absolute"
        assert library.get_custom_objects()["mine>three"] is thrice
        with library.custom_object_scope({"three": thrice}):
            assert library.get_registered_object("three") is thrice
            assert "three" not in library.get_custom_objects()
        del library.get_custom_objects()["mine>three"]
        assert library.get_registered_object("mine>three") is None


def test_what_cannot_be_registered() -> None:
    with pytest.raises(ArgumentError, match="with the parentheses"):
        saving.register_keras_serializable(Scale)
    with pytest.raises(ArgumentError, match=r"no get_config\(\)"):
        saving.register_keras_serializable()(int)
    with pytest.raises(ArgumentError, match="nothing else"):
        saving.register_keras_serializable(name="three")(3)
    with pytest.raises(ArgumentError, match="a dict by names"), saving.custom_object_scope([thrice]):
        pass


# ---- models


def drawn() -> Model:
    x = Input((3,))
    y = Dense(2, kernel_initializer=Halves(), activation=thrice)(Scale(4.0)(x))
    return Model(x, layers.TimeDistributed(Scale(0.5))(layers.Reshape((2, 1))(y)))


def test_a_registered_class_is_found_in_files_texts_configs_and_clones(tmp_path: Path) -> None:
    for thing in (Scale, Halves, thrice):
        saving.register_keras_serializable("mine")(thing)
    model = drawn()
    model.save(tmp_path / "m.lamina")
    assert '"mine>Scale"' in model.to_json()
    x = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(load_model(tmp_path / "m.lamina")(x), model(x))
    for made in (model_from_json(model.to_json()), Model.from_config(model.get_config()), clone_model(model)):
        made.set_weights(model.get_weights())
        assert torch.equal(made(x), model(x))


def test_a_class_handed_over_need_not_be_registered_again(tmp_path: Path) -> None:
    for thing in (Scale, Halves, thrice):
        saving.register_keras_serializable("mine")(thing)
    model = drawn()
    model.save(tmp_path / "m.lamina")
    saving.get_custom_objects().clear()
    by_hand = {"Scale": Scale, "Halves": Halves, "thrice": thrice}
    x = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(load_model(tmp_path / "m.lamina", custom_objects=by_hand)(x), model(x))
    with saving.custom_object_scope(by_hand):
        assert torch.equal(load_model(tmp_path / "m.lamina")(x), model(x))


def test_training_comes_back_with_what_is_registered(tmp_path: Path) -> None:
    for thing in (absolute, Steady, Slower, Counted):
        saving.register_keras_serializable("mine")(thing)
    x = Input((3,))
    model = Model(x, Dense(1)(x))
    model.compile(Slower(Steady(0.25)), loss=absolute, metrics=[absolute])
    data = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    model.fit(*data, verbose=0)
    model.save(tmp_path / "m.lamina")
    again = load_model(tmp_path / "m.lamina")
    assert type(again.optimizer) is Slower
    assert float(again.optimizer.learning_rate) == 0.25
    assert again.evaluate(*data, verbose=0) == model.evaluate(*data, verbose=0)
    saving.get_custom_objects().clear()
    with pytest.warns(UserWarning, match="not compiled: it was compiled with mine>Slower, mine>Steady, mine>absolute"):
        load_model(tmp_path / "m.lamina")


# ---- a name of Lamina's means Lamina's


class Impostor(Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__()


def test_nothing_stands_for_a_name_of_ours(tmp_path: Path) -> None:
    x = Input((3,))
    model = Model(x, Dense(2, activation="relu", kernel_initializer="ones")(x))
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3), "float32"), np.ones((4, 2), "float32"), verbose=0)
    model.save(tmp_path / "m.lamina")
    saving.register_keras_serializable(name="Dense")(Impostor)
    assert saving.get_registered_name(Impostor) == "Custom>Dense"
    table = dict.fromkeys(("Dense", "Model", "Functional", "Adam", "Ones", "MeanSquaredError"), Impostor)
    table |= {"relu": thrice, "mse": absolute, "mean_squared_error": absolute}
    saving.get_custom_objects().update(table)
    with saving.custom_object_scope(table):
        for made in (load_model(tmp_path / "m.lamina"), model_from_json(model.to_json()), clone_model(model)):
            assert type(made) is Model
            assert type(made.layers[1]) is Dense
            assert made.layers[1].activation is lamina.activations.relu
        assert type(load_model(tmp_path / "m.lamina").optimizer) is lamina.optimizers.Adam
        assert lamina.activations.get("relu") is lamina.activations.relu
        assert type(lamina.layers.deserialize({"class_name": "Dense", "config": {"units": 1}})) is Dense
        marked = {"module": "keras.initializers", "class_name": "Ones", "config": {}, "registered_name": None}
        entry = {**Dense(2).get_config(), "kernel_initializer": marked}
        text = json.loads(model.to_json())
        text["model"]["config"]["layers"][1]["config"] |= entry
        assert type(model_from_json(json.dumps(text)).layers[1].kernel_initializer) is lamina.initializers.Ones


def test_a_registered_dense_and_ours_stand_side_by_side() -> None:
    class Dense2(Scale):
        pass

    Dense2.__name__ = "Dense"
    saving.register_keras_serializable()(Dense2)
    x = Input((3,))
    again = model_from_json(Model(x, Dense2()(Dense(2)(x))).to_json())
    assert [type(layer) for layer in again.layers[1:]] == [Dense, Dense2]


def test_only_the_exact_name_is_found(tmp_path: Path) -> None:
    saving.register_keras_serializable("mine")(Scale)
    x = Input((3,))
    text = Model(x, Scale()(x)).to_json()
    for wrong in ("Scale", "mine>scale", "Mine>Scale", "yours>Scale", "mine>Scale>Scale", "mine.Scale"):
        with pytest.raises(LoadingError, match="no class is imported by name"):
            model_from_json(text.replace("mine>Scale", wrong))


def test_a_function_place_takes_no_class() -> None:
    saving.register_keras_serializable("mine")(Scale)
    for name in ("mine>Scale", "Scale"):
        data = {"class_name": "function", "config": name, "module": "builtins"}
        with saving.custom_object_scope({"Scale": Scale}), pytest.raises(ArgumentError, match="but is a class"):
            lamina.activations.get(data)


def test_a_scope_is_of_its_own_thread() -> None:
    found: list[Any] = []
    with saving.custom_object_scope({"three": thrice}), saving.custom_object_scope({"other": absolute}):
        assert lamina.activations.get("three") is thrice
        thread = threading.Thread(target=lambda: found.append(saving.get_registered_object("three")))
        thread.start()
        thread.join()
    assert found == [None]
    assert saving.get_registered_object("three") is None
    assert inspect.isfunction(thrice)
