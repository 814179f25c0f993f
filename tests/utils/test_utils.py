"""`lamina.utils` and `lamina.backend`, against Keras on torch."""

from __future__ import annotations

import inspect
import random

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import backend, older_backend, utils
from lamina.graph import ArgumentError, DtypeError, ShapeError, StructureError

# `legacy` is how Keras 2 wrote objects.
LATER = {"legacy"}
SEQUENCES = [[1, 2, 3], [4], [], [5, 6, 7, 8, 9]]


# ---- names


def test_names_and_signatures_are_those_of_keras():
    for name in utils.__all__:
        if name not in ("plot_model", "ArchiveError", "DataFileError", "MissingDataError", "bounding_boxes"):
            theirs = inspect.signature(getattr(keras.utils, name)).parameters
            ours = inspect.signature(getattr(utils, name)).parameters
            declared = [(p.name, p.default) for p in theirs.values() if p.kind is not p.VAR_KEYWORD]
            assert [(p.name, p.default) for p in ours.values() if p.kind is not p.VAR_KEYWORD] == declared, name
    assert {name for name in dir(keras.utils) if not name.startswith("_")} - set(utils.__all__) == LATER
    for name in [name for name in backend.__all__ if name not in older_backend.__all__]:  # Keras 3 has those no more
        assert list(inspect.signature(getattr(backend, name)).parameters) == list(
            inspect.signature(getattr(keras.backend, name)).parameters
        ), name
    assert utils.plot_model is lamina.view.plot_model


# ---- arrays


@pytest.mark.parametrize(
    "x, classes",
    [([0, 2, 1], None), ([0, 2, 1], 5), ([[0], [3]], None), ([[0, 1], [2, 0]], 3), (np.int64(2), 4), ([[1]], None)],
)
def test_to_categorical(x, classes):
    ours, theirs = utils.to_categorical(x, classes), keras.utils.to_categorical(x, classes)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_to_categorical_of_tensors():
    x = torch.tensor([[0], [2]])
    ours, theirs = utils.to_categorical(x, 3), keras.utils.to_categorical(x, 3)
    assert torch.equal(ours, theirs)
    assert torch.equal(utils.to_categorical(x), ours)
    ids = lamina.Input((1,), dtype="int32")
    assert utils.to_categorical(ids, 3).shape == (None, 3)
    with pytest.raises(ArgumentError, match="num_classes"):
        utils.to_categorical(ids)


@pytest.mark.parametrize("x, classes", [([0, 3], 3), ([-1, 0], None)])
def test_a_class_that_is_none_is_refused(x, classes):
    """Keras takes -1 for the last class."""
    with pytest.raises(ArgumentError, match="class number"):
        utils.to_categorical(x, classes)


def test_normalize():
    x = np.random.default_rng(3).normal(size=(3, 4))
    for axis, order in ((-1, 2), (1, 1), (-1, 3)):
        np.testing.assert_allclose(utils.normalize(x, axis, order), keras.utils.normalize(x, axis, order))
    # Along the first axis Keras divides each row by the length of another, or fails.
    np.testing.assert_allclose(utils.normalize(x, 0), x / np.linalg.norm(x, axis=0))
    assert utils.normalize(np.zeros((2, 3))).tolist() == [[0.0] * 3] * 2
    tensor = torch.as_tensor(x)
    torch.testing.assert_close(utils.normalize(tensor, 1, 2), keras.utils.normalize(tensor, 1, 2))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"maxlen": 2},
        {"maxlen": 4, "padding": "post"},
        {"maxlen": 2, "truncating": "post", "value": 7},
        {"maxlen": 3, "padding": "post", "truncating": "post", "dtype": "float32", "value": -1.5},
    ],
)
def test_pad_sequences(arguments):
    ours, theirs = utils.pad_sequences(SEQUENCES, **arguments), keras.utils.pad_sequences(SEQUENCES, **arguments)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_pad_sequences_of_vectors_and_of_text():
    vectors = [np.ones((2, 3)), np.zeros((0, 3)), 2 * np.ones((4, 3))]
    for arguments in ({}, {"maxlen": 3, "dtype": "float64"}):
        np.testing.assert_array_equal(
            utils.pad_sequences(vectors, **arguments), keras.utils.pad_sequences(vectors, **arguments)
        )
    words = [["a"], ["bc", "d"]]
    assert utils.pad_sequences(words, dtype=object, value="-").tolist() == [["-", "a"], ["bc", "d"]]
    assert utils.pad_sequences(words, dtype="<U2", value="-").tolist() == [["-", "a"], ["bc", "d"]]
    assert utils.pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)
    assert utils.pad_sequences([]).shape == (0, 0)


