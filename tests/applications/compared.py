"""One architecture beside Keras' own: layers, weights, counts, and what both predict with the same weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from keras.src.legacy.saving import legacy_h5_format

import lamina


def assert_same_architecture(ours: Any, theirs: Any) -> None:
    """Same layers by name and class, same weights by name, shape and order, same shapes of what comes out."""
    assert _layers(ours) == _layers(theirs)
    assert [(_path(w.path), tuple(w.shape)) for w in ours.weights] == [
        (_path(w.path), tuple(w.shape)) for w in theirs.weights
    ]
    assert [tuple(w.shape) for w in ours.trainable_weights] == [tuple(w.shape) for w in theirs.trainable_weights]
    assert ours.count_params() == theirs.count_params()
    assert tuple(ours.outputs[0].shape) == tuple(theirs.outputs[0].shape)
    assert ours.name == theirs.name.replace(".", "_")


def _layers(model: Any) -> list[tuple[str, str]]:
    """Names and classes; an Input's own name is Keras' choice, not the architecture's."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    return [(layer.name, type(layer).__name__) for layer in layers]


def _path(path: str) -> str:
    """Layer and weight, without the scopes and the models around them; Keras' has no name for one of them."""
    return re.sub(r"layer_scale/variable(_\d+)?$", "layer_scale/gamma", "/".join(path.split("/")[-2:]))


def draw_weights(model: Any, seed: int = 0) -> None:
    """Give Keras' model weights as training would leave them: no statistic is 0 or 1 by chance."""
    draws = np.random.default_rng(seed)
    for weight in model.weights:
        shape, kind = tuple(weight.shape), weight.path.rpartition("/")[2]
        if kind in ("moving_variance", "gamma") or "layer_scale/variable" in weight.path:
            weight.assign(draws.uniform(0.5, 1.5, shape).astype("float32"))
        elif kind in ("moving_mean", "beta", "bias"):
            weight.assign(draws.normal(0, 0.1, shape).astype("float32"))
        elif kind in ("kernel", "depthwise_kernel", "pointwise_kernel"):
            wide = np.prod(shape[:2] if kind == "depthwise_kernel" else shape[:-1])
            weight.assign(draws.normal(0, wide**-0.5, shape).astype("float32"))


def assert_same_predictions(ours: Any, theirs: Any, shape: tuple[int, ...], pixels: float = 1.0) -> None:
    """To 1e-4 of the largest, on two pictures."""
    x = np.random.default_rng(1).uniform(0, pixels, (2, *shape)).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.as_tensor(x), training=False).cpu().numpy()
    found = ours.predict(x, verbose=0)
    assert np.isfinite(expected).all()
    assert np.std(expected) > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def write_legacy(model: Any, path: Path) -> None:
    """Weights in the form of the files that Keras has published."""
    import h5py

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def check(
    name: str,
    folder: Path,
    shape: tuple[int, ...],
    /,
    *,
    pixels: float = 1.0,
    ours: Any = None,
    theirs: Any = None,
    files: bool = True,
    **arguments: Any,
) -> None:
    """The whole comparison, with the arguments that both take.

    Args:
        pixels: up to how much.
        ours, theirs: what makes the models, where these are not the public functions of that name.
        files: also ``.keras`` and ``.weights.h5`` in both directions.
    """
    keras.utils.clear_session()
    application = ours or getattr(lamina.applications, name)
    reference = (theirs or getattr(keras.applications, name))(weights=None, input_shape=shape, **arguments)
    draw_weights(reference)
    reference.save_weights(folder / "theirs.weights.h5")
    model = application(weights=folder / "theirs.weights.h5", input_shape=shape, **arguments)
    assert_same_architecture(model, reference)
    assert_same_predictions(model, reference, shape, pixels)
    if not files:
        return
    write_legacy(reference, folder / "legacy.h5")
    legacy = application(weights=str(folder / "legacy.h5"), input_shape=shape, **arguments)
    for one, other in zip(model.weights, legacy.weights, strict=True):
        assert torch.equal(one.detach(), other.detach())
    _check_files(model, reference, folder, shape, pixels)


def _check_files(ours: Any, theirs: Any, folder: Path, shape: tuple[int, ...], pixels: float) -> None:
    ours.save_weights(folder / "ours.weights.h5")
    theirs.set_weights([np.zeros_like(w) for w in theirs.get_weights()])
    theirs.load_weights(folder / "ours.weights.h5")
    assert_same_predictions(ours, theirs, shape, pixels)
    theirs.save(folder / "theirs.keras")
    again = lamina.models.load_model(folder / "theirs.keras", report=None)
    assert_same_predictions(again, theirs, shape, pixels)
    again.save(folder / "ours.keras")
    assert_same_predictions(again, keras.models.load_model(folder / "ours.keras"), shape, pixels)
