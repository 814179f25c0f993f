"""Vocabularies that were learned: Keras keeps them in files beside the config. The files are of 3.15 on TensorFlow."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import lamina

FILES = Path(__file__).with_name("lookups")
TEXTS = np.array([["The cat sat."], ["on the mat!"], ["a dog ran far away"], ["hm É"]])
WORDS = np.array([["a"], ["b"], ["zz"], ["a"]])


@pytest.mark.parametrize("mode", ["int", "count", "tf_idf"])
def test_vocabularies_of_keras(mode, tmp_path):
    model = lamina.models.load_model(FILES / f"adapted_{mode}.keras")
    wanted = json.loads((FILES / f"adapted_{mode}.json").read_text())
    model.save(tmp_path / "m.keras")
    for one in (model, lamina.models.load_model(tmp_path / "m.keras")):
        for got, due in zip(one.predict([TEXTS, WORDS], verbose=0), wanted, strict=True):
            np.testing.assert_allclose(got, due, atol=1e-5)
    if mode == "tf_idf":  # Keras reads them from among the weights
        import h5py

        with zipfile.ZipFile(tmp_path / "m.keras") as file, h5py.File(file.open("model.weights.h5")) as weights:
            for place in ("text_vectorization", "text_vectorization/_lookup_layer", "string_lookup"):
                assert len(weights[f"layers/{place}/vars/idf_weights"]) > 2


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"a\na"])
def test_a_vocabulary_that_cannot_be(content, tmp_path):
    with zipfile.ZipFile(FILES / "adapted_int.keras") as old, zipfile.ZipFile(tmp_path / "m.keras", "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name.endswith("vocabulary.txt") else old.read(name))
    with pytest.raises(lamina.LaminaError, match="vocabulary"):
        lamina.models.load_model(tmp_path / "m.keras")
