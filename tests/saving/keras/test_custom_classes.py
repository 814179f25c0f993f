"""Layers and models of a user's classes in Keras' files: written here and opened there, and back; equal answers."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import lamina
from lamina.saving import LoadingError, SavingError
from tests.saving.keras.custom_classes import MODELS, X, objects

OURS, THEIRS = objects(lamina), objects(keras)
CODED = ("coded", "of_two")  # Keras opens no .h5 of these
CASES = [(name, ending) for name in MODELS for ending in ("keras", "h5") if ending == "keras" or name not in CODED]


def data_of(name: str) -> Any:
    if name.endswith("wrapper"):
        return np.stack([X, X + 1, X * 2])
    return [X, X * 2] if name == "of_two" else X


def answers(model: Any, name: str) -> Any:
    return np.asarray(model.predict(data_of(name), verbose=0))


def made(name: str) -> tuple[Any, Any]:
    """The model here and there, with equal weights."""
    ours, theirs = MODELS[name](lamina, OURS), MODELS[name](keras, THEIRS)
    rng = np.random.default_rng(0)
    weights = [rng.random(weight.shape, "float32") for weight in ours.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    ours.compile("adam", "mse")
    return ours, theirs


@pytest.mark.quick_cases(8)
@pytest.mark.parametrize("name, ending", CASES)
@pytest.mark.filterwarnings("ignore::UserWarning:keras")
def test_written_here_and_opened_there_and_back(name: str, ending: str, tmp_path: Path) -> None:
    ours, theirs = made(name)
    expected = answers(ours, name)
    path, other = str(tmp_path / f"m.{ending}"), str(tmp_path / f"k.{ending}")
    ours.save(path)
    opened = keras.models.load_model(path, custom_objects=THEIRS)
    np.testing.assert_allclose(answers(opened, name), expected, atol=1e-5)
    again = lamina.models.load_model(path, custom_objects=OURS)
    np.testing.assert_allclose(answers(again, name), expected, atol=1e-5)
    if (name, ending) == ("layer_within", "h5"):  # a function of Keras' stands there as a text, which its class calls
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.save(other)
    back = lamina.models.load_model(other, custom_objects=OURS)
    np.testing.assert_allclose(answers(back, name), answers(theirs, name), atol=1e-5)


@pytest.mark.quick_cases(5)
@pytest.mark.parametrize("name", [name for name in MODELS if name != "lambda"])
def test_the_same_in_files_of_lamina_and_in_words(name: str, tmp_path: Path) -> None:
    ours, _ = made(name)
    expected = answers(ours, name)
    ours.save(tmp_path / "m.lamina")
    loaded = lamina.models.load_model(tmp_path / "m.lamina", custom_objects=OURS)
    assert type(loaded) is type(ours)
    np.testing.assert_allclose(answers(loaded, name), expected, atol=1e-6)
    new = lamina.models.model_from_json(ours.to_json(), custom_objects=OURS)
    clone = lamina.models.clone_model(ours) if name not in CODED else type(ours).from_config(ours.get_config())
    for model in (new, clone):
        if name in CODED:
            model(data_of(name))
        assert not {id(weight) for weight in model.weights} & {id(weight) for weight in ours.weights}
        model.set_weights(ours.get_weights())
        np.testing.assert_allclose(answers(model, name), expected, atol=1e-6)


def test_the_words_are_those_of_keras(tmp_path: Path) -> None:
    entries = {}
    for library, own in ((lamina, OURS), (keras, THEIRS)):
        x = library.layers.Input((4,))
        model = library.Model(x, own["Registered"](3.0, reg=library.regularizers.L2(0.5), name="r")(x))
        model.save(tmp_path / "m.keras")
        with zipfile.ZipFile(tmp_path / "m.keras") as archive:
            entries[library] = json.loads(archive.read("config.json"))["config"]["layers"][1]
    ours, theirs = entries[lamina], entries[keras]
    for key in ("module", "class_name", "registered_name", "name", "build_config"):
        assert ours[key] == theirs[key], key
    assert ours["config"]["reg"] == theirs["config"]["reg"]
    assert ours["config"].keys() == theirs["config"].keys()


def test_a_reader_without_the_class_is_told_its_name(tmp_path: Path) -> None:
    ours, _ = made("block")
    for ending in ("keras", "h5"):
        ours.save(tmp_path / f"m.{ending}")
        with pytest.raises(LoadingError, match='Block "block" cannot be read(.|\n)*custom_objects={"Block": ...}'):
            lamina.models.load_model(tmp_path / f"m.{ending}")


def test_what_keras_cannot_make_again_is_refused(tmp_path: Path) -> None:
    class Odd(lamina.Model):
        def __init__(self, inputs, outputs, alpha):
            super().__init__(inputs, outputs)
            self.alpha = alpha

    x = lamina.Input((4,))
    model = Odd(x, lamina.layers.Dense(2)(x), 2.0)
    with pytest.raises(SavingError, match="Keras does not make a graph again of a class with this __init__"):
        model.save(tmp_path / "m.keras")
    coded, _ = made("coded")
    with pytest.raises(SavingError, match="defined by code"):
        coded.save(tmp_path / "m.h5")
    assert not (tmp_path / "m.keras").exists()


def test_objects_given_to_a_class_without_get_config(tmp_path: Path) -> None:
    class Within(lamina.layers.Layer):
        def __init__(self, inner, start, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.start = inner, start

        def build(self, input_shape):
            self.w = self.add_weight((input_shape[-1],), initializer=self.start)

        def call(self, x):
            return self.inner(x * self.w)

    x = lamina.Input((4,))
    model = lamina.Model(x, Within(lamina.layers.Dense(3), lamina.initializers.Constant(2.0))(x))
    expected = answers(model, "")
    own = {"Within": Within}
    for ending in ("keras", "h5", "lamina"):
        model.save(tmp_path / f"m.{ending}")
        loaded = lamina.models.load_model(tmp_path / f"m.{ending}", custom_objects=own)
        assert isinstance(loaded.layers[1], Within)
        np.testing.assert_allclose(answers(loaded, ""), expected, atol=1e-6)
    clone = lamina.models.clone_model(model)
    assert clone.layers[1].inner is not model.layers[1].inner
    assert clone.layers[1].w.detach().tolist() == [2.0] * 4
    other = Within.from_config(model.layers[1].get_config())
    assert other.inner is not model.layers[1].inner


# ---- whole models as .h5 -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning:keras")
def test_training_goes_on_from_an_h5(tmp_path: Path) -> None:
    """In Keras it does not, from its own files either: it builds the optimizer on the model's own weights alone."""
    x = lamina.Input((4,), name="x")
    h = lamina.layers.BatchNormalization()(lamina.layers.Dense(5, activation="relu")(x))
    model = lamina.Model(x, {"a": lamina.layers.Dense(1)(h), "b": lamina.layers.Dense(2)(h)})
    model.compile(lamina.optimizers.Adam(0.01), loss={"a": "mse", "b": "mae"}, metrics={"a": ["mse"]})
    targets = {"a": np.ones((3, 1)), "b": np.zeros((3, 2))}
    options = {"epochs": 2, "verbose": 0, "shuffle": False}
    model.fit(X, targets, **options)
    model.save(tmp_path / "m.h5")
    theirs = keras.models.load_model(tmp_path / "m.h5")
    again = lamina.models.load_model(tmp_path / "m.h5")
    for other in (theirs, again):
        assert int(np.asarray(keras.ops.convert_to_numpy(other.optimizer.iterations))) == 2
    for key, expected in model.predict(X, verbose=0).items():
        np.testing.assert_allclose(theirs.predict(X, verbose=0)[key], expected, atol=1e-5)
    for one in (model, again):
        one.fit(X, targets, **options)
    for own, here in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(here, own, atol=1e-6)


