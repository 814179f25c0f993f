"""TextVectorization: beside Keras' own on TensorFlow (a table of what that gives), in models, in files, and misused."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import lamina
from lamina import layers
from lamina.layers import TextVectorization
from lamina.layers.preprocessing.whole_texts import as_bytes, packed, unpacked

TABLE = json.loads(Path(__file__).with_name("texts").joinpath("table.json").read_text())
TEXTS = ["The cat sat.", "on the mat!", "a dog ran far away", "", "cat!"] * 4
TARGETS = np.array([len(text) > 10 for text in TEXTS], "float32")


def named(row):
    return "-".join(f"{k}={v}" for k, v in row["arguments"].items()) + ("-column" if row["column"] else "")


@pytest.mark.parametrize("row", TABLE["cases"], ids=named)
def test_gives_what_keras_gives(row):
    layer = TextVectorization(**row["arguments"])
    if row["learned"]:
        layer.adapt(TABLE["learned"])
    assert layer.get_vocabulary() == row["vocabulary"]
    called = row["called"] or TABLE["called"]
    got = layer([[text] for text in called] if row["column"] else called)
    assert list(got.shape) == row["shape"]
    np.testing.assert_allclose(got.ravel(), row["result"], atol=2e-5)


def test_the_table_is_large():
    assert len(TABLE["cases"]) >= 60


FORMS = {
    "list": lambda t: t,
    "tuple": tuple,
    "array": np.array,
    "objects": lambda t: np.array(t, dtype=object),
    "bytes": lambda t: [text.encode() for text in t],
    "array of bytes": lambda t: np.array([text.encode() for text in t]),
    "column": lambda t: np.array(t)[:, None],
    "pandas": pd.Series,
    "frame": lambda t: pd.DataFrame({"text": t}),
    "polars": pl.Series,
    "batches": lambda t: [t[i : i + 3] for i in range(0, len(t), 3)],
    "generator": lambda t: (t[i : i + 3] for i in range(0, len(t), 3)),
    "texts one by one": iter,
}


@pytest.mark.parametrize("name", FORMS)
def test_learns_from(name):
    one, other = TextVectorization(output_mode="tf_idf"), TextVectorization(output_mode="tf_idf")
    one.adapt(TEXTS)
    data = FORMS[name](TEXTS)
    other.adapt(iter(data) if name == "batches" else data)
    assert (other.get_vocabulary(), other.idf_weights) == (one.get_vocabulary(), one.idf_weights)
    if name not in ("batches", "generator", "texts one by one"):
        assert torch.equal(other(data), one(TEXTS))


def test_learns_from_files_and_datasets(tmp_path):
    one = TextVectorization()
    one.adapt(TEXTS)
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS))

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(TEXTS)

        def __getitem__(self, place):
            return TEXTS[place]

    with path.open() as file:
        for data in (path, [path], Rows(), torch.utils.data.DataLoader(Rows(), batch_size=3), file):
            other = TextVectorization()
            other.adapt(data)
            assert other.get_vocabulary() == one.get_vocabulary()
    (tmp_path / "words.txt").write_text("\n".join(one.get_vocabulary(include_special_tokens=False)))
    assert torch.equal(TextVectorization(vocabulary=tmp_path / "words.txt")(TEXTS), one(TEXTS))


def test_adapt_stops_after_steps_and_begins_anew():
    layer = TextVectorization()
    layer.adapt(iter([["a"], ["b"], ["c"]]), steps=2)
    assert layer.get_vocabulary(include_special_tokens=False) == ["b", "a"]
    layer.adapt(["z"])
    assert (layer.get_vocabulary(), layer.vocabulary_size()) == (["", "[UNK]", "z"], 3)


@lamina.saving.register_keras_serializable("tests")
def shouted(texts):
    assert texts.dtype.kind == "U"
    return np.char.upper(texts)


@lamina.saving.register_keras_serializable("tests")
def at_commas(texts):
    return [text.split(",") for text in texts.tolist()]


def test_functions_of_the_users(tmp_path):
    layer = TextVectorization(standardize=shouted, split=at_commas, vocabulary=["A", "B C"])
    assert layer(["a,b c,d", "b c"]).tolist() == [[2, 3, 1], [3, 0, 0]]
    text = lamina.Input((), dtype="string")
    model = lamina.Model(text, layer(text))
    for name in ("m.lamina", "m.keras"):
        model.save(tmp_path / name)
        again = lamina.models.load_model(tmp_path / name)
        assert again(["a,b c,d", "b c"]).tolist() == [[2, 3, 1], [3, 0, 0]]


@pytest.mark.parametrize("mode", ["int", "count", "tf_idf"])
def test_config_holds_the_vocabulary(mode):
    layer = TextVectorization(ngrams=(1, 2), output_mode=mode, max_tokens=9, encoding="latin-1")
    layer.adapt(TEXTS)
    config = json.loads(json.dumps(layer.get_config()))
    again = TextVectorization.from_config(config)
    assert torch.equal(again(TEXTS), layer(TEXTS))
    assert again.get_config() == layer.get_config()
    again.adapt(["new"])  # it was learned, not given


def text_model(shape=(), **arguments):
    layer = TextVectorization(**arguments)
    layer.adapt(TEXTS)
    text = lamina.Input(shape, dtype="string", name="text")
    x = layer(text)
    if layer.output_mode == "int":
        x = layers.GlobalAveragePooling1D()(layers.Embedding(layer.vocabulary_size(), 4)(x))
    return layer, lamina.Model(text, layers.Dense(1)(x))


@pytest.mark.parametrize("arguments", [{}, {"output_sequence_length": 3}, {"output_mode": "tf_idf"}], ids=str)
@pytest.mark.parametrize("shape", [(), (1,)], ids=str)
def test_a_model_takes_texts(shape, arguments, tmp_path):
    layer, model = text_model(shape, **arguments)
    wanted = model(layer(TEXTS)).detach()
    for name, form in FORMS.items():
        if name not in ("batches", "generator", "texts one by one"):
            np.testing.assert_allclose(model.predict(form(TEXTS), verbose=0), wanted, atol=1e-6)
    torch.testing.assert_close(model(TEXTS), wanted)
    for name in ("m.lamina", "m.keras"):
        model.save(tmp_path / name)
        again = lamina.models.load_model(tmp_path / name)
        np.testing.assert_allclose(again.predict(TEXTS, verbose=0), wanted, atol=1e-6)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(copied(TEXTS), wanted)
    outer_text = lamina.Input((1 - len(shape),) if not shape else (), dtype="string")
    outer = lamina.Model(outer_text, model(outer_text) * 2)
    np.testing.assert_allclose(outer.predict(TEXTS, verbose=0), 2 * wanted, atol=1e-6)


class Parts(lamina.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return TEXTS[5 * i : 5 * i + 5], TARGETS[5 * i : 5 * i + 5]


class Pairs(torch.utils.data.Dataset):
    def __len__(self):
        return len(TEXTS)

    def __getitem__(self, place):
        return TEXTS[place], TARGETS[place]


class Running(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(zip(TEXTS, TARGETS, strict=True))

    def __len__(self):
        return len(TEXTS)


SOURCES = {
    "lists": lambda: (TEXTS, TARGETS),
    "arrays": lambda: (np.array(TEXTS), TARGETS),
    "dict": lambda: ({"text": TEXTS}, TARGETS),
    "frame": lambda: (pd.DataFrame({"text": TEXTS, "size": 1}), TARGETS),
    "loader": lambda: (torch.utils.data.DataLoader(Pairs(), batch_size=6),),
    "dataset": lambda: (Pairs(),),
    "iterable dataset": lambda: (Running(),),
    "pydataset": lambda: (Parts(workers=2),),
    "generator": lambda: ((lambda: (Parts()[i] for i in range(4))),),
}


@pytest.mark.parametrize("name", SOURCES)
def test_training_and_evaluation(name):
    _, model = text_model()
    model.compile(lamina.optimizers.Adam(0.1), "mse")
    losses = model.fit(*SOURCES[name](), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    wanted = model.evaluate(TEXTS, TARGETS, verbose=0)
    assert model.evaluate(*SOURCES[name](), verbose=0) == pytest.approx(wanted, rel=0.1)


def test_splits_single_rows_and_single_batches():
    """19 rows in batches of 6 leave one row, which BatchNormalization has joined to the batch before."""
    layer = TextVectorization(output_sequence_length=5)
    layer.adapt(TEXTS)
    chain = [layer, layers.Embedding(30, 4), layers.GlobalAveragePooling1D(), layers.BatchNormalization()]
    model = lamina.Sequential([*chain, layers.Dense(1)])
    model.compile("adam", "mse")
    with pytest.warns(UserWarning, match="7 rows"):
        model.fit(TEXTS[:19], TARGETS[:19], batch_size=6, verbose=0)
    model.fit(TEXTS, TARGETS, batch_size=6, validation_split=0.3, verbose=0)
    model.train_on_batch(TEXTS, TARGETS)
    assert model.test_on_batch(TEXTS, TARGETS) == pytest.approx(model.evaluate(TEXTS, TARGETS, verbose=0))
    assert model.predict_on_batch(["a text"]).shape == (1, 1)


def test_the_first_layer_of_a_sequential_may_learn_later():
    layer = TextVectorization(output_mode="multi_hot")
    model = lamina.Sequential([layer, layers.Dense(2)])
    with pytest.raises(lamina.ArgumentError, match="no vocabulary yet"):
        model.predict(TEXTS, verbose=0)
    layer.adapt(TEXTS)
    assert model.predict(TEXTS, verbose=0).shape == (20, 2)
    outer = lamina.Sequential([model, layers.Dense(3)])
    assert outer(["a text"]).shape == (1, 3)
    assert lamina.Sequential([TextVectorization(input_shape=(1,), vocabulary=["a"])])(["b a"]).tolist() == [[1, 2]]


def test_one_input_for_several_readers():
    readers = [
        TextVectorization(),
        TextVectorization(split="character", output_mode="count"),
        layers.StringLookup(vocabulary=["cat!", ""]),
        layers.Hashing(7),
    ]
    for layer in readers[:2]:
        layer.adapt(TEXTS)
    text, other = lamina.Input((), dtype="string"), lamina.Input((), dtype="string")
    model = lamina.Model([text, other], [*(layer(text) for layer in readers), readers[2](other)])
    given = [TEXTS[:7], TEXTS[7:14]]
    wanted = [*(layer(given[0]) for layer in readers), readers[2](given[1])]
    for made in (model(given), model.predict(given, verbose=0)):
        for one, due in zip(made, wanted, strict=True):
            np.testing.assert_array_equal(one, due)


def test_exported_without_it():
    layer, model = text_model(output_sequence_length=6)
    exported = torch.export.export(model, (layer(TEXTS[:2]),)).module()
    torch.testing.assert_close(exported(layer(TEXTS[2:4])), model(TEXTS[2:4]))


@pytest.mark.parametrize("arguments", [{}, {"output_mode": "tf_idf"}], ids=str)
def test_exported_into_a_file(arguments, tmp_path):
    layer, model = text_model(**arguments)
    model.export(tmp_path / "m.pt2", verbose=False)
    program = torch.export.load(tmp_path / "m.pt2").module()
    for texts in (TEXTS[:3], ["a b c d e f g h i j"] * 5):
        torch.testing.assert_close(program(layer(texts)), model(texts).detach())


@pytest.mark.slow
def test_compiled():
    _, model = text_model()
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, backend="eager")(TEXTS), model(TEXTS))


def test_mapped_over_a_dataset():
    layer = TextVectorization(output_sequence_length=5)
    layer.adapt(TEXTS)

    class Numbers(Pairs):
        def __getitem__(self, place):
            text, target = super().__getitem__(place)
            return layer(text), target

    _, model = text_model(output_sequence_length=5)
    model.compile("adam", "mse")
    model.fit(torch.utils.data.DataLoader(Numbers(), batch_size=5), verbose=0)


def test_texts_as_bytes_and_back():
    texts = ["", "é日本", "a" * 100, "\U0001f600"]
    assert unpacked(packed(as_bytes(texts))).tolist() == [text.encode() for text in texts]
    assert packed(as_bytes([[text] for text in texts])).shape == (4, 1, 100)


TEXT = lamina.Input((), dtype="string", name="text")
KNOWN = TextVectorization(vocabulary=["a"])
MISUSES = {
    "no vocabulary": (lambda: TextVectorization()(["a"]), "no vocabulary yet"),
    "an empty vocabulary": (lambda: TextVectorization(vocabulary=[]), "at least one token"),
    "nothing to learn": (lambda: TextVectorization().adapt([]), "found no tokens"),
    "punctuation alone": (lambda: TextVectorization().adapt(["!?"]), "found no tokens"),
    "given and adapted": (lambda: KNOWN.adapt(["a"]), "nothing to adapt"),
    "twice": (lambda: TextVectorization(vocabulary=["a", "a"]), "each token once"),
    "a path as a str": (lambda: TextVectorization(vocabulary="words.txt"), r"pathlib.Path"),
    "no text": (lambda: KNOWN(["a", None]), "no text(.|\n)*NoneType None in row 1"),
    "numbers": (lambda: KNOWN([1, 2]), "takes texts"),
    "labels beside": (lambda: TextVectorization().adapt(iter([(["a"], torch.ones(1))])), "without their labels"),
    "no UTF-8": (lambda: TextVectorization().adapt([b"\xff"]), "encoding="),
    "two columns": (lambda: KNOWN([["a", "b"]]), r"\(B, 1\)"),
    "sparse": (lambda: TextVectorization(sparse=True), "sparse cannot be True"),
    "ragged": (lambda: TextVectorization(ragged=True), "ragged cannot be True"),
    "standardize": (lambda: TextVectorization(standardize="upper"), "'strip_punctuation', None or a function"),
    "split": (lambda: TextVectorization(split="words"), "'character', None or a function"),
    "ngrams": (lambda: TextVectorization(ngrams=(0,)), "ngrams cannot be 0"),
    "mode": (lambda: TextVectorization(output_mode="one_hot"), "'tf_idf'"),
    "length": (lambda: TextVectorization(output_mode="count", output_sequence_length=3), "unless output_mode='int'"),
    "encoding": (lambda: TextVectorization(encoding="utf-7a"), "an encoding that Python knows"),
    "padding to nothing": (lambda: TextVectorization(output_mode="count", pad_to_max_tokens=True), "max_tokens beside"),
    "weights": (lambda: TextVectorization(vocabulary=["a"], output_mode="tf_idf"), "idf_weights"),
    "a split of another form": (lambda: TextVectorization(split=len, vocabulary=["a"])(["a"]), "a list of tokens"),
    "numbers into a graph": (lambda: KNOWN(lamina.Input((3,))), "the Input itself"),
    "after a function": (lambda: KNOWN(layers.Reshape((1,))(TEXT)), "nothing in between"),
    "shared with numbers": (lambda: lamina.Model(TEXT, [KNOWN(TEXT), layers.Reshape((1,))(TEXT)]), "cannot take texts"),
    "exported with several readers": (
        lambda: lamina.Model(TEXT, [KNOWN(TEXT), TextVectorization(vocabulary=["b"])(TEXT)]).export("m.pt2"),
        "more than one tensor",
    ),
    "one text": (lambda: lamina.Model(TEXT, KNOWN(TEXT)).predict("a text", verbose=0), "a list is a batch"),
    "numbers as texts": (lambda: lamina.Model(TEXT, KNOWN(TEXT)).predict(np.ones(3), verbose=0), "takes texts"),
    "of any length in a known batch": (
        lambda: KNOWN(lamina.Input(batch_shape=(3,), dtype="string")),
        "output_sequence_length=",
    ),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse(name):
    misuse, text = MISUSES[name]
    with pytest.raises(lamina.LaminaError, match=text):
        misuse()


def test_wide_ngrams_cost_nothing():
    assert TextVectorization(ngrams=10**12, vocabulary=["a b"])(["a b"]).tolist() == [[1, 1, 2]]
