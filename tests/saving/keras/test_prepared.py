"""Layers that prepare data, layers around layers and shared heads in Keras' files, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from tests.saving.keras.test_recurrent import chain, data_for

DATA = np.random.default_rng(0).normal(size=(50, 4)) * [1, 2, 3, 4] + 5


def adapted(k: Any) -> Any:
    layer = k.layers.Normalization()
    layer.adapt(DATA)
    return chain(k, (4,), layer, k.layers.Dense(2))


def counts(k: Any) -> Any:
    x, w = k.layers.Input((4,), dtype="int32"), k.layers.Input((4,))
    weighed = k.layers.CategoryEncoding(5, output_mode="count")(x, count_weights=w)
    return k.Model([x, w], [weighed, k.layers.CategoryEncoding(5)(x), k.layers.CategoryEncoding(5, "one_hot")(x)])


def bins(k: Any) -> Any:
    found = lamina.layers.Discretization(num_bins=4, output_mode="multi_hot")
    found.adapt(DATA)  # Keras' own asks for TensorFlow
    return chain(k, (4,), k.layers.Discretization.from_config(found.get_config()))


def there_and_back(k: Any) -> Any:
    x = k.layers.Input((4,), dtype="int32")
    words = k.layers.ReversibleEmbedding(5, 3, tie_weights=False, logit_soft_cap=2.0, mask_zero=True)
    return k.Model(x, words(k.layers.Dense(3)(words(x)), reverse=True))


def groups(k: Any) -> Any:
    x, y = k.layers.Input((5, 8)), k.layers.Input((6, 8))
    gated = k.layers.GroupQueryAttention(2, 4, 2, use_gate=True)(x, y)
    return k.Model([x, y], [gated, k.layers.GroupQueryAttention(2, 4, 1)(y, y, use_causal_mask=True)])


MODELS = {
    "adapted": adapted,
    "given statistics": lambda k: chain(
        k, (4,), k.layers.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 3, 4], invert=True)
    ),
    "rescaling by arrays": lambda k: chain(k, (4,), k.layers.Rescaling(np.array([1.0, 2, 3, 4]), offset=[1, 2, 3, 4])),
    "counts": counts,
    "bins": bins,
    "there and back": there_and_back,
    "groups": groups,
    "pipeline": lambda k: chain(
        k, (4,), k.layers.Pipeline([k.layers.Rescaling(2.0), k.layers.Dense(3), k.layers.Dense(2, activation="tanh")])
    ),
    "spectral": lambda k: chain(
        k,
        (6, 6, 2),
        k.layers.SpectralNormalization(k.layers.Conv2D(3, 3), power_iterations=2),
        k.layers.Flatten(),
        k.layers.SpectralNormalization(k.layers.Dense(3, use_bias=False)),
    ),
    "spectrogram": lambda k: chain(k, (40, 2), k.layers.STFTSpectrogram("magnitude", 16, window="hamming")),
    "long names": lambda k: chain(
        k,
        (8, 8, 2),
        k.layers.Convolution2D(2, 3),
        k.layers.Convolution2DTranspose(2, 3),
        k.layers.SeparableConvolution2D(3, 3),
    ),
}


def outputs(model: Any, data: Any, training: bool = False) -> list[np.ndarray]:
    with torch.no_grad():
        made = model(data if len(data) > 1 else data[0], training=training)
    return [np.asarray(part) for part in (made if isinstance(made, (list, tuple)) else [made])]


def alike(one: Any, other: Any, data: Any) -> None:
    assert [tuple(w.shape) for w in one.weights] == [tuple(w.shape) for w in other.weights]
    for training in (False, True, False):  # the last call sees what training has changed
        for a, b in zip(outputs(one, data, training), outputs(other, data, training), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_keras_opens_ours(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    ours = MODELS[name](lamina)
    ours.save(tmp_path / "ours.keras")
    alike(ours, keras.models.load_model(tmp_path / "ours.keras"), data_for(ours))


@pytest.mark.parametrize("name", MODELS)
def test_we_open_keras(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    theirs = MODELS[name](keras)
    theirs.save(tmp_path / "theirs.keras")
    alike(lamina.models.load_model(tmp_path / "theirs.keras"), theirs, data_for(theirs))