@pytest.mark.parametrize(
    "sequences, arguments, error, text",
    [
        (SEQUENCES, {"padding": "left"}, ArgumentError, "padding"),
        (SEQUENCES, {"truncating": "left"}, ArgumentError, "truncating"),
        (SEQUENCES, {"value": "x"}, ArgumentError, "fill int32 with 'x'"),
        ([1, 2], {}, ArgumentError, "list of sequences"),
        (3, {}, ArgumentError, "list of sequences"),
        ([np.ones((2, 3)), np.ones((2, 4))], {}, ShapeError, "more than their length"),
    ],
)
def test_pad_sequences_refuses(sequences, arguments, error, text):
    with pytest.raises(error, match=text):
        utils.pad_sequences(sequences, **arguments)


# ---- datasets


@pytest.mark.parametrize(
    "sizes, counts",
    [
        ({"left_size": 0.7}, (7, 3)),
        ({"right_size": 0.25}, (8, 2)),
        ({"left_size": 3, "right_size": 2}, (3, 2)),
        ({"left_size": 4, "right_size": 0.3}, (4, 3)),
    ],
)
def test_split_dataset_takes_the_first_and_the_last(sizes, counts):
    left, right = utils.split_dataset(np.arange(10), **sizes)
    assert [*left] == list(range(counts[0]))
    assert [*right] == list(range(10 - counts[1], 10))


def test_split_dataset_keeps_structure_and_shuffles_by_seed():
    data = ({"a": torch.arange(10), "b": np.arange(20).reshape(10, 2)}, np.arange(10))
    left, right = utils.split_dataset(data, left_size=6, shuffle=True, seed=1)
    again, _ = utils.split_dataset(data, left_size=6, shuffle=True, seed=1)
    drawn = [int(y) for _, y in left]
    assert drawn == [int(y) for _, y in again]
    assert drawn != list(range(6))
    assert sorted(drawn + [int(y) for _, y in right]) == list(range(10))
    for x, y in left:
        assert x["a"] == y
        assert x["b"].tolist() == [2 * y, 2 * y + 1]


def test_split_dataset_feeds_fit():
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    left, right = utils.split_dataset((x, x.sum(1, keepdims=True)), left_size=0.8)
    model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(left, validation_data=right, epochs=2, batch_size=8, verbose=0)
    assert history.history["val_loss"][1] < history.history["val_loss"][0]
    whole = torch.utils.data.TensorDataset(torch.as_tensor(x))
    assert [len(part) for part in utils.split_dataset(whole, right_size=10, preferred_backend="torch")] == [30, 10]


@pytest.mark.parametrize(
    "data, sizes, error, text",
    [
        (np.arange(4), {}, ArgumentError, "how large"),
        (np.arange(4), {"left_size": 4}, ArgumentError, "left_size cannot be 4"),
        (np.arange(4), {"right_size": 1.0}, ArgumentError, "right_size cannot be 1.0"),
        (np.arange(4), {"left_size": 3, "right_size": 2}, ArgumentError, "3 and 2 of 4"),
        (np.arange(4), {"left_size": 0.01}, ArgumentError, "0 and 4 of 4"),
        (np.arange(4), {"left_size": 1, "preferred_backend": "jax"}, ArgumentError, "jax"),
        ((np.arange(4), np.arange(3)), {"left_size": 1}, StructureError, "one length"),
        (3, {"left_size": 1}, StructureError, "arrays"),
    ],
)
def test_split_dataset_refuses(data, sizes, error, text):
    with pytest.raises(error, match=text):
        utils.split_dataset(data, **sizes)


