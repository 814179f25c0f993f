"""Random models go from Keras to Lamina and back, and from Lamina to Keras and back: equal predictions. 600 of them
with the slow tests, 24 of them without: 300 of many layers, 300 of layers that can be confused."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from tests.saving.keras import generated

SEEDS = [seed if seed % 25 == 0 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(600)]
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def drawn(library: Any, seed: int) -> Any:
    """The model of this seed, in Keras' namespace or Lamina's."""
    make = generated.model if seed < 300 else generated.confusable
    return make(generated.Space(library), seed)


def data_for(model: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    arrays = {}
    for tensor in model.inputs:
        shape = (3, *tensor.shape[1:])
        whole = "int" in str(tensor.dtype)
        arrays[tensor.name] = rng.integers(0, 5, shape).astype("int32") if whole else rng.normal(size=shape)
    data = {
        name: torch.as_tensor(np.asarray(a, "int32" if a.dtype.kind == "i" else "float32"))
        for name, a in arrays.items()
    }
    return (
        data if isinstance(model.input, dict) else list(data.values()) if len(data) > 1 else next(iter(data.values()))
    )


def predictions(model: Any, data: Any) -> Any:
    with torch.no_grad():
        found = model(data)
    if isinstance(found, dict):
        return {key: value.numpy() for key, value in found.items()}
    return [value.numpy() for value in found] if isinstance(found, (list, tuple)) else found.numpy()


def jitter(model: Any, seed: int) -> None:
    """Other weights than fresh ones: a swapped, a missed or a zero weight then shows."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 0.9, w.shape).astype("float32") * 0.5 for w in model.get_weights()])


def same(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        a, b = list(a.values()), [b[key] for key in a]
    for one, other in zip(a, b, strict=True) if isinstance(a, list) else [(a, b)]:
        np.testing.assert_allclose(other, one, **TOLERANCE)


@pytest.mark.quick_cases(6)
@pytest.mark.parametrize("seed", SEEDS)
def test_keras_lamina_keras(seed, tmp_path):
    original = drawn(keras, seed)
    jitter(original, seed)
    data = data_for(original, seed)
    expected = predictions(original, data)
    original.save(tmp_path / "a.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = lamina.models.load_model(tmp_path / "a.keras")
        same(expected, predictions(ours, data))
        ours.save(tmp_path / "b.keras")
    same(expected, predictions(keras.models.load_model(tmp_path / "b.keras"), data))


@pytest.mark.quick_cases(6)
@pytest.mark.parametrize("seed", SEEDS)
def test_lamina_keras_lamina(seed, tmp_path):
    original = drawn(lamina, seed)
    jitter(original, seed)
    data = data_for(original, seed)
    expected = predictions(original, data)
    original.save(tmp_path / "a.keras")
    theirs = keras.models.load_model(tmp_path / "a.keras")
    same(expected, predictions(theirs, data))
    theirs.save(tmp_path / "b.keras")
    same(expected, predictions(lamina.models.load_model(tmp_path / "b.keras"), data))