def test_many_layers_with_long_names_have_room(tmp_path: Path) -> None:
    """One attribute of an HDF5 file takes 64 KiB."""
    x = lamina.Input((2,))
    y = x
    for number in range(90):
        y = lamina.layers.Dense(2, name=f"{number:02d}_" + "n" * 900)(y)
    model = lamina.Model(x, y)
    model.save(tmp_path / "m.h5")
    loaded = lamina.models.load_model(tmp_path / "m.h5")
    np.testing.assert_allclose(loaded(X[:, :2]).detach(), model(X[:, :2]).detach(), atol=1e-6)


def test_weights_of_the_model_itself_are_in_an_h5(tmp_path: Path) -> None:
    def with_own(library: Any) -> Any:
        class Own(library.Model):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.extra = self.add_weight(shape=(2,), name="extra")

            def call(self, x, training=None):
                return super().call(x) * self.extra

            def get_config(self):
                return super().get_config()

        return Own

    ours, theirs = with_own(lamina), with_own(keras)
    x = lamina.Input((4,))
    model = ours(x, lamina.layers.Dense(2)(x))
    expected = answers(model, "")
    model.save(tmp_path / "m.h5")
    loaded = lamina.models.load_model(tmp_path / "m.h5", custom_objects={"Own": ours})
    np.testing.assert_allclose(answers(loaded, ""), expected, atol=1e-6)
    opened = keras.models.load_model(tmp_path / "m.h5", custom_objects={"Own": theirs})
    np.testing.assert_allclose(answers(opened, ""), expected, atol=1e-6)


# ---- how a model is trained ----------------------------------------------------------------------------------------


