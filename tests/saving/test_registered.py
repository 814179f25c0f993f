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
    with saving.custom_object_scope({"thrice": thrice}), saving.custom_object_scope(None):
        assert saving.get_registered_object("thrice") is thrice


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


NAMED = {
    "activations": thrice, "constraints": Halves, "initializers": Halves, "losses": absolute, "metrics": Counted,
    "optimizers": Slower, "regularizers": Halves, "layers": Scale,
}  # fmt: skip


@pytest.mark.parametrize("package", NAMED)
def test_every_package_finds_what_is_registered_or_in_scope(package: str) -> None:
    thing, module = NAMED[package], getattr(lamina, package)
    read = [module.deserialize, *([module.get] if hasattr(module, "get") else [])]

    def is_it(found: Any) -> bool:
        return found is thing or type(found) is thing

    for function in read:
        with pytest.raises(ArgumentError, match="Unknown"):
            function("mine>it")
        with saving.custom_object_scope({"it": thing}):
            assert is_it(function("it"))
    saving.register_keras_serializable("mine", "it")(thing)
    for function in read:
        assert is_it(function("mine>it"))
    data = module.serialize(thing if not isinstance(thing, type) else thing())
    assert "mine>it" in (data["class_name"], data["config"])
    assert is_it(module.deserialize(json.loads(json.dumps(data))))


def test_compile_finds_them_by_name() -> None:
    for name, thing in {"loss": absolute, "metric": Counted, "optimizer": Slower}.items():
        saving.register_keras_serializable("mine", name)(thing)
    x = Input((3,))
    model = Model(x, Dense(1, kernel_initializer="zeros")(x))
    model.compile("mine>optimizer", "mine>loss", metrics=["mine>loss"])
    assert model.evaluate(np.ones((4, 3), "float32"), np.ones((4, 1), "float32"), verbose=0) == [1.0, 1.0]
    assert type(model.optimizer) is Slower


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


# ---- objects as JSON types, in Keras' words


MAKERS = {
    "layer": lambda k: k.layers.Dense(3, activation="relu", name="d"),
    "wrapper": lambda k: k.layers.TimeDistributed(k.layers.Dense(3, name="d"), name="t"),
    "initializer": lambda k: k.initializers.Constant(2.0),
    "regularizer": lambda k: k.regularizers.L1(0.25),
    "constraint": lambda k: k.constraints.MaxNorm(2.0),
    "loss": lambda k: k.losses.MeanSquaredError(reduction="sum"),
    "metric": lambda k: k.metrics.MeanSquaredError(name="m"),
    "optimizer": lambda k: k.optimizers.SGD(0.25, momentum=0.5),
    "schedule": lambda k: k.optimizers.schedules.ExponentialDecay(0.5, 10, 0.5),
    "function": lambda k: k.activations.relu,
    "policy": lambda k: k.DTypePolicy("float16"),
    "list": lambda k: [k.initializers.Ones(), {"a": k.losses.mean_squared_error, "b": None}, 3],
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_objects_go_to_json_and_back(make: Any) -> None:
    data = saving.serialize_keras_object(make(lamina))
    again = saving.deserialize_keras_object(json.loads(json.dumps(data)))
    assert saving.serialize_keras_object(again) == data
    assert type(again) is type(make(lamina))


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "list"])
def test_the_words_are_keras_own_and_keras_data_are_read(name: str) -> None:
    make = MAKERS[name]
    if name == "optimizer":
        keras.backend.clear_session()  # Keras numbers its optimizers by what the process made before
    ours = saving.serialize_keras_object(make(lamina))
    theirs = json.loads(json.dumps(keras.saving.serialize_keras_object(make(keras))))
    assert ours["class_name"] == theirs["class_name"]
    assert ours["registered_name"] in (theirs["registered_name"], None)  # Keras registers its own optimizers
    public = {"optimizer": "keras.optimizers", "policy": "keras.dtype_policies"}.get(name, theirs["module"])
    assert ours["module"].replace("lamina", "keras") == public
    again = saving.deserialize_keras_object(theirs)
    assert saving.serialize_keras_object(again) == ours


@pytest.mark.parametrize("kind", ("Model", "Sequential"))
def test_models_of_keras(kind: str) -> None:
    x = keras.Input((3,))
    parts = keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)
    theirs = keras.Model(x, parts[1](parts[0](x))) if kind == "Model" else keras.Sequential([x, *parts])
    data = json.loads(json.dumps(keras.saving.serialize_keras_object(theirs)))
    ours = saving.deserialize_keras_object(data)
    ours.set_weights(theirs.get_weights())
    values = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(ours.predict(values, verbose=0), theirs.predict(values, verbose=0), rtol=1e-5)


def test_models_too() -> None:
    x = Input((3,))
    model = Model(x, Dense(2)(x))
    data = json.loads(json.dumps(saving.serialize_keras_object(model)))
    again = saving.deserialize_keras_object(data)
    assert (type(again), again.count_params()) == (Model, model.count_params())


