"""A save that fails after training leaves the run beside, and what the error says brings it back."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers
from lamina.callbacks import Callback, ModelCheckpoint
from lamina.saving import SavingError

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = np.linspace(0, 1, 16, dtype="float32").reshape(8, 2)


class Branches(layers.Layer):
    """No file has a word for it: its call asks for values, and its config for an argument that is a function."""

    def __init__(self, how: Any) -> None:
        super().__init__()
        self.how = how

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), name="w")

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return self.how(x * self.w) if float(self.w.detach().sum()) < 1e9 else x


class Raises(Branches):
    def get_config(self) -> dict[str, Any]:
        raise AttributeError("no such thing")


@lamina.saving.register_keras_serializable("rescue")
class Spoiled(layers.Layer):
    """Every file has a word for it, until it has been trained on."""

    def __init__(self, how: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_spoiled = False

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), name="w")

    def call(self, x: torch.Tensor, training: bool = False) -> torch.Tensor:
        self.is_spoiled = self.is_spoiled or training
        return x * self.w

    def get_config(self) -> dict[str, Any]:
        if self.is_spoiled:
            raise AttributeError("no such thing")
        return super().get_config()


def fresh(kind: type = Branches) -> Any:
    x = Input((4,))
    model = Model(x, layers.Dense(2)(kind(lambda y: y + 1)(x)))
    model.compile(lamina.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def fitted(kind: type = Branches, **options: Any) -> Any:
    model = fresh(kind)
    model.fit(X, Y, epochs=3, verbose=0, batch_size=4, **options)
    return model


def failing(do: Any) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever: what it says is looked at
        do()
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def as_told(told: str, model: Any, method: str | None = None) -> None:
    """Do what an error says: ``model.load_checkpoint('...')`` or ``model.load_weights('...', partial=True)``."""
    found = re.search(r"model\.load_(checkpoint|weights)\(.*\)", told)
    call: Any = ast.parse(found[0], mode="eval").body  # type: ignore[index]
    assert method in (None, call.func.attr)
    options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    getattr(model, call.func.attr)(*map(ast.literal_eval, call.args), **options)


def same(model: Any, other: Any) -> None:
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


NAMES = ["m.lamina", "m.keras", "m.h5", "m.weights.h5", "m.ckpt", "m", "not/there/m.lamina"]


@pytest.mark.parametrize("kind", [Branches, Raises])
@pytest.mark.parametrize("name", NAMES)
def test_what_the_error_says_brings_the_model_back(name: str, kind: type, tmp_path: Path) -> None:
    trained = fitted(kind)
    told = failing(lambda: trained.save(tmp_path / name))
    assert not (tmp_path / name).exists()
    model = fresh(kind)
    as_told(told, model, "load_checkpoint")
    same(model, trained)
    assert model.optimizer.iterations == trained.optimizer.iterations
    for one in (model, trained):
        one.fit(X, Y, epochs=1, verbose=0, batch_size=4, shuffle=False)
    same(model, trained)


@pytest.mark.parametrize("ending", ["lamina", "keras", "h5"])
@pytest.mark.parametrize("freq", ["epoch", 3])
def test_a_checkpoint_that_fails_in_the_middle_of_fit_is_gone_on_with(
    ending: str, freq: Any, tmp_path: Path, recwarn: Any
) -> None:
    model = fresh(Spoiled)
    path = str(tmp_path / f"best.{ending}")
    lamina.random.set_seed(1) if hasattr(lamina.random, "set_seed") else torch.manual_seed(1)
    told = failing(
        lambda: model.fit(X, Y, epochs=3, verbose=0, batch_size=4, callbacks=[ModelCheckpoint(path, save_freq=freq)])
    )
    at = int(model.optimizer.iterations)
    assert at == (2 if freq == "epoch" else 3)
    again = fresh(Spoiled)
    partial = re.search(r"model\.fit\(\.\.\., resume_from=('.*')\)", told)[1].strip("'")
    again.fit(X, Y, epochs=3, verbose=0, batch_size=4, resume_from=partial)
    assert int(again.optimizer.iterations) == 6


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    good = Model(x := Input((4,)), layers.Dense(2)(x))
    good.save(tmp_path / "m.keras")
    before = (tmp_path / "m.keras").read_bytes()
    trained = fitted()
    failing(lambda: trained.save(tmp_path / "m.keras"))
    assert (tmp_path / "m.keras").read_bytes() == before
    first = (tmp_path / "m.keras.partial").read_bytes()
    trained.fit(X, Y, verbose=0)
    told = failing(lambda: trained.save(tmp_path / "m.keras"))
    assert (tmp_path / "m.keras.partial").read_bytes() == first
    assert "m.keras.partial-2" in told
    assert sorted(os.listdir(tmp_path)) == ["m.keras", "m.keras.partial", "m.keras.partial-2"]
    assert (tmp_path / "m.keras").read_bytes() == before


def test_a_file_that_may_not_be_replaced(tmp_path: Path) -> None:
    trained = Model(x := Input((4,)), layers.Dense(2)(x))
    trained.compile("sgd", "mse")
    trained.save(tmp_path / "m.lamina")
    trained.fit(X, Y, verbose=0)
    told = failing(lambda: trained.save(tmp_path / "m.lamina", overwrite=False))
    assert "There is a file already" in told
    model = lamina.models.load_model(tmp_path / "m.lamina")
    as_told(told, model, "load_checkpoint")
    same(model, trained)


def test_a_loop_of_ones_own_counts_as_training(tmp_path: Path) -> None:
    model = Model(x := Input((4,)), layers.Dense(2)(Branches(lambda y: y)(x)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    told = failing(lambda: model.save(tmp_path / "m.lamina"))
    other = Model(x := Input((4,)), layers.Dense(2)(Branches(lambda y: y)(x)))
    as_told(told, other, "load_weights")
    same(model, other)


def test_an_untrained_model_leaves_nothing(tmp_path: Path) -> None:
    told = failing(lambda: fresh().save(tmp_path / "m.lamina"))
    assert "partial" not in told
    assert list(tmp_path.iterdir()) == []


class Untold(Callback):
    def state_dict(self) -> dict[str, Any]:
        return {"what": object()}


def test_where_the_training_cannot_be_told_the_weights_are_left(tmp_path: Path) -> None:
    model = fresh(Spoiled)
    saves = ModelCheckpoint(str(tmp_path / "m.lamina"))
    told = failing(lambda: model.fit(X, Y, verbose=0, callbacks=[Untold(), saves]))
    other = fresh(Spoiled)
    as_told(told, other, "load_weights")
    same(model, other)


class Extra(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), name="w")

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.w

    def get_extra_state(self) -> Any:
        return {"a": 1}

    def set_extra_state(self, state: Any) -> None:
        pass


@pytest.mark.parametrize("write", [Model.save, Model.save_weights])
def test_state_that_is_no_tensor_is_named_and_the_rest_left(write: Any, tmp_path: Path) -> None:
    def made() -> Any:
        model = Model(x := Input((4,)), layers.Dense(2)(Extra()(x)))
        model.compile("sgd", "mse")
        return model

    trained = made()
    trained.fit(X, Y, verbose=0)
    told = failing(lambda: write(trained, tmp_path / "m.lamina"))
    assert "extra_state" in told.split("but for")[1]
    model = made()
    as_told(told, model, "load_weights")
    same(model, trained)


def test_weights_that_keras_has_no_place_for_are_left_beside(tmp_path: Path) -> None:
    def made() -> Any:
        model = lamina.Sequential([Input((4,)), layers.TorchModule(torch.nn.Linear(4, 2))])
        model.compile("sgd", "mse")
        return model

    trained = made()
    trained.fit(X, Y, verbose=0)
    for name in ("a.h5", "b.hdf5"):  # the form of Keras 2
        with pytest.warns(UserWarning, match="has no place for") as caught:
            trained.save_weights(tmp_path / name)
        model = made()
        as_told(str(caught[0].message), model)
        same(model, trained)


def test_an_error_of_the_disk_leaves_nothing_more(tmp_path: Path, monkeypatch: Any) -> None:
    trained = Model(x := Input((4,)), layers.Dense(2)(x))
    trained.compile("sgd", "mse")
    trained.fit(X, Y, verbose=0)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        trained.save(tmp_path / "m.lamina")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises((SavingError, OSError)):
        trained.save(tmp_path / "m.what")


def test_a_model_that_its_first_call_builds_is_told_to_be_called(tmp_path: Path) -> None:
    class Coded(Model):
        def __init__(self, how: Any) -> None:
            super().__init__()
            self.dense, self.how = layers.Dense(2), how

        def call(self, x: torch.Tensor) -> torch.Tensor:
            return self.how(self.dense(x)) if float(x.sum()) > -1e9 else x

    def made() -> Any:
        model = Coded(lambda y: y)
        model.compile("adam", "mse")
        return model

    trained = made()
    told = failing(lambda: trained.fit(X, Y, verbose=0, callbacks=[ModelCheckpoint(str(tmp_path / "m.keras"))]))
    assert "and called on data once" in told
    model = made()
    model(X)
    as_told(told, model, "load_checkpoint")
    same(model, trained)


@pytest.mark.parametrize("suffix", [".lamina", ".keras", ".h5"])
@pytest.mark.parametrize("fault", ["folder", "forbidden", "argument", "format"])
def test_a_place_or_an_argument_that_is_wrong_loses_nothing(
    fault: str, suffix: str, tmp_path: Path, monkeypatch: Any
) -> None:
    trained = Model(x := Input((4,)), layers.Dense(2)(x))
    trained.compile("sgd", "mse")
    trained.fit(X, Y, verbose=0)
    target, more = tmp_path / f"m{suffix}", {"argument": {"signatures": 3}, "format": {"save_format": "tf"}}
    if fault == "folder":
        target.mkdir()
    if fault == "forbidden":
        written = os.replace

        def forbidden(source: Any, to: Any) -> None:
            if str(to).endswith(suffix):
                raise PermissionError(13, "Permission denied")
            written(source, to)

        monkeypatch.setattr(os, "replace", forbidden)
    with pytest.raises((OSError, lamina.ArgumentError)) as raised:
        trained.save(target, **more.get(fault, {}))
    told = f"{raised.value}{getattr(raised.value, '__notes__', '')}"
    assert "Nothing is lost" in told
    again = Model(x := Input((4,)), layers.Dense(2)(x))
    again.compile("sgd", "mse")
    again.load_checkpoint(f"{target}.partial")
    assert torch.equal(again(X), trained(X))


def test_what_old_scripts_say_beside_the_path(tmp_path: Path) -> None:
    model = Model(x := Input((4,)), layers.Dense(2)(x))
    model.save(tmp_path / "m.h5", save_format="h5", include_optimizer=True)
    lamina.models.save_model(model, tmp_path / "m.keras", save_format="keras", zipped=True)
    for name in ("m.h5", "m.keras"):
        assert torch.equal(lamina.models.load_model(tmp_path / name)(X), model(X))