@pytest.mark.parametrize("parts", [(1,), ([1],), ((1, 2),), ({"a": 1},), (1, 2), (1, 2, 3), (1, None, 3)])
def test_pack_and_unpack(parts):
    packed = utils.pack_x_y_sample_weight(*parts)
    assert packed == keras.utils.pack_x_y_sample_weight(*parts)
    assert utils.unpack_x_y_sample_weight(packed) == keras.utils.unpack_x_y_sample_weight(packed)


def test_unpack_refuses_more_than_three():
    assert utils.unpack_x_y_sample_weight([1, 2]) == (1, 2, None)
    with pytest.raises(StructureError, match="4 parts"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


# ---- seed and engine


def test_a_seed_starts_all_three():
    def drawn():
        utils.set_random_seed(7)
        return random.random(), np.random.random(), torch.rand(1).item()

    first = drawn()
    assert drawn() == first
    assert len(set(first)) == 3
    for seed in (-1, 1.5, 2**32, True, "7"):
        with pytest.raises(ArgumentError, match="no seed"):
            utils.set_random_seed(seed)


def test_the_answers_are_those_of_keras():
    for name in ("backend", "floatx", "epsilon", "image_data_format", "clear_session"):
        assert getattr(backend, name)() == getattr(keras.backend, name)(), name
    assert utils.is_keras_tensor(lamina.Input((3,)))
    assert not utils.is_keras_tensor(torch.ones(3))


@pytest.mark.parametrize(
    "dtype",
    [None, "float32", "bfloat16", torch.float16, np.float64, np.dtype("int64"), "int", int, float, bool, np.int8],
)
def test_standardize_dtype(dtype):
    assert utils.standardize_dtype(dtype) == keras.utils.standardize_dtype(dtype)
    assert backend.is_float_dtype(dtype) == keras.backend.is_float_dtype(dtype)
    assert backend.is_int_dtype(dtype) == keras.backend.is_int_dtype(dtype)


def test_a_dtype_that_is_none_is_refused():
    with pytest.raises(DtypeError, match="'float33' is not a dtype"):
        utils.standardize_dtype("float33")


def test_result_types_are_those_of_keras_but_for_64_bits():
    narrow = ["bool", "uint8", "int8", "int16", "int32", "float16", "bfloat16", "float32", bool, int, float]
    for first in narrow:
        assert backend.result_type(first) == keras.backend.result_type(first), first
        for second in narrow:
            assert backend.result_type(first, second) == keras.backend.result_type(first, second), (first, second)
    assert backend.result_type() == keras.backend.result_type()
    assert backend.result_type("int64", "int32", int) == "int64"
    assert backend.result_type("float64", "float16") == "float64"


@pytest.mark.parametrize(
    "sequences, arguments, text",
    [
        ([[1], [2, 3]], {"maxlen": -1}, "maxlen cannot be -1"),
        ([[1], [2, 3]], {"maxlen": 1.5}, "maxlen cannot be 1.5"),
        ([[1], [2**40]], {}, "row 1 an array of int32(.|\n)*int64"),
        ([["a"], ["b", "c"]], {}, "row 0(.|\n)*dtype=object"),
        ("abc", {}, "row 0"),
    ],
)
def test_what_cannot_be_padded(sequences, arguments, text):
    with pytest.raises(ArgumentError, match=text):
        utils.pad_sequences(sequences, **arguments)
