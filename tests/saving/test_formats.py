"""One list of endings for all that writes: each writer takes each, what is written is read back and answers alike."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError, Input, Model, layers
from lamina.callbacks import ModelCheckpoint
from lamina.cli import main
from lamina.file_formats import FORMATS, format_of, suffixes
from lamina.models import load_model
from lamina.saving import LoadingError, SavingError

X = np.linspace(-1, 1, 24, dtype="float32").reshape(4, 6)
Y = np.linspace(0, 1, 4, dtype="float32").reshape(4, 1)
MODELS = [one.suffix for one in FORMATS if one.model]
WEIGHTS = [one.suffix for one in FORMATS if one.weights]


def trained() -> Any:
    """With layers of one shape in confusable orders, and a frozen one."""
    x = Input((6,), name="x")
    first, second = layers.Dense(4, name="b")(x), layers.Dense(4, name="a")(x)
    y = layers.Dense(4, name="d")(second) + layers.Dense(4, name="c")(first) * 2
    inner = layers.Input((4,))
    nested = Model(inner, layers.BatchNormalization()(layers.Dense(3)(inner)), name="nested")
    nested.layers[1].trainable = False
    model = Model(x, layers.Dense(1)(nested(layers.BatchNormalization()(y))))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def zeroed(model: Any) -> Any:
    model.set_weights([weight * 0 for weight in model.get_weights()])
    return model


def answers(model: Any) -> Any:
    return model.predict(X, verbose=0)


def close(model: Any, expected: Any) -> None:
    np.testing.assert_allclose(answers(model), expected, atol=1e-6)


@pytest.fixture(scope="module")
def model() -> Any:
    return trained()


def save(model: Any, path: str) -> None:
    model.save(path)


def checkpoint(model: Any, path: str) -> None:
    copy = load_model_of(model, Path(path).parent)
    writes = ModelCheckpoint(path)
    copy.fit(X, Y, epochs=1, verbose=0, callbacks=[writes, _Restores(model)])


def load_model_of(model: Any, folder: Path) -> Any:
    model.save(folder / "copy.lamina")
    return load_model(folder / "copy.lamina")


class _Restores(lamina.callbacks.Callback):
    """Gives the model in training the weights of another one, before checkpoints are written."""

    def __init__(self, other: Any) -> None:
        super().__init__()
        self.weights = other.get_weights()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.set_weights(self.weights)


def convert(model: Any, path: str) -> None:
    source = str(Path(path).parent / "source.lamina")
    model.save(source)
    assert main(["convert", source, path]) == 0


@pytest.mark.parametrize("suffix", MODELS)
@pytest.mark.parametrize("write", [save, checkpoint, lamina.models.save_model], ids=lambda write: write.__name__)
def test_each_writer_of_models_takes_each_ending(write: Any, suffix: str, model: Any, tmp_path: Path) -> None:
    path = str(tmp_path / f"m{suffix}")
    write(model, path)
    expected = answers(model)
    loaded = load_model(path)
    close(loaded, expected)
    assert int(loaded.optimizer.iterations) >= 2
    other = zeroed(load_model_of(model, tmp_path))
    other.load_weights(path)
    close(other, expected)


@pytest.mark.parametrize("suffix", WEIGHTS)
def test_each_writer_of_weights_takes_each_ending(suffix: str, model: Any, tmp_path: Path) -> None:
    expected = answers(model)
    model.save_weights(tmp_path / f"w{suffix}")
    copy = load_model_of(model, tmp_path)
    at = ModelCheckpoint(tmp_path / f"{{epoch:02d}}{suffix}", save_weights_only=True)
    copy.fit(X, Y, epochs=1, verbose=0, callbacks=[_Restores(model), at])
    for name in (f"w{suffix}", f"01{suffix}"):
        other = zeroed(load_model_of(model, tmp_path))
        other.load_weights(tmp_path / name)
        close(other, expected)
    if suffix != ".lamina":
        with pytest.raises(LoadingError):
            load_model(tmp_path / f"w{suffix}")


@pytest.mark.parametrize("suffix", [one.suffix for one in FORMATS])
def test_the_command_line_takes_each_ending(suffix: str, model: Any, tmp_path: Path, capsys: Any) -> None:
    path = str(tmp_path / f"m{suffix}")
    convert(model, path)
    found = format_of(path)
    if found is not None and found.model and not found.told_weights:
        close(load_model(path), answers(model))
    other = zeroed(load_model_of(model, tmp_path))
    other.load_weights(path)
    close(other, answers(model))


@pytest.mark.parametrize("name", ["m", "m.ckpt", "m.zip", "m.lamina.bak", "m.H5", "m.pt"])
def test_another_ending_is_refused_with_the_list(name: str, tmp_path: Path) -> None:
    x = Input((2,))
    model = Model(x, layers.Dense(1)(x))
    told = ", ".join(f"*{suffix}" for suffix in suffixes("model"))
    for refused, write in (
        (SavingError, lambda: model.save(tmp_path / name)),
        (ArgumentError, lambda: ModelCheckpoint(tmp_path / name)),
    ):
        with pytest.raises(refused) as caught:
            write()
        assert caught.value.expected == told
    told = ", ".join(f"*{suffix}" for suffix in suffixes("weights"))
    for refused, write in (
        (SavingError, lambda: model.save_weights(tmp_path / name)),
        (ArgumentError, lambda: ModelCheckpoint(tmp_path / name, save_weights_only=True)),
    ):
        with pytest.raises(refused) as caught:
            write()
        assert caught.value.expected == told
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_needs_h5py_says_so_before_the_first_step(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("lamina.callbacks.model_checkpoint.find_spec", lambda name: None)
    x = Input((6,))
    model = Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    for name in ("m.keras", "m.h5", "m.weights.h5"):
        with pytest.raises(ArgumentError, match="needs h5py"):
            model.fit(X, Y, verbose=0, callbacks=[ModelCheckpoint(tmp_path / name)])
    assert int(model.optimizer.iterations) == 0


def test_a_keras_file_numbers_weights_as_its_config_says_also_for_load_weights(tmp_path: Path) -> None:
    """Two inputs, layers of one shape: by the model's own order y1 and x2 would be exchanged."""
    a, b = Input((4,), name="a"), Input((4,), name="b")
    x1, y1 = layers.Dense(4, name="x1")(a), layers.Dense(4, name="y1")(b)
    x2, y2 = layers.Dense(4, name="x2")(x1), layers.Dense(4, name="y2")(y1)
    model = Model([a, b], layers.Concatenate()([x2, y2 * 2 + 1]))
    given = [X[:, :4], X[:, 2:]]
    expected = model.predict(given, verbose=0)
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        other = lamina.models.clone_model(model)
        other.load_weights(tmp_path / name)
        np.testing.assert_allclose(other.predict(given, verbose=0), expected, atol=1e-6)


