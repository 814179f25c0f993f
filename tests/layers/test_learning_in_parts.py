"""Vocabularies from files and batch by batch, and fractions where whole numbers are due."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError, layers

LEARNERS = {
    "StringLookup": (lambda: layers.StringLookup(output_mode="tf_idf"), [[["a", "b"], ["b", "b"]], [["c", "b"]]]),
    "IntegerLookup": (layers.IntegerLookup, [[[4, 5], [5, 5]], [[6, 5]]]),
    "TextVectorization": (lambda: layers.TextVectorization(output_mode="tf_idf"), [["a b", "b b"], ["c b é"]]),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_batch_by_batch_as_all_at_once(name: str) -> None:
    made, batches = LEARNERS[name]
    at_once, by_batches, anew = made(), made(), made()
    at_once.adapt(iter(batches))
    anew.update_state(batches[1])
    anew.reset_state()
    for layer in (by_batches, anew):
        layer.finalize_state()  # of nothing: nothing
        for batch in batches:
            layer.update_state(batch)
        layer.finalize_state()
        assert layer.get_vocabulary() == at_once.get_vocabulary()
        assert layer.idf_weights == at_once.idf_weights
    by_batches.update_state(batches[1])
    by_batches.finalize_state()  # begins anew
    assert by_batches.vocabulary_size() < at_once.vocabulary_size()


def test_boundaries_batch_by_batch() -> None:
    values = np.random.default_rng(0).normal(size=200)
    at_once, by_batches = layers.Discretization(num_bins=5), layers.Discretization(num_bins=5)
    at_once.adapt(values)
    by_batches.update_state(values[:50])
    by_batches.update_state(values[50:].tolist())
    by_batches.finalize_state()
    assert by_batches.bin_boundaries == at_once.bin_boundaries


def test_a_given_vocabulary_counts_nothing() -> None:
    with pytest.raises(ArgumentError, match="nothing to adapt"):
        layers.StringLookup(vocabulary=["a"]).update_state(["b"])
    with pytest.raises(ArgumentError, match="nothing to adapt"):
        layers.Discretization([0.0]).update_state([1.0])


def test_vocabularies_from_files(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\n")  # as editors on Windows write them
    for kind in (layers.StringLookup, layers.TextVectorization):
        assert kind(vocabulary=file).get_vocabulary(include_special_tokens=False) == ["cat", "dog"]
        with pytest.raises(ArgumentError, match="pathlib.Path"):
            kind(vocabulary=str(file))
    file.write_text("7\n3\n")
    layer = layers.IntegerLookup(vocabulary=file)
    assert layer.get_config()["vocabulary"] == [7, 3]
    file.write_bytes("é\n".encode("latin-1"))
    assert layers.StringLookup(vocabulary=file, encoding="latin-1").get_vocabulary() == ["[UNK]", "é"]
    for kind in (layers.StringLookup, layers.TextVectorization):
        with pytest.raises(ArgumentError, match="words.txt(.|\n)*encoding="):
            kind(vocabulary=file)
    file.write_text("7\nseven\n")
    with pytest.raises(ArgumentError, match="whole number in each line"):
        layers.IntegerLookup(vocabulary=file)
    with pytest.raises(ArgumentError, match="StringLookup for texts"):
        layers.IntegerLookup(vocabulary=["seven"])


@pytest.mark.parametrize(
    "layer", [layers.Hashing(5), layers.Hashing(5, mask_value=0), layers.CategoryEncoding(5, "count")]
)
def test_fractions_are_refused_and_whole_floats_are_not(layer: Any) -> None:
    assert torch.equal(layer(np.array([1.0, 3.0])), layer(np.array([1, 3])))
    for bad in (1.5, np.nan):
        with pytest.raises(lamina.DtypeError, match="whole numbers"):
            layer(np.array([1.0, bad]))
    model = lamina.Sequential([lamina.Input((2,)), layer])
    assert model.predict(np.array([[1.0, 3.0]]), verbose=0).shape[0] == 1
    torch.func.vmap(layer)(torch.ones(2, 2))


@pytest.mark.parametrize("kind", [layers.StringLookup, layers.TextVectorization])
def test_vectors_that_do_not_fit_a_drawn_model_are_told_of(kind: Any) -> None:
    for padded in (False, True):
        layer = kind(output_mode="multi_hot", max_tokens=9, pad_to_max_tokens=padded)
        layer.adapt(["a", "b", "c"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            layer.adapt(["a", "b"])  # no model yet
        x = lamina.Input((1,), dtype="string")
        model = lamina.Model(x, layers.Dense(1)(layer(x)))
        if padded:
            layer.adapt(["a"])
            assert model.predict(["a"], verbose=0).shape == (1, 1)
        else:
            with pytest.warns(UserWarning, match=r"length 2 from now on, and was drawn with 3(.|\n)*pad_to_max_tokens"):
                layer.adapt(["a"])
