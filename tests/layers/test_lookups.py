"""Layers for texts and categories, which Keras has on TensorFlow alone.

So they are compared with the values in Keras' documentation, with published test vectors of the hashes, and with each
other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import layers
from lamina.graph import ArgumentError, DtypeError, ShapeError
from lamina.layers.preprocessing import hashes
from lamina.layers.preprocessing.token_counts import TokenCounts

LETTERS = [["A"], ["B"], ["C"], ["D"], ["E"]]

# FarmHash's Fingerprint64, one or more of each length that has its own way.
FINGERPRINTS = {
    "": 0x9AE16A3B2F90404F,
    "a": 0xB3454265B6DF75E3,
    "abc": 0x24A5B3A074E7F369,
    "abcd": 0x1A5502DE4A1F8101,
    "abcdefg": 0x3C40C92B1CCB7355,
    "abcdefgh": 0xFEE9D22990C82909,
    "0123456789'01234": 0x4283D4EF43627F64,
    "0123456789=012345": 0x46A7416ED4861E3B,
    "size:  a.out:  bad magic": 0x80D73B843BA57DB8,
    "C is as portable as Stonehedge!!": 0xB944F8A16261E414,
    "Discard medicine more than two years old.": 0xE8F89AB6DF9BDD25,
    "His money is twice tainted: 'taint yours and 'taint mine.": 0xEC8848FD3B266C10,
    "For every action there is an equal and opposite government program.": 0x55182F8859ECA4CE,
    "It's a tiny change to the code and not completely disgusting. - Bob Manchek": 0x38AA3175B37F305C,
    "The fugacity of a constituent in a mixture of gases at a given temperature is proportional to its mole fraction.  "
    "Lewis-Randall Rule": 0x098EFF6958C5E91A,
}


def test_fingerprints() -> None:
    found = hashes.hashes(np.array(list(FINGERPRINTS)))
    assert found.tolist() == list(FINGERPRINTS.values())


def test_siphash() -> None:
    """The vector of the paper, appendix A: the bytes 0..14 under the key of the bytes 0..15."""
    data = np.array([bytes(range(15))], dtype=object)
    assert hashes.hashes(data, [0x0706050403020100, 0x0F0E0D0C0B0A0908]).tolist() == [0xA129CA6149BE45E5]


# -- Hashing


@pytest.mark.parametrize(
    "arguments, data, expected",
    [
        ({}, LETTERS, [1, 0, 1, 1, 2]),
        ({"mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]], [1, 1, 0, 2, 2]),
        ({"salt": [133, 137]}, LETTERS, [1, 2, 1, 0, 2]),
        ({"salt": 133}, LETTERS, [0, 0, 2, 1, 0]),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "form", [list, np.array, lambda x: np.array(x, dtype=object), lambda x: np.array(x, dtype="S")]
)
def test_hashing_as_keras_documents_it(arguments: dict[str, Any], data: Any, expected: list[int], form: Any) -> None:
    made = layers.Hashing(num_bins=3, **arguments)(form(data))
    assert made.dtype is torch.int64
    assert made.tolist() == [[bin] for bin in expected]


def test_numbers_are_hashed_as_their_digits() -> None:
    numbers = torch.tensor([[3, -44], [10**15, 0]])
    for arguments in ({}, {"salt": [2**63 + 5, 7]}):
        layer = layers.Hashing(11, **arguments)
        assert torch.equal(layer(numbers), layer(numbers.numpy().astype(str)))
    assert torch.equal(layers.Hashing(11)(numbers.double()), layers.Hashing(11)(numbers))
    masked = layers.Hashing(11, mask_value=0)(numbers)
    assert masked[1, 1] == 0
    assert (masked > 0).sum() == 3


@pytest.mark.parametrize("mode, shape", [("one_hot", (5, 3)), ("multi_hot", (5, 3)), ("count", (5, 3))])
def test_bins_as_vectors(mode: str, shape: tuple[int, ...]) -> None:
    made = layers.Hashing(3, output_mode=mode)(LETTERS)
    assert made.shape == shape
    assert made.argmax(-1).tolist() == [1, 0, 1, 1, 2]


# -- HashedCrossing


def test_crossing_as_keras_documents_it() -> None:
    features = (np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102]))
    assert layers.HashedCrossing(5)(features).tolist() == [1, 4, 1, 1, 3]
    made = layers.HashedCrossing(5, output_mode="one_hot")(features)
    assert made.argmax(-1).tolist() == [1, 4, 1, 1, 3]
    assert made.dtype is torch.float32
    columns = [feature.reshape(5, 1) for feature in features]
    assert layers.HashedCrossing(5)(columns).tolist() == [[1], [4], [1], [1], [3]]
    assert layers.HashedCrossing(5, output_mode="one_hot")(columns).shape == (5, 5)
    assert layers.HashedCrossing(5)(["A", 101]).item() == 1


# -- IntegerLookup and StringLookup

VOCABULARY = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "arguments, data, expected",
    [
        ({}, [["a", "c", "d"], ["d", "z", "b"]], [[1, 3, 4], [4, 0, 2]]),
        ({"num_oov_indices": 2}, [["a", "c", "d"], ["m", "z", "b"]], [[2, 4, 5], [0, 1, 3]]),
        ({"output_mode": "one_hot"}, ["a", "d", "z"], [[0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]]),
        (
            {"output_mode": "multi_hot"},
            [["a", "c", "d", "d"], ["d", "z", "b", "z"]],
            [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]],
        ),
        ({"output_mode": "count"}, [["a", "c", "d", "d"], ["d", "z", "b", "z"]], [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
        (
            {"output_mode": "tf_idf", "idf_weights": [0.25, 0.75, 0.6, 0.4]},
            [["a", "c", "d", "d"], ["d", "z", "b", "z"]],
            [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]],
        ),
        ({"mask_token": ""}, [["a", "", "z"]], [[2, 0, 1]]),
        ({"mask_token": "", "output_mode": "count"}, [["a", "", "z"]], [[1, 1, 0, 0, 0]]),
        ({"output_mode": "count", "max_tokens": 7, "pad_to_max_tokens": True}, [["b"]], [[0, 0, 1, 0, 0, 0, 0]]),
    ],
    ids=str,
)
def test_string_lookup_as_keras_documents_it(arguments: dict[str, Any], data: Any, expected: Any) -> None:
    made = layers.StringLookup(vocabulary=VOCABULARY, **arguments)(data)
    np.testing.assert_allclose(made, expected, rtol=1e-6)


def test_learning_a_vocabulary_as_keras_documents_it() -> None:
    data = [["a", "c", "d"], ["d", "z", "b"]]
    layer = layers.StringLookup()
    layer.adapt(data)
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert layer(data).tolist() == [[5, 3, 1], [1, 2, 4]]
    numbers = layers.IntegerLookup()
    numbers.adapt([[12, 1138, 42], [42, 1000, 36]])
    assert numbers.get_vocabulary() == [-1, 42, 1138, 1000, 36, 12]
    assert numbers([[12, 1138, 42], [42, 1000, 36]]).tolist() == [[5, 2, 1], [1, 3, 4]]


def test_integer_lookup_as_keras_documents_it() -> None:
    layer = layers.IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=2)
    assert layer(np.array([[12, 1138, 42], [37, 1000, 36]])).tolist() == [[2, 4, 5], [1, 0, 3]]
    back = layers.IntegerLookup(vocabulary=[12, 36, 1138, 42], invert=True)
    assert back(np.array([[1, 3, 4], [4, 0, 2], [99, -3, 1]])).tolist() == [[12, 1138, 42], [42, -1, 36], [-1, -1, 12]]


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize("mask", [None, 7])
@pytest.mark.parametrize("unknown", [1, 3])
def test_numbers_and_their_digits_as_texts_are_looked_up_alike(mode: str, mask: int | None, unknown: int) -> None:
    """One on tensors by sorting, one on the host by a dictionary."""
    rng = np.random.default_rng(8)
    known, data = rng.integers(0, 30, size=(20, 6)), rng.integers(-5, 40, size=(9, 5))
    options: dict[str, Any] = {"num_oov_indices": unknown, "output_mode": mode}
    numbers = layers.IntegerLookup(mask_token=mask, oov_method="farmhash", **options)
    texts = layers.StringLookup(mask_token=None if mask is None else str(mask), **options)
    numbers.adapt(known)
    texts.set_vocabulary(
        [str(token) for token in numbers.get_vocabulary(include_special_tokens=False)],
        numbers.get_config()["idf_weights"][unknown:] if mode == "tf_idf" else None,
    )
    assert torch.equal(numbers(data), texts(data.astype(str)))


def test_inverse_document_frequency() -> None:
    """By hand: 3 documents; "a" is in 2 of them, "b" in 1."""
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt([["a", "b"], ["a", "a"], ["c", "c"]])
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    weights = np.log(1 + 3 / (1 + np.array([2, 1, 1])))
    np.testing.assert_allclose(
        layer([["a", "c", "?", "?"]])[0], [2 * weights.mean(), weights[0], weights[1], 0], rtol=1e-6
    )


def test_data_come_in_many_forms_and_only_the_frequent_stay() -> None:
    batches = [np.array([["x", "y"], ["x", "w"]]), np.array([["x", "y"]])]
    for data in (iter(batches), (batch.tolist() for batch in batches), np.concatenate(batches)):
        layer = layers.StringLookup(max_tokens=3)
        layer.adapt(data)
        assert layer.get_vocabulary() == ["[UNK]", "x", "y"]
    layer = layers.StringLookup()
    layer.adapt(iter(batches), steps=1)
    assert layer.vocabulary_size() == 4
    assert len(TokenCounts()) == 0


def test_texts_and_back() -> None:
    layer = layers.StringLookup(vocabulary=VOCABULARY, mask_token="")
    back = layers.StringLookup(vocabulary=VOCABULARY, mask_token="", invert=True)
    assert back(layer([["a", "d"], ["", "?"]])).tolist() == [["a", "d"], ["", "[UNK]"]]


def test_bytes_have_an_encoding() -> None:
    layer = layers.StringLookup(vocabulary=["ä", "b"], encoding="latin1")
    assert layer(["ä".encode("latin1"), b"b"]).tolist() == [1, 2]


# -- in graphs and files


def graph() -> tuple[lamina.Model, list[torch.Tensor]]:
    x, y = layers.Input((None,), dtype="int64"), layers.Input((1,), dtype="int64")
    lookup = layers.IntegerLookup(mask_token=0)
    lookup.adapt([[3, 1, 4], [1, 5, 9]])
    rare = layers.IntegerLookup(vocabulary=[3, 1], output_mode="count", num_oov_indices=2)
    outputs = [lookup(x), rare(x), layers.Hashing(7, salt=5)(y), layers.HashedCrossing(9, "one_hot")([y, y])]
    return lamina.Model([x, y], outputs), [torch.tensor([[3, 0, 8], [5, 1, 1]]), torch.tensor([[4], [44]])]


def test_whole_numbers_in_a_graph() -> None:
    model, data = graph()
    assert model.output_shape == [(None, None), (None, 4), (None, 1), (None, 9)]
    made = model(data)
    assert made[0].tolist() == [[6, 0, 1], [4, 2, 2]]
    assert made[1].tolist() == [[2, 0, 1, 0], [0, 1, 0, 2]]
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")(data)
    assert all(torch.equal(a, b) for a, b in zip(compiled, made, strict=True))


@pytest.mark.parametrize("ending", ["lamina", "keras"])
def test_vocabularies_are_in_files(ending: str, tmp_path: Path) -> None:
    model, data = graph()
    model.save(tmp_path / f"m.{ending}")
    again = lamina.models.load_model(tmp_path / f"m.{ending}")
    assert all(torch.equal(a, b) for a, b in zip(again(data), model(data), strict=True))
    learned = next(layer for layer in again.layers if isinstance(layer, layers.IntegerLookup))
    assert learned.get_vocabulary() == [0, -1, 1, 9, 5, 4, 3]
    if ending == "lamina":
        learned.adapt([[6, 6]])
        assert learned.get_vocabulary() == [0, -1, 6]


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_configs(mode: str) -> None:
    for layer in (layers.StringLookup(output_mode=mode, salt=3, mask_token="-"), layers.StringLookup(output_mode=mode)):
        layer.adapt([["a", "b"], ["a", "c"]])
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        assert torch.equal(again([["a", "?"]]), layer([["a", "?"]]))
    fresh = layers.IntegerLookup(output_mode=mode)
    assert type(fresh).from_config(fresh.get_config()).get_config() == fresh.get_config()


# -- wrong uses

REFUSED = {
    "no vocabulary": (lambda: layers.StringLookup()(["a"]), ArgumentError, r"no vocabulary yet(?s:.*)layer\.adapt"),
    "a path": (
        lambda: layers.StringLookup(vocabulary="/etc/passwd"),
        ArgumentError,
        r"vocabulary cannot be(?s:.*)other files",
    ),
    "a token twice": (
        lambda: layers.StringLookup(vocabulary=["a", "a"]),
        ArgumentError,
        r"each token once, not \['a'\]",
    ),
    "too many": (lambda: layers.IntegerLookup(2, vocabulary=[1, 2]), ArgumentError, "no more than max_tokens=2"),
    "mask inside": (
        lambda: layers.IntegerLookup(mask_token=1, vocabulary=[2, 1]),
        ArgumentError,
        r"\[1\] nowhere but in front",
    ),
    "none": (lambda: layers.IntegerLookup(vocabulary=[]), ArgumentError, "at least one token"),
    "weights": (
        lambda: layers.IntegerLookup(vocabulary=[1], output_mode="tf_idf"),
        ArgumentError,
        "a weight for each token",
    ),
    "weights of another number": (
        lambda: layers.IntegerLookup(vocabulary=[1], idf_weights=[1.0, 2.0], output_mode="tf_idf"),
        ArgumentError,
        "1 numbers, as many as tokens",
    ),
    "weights without tf_idf": (
        lambda: layers.IntegerLookup(vocabulary=[1], idf_weights=[1.0]),
        ArgumentError,
        "idf_weights",
    ),
    "inverted vectors": (
        lambda: layers.IntegerLookup(invert=True, output_mode="count"),
        ArgumentError,
        "'int' where invert=True",
    ),
    "padding": (lambda: layers.IntegerLookup(pad_to_max_tokens=True), ArgumentError, "max_tokens beside it"),
    "sparse": (lambda: layers.StringLookup(sparse=True), ArgumentError, "dense"),
    "salt": (lambda: layers.IntegerLookup(salt=3), ArgumentError, "oov_method='farmhash'"),
    "odd salt": (lambda: layers.Hashing(3, salt=[1, 2, 3]), ArgumentError, "a whole number, or two of them"),
    "oov": (lambda: layers.IntegerLookup(num_oov_indices=-1), ArgumentError, "num_oov_indices"),
    "adapt a given one": (
        lambda: layers.IntegerLookup(vocabulary=[1]).adapt([2]),
        ArgumentError,
        "a vocabulary was given",
    ),
    "adapt to nothing": (lambda: layers.IntegerLookup().adapt(np.zeros((0, 2))), ArgumentError, "found no tokens"),
    "unknown number": (
        lambda: layers.IntegerLookup(vocabulary=[1], num_oov_indices=0)([1, 5, 6]),
        ArgumentError,
        r"numbers that are not in its vocabulary(?s:.*)5, 6",
    ),
    "unknown text": (
        lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "b"]),
        ArgumentError,
        r"texts that are not in its vocabulary(?s:.*)'b'",
    ),
    "a graph of texts": (
        lambda: layers.StringLookup(vocabulary=["a"])(layers.Input((1,))),
        ArgumentError,
        "no tensors of texts",
    ),
    "numbers for texts": (lambda: layers.StringLookup(vocabulary=["a"])([1, 2]), ArgumentError, "looks up texts"),
    "texts and numbers": (lambda: layers.Hashing(3)(["a", 1]), ArgumentError, "texts beside int"),
    "ragged texts": (lambda: layers.Hashing(3)([["a"], ["b", "c"]]), ArgumentError, "lists of different lengths"),
    "floats": (lambda: layers.IntegerLookup(vocabulary=[1])(layers.Input((2,))), DtypeError, r"integer dtype"),
    "fractions": (lambda: layers.IntegerLookup().adapt([1.5]), ArgumentError, "whole numbers"),
    "crossing floats": (lambda: layers.HashedCrossing(3)([layers.Input((1,))] * 2), DtypeError, "Discretization"),
    "crossing one": (lambda: layers.HashedCrossing(3)([np.array([1])]), ShapeError, "two or more"),
    "crossing no list": (lambda: layers.HashedCrossing(3)(np.array([1])), ShapeError, "two or more"),
    "crossing shapes": (
        lambda: layers.HashedCrossing(3)([np.array([1]), np.array([1, 2])]),
        ShapeError,
        r"\(1,\), \(2,\)",
    ),
    "bins": (lambda: layers.Hashing(0), ArgumentError, "num_bins"),
    "mode": (lambda: layers.HashedCrossing(3, output_mode="count"), ArgumentError, "'int', 'one_hot'"),
    "dtype": (lambda: layers.Hashing(3, dtype="float32"), ArgumentError, '"int32" or "int64"'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    do, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        do()
