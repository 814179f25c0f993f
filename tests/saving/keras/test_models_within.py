"""Models within layers and models, under names that Keras' files use themselves: nothing is lost, there and back."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.saving.keras_files.layout import Layout

LIBRARIES = [lamina, keras]


def filled(model: Any) -> Any:
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    return model


def everywhere(model: Any, shape: tuple[int, ...], folder: Any) -> None:
    """The model's file answers alike in both libraries, and so does the one that Lamina makes of it."""
    x = torch.rand(2, *shape)
    with torch.no_grad():
        expected = model(x)
        model.save(folder / "a.keras")
        ours = lamina.models.load_model(folder / "a.keras")
        ours.save(folder / "b.keras")
        for found in (ours, *(keras.models.load_model(folder / name) for name in ("a.keras", "b.keras"))):
            torch.testing.assert_close(torch.as_tensor(found(x)), torch.as_tensor(expected))


def in_a_row(k: Any, name: str, outer: str | None = None) -> Any:
    layers = [k.layers.Input((3,)), k.layers.Dense(3, name=name), k.layers.Dense(3, name="other")]
    return k.Sequential(layers, name=outer)


@pytest.mark.parametrize("names", [["layers"] * 3, ["layers", "q", "layers"], ["q", "layers", "layers"], ["vars"] * 3])
@pytest.mark.parametrize("k", LIBRARIES, ids=["lamina", "keras"])
def test_layers_by_the_words_of_the_file(k: Any, names: list[str], tmp_path: Any) -> None:
    x = y = k.layers.Input((3,))
    for place, name in enumerate(names):
        y = in_a_row(k, name, "layers" if place == 1 else None)(y)
    model = filled(k.Model(x, y))
    if k is lamina:
        assert len(Layout(model).places) == 12
    everywhere(model, (3,), tmp_path)


def twice(k: Any) -> Any:
    x = k.layers.Input((3,))
    dense = k.layers.Dense(3)
    return k.Model(x, dense(k.layers.Dense(3)(x)) + dense(x))


INNER = {"graph": twice, "sequential": lambda k: in_a_row(k, "dense")}


@pytest.mark.parametrize("kind", ["graph", "sequential"])
@pytest.mark.parametrize("k", LIBRARIES, ids=["lamina", "keras"])
def test_a_model_at_every_step(k: Any, kind: str, tmp_path: Any) -> None:
    x = k.layers.Input((4, 3))
    everywhere(filled(k.Model(x, k.layers.TimeDistributed(INNER[kind](k))(x))), (4, 3), tmp_path)