def test_a_name_that_stands_within_and_without_a_nested_model_predicts() -> None:
    """As in files of Keras, whose names are all given."""
    inner = Input((6,))
    nested = Model(inner, layers.BatchNormalization(name="bn")(layers.Dense(3)(inner)))
    x = Input((6,))
    model = Model(x, nested(layers.BatchNormalization(name="bn")(x)))
    np.testing.assert_allclose(answers(model), model(X).detach(), atol=1e-6)


class Nameless(layers.Layer):
    """Weights without names, as in Keras' guides: all are called "variable"."""

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1], 3), "random_normal")
        self.inner = [self.add_weight((3,), "random_normal") for _ in range(2)]
        self.still = self.add_weight((3,), "random_normal", trainable=False)

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.w * self.inner[0] + self.inner[1] + self.still


@pytest.mark.parametrize("suffix", [".lamina", ".keras", ".h5", ".weights.h5"])
def test_weights_without_names_are_all_saved(suffix: str, tmp_path: Path) -> None:
    x = Input((4,))
    model, other = (Model(x, layers.Dense(2)(Nameless()(Nameless()(layers.Dense(4)(x))))) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save_weights(tmp_path / f"w{suffix}")
        other.load_weights(tmp_path / f"w{suffix}")
        if suffix != ".weights.h5":
            model.save(tmp_path / f"m{suffix}")
            again = lamina.models.load_model(tmp_path / f"m{suffix}", custom_objects={"Nameless": Nameless})
            assert torch.equal(again(torch.ones(2, 4)), model(torch.ones(2, 4)))
    assert torch.equal(other(torch.ones(2, 4)), model(torch.ones(2, 4)))


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5", ".lamina", ".weights.safetensors"])
def test_by_name_gives_no_layer_the_weights_of_another(suffix: str, tmp_path: Path) -> None:
    def made(first: str, second: str) -> Any:
        x = Input((3,))
        return Model(x, layers.Dense(3, name=second)(layers.Dense(3, name=first)(x)))

    made("a", "b").save_weights(tmp_path / f"w{suffix}")
    same, other = made("a", "b"), made("b", "new")
    same.load_weights(tmp_path / f"w{suffix}", by_name=True)
    before = [weight.clone() for weight in other.weights]
    if suffix in (".keras", ".weights.h5"):
        with pytest.raises(LoadingError, match="'a' there, 'b' here"):
            other.load_weights(tmp_path / f"w{suffix}", by_name=True)
        assert all(map(torch.equal, other.weights, before))
    else:
        other.load_weights(tmp_path / f"w{suffix}", by_name=True)
        assert torch.equal(other.get_layer("b").kernel, same.get_layer("b").kernel)
        assert torch.equal(other.get_layer("new").kernel, before[2])
