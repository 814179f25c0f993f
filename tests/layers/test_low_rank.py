"""Low-rank adapters: what is computed, trained, frozen, saved and read, beside Keras where it has them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError, layers
from lamina.layers import Layer

IDS = np.array([[0, 3, 2, 2], [1, 4, 4, 0]])
SEQUENCE = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
IMAGE = np.random.default_rng(1).normal(size=(2, 6, 6, 4)).astype("float32")
VOLUME = np.random.default_rng(2).normal(size=(2, 5, 5, 5, 4)).astype("float32")

CASES: dict[str, tuple[Any, Any]] = {
    "Dense": (lambda k, **o: k.layers.Dense(5, activation="relu", **o), SEQUENCE),
    "Dense of two axes": (lambda k, **o: k.layers.Dense(5, use_bias=False, **o), SEQUENCE[:, 0]),
    "EinsumDense": (lambda k, **o: k.layers.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d", **o), SEQUENCE),
    "EinsumDense of heads": (lambda k, **o: k.layers.EinsumDense("abc,cde->abde", (None, 2, 3), **o), SEQUENCE),
    "Embedding": (lambda k, **o: k.layers.Embedding(5, 3, **o), IDS),
    "Conv1D": (lambda k, **o: k.layers.Conv1D(5, 2, strides=2, **o), SEQUENCE),
    "Conv2D": (lambda k, **o: k.layers.Conv2D(6, 3, groups=2, padding="same", activation="tanh", **o), IMAGE),
    "Conv3D": (lambda k, **o: k.layers.Conv3D(3, 2, **o), VOLUME),
}


def adapters_of(layer: Any) -> list[Any]:
    return [weight for weight in layer.weights if "lora" in weight.name]


@pytest.mark.parametrize("name", CASES)
def test_what_it_computes_and_how_it_is_trained_is_keras(name: str) -> None:
    make, x = CASES[name]
    ours, theirs = make(lamina), make(keras)
    for layer in (ours, theirs):
        layer(x)
        layer.enable_lora(2, lora_alpha=3)
    theirs.set_weights([np.linspace(-1, 1, w.size, dtype="float32").reshape(w.shape) for w in theirs.get_weights()])
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [w.path.partition("/")[2] for w in ours.weights] == [w.path.partition("/")[2] for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    due = theirs(x)
    np.testing.assert_allclose(ours(x).detach(), due.detach(), rtol=1e-5, atol=1e-5)
    assert [w.name for w in ours.trainable_weights] == [w.name for w in theirs.trainable_weights]
    assert [w.name for w in ours.non_trainable_weights] == [w.name for w in theirs.non_trainable_weights]
    for layer in (ours, theirs):
        layer(x).square().sum().backward()
    for mine, other in zip(adapters_of(ours), adapters_of(theirs), strict=True):
        np.testing.assert_allclose(mine.grad, other.value.grad, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        getattr(ours, ours.adapted).detach(), getattr(theirs, ours.adapted).detach(), rtol=1e-5, atol=1e-6
    )
    assert ours.get_config()["lora_rank"] == 2
    assert ours.get_config()["lora_alpha"] == 3
    assert "lora_rank" not in make(lamina).get_config()


def adapted_model(rank: int = 2) -> Any:
    lamina.utils.set_random_seed(0)
    x = lamina.Input((6, 6, 4))
    hidden = layers.BatchNormalization()(layers.Conv2D(6, 3, name="conv", lora_rank=rank)(x))
    tokens = layers.Reshape((-1, 6))(hidden)
    mixed = layers.MultiHeadAttention(2, 3, name="attention")(tokens, tokens)
    pooled = layers.GlobalAveragePooling1D()(mixed)
    model = lamina.Model(x, layers.Dense(3, name="head", lora_rank=rank, lora_alpha=4)(pooled))
    model.get_layer("attention").query.enable_lora(rank)
    return model


def trained(model: Any, epochs: int = 2) -> Any:
    model.compile(lamina.optimizers.Adam(0.05), "mse")
    return model.fit(IMAGE, np.ones((2, 3), "float32"), epochs=epochs, verbose=0, seed=0).history["loss"]


def test_adapters_add_nothing_until_they_are_trained_and_the_kernel_stays() -> None:
    model = adapted_model()
    conv, head = model.get_layer("conv"), model.get_layer("head")
    plain = layers.Dense(3)
    plain.build((None, 6))
    plain.set_weights([head._kernel, head.bias])
    rows = torch.rand(4, 6)
    assert torch.equal(head(rows), plain(rows))
    before = [w.numpy() for w in (conv._kernel, head._kernel)]
    first = [w.numpy() for w in adapters_of(model)]
    losses = trained(model, 8)
    assert losses[-1] < losses[0]
    assert all(np.array_equal(w.numpy(), old) for w, old in zip((conv._kernel, head._kernel), before, strict=True))
    assert all(not np.array_equal(w.numpy(), old) for w, old in zip(adapters_of(model), first, strict=True))
    # What predict folds into the convolution's kernel is the sum.
    np.testing.assert_allclose(model.predict(IMAGE, verbose=0), model(IMAGE).detach(), rtol=1e-4, atol=1e-5)


def test_a_frozen_kernel_stays_frozen_when_the_model_is_thawed() -> None:
    model = adapted_model()
    model.trainable = False
    assert model.trainable_weights == []
    model.trainable = True
    names = {w.path for w in model.non_trainable_weights}
    assert {"conv/kernel", "head/kernel"} <= names
    assert "conv/lora_kernel_a" not in names


@pytest.mark.parametrize("ending", ["lamina", "keras"])
def test_a_model_with_adapters_is_saved_and_read(tmp_path: Path, ending: str) -> None:
    model = adapted_model()
    trained(model)
    due = model.predict(IMAGE, verbose=0)
    path = tmp_path / f"m.{ending}"
    model.save(path)
    # Keras' file knows no adapters of layers within layers, nor what an optimizer kept for these.
    loses = pytest.warns(UserWarning, match="optimizer") if ending == "keras" else nullcontext()
    with loses:
        loaded = lamina.models.load_model(path)
    head = loaded.get_layer("head")
    assert (head.lora_enabled, head.lora_rank, head.lora_alpha) == (True, 2, 4)
    np.testing.assert_allclose(loaded.predict(IMAGE, verbose=0), due, rtol=1e-5, atol=1e-6)
    if ending == "lamina":  # one more step is the same step
        assert trained(loaded) == trained(model)
        return
    # Keras' file holds the sum: adapters begin anew, and can be trained.
    assert float(head.lora_kernel_b.detach().abs().sum()) == 0.0
    assert float(head.lora_kernel_a.detach().abs().sum()) > 0.0
    theirs = keras.models.load_model(path, compile=False)
    assert theirs.get_layer("head").lora_enabled
    np.testing.assert_allclose(theirs.predict(IMAGE, verbose=0), due, rtol=1e-4, atol=1e-5)


def test_weights_in_keras_format_are_those_of_a_model_without_adapters(tmp_path: Path) -> None:
    def plain(library: Any, **options: Any) -> Any:
        return library.Sequential([library.Input((4,)), library.layers.Dense(3, **options), library.layers.Dense(2)])

    model = plain(lamina, lora_rank=2)
    model.compile("sgd", "mse")
    model.fit(SEQUENCE[:, 0], np.ones((2, 2), "float32"), epochs=3, verbose=0)
    due = model.predict(SEQUENCE[:, 0], verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    for other in (plain(lamina), plain(keras), plain(lamina, lora_rank=3)):
        other.load_weights(tmp_path / "m.weights.h5")
        np.testing.assert_allclose(other.predict(SEQUENCE[:, 0], verbose=0), due, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_in_every_precision(name: str, policy: str) -> None:
    make, x = CASES[name]
    layer: Layer = make(lamina, dtype=policy, lora_rank=2)
    result = layer(x)
    assert result.dtype == layer._torch_dtype
    result.sum().backward()
    down, up = layer.adapters()
    assert down.dtype == torch.float32
    assert bool(up.grad.abs().sum() > 0)


def test_clones_copies_and_compiled_calls(tmp_path: Path) -> None:
    model = adapted_model()
    trained(model)
    clone = lamina.models.clone_model(model)
    assert [w.path for w in clone.weights] == [w.path for w in model.weights]
    clone.set_weights(model.get_weights())
    due = model(IMAGE).detach()
    torch.testing.assert_close(clone(IMAGE).detach(), due)
    head = layers.Dense(3, activation="relu", lora_rank=2)
    rows = torch.rand(4, 6)
    with torch.no_grad():
        head.build((None, 6))
        head.adapters()[1].fill_(0.5)
    torch.testing.assert_close(torch.compile(head, backend="eager", fullgraph=True)(rows), head(rows))


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: layers.Dense(3).enable_lora(2), "not built"),
        (lambda: layers.Embedding(3, 2, embeddings_constraint="non_neg", lora_rank=2)(IDS[:, :1]), "constraint"),
        (lambda: layers.Dense(3, lora_rank=0), "rank"),
        (lambda: layers.Conv1D(3, 2, lora_rank=1.5), "rank"),
        (lambda: twice(), "rank 2"),
    ],
)
def test_what_cannot_be_says_why(wrong: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        wrong()


def twice() -> None:
    layer = layers.Dense(3, lora_rank=2)
    layer.build((None, 3))
    layer.enable_lora(2)
