"""Models that have no weights yet, in ``.keras`` files: they come back as they were; their first call builds them."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina

X = np.ones((2, 4), "f4")


@lamina.saving.register_keras_serializable(package="unbuilt")
class OfCode(lamina.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = lamina.layers.Dense(3)
        self.rest = [lamina.layers.Dense(2)]

    def call(self, x: Any) -> Any:
        return self.rest[0](self.first(x))


def chain() -> Any:
    return lamina.Sequential([lamina.layers.Dense(3, name="one"), lamina.layers.Dense(2)])


def chain_of_code() -> Any:
    return lamina.Sequential([OfCode(), lamina.layers.Dense(2)])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("made", [chain, OfCode, chain_of_code])
def test_what_is_not_built_comes_back_so(made: Callable[[], Any], compiled: bool, tmp_path: Path) -> None:
    model = made()
    if compiled:
        model.compile("adam", "mse", metrics=["mae"])
    with pytest.warns(UserWarning, match="without weights, since it has none yet"):
        model.save(tmp_path / "m.keras")
    again = lamina.models.load_model(tmp_path / "m.keras")
    assert type(again) is type(model)
    assert not again.built
    assert not model.built
    assert again.weights == []
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert again.compiled == compiled
    if compiled:
        again.fit(X, np.ones((2, 2), "f4"), verbose=0)
    assert again(X).shape == (2, 2)
    assert again.built


def test_keras_opens_it(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="has none yet"):
        chain().save(tmp_path / "m.keras")
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    assert not theirs.built
    assert [layer.name for layer in theirs.layers] == ["one", "dense"]
    assert theirs(X).shape == (2, 2)


@lamina.saving.register_keras_serializable(package="unbuilt")
class WithBackbone(lamina.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        x = lamina.Input((4,))
        self.backbone = lamina.Model(x, lamina.layers.Dense(3)(x))
        self.head = lamina.layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.head(self.backbone(x))


@pytest.mark.parametrize("ending", ["keras", "lamina"])
def test_parts_that_the_class_builds_keep_their_weights(ending: str, tmp_path: Path) -> None:
    model = WithBackbone()
    with pytest.warns(UserWarning, match="has none yet") if ending == "keras" else contextlib.nullcontext():
        model.save(tmp_path / f"m.{ending}")
    again = lamina.models.load_model(tmp_path / f"m.{ending}")
    assert not again.head.built
    torch.testing.assert_close(again.backbone(X), model.backbone(X))


def test_weights_alone_are_refused(tmp_path: Path) -> None:
    for ending in ("keras", "weights.h5", "h5"):
        with pytest.raises(lamina.saving.SavingError, match="has no weights yet"):
            chain().save_weights(tmp_path / f"m.{ending}")
    assert list(tmp_path.iterdir()) == []


def test_weights_for_what_has_none_are_refused(tmp_path: Path) -> None:
    """A file that holds weights, and whose config makes no place for them, is not read half."""
    built, unbuilt = chain(), chain()
    built(X)
    built.save(tmp_path / "built.keras")
    with pytest.warns(UserWarning, match="has none yet"):
        unbuilt.save(tmp_path / "unbuilt.keras")
    with (
        zipfile.ZipFile(tmp_path / "built.keras") as one,
        zipfile.ZipFile(tmp_path / "unbuilt.keras") as other,
        zipfile.ZipFile(tmp_path / "mixed.keras", "w") as mixed,
    ):
        mixed.writestr("config.json", other.read("config.json"))
        mixed.writestr("model.weights.h5", one.read("model.weights.h5"))
    with pytest.raises(lamina.saving.LoadingError, match="has no weights yet"):
        lamina.models.load_model(tmp_path / "mixed.keras")
