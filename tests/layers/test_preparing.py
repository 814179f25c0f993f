"""Layers that prepare data: statistics of data of any kind, lists, and where Keras differs from its documentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import polars
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import lamina
from lamina import layers
from lamina.graph import ArgumentError, ShapeError, StructureError
from lamina.layers.preprocessing import statistics
from lamina.utils import PyDataset

DATA = (np.random.default_rng(0).normal(size=(37, 5, 3)) * [1, 20, 0.3] + [0, 100, -4]).astype("float32")
AXES = (-1, None, 1, (1, 2), [0, 2], (0, 1, 2))


class Batches(PyDataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[np.ndarray, None]:
        return DATA[10 * index : 10 * index + 10], None


KINDS: dict[str, Callable[[], Any]] = {
    "array": lambda: DATA,
    "tensor": lambda: torch.tensor(DATA),
    "list of batches": lambda: [DATA[:10], DATA[10:]],
    "generator": lambda: (DATA[i : i + 5] for i in range(0, 37, 5)),
    "loader": lambda: DataLoader(TensorDataset(torch.tensor(DATA), torch.zeros(37)), batch_size=8),
    "PyDataset": Batches,
}


# -- Normalization


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_adapt_is_keras(axis: Any) -> None:
    ours, theirs = (space.Normalization(axis=axis) for space in (layers, keras.layers))
    ours.adapt(DATA)
    theirs.adapt(DATA)
    for weight, expected in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), expected.numpy(), rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(ours(DATA), theirs(DATA).detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_adapt_takes_data_of_any_kind(kind: str) -> None:
    layer = layers.Normalization()
    layer.adapt(KINDS[kind]())
    np.testing.assert_allclose(layer.adapt_mean.numpy(), DATA.mean((0, 1), dtype="float64"), rtol=1e-6)
    np.testing.assert_allclose(layer.adapt_variance.numpy(), DATA.var((0, 1), dtype="float64"), rtol=1e-6)
    assert layer.count.item() == 0


def test_statistics_keep_their_digits_and_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deviation of 1 at 10 million, which float32 cannot tell; in blocks of two rows."""
    data = (np.random.default_rng(1).normal(size=(1001, 2)) + 1e7).astype("float64")
    monkeypatch.setattr(statistics, "_BLOCK", 4)
    layer = layers.Normalization(dtype="float64")
    layer.adapt(data)
    np.testing.assert_allclose(layer.adapt_mean.numpy(), data.mean(0), rtol=1e-13)
    np.testing.assert_allclose(layer.adapt_variance.numpy(), data.var(0), rtol=1e-9)