def test_own_objects_in_the_three_ways() -> None:
    data = json.loads(json.dumps(saving.serialize_keras_object([Scale(3.0), thrice])))
    ways = {"Scale": Scale, "thrice": thrice}
    scale, function = saving.deserialize_keras_object(data, custom_objects=ways)
    assert (type(scale), scale.factor, function) == (Scale, 3.0, thrice)
    with saving.custom_object_scope(ways):
        assert type(saving.deserialize_keras_object(data)[0]) is Scale
    with pytest.raises(LoadingError, match="No class of exactly the name 'Scale'"):
        saving.deserialize_keras_object(data)
    for thing in (Scale, thrice):
        saving.register_keras_serializable("mine")(thing)
    data = json.loads(json.dumps(saving.serialize_keras_object([Scale(3.0), thrice])))
    assert (data[0]["registered_name"], data[1]["config"]) == ("mine>Scale", "mine>thrice")
    assert saving.deserialize_keras_object(data)[1] is thrice


REFUSED = {
    "a callable": ({"module": "keras.layers", "class_name": "Lambda", "config": {"function": print}}, "JSON types"),
    "a class": ({"module": "keras.layers", "class_name": "Dense", "config": Dense}, "JSON types"),
    "any module": ({"module": "os", "class_name": "function", "config": "system"}, "'system' of 'os'"),
    "a class of any": ({"module": "subprocess", "class_name": "Popen", "config": {"args": "true"}}, "'Popen' of"),
    "a builtin": ({"module": "builtins", "class_name": "function", "config": "eval"}, "'eval'"),
    "a package": ({"module": "keras.src.utils", "class_name": "get_file", "config": {}}, "'get_file'"),
    "a helper of ours": ({"module": "lamina.utils", "class_name": "function", "config": "set_random_seed"}, "exactly"),
    "a tool": ({"module": "lamina.layers", "class_name": "function", "config": "deserialize"}, "exactly the name"),
    "a class as function": ({"module": "builtins", "class_name": "function", "config": "Dense"}, "No function"),
    "a function as class": ({"module": "keras.losses", "class_name": "huber", "config": {}}, "No class"),
    "another spelling": ({"module": "keras.layers", "class_name": "dense", "config": {"units": 1}}, "No class"),
    "another package": ({"module": "keras.losses", "class_name": "Dense", "config": {"units": 1}}, "No class"),
    "a base": ({"module": "keras.layers", "class_name": "__doc__", "config": {}}, "No class"),
    "two meanings": ({"class_name": "MeanSquaredError", "config": {}}, '"lamina.losses", "lamina.metrics"'),
    "more than is known": ({"class_name": "Dense", "config": {}, "bytecode": "4w=="}, "does not know.*\n.*bytecode"),
    "a config of text": ({"module": "keras.layers", "class_name": "Dense", "config": "4w=="}, "malformed"),
    "a name of numbers": ({"module": "keras.layers", "class_name": 3, "config": {}}, "malformed"),
    "a module of lists": ({"module": [[]], "class_name": "Dense", "config": {}}, "No class"),
    "marshal": ({"class_name": "__lambda__", "config": {"value": "4w=="}}, "No class"),
}  # fmt: skip


@pytest.mark.parametrize("data, message", REFUSED.values(), ids=REFUSED)
def test_what_is_no_name_of_ours_is_refused(data: Any, message: str) -> None:
    with pytest.raises(LoadingError, match=message):
        saving.deserialize_keras_object(data, safe_mode=False)


def test_nothing_is_called_but_from_config() -> None:
    called: list[Any] = []

    class Tool:
        def __init__(self, **kwargs: Any) -> None:
            called.append(kwargs)

    def tool(**kwargs: Any) -> None:
        called.append(kwargs)

    for thing in (Tool, tool):
        with saving.custom_object_scope({"tool": thing}), pytest.raises(LoadingError, match="No class of exactly"):
            saving.deserialize_keras_object({"module": "m", "class_name": "tool", "config": {"path": "x"}})
    assert called == []


def test_hostile_depth_is_a_named_error() -> None:
    data: Any = {"class_name": "Dense", "config": {}}
    for _ in range(100_000):
        data = [data]
    with pytest.raises(LoadingError, match="nested too deep"):
        saving.deserialize_keras_object(data)
    with pytest.raises(ArgumentError, match="nested too deep"):
        lamina.initializers.deserialize({"class_name": "Ones", "config": {"unknown": data}})
    data = {"units": 1}
    for _ in range(3_000):
        data = {"layer": {"module": "keras.layers", "class_name": "TimeDistributed", "config": data}}
    for read in (saving.deserialize_keras_object, lamina.layers.deserialize):
        with pytest.raises((LoadingError, ArgumentError), match="nested too deep"):
            read(data["layer"])
    while isinstance(data, dict) and "layer" in data:  # taken apart by hand: Python frees it by recursion
        data = data["layer"]["config"]


def test_what_has_no_words_is_refused_when_written() -> None:
    for thing in (lambda x: x, object(), torch.ones(2), Dense):
        with pytest.raises(saving.SavingError, match="no word"):
            saving.serialize_keras_object([thing])


@pytest.mark.parametrize("module", ["lamina.random", "keras.random", "keras.src.random.seed_generator", None])
def test_a_seed_generator_comes_back_from_its_config(module):
    generator = lamina.random.SeedGenerator(42, name="noise")
    config = lamina.saving.serialize_keras_object(generator)
    assert (config["module"], config["class_name"], config["registered_name"]) == (
        "lamina.random",
        "SeedGenerator",
        None,
    )
    again = lamina.saving.deserialize_keras_object({**config, "module": module})
    assert isinstance(again, lamina.random.SeedGenerator)
    assert again.get_config() == generator.get_config() == {"seed": 42, "name": "noise"}
    with pytest.raises(LoadingError, match="No class of exactly the name"):
        lamina.saving.deserialize_keras_object({**config, "module": "keras.layers"})
