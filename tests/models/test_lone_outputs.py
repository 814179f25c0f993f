"""`Model(inputs=[x], outputs=[y])`, as in much public code: a call gives a tensor, a drawing the list, as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina

X = np.random.default_rng(0).random((4, 5)).astype("float32")
pytestmark = pytest.mark.filterwarnings("ignore:[\\s\\S]*The structure of `inputs` does")
LIBRARIES = pytest.mark.parametrize("library", [lamina, keras], ids=["lamina", "keras"])


def shapes(value: Any) -> Any:
    """Nesting and shapes."""
    return [shapes(one) for one in value] if isinstance(value, (list, tuple)) else tuple(value.shape)


def lone(library: Any, kind: Callable[[list[Any]], Any] = list) -> Any:
    x = library.Input((5,))
    return library.Model([x], kind([library.layers.Dense(3, kernel_initializer="ones", name="head")(x)]))


@LIBRARIES
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_call_gives_the_tensor(library: Any, kind: Any) -> None:
    model = lone(library, kind)
    assert shapes(model(X)) == shapes(model([X])) == shapes(model(X, training=True)) == (4, 3)
    assert shapes(model.predict(X, verbose=0)) == shapes(model.predict(X, batch_size=2, verbose=0)) == (4, 3)
    assert shapes(model.predict_on_batch(X)) == (4, 3)
    assert (model.input_shape, model.output_shape) == ((None, 5), (None, 3))
    assert shapes(model.output) == shapes(model.outputs) == [(None, 3)]


@LIBRARIES
def test_a_call_on_symbolic_tensors_gives_the_list(library: Any) -> None:
    inner, x = lone(library), library.Input((5,))
    (drawn,) = inner(x)
    outer = library.Model(x, library.layers.Dense(2, kernel_initializer="ones")(drawn))
    np.testing.assert_allclose(outer.predict(X, verbose=0), np.repeat(3 * X.sum(1, keepdims=True), 2, 1), rtol=1e-5)


@LIBRARIES
@pytest.mark.parametrize(
    "compiled, targets",
    [
        ({"loss": "mse", "metrics": ["mae"]}, lambda y: y),
        ({"loss": ["mse"], "metrics": [["mae"]], "loss_weights": [0.5]}, lambda y: [y]),
    ],
)
def test_it_trains_as_one_output(library: Any, compiled: Any, targets: Any) -> None:
    model = lone(library)
    model.compile("sgd", **compiled)
    y = targets(np.ones((4, 3)))
    assert sorted(model.fit(X, y, validation_data=(X, y), verbose=0).history) == ["loss", "mae", "val_loss", "val_mae"]
    assert len(model.evaluate(X, y, verbose=0)) == 2
    model.compile("sgd", lambda t, p: library.ops.mean(library.ops.abs(t - p), axis=-1))  # meets a tensor
    model.train_on_batch(X, y)


@LIBRARIES
def test_code_around_it_meets_the_tensor(library: Any) -> None:
    class Twice(library.Model):  # type: ignore[misc, name-defined]  # a base that is chosen
        def __init__(self) -> None:
            super().__init__()
            self.inner = lone(library)

        def call(self, x: Any) -> Any:
            return self.inner(x) * 2

    np.testing.assert_allclose(Twice()(X).detach(), np.repeat(2 * X.sum(1, keepdims=True), 3, 1), rtol=1e-5)


@pytest.mark.parametrize("ending", ["keras", "lamina"])
def test_files_and_copies_keep_both(ending: str, tmp_path: Any) -> None:
    inner, x = lone(lamina), lamina.Input((5,))
    outer = lamina.Model(x, lamina.layers.Dense(2)(inner(x)[0]))
    for model in (inner, outer):
        model.save(tmp_path / f"model.{ending}")
        loaded = lamina.models.load_model(tmp_path / f"model.{ending}")
        for other in (loaded, lamina.models.clone_model(model), lamina.Model.from_config(model.get_config())):
            other.set_weights(model.get_weights())
            np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
            assert shapes(other.output) == shapes(model.output)
            assert shapes(other(lamina.Input((5,)))) == shapes(model.output)


def test_masks_wrappers_and_rewrites() -> None:
    words = lamina.Input((None,), dtype="int32")
    embed = lamina.Model([words], [lamina.layers.Embedding(5, 4, mask_zero=True)(words)])
    assert embed(np.array([[1, 2, 0]]))._keras_mask.tolist() == [[True, True, False]]
    text = lamina.Input((None,), dtype="int32")
    (inner,) = embed(text)
    mean = lamina.Model(text, lamina.layers.GlobalAveragePooling1D()(inner))
    mean.set_weights([np.arange(20.0).reshape(5, 4)])
    np.testing.assert_allclose(mean.predict(np.array([[1, 2, 0]]), verbose=0), [[6, 7, 8, 9]])

    picture = lamina.Input((8, 8, 3))
    folds = lamina.Model([picture], [lamina.layers.BatchNormalization()(lamina.layers.Conv2D(4, 3)(picture))])
    pictures = np.ones((2, 8, 8, 3), "float32")
    assert shapes(folds.predict(pictures, verbose=0)) == (2, 6, 6, 4)
    assert shapes(lamina.Sequential([folds, lamina.layers.Flatten()])(pictures)) == (2, 144)
    steps = lamina.Input((6, 8, 8, 3))
    assert lamina.layers.TimeDistributed(folds)(steps).shape == (None, 6, 6, 6, 4)


def test_pytorchs_tools_get_the_tensor() -> None:
    model = lone(lamina)
    x = torch.from_numpy(X)
    for other in (torch.fx.symbolic_trace(model), torch.export.export(model, (x,)).module()):
        assert shapes(other(x)) == (4, 3)
