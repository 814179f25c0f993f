"""Variables and files that a class saves by its own hooks: in files of Lamina, and of Keras both ways."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.saving import LoadingError, SavingError

X = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


def classes(k: Any) -> dict[str, Any]:
    class Table(k.layers.Layer):
        """Its factor comes from a file, its shift from a variable that is no weight; its weight has a name there."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.words, self.shift = [], np.zeros((), "float32")

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

        def call(self, x):
            return x * self.w * float(len(self.words)) + float(self.shift)

        def compute_output_shape(self, input_shape):
            return input_shape

        def save_assets(self, dir_path):
            os.makedirs(os.path.join(dir_path, "deep"), exist_ok=True)
            with open(os.path.join(dir_path, "deep", "words.txt"), "w") as file:
                file.write("\n".join(self.words))

        def load_assets(self, dir_path):
            with open(os.path.join(dir_path, "deep", "words.txt")) as file:
                self.words = file.read().split("\n")

        def save_own_variables(self, store):
            store["shift"] = self.shift
            store["the weight"] = self.w.numpy(force=True) if hasattr(self.w, "data") else np.asarray(self.w)

        def load_own_variables(self, store):
            self.shift = np.asarray(store["shift"])
            self.w.assign(np.asarray(store["the weight"]))

    class Counted(k.layers.Layer):
        """Adds to what the base class saves."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.count = 0

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")
            self.b = self.add_weight(shape=(input_shape[-1],), initializer="zeros", trainable=False, name="b")

        def call(self, x):
            return x * self.w + self.b + float(self.count)

        def save_own_variables(self, store):
            super().save_own_variables(store)
            store["count"] = np.asarray(self.count)

        def load_own_variables(self, store):
            self.count = int(np.asarray(store["count"]))
            names = [key for key in store.keys() if key != "count"]  # noqa: SIM118 - in Keras it is no dict
            super().load_own_variables({key: store[key] for key in names})

    return {"Table": Table, "Counted": Counted}


OURS, THEIRS = classes(lamina), classes(keras)


def made(k: Any, own: dict[str, Any]) -> Any:
    inner = k.layers.Input((4,))
    nested = k.Model(inner, own["Counted"](name="inner")(k.layers.Dense(4)(inner)), name="nested")
    x = k.layers.Input((4,))
    model = k.Model(x, nested(own["Counted"](name="c")(own["Table"](name="t")(x))))
    table = model.get_layer("t")
    table.words, table.shift = ["a", "b", "c"], np.asarray(0.5, "float32")
    model.get_layer("c").count, nested.get_layer("inner").count = 3, 4
    rng = np.random.default_rng(0)
    model.set_weights([rng.random(weight.shape, "float32") for weight in model.get_weights()])
    return model


def answers(model: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(model(torch.from_numpy(X))))


@pytest.mark.parametrize("ending", ["lamina", "keras"])
def test_hooks_are_carried(ending: str, tmp_path: Path) -> None:
    model = made(lamina, OURS)
    model.save(tmp_path / f"m.{ending}")
    loaded = lamina.models.load_model(tmp_path / f"m.{ending}", custom_objects=OURS)
    assert loaded.get_layer("t").words == ["a", "b", "c"]
    assert loaded.get_layer("nested").get_layer("inner").count == 4
    np.testing.assert_allclose(answers(loaded), answers(model), atol=1e-6)


def test_keras_reads_them_and_writes_them(tmp_path: Path) -> None:
    ours, theirs = made(lamina, OURS), made(keras, THEIRS)
    ours.save(tmp_path / "m.keras")
    theirs.save(tmp_path / "k.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as one, zipfile.ZipFile(tmp_path / "k.keras") as two:
        assert sorted(one.namelist()) == sorted(two.namelist())
    opened = keras.models.load_model(tmp_path / "m.keras", custom_objects=THEIRS)
    np.testing.assert_allclose(answers(opened), answers(ours), atol=1e-5)
    back = lamina.models.load_model(tmp_path / "k.keras", custom_objects=OURS)
    np.testing.assert_allclose(answers(back), answers(theirs), atol=1e-5)


@pytest.mark.parametrize("name", ["w.lamina", "w.keras", "w.weights.h5"])
def test_weights_alone_bring_them(name: str, tmp_path: Path) -> None:
    model = made(lamina, OURS)
    model.save_weights(tmp_path / name)
    other = made(lamina, OURS)
    other.set_weights([weight * 0 for weight in other.get_weights()])
    other.get_layer("c").count, other.get_layer("t").shift = 0, np.zeros(())
    other.load_weights(tmp_path / name)
    np.testing.assert_allclose(answers(other), answers(model), atol=1e-6)


def test_a_training_that_is_resumed_has_them(tmp_path: Path) -> None:
    model = made(lamina, OURS)
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    model.save_checkpoint(tmp_path / "c.lamina")
    other = made(lamina, OURS)
    other.get_layer("t").words, other.get_layer("c").count = [], 0
    other.compile("sgd", "mse")
    other.load_checkpoint(tmp_path / "c.lamina")
    np.testing.assert_allclose(answers(other), answers(model), atol=1e-6)


def test_without_the_class_it_is_traced_and_said(tmp_path: Path) -> None:
    model = made(lamina, OURS)
    model.save(tmp_path / "m.lamina")
    with pytest.warns(UserWarning, match="without what its class saves by itself"):
        loaded = lamina.models.load_model(tmp_path / "m.lamina")
    np.testing.assert_allclose(answers(loaded), answers(model), atol=1e-6)
    model.save(tmp_path / "m.keras")
    with pytest.raises(LoadingError, match="custom_objects"):
        lamina.models.load_model(tmp_path / "m.keras")


def test_an_h5_has_no_place_for_them(tmp_path: Path) -> None:
    model = made(lamina, OURS)
    for write in (model.save, model.save_weights):
        with pytest.raises(SavingError, match="cannot be written into a .h5"):
            write(tmp_path / "m.h5")
    with pytest.warns(UserWarning, match='no place for what the classes of .*Table "t".* save by themselves'):
        model.save_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    "store",
    [lambda store: store.update(a=np.asarray("text")), lambda store: store.update({"a/b": 1.0})],
)
def test_what_is_no_variable_is_refused(store: Any, tmp_path: Path) -> None:
    class Odd(lamina.layers.Layer):
        def call(self, x):
            return x

        def save_own_variables(self, kept):
            store(kept)

        def load_own_variables(self, kept):
            pass

    x = lamina.Input((4,))
    with pytest.raises(SavingError, match='Odd "odd" cannot be saved'):
        lamina.Model(x, Odd()(x)).save(tmp_path / "m.lamina")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("ending", ["lamina", "keras"])
@pytest.mark.parametrize("name", ["../../evil.txt", "/tmp/evil.txt", "..\\evil.txt", "a/../../evil", "c:evil", "a//b"])
def test_a_file_that_leads_out_of_its_folder_is_refused(name: str, ending: str, tmp_path: Path) -> None:
    model = made(lamina, OURS)
    path = tmp_path / f"m.{ending}"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
        place = next(one for one in members if one.endswith("deep/words.txt")).removesuffix("/deep/words.txt")
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{place}/{name}", b"evil")
    with pytest.raises(LoadingError, match="leads out of its place|holds members that"):
        lamina.models.load_model(path, custom_objects=OURS)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_file_runs_no_hook_of_a_class_that_is_not_handed_over(tmp_path: Path, monkeypatch: Any) -> None:
    model = made(lamina, OURS)
    model.save(tmp_path / "m.lamina")

    def never(*_: Any) -> None:
        raise AssertionError("a hook ran")

    for hook in ("load_assets", "load_own_variables"):
        monkeypatch.setattr(OURS["Table"], hook, never)
        monkeypatch.setattr(OURS["Counted"], hook, never, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lamina.models.load_model(tmp_path / "m.lamina")


# ---- how it is built and compiled ----------------------------------------------------------------------------------


def with_hooks(k: Any) -> dict[str, Any]:
    class Sized(k.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

        def call(self, x):
            return x * self.w * self.factor

        def get_build_config(self):
            return {**super().get_build_config(), "factor": 3.0}

        def build_from_config(self, config):
            self.factor = config["factor"]
            super().build_from_config(config)

    class Compiled(k.Model):
        def compile(self, optimizer=None, rate=1.0, **kwargs):
            super().compile(optimizer=optimizer, **kwargs)
            self.rate = rate

        def get_compile_config(self):
            return {**super().get_compile_config(), "rate": self.rate}

        def compile_from_config(self, config):
            self.compile(rate=config["rate"], optimizer="sgd", loss="mse")

    return {"Sized": Sized, "Compiled": Compiled}


@pytest.mark.parametrize("ending", ["lamina", "keras"])
def test_how_it_is_built_and_compiled_is_carried(ending: str, tmp_path: Path) -> None:
    own = with_hooks(lamina)
    x = lamina.Input((4,))
    layer = own["Sized"](name="s")
    layer.factor = 3.0
    model = own["Compiled"](x, layer(x))
    model.compile("sgd", rate=0.25, loss="mse")
    model.fit(X, X, verbose=0)
    model.save(tmp_path / f"m.{ending}")
    loaded = lamina.models.load_model(tmp_path / f"m.{ending}", custom_objects=own)
    assert loaded.get_layer("s").factor == 3.0
    assert loaded.rate == 0.25
    np.testing.assert_allclose(answers(loaded), answers(model), atol=1e-6)
    if ending == "keras":
        theirs = with_hooks(keras)
        opened = keras.models.load_model(tmp_path / "m.keras", custom_objects=theirs)
        assert opened.rate == 0.25
        np.testing.assert_allclose(answers(opened), answers(model), atol=1e-5)


def test_the_hooks_of_the_base_classes() -> None:
    layer = lamina.layers.Dense(2)
    assert layer.get_build_config() is None
    layer.build((None, 4))
    other = lamina.layers.Dense(2)
    other.build_from_config({"input_shape": [None, 4]})
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    assert sorted(store) == ["0", "1"]
    other.load_own_variables(store)
    np.testing.assert_array_equal(other.get_weights()[0], layer.get_weights()[0])
    with pytest.raises(lamina.ArgumentError, match="other weights"):
        other.load_own_variables({"0": store["0"]})
    x = lamina.Input((4,))
    model = lamina.Model(x, layer(x))
    assert model.get_compile_config() == {}
    model.compile(lamina.optimizers.Adam(0.5), lamina.losses.Huber(2.0), metrics=["mae"])
    again = lamina.models.clone_model(model)
    again.compile_from_config(model.get_compile_config())
    assert again.optimizer.learning_rate == 0.5
    assert again.evaluate(X, X[:, :2], verbose=0, return_dict=True).keys() == {"loss", "mae"}