def test_adapting_again_forgets_and_reaches_a_model_that_was_drawn_before() -> None:
    layer, x = layers.Normalization(), layers.Input((3,))
    model = lamina.Model(x, layer(x))
    layer.adapt(np.full((4, 3), 100.0))
    data = DATA[:, 0]
    layer.adapt(data)
    made = model.predict(data, verbose=0)
    np.testing.assert_allclose(made.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(made.std(0), 1, atol=1e-5)


@pytest.mark.parametrize(
    "data, message",
    [
        (TensorDataset(torch.zeros(3, 2)), r"DataLoader\(dataset"),
        (np.array(["a", "b"]), "array of <U1"),
        ([1.0, 2.0], r"got       float(?s:.*)np\.asarray\(data\)"),
        ([], "at least one row"),
        (np.zeros((0, 3)), "at least one row"),
        (3.5, "cannot adapt to this"),
        (np.array([[1.0, 2.0], [np.nan, 1.0]]), r"not finite(?s:.*)mean of nan at \[0\]"),
    ],
    ids=["dataset", "texts", "numbers", "nothing", "no rows", "a number", "nan"],
)
def test_adapt_refuses(data: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        layers.Normalization().adapt(data)


def test_adapt_refuses_batches_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"got       shape \(4, 2\)(?s:.*)built for"):
        layers.Normalization().adapt([np.zeros((4, 3)), np.zeros((4, 2))])
    with pytest.raises(ArgumentError, match="mean and variance were given"):
        layers.Normalization(mean=0.0, variance=1.0).adapt(DATA)


@pytest.mark.parametrize("given", [{}, {"mean": 2.0, "variance": 9.0}, {"mean": [1.0] * 3, "variance": [2.0] * 3}])
def test_statistics_in_use_are_shaped_as_keras(given: dict[str, Any]) -> None:
    ours, theirs = (space.Normalization(**given) for space in (layers, keras.layers))
    for layer in (ours, theirs):
        layer.build((None, 5, 3))
    for name in ("mean", "variance"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        assert getattr(ours, name).shape == getattr(theirs, name).shape


def test_inverse() -> None:
    there, back = layers.Normalization(), layers.Normalization(invert=True)
    there.adapt(DATA)
    back.adapt(DATA)
    np.testing.assert_allclose(back(there(DATA)), DATA, rtol=1e-4, atol=1e-4)


def test_mixed_precision_keeps_the_digits_of_the_data() -> None:
    data = np.array([[1000.0], [1001.0], [1002.0]])  # bfloat16 has steps of 4 there
    layer = layers.Normalization(dtype="mixed_bfloat16")
    layer.adapt(data)
    assert layer(data).dtype is torch.bfloat16
    torch.testing.assert_close(layer(data).float(), torch.tensor([[-1.2247], [0.0], [1.2247]]), rtol=5e-3, atol=5e-3)
    ints = layers.Rescaling(1.0, offset=-1000, dtype="mixed_bfloat16")(np.array([1001, 1002]))
    assert ints.tolist() == [1.0, 2.0]


# -- Rescaling


def test_rescaling_by_channel_in_the_channels_first_format() -> None:
    before = lamina.config.image_data_format()
    lamina.config.set_image_data_format("channels_first")
    try:
        layer = layers.Rescaling([1.0, 2.0, 3.0], offset=[1.0, 0.0, -1.0])
    finally:
        lamina.config.set_image_data_format(before)
    made = layer(np.ones((2, 3, 4, 5)))
    np.testing.assert_allclose(made[0, :, 0, 0], [2.0, 2.0, 2.0])
    assert made.shape == (2, 3, 4, 5)


def test_given_numbers_serve_gradients_after_inference_mode() -> None:
    layer = layers.Rescaling([1.0, 2.0])
    with torch.inference_mode():
        layer(torch.ones(2))
    x = torch.ones(2, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


# -- CategoryEncoding


def test_one_integer_for_each_row() -> None:
    ids = np.array([[1], [0], [2]])
    expected = np.eye(3)[ids[:, 0]]
    assert np.array_equal(layers.CategoryEncoding(3, "one_hot")(ids), expected)
    assert np.array_equal(layers.CategoryEncoding(3, "one_hot")(ids[:, 0]), expected)
    assert np.array_equal(layers.CategoryEncoding(3, "one_hot")([1, 0, 2]), expected)
    assert layers.CategoryEncoding(3, "one_hot")(1).tolist() == layers.CategoryEncoding(3)(1).tolist() == [0, 1, 0]


def test_the_last_axis_is_a_sample_whatever_the_rank() -> None:
    """As Keras' documentation has it; on torch it sums over the second axis."""
    ids = np.random.default_rng(2).integers(0, 4, size=(2, 3, 5))
    ones = np.eye(4)[ids]
    assert np.array_equal(layers.CategoryEncoding(4, "count")(ids), ones.sum(-2))
    assert np.array_equal(layers.CategoryEncoding(4, "multi_hot")(ids), ones.max(-2))


def test_an_unknown_axis_of_one_integer_stays_an_axis() -> None:
    x = layers.Input((None,), dtype="int64")
    model = lamina.Model(x, layers.CategoryEncoding(4, "one_hot")(x))
    assert model.output_shape == (None, None, 4)
    assert model(torch.tensor([[1], [2]])).shape == (2, 1, 4)
    assert model(torch.tensor([[1, 3], [2, 0]])).shape == (2, 2, 4)


def test_large_integers_among_floats_keep_their_digits() -> None:
    layer = layers.CategoryEncoding(2**24 + 2, "one_hot")
    assert layer(np.array([2.0**24 + 1]))[0, -1] == 1


# -- Discretization


@pytest.mark.parametrize("bins", [2, 3, 4, 10])
def test_boundaries_of_few_data_are_keras(bins: int) -> None:
    data = np.random.default_rng(4).normal(size=(20, 4)).astype("float32")
    ours, theirs = (space.Discretization(num_bins=bins) for space in (layers, keras.layers))
    ours.adapt(data)
    theirs.update_state(data)  # what its adapt does, which asks for TensorFlow first
    theirs.finalize_state()
    np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-5)
    other = np.random.default_rng(6).normal(size=(20, 4)).astype("float32")
    assert np.array_equal(ours(other), theirs(other))


def test_boundaries_of_many_data_are_quantiles_within_epsilon() -> None:
    """Batches of a skewed distribution, of which only points are kept: the shares below each boundary."""
    data = np.random.default_rng(5).exponential(size=200_000)
    layer = layers.Discretization(num_bins=8, epsilon=0.01)
    layer.adapt(np.split(data, 50))
    shares = (data[:, None] < layer.bin_boundaries).mean(0)
    np.testing.assert_allclose(shares, np.arange(1, 8) / 8, atol=0.001)


def test_adapted_boundaries_are_in_the_config() -> None:
    layer = layers.Discretization(num_bins=3, output_mode="one_hot")
    layer.adapt([np.array([1.0, 2.0]), np.array([3.0, 4.0, 100.0])], steps=1)
    again = layers.Discretization.from_config(layer.get_config())
    assert again.bin_boundaries == layer.bin_boundaries
    assert max(again.bin_boundaries) <= 2
    again.adapt(np.array([5.0, 6.0, 7.0]))
    assert min(again.bin_boundaries) >= 5


@pytest.mark.parametrize("data", [np.array([1.0, np.inf]), [], np.array(["a"])], ids=["inf", "nothing", "texts"])
def test_discretization_refuses(data: Any) -> None:
    with pytest.raises(ArgumentError, match="not finite|no data|cannot adapt"):
        layers.Discretization(num_bins=2).adapt(data)


@pytest.mark.parametrize(
    "layer", ("Normalization", "Discretization", "StringLookup", "IntegerLookup", "TextVectorization")
)
def test_what_cannot_be_adapted_to_is_refused_in_the_words_of_the_layer(layer):
    settings = {"num_bins": 2} if layer == "Discretization" else {}
    made = getattr(layers, layer)(**settings)
    path = Path("missing") if layer != "TextVectorization" else object()
    for data in (path, None, 3, {"column": [1, 2]}):
        with pytest.raises(ArgumentError, match=rf'(?s){layer} ".*" cannot adapt.*expected.*test_preparing\.py:\d+'):
            made.adapt(data)
    lazy = polars.LazyFrame({"a": [1.0, 2.0]})
    for data in (lazy, iter([lazy])) if layer in ("Normalization", "Discretization") else (lazy,):
        with pytest.raises(StructureError, match=rf"(?s){layer}.*LazyFrame.*test_preparing\.py:\d+.*collect"):
            made.adapt(data)


def test_a_vocabulary_of_one_text_is_that_text():
    layer = layers.StringLookup()
    layer.adapt("earth")
    assert layer.get_vocabulary() == ["[UNK]", "earth"]