def training_words(k: Any) -> dict[str, Any]:
    def my_loss(y, p):
        return k.ops.mean((y - p) ** 2, axis=-1)

    def my_metric(y, p):
        return k.ops.mean(k.ops.abs(y - p), axis=-1)

    class Weighted(k.losses.Loss):
        def __init__(self, by=2.0, name="weighted", reduction="sum_over_batch_size"):
            super().__init__(name=name, reduction=reduction)
            self.by = by

        def call(self, y, p):
            return k.ops.mean(k.ops.abs(y - p), axis=-1) * self.by

        def get_config(self):
            return {"by": self.by, "name": self.name, "reduction": self.reduction}

    class Constant(k.optimizers.schedules.LearningRateSchedule):
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, step):
            return self.rate

        def get_config(self):
            return {"rate": self.rate}

    class Distance(k.metrics.Mean):
        def update_state(self, y, p, sample_weight=None):
            return super().update_state(k.ops.abs(y - p))

    k.saving.register_keras_serializable("tests_training")(Distance)
    return {
        "my_loss": my_loss,
        "my_metric": my_metric,
        "Weighted": Weighted,
        "Constant": Constant,
        "Distance": Distance,
    }


COMPILED = {
    "functions": lambda k, o: {"optimizer": "adam", "loss": o["my_loss"], "metrics": [o["my_metric"]]},
    "objects": lambda k, o: {"optimizer": "adam", "loss": o["Weighted"](3.0), "metrics": [o["Distance"](name="d")]},
    "schedule": lambda k, o: {"optimizer": k.optimizers.SGD(o["Constant"](0.1), momentum=0.5), "loss": "mse"},
}


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", list(COMPILED))
@pytest.mark.filterwarnings("ignore::UserWarning:keras")
def test_losses_metrics_and_schedules_of_a_users_are_carried(name: str, ending: str, tmp_path: Path) -> None:
    ours, theirs = training_words(lamina), training_words(keras)
    x = lamina.Input((4,))
    model = lamina.Model(x, lamina.layers.Dense(2)(x))
    model.compile(**COMPILED[name](lamina, ours))
    model.fit(X, X[:, :2], verbose=0)
    model.save(tmp_path / f"m.{ending}")
    expected = model.evaluate(X, X[:, :2], verbose=0, return_dict=True)
    again = lamina.models.load_model(tmp_path / f"m.{ending}", custom_objects=ours)
    opened = keras.models.load_model(tmp_path / f"m.{ending}", custom_objects=theirs)
    for other in (again, opened):
        assert int(np.asarray(keras.ops.convert_to_numpy(other.optimizer.iterations))) == 1
        found = other.evaluate(X, X[:, :2], verbose=0, return_dict=True)
        assert found == pytest.approx(expected, rel=1e-4)


@lamina.saving.register_keras_serializable(package="tests.custom", name="squares")
def _square(x):
    return x**2


@lamina.saving.register_keras_serializable(package="tests.custom")
class HoldsFunction(lamina.layers.Layer):
    def __init__(self, function=None, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)

    def get_config(self):
        return {**super().get_config(), "function": lamina.saving.serialize_keras_object(self.function)}

    @classmethod
    def from_config(cls, config):
        return cls(lamina.saving.deserialize_keras_object(config.pop("function")), **config)


@pytest.mark.parametrize("ending", ["lamina", "keras", "h5"])
def test_a_function_registered_under_another_name(ending, tmp_path):
    inputs = lamina.Input((4,))
    model = lamina.Model(inputs, HoldsFunction(_square)(inputs))
    model.save(tmp_path / f"m.{ending}")
    loaded = lamina.models.load_model(tmp_path / f"m.{ending}")
    assert loaded.layers[-1].function is _square


def squared_error(y_true, y_pred):
    return ((y_true - y_pred) ** 2).mean(-1)


def test_a_loss_that_is_a_registered_function_is_found_by_keras(tmp_path):
    ours = lamina.saving.register_keras_serializable(package="tests.losses")(squared_error)
    theirs = keras.saving.register_keras_serializable(package="tests.losses")(squared_error)
    inputs = lamina.Input((4,))
    model = lamina.Model(inputs, lamina.layers.Dense(2)(inputs))
    model.compile("sgd", loss=ours, metrics=[ours])
    model.fit(X, X[:, :2], verbose=0)
    model.save(tmp_path / "m.keras")
    opened = keras.models.load_model(tmp_path / "m.keras")
    assert opened.loss is theirs
    opened.save(tmp_path / "back.keras")
    for file in ("m.keras", "back.keras"):
        assert lamina.models.load_model(tmp_path / file).loss is ours


@pytest.mark.filterwarnings("ignore::UserWarning:keras")
def test_a_registered_loss_in_an_h5_file_is_found_by_keras(tmp_path):
    keras.saving.register_keras_serializable(package="tests.h5")(squared_error)
    ours = lamina.saving.register_keras_serializable(package="tests.h5")(squared_error)
    inputs = lamina.Input((4,))
    model = lamina.Model(inputs, lamina.layers.Dense(2)(inputs))
    model.compile("sgd", loss=ours)
    model.save(tmp_path / "m.h5")
    expected = model.evaluate(X, X[:, :2], verbose=0)
    again = lamina.models.load_model(tmp_path / "m.h5", custom_objects={"squared_error": ours})
    for other in (again, keras.models.load_model(tmp_path / "m.h5")):
        assert other.evaluate(X, X[:, :2], verbose=0) == pytest.approx(expected, rel=1e-4)
