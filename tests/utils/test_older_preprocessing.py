"""`lamina.preprocessing`, Keras 2's home of pictures, sequences and texts, beside Keras' own code for it."""

from __future__ import annotations

import random
import warnings

import keras
import keras.src.legacy.preprocessing.image as their_image
import keras.src.legacy.preprocessing.sequence as their_sequence
import keras.src.legacy.preprocessing.text as their_text
import numpy as np
import pandas as pd
import polars as pl
import pytest

import lamina
from lamina import preprocessing
from lamina.preprocessing import image, sequence, text

# Keras' code asks SciPy and Python's `random` in ways that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (9, 12, 3)).astype("float32")


@pytest.fixture(autouse=True)
def silent():
    lamina.config.disable_interactive_logging()
    keras.config.disable_interactive_logging()
    yield
    lamina.config.enable_interactive_logging()
    keras.config.enable_interactive_logging()


def both(function, seed=0):
    """What it gives here and in Keras, from the same random numbers."""
    found = []
    for module in (image, their_image):
        np.random.seed(seed)
        found.append(function(module))
    return found


# -- pictures

MOVES = [
    {"theta": 30}, {"tx": 2.5}, {"ty": -1.25}, {"shear": 20}, {"zx": 0.7, "zy": 1.4}, {"tx": 3, "ty": -2},
    {"theta": -170, "tx": 7, "ty": 20, "shear": 40, "zx": 2.3, "zy": 0.4}, {},
]  # fmt: skip


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("mode", ["nearest", "constant", "reflect", "wrap"])
@pytest.mark.parametrize("move", MOVES, ids=str)
def test_affine_transform(move, mode, order):
    options = {"fill_mode": mode, "order": order, "cval": 7.0, **move}
    for picture, axes in (
        (PICTURE, {"row_axis": 0, "col_axis": 1, "channel_axis": 2}),
        (PICTURE.transpose(2, 0, 1), {}),
    ):
        ours, theirs = both(lambda k, p=picture, a=axes: k.apply_affine_transform(p, **options, **a))
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        differ = np.abs(ours - theirs) > 1e-2
        assert differ.mean() < (0.02 if order == 0 else 1e-9)  # a nearest pixel of two that are as near


CHANGES = {
    "rotation": lambda k: k.random_rotation(PICTURE, 40, 0, 1, 2),
    "shift": lambda k: k.random_shift(PICTURE, 0.3, 0.2, 0, 1, 2),
    "shear": lambda k: k.random_shear(PICTURE, 30, 0, 1, 2, fill_mode="constant"),
    "zoom": lambda k: k.random_zoom(PICTURE, (0.5, 1.5), 0, 1, 2),
    "channels": lambda k: k.random_channel_shift(PICTURE, 40, 2),
    "channels first": lambda k: k.random_channel_shift(PICTURE.transpose(2, 0, 1), 40, 0),
    "brightness": lambda k: k.random_brightness(PICTURE, (0.3, 1.8)),
    "brightness of floats": lambda k: k.apply_brightness_shift(PICTURE * 3 - 100, 0.5, False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_single_changes(name):
    np.testing.assert_allclose(*both(CHANGES[name]), atol=1e-2)


def test_smart_resize():
    for shape, size in (((9, 12, 3), (4, 4)), ((2, 9, 12, 3), (5, 3)), ((7, 3, 1), (2, 9))):
        x = RNG.normal(size=shape).astype("float32")
        ours, theirs = image.smart_resize(x, size), keras.preprocessing.image.smart_resize(x, size)
        assert isinstance(ours, np.ndarray)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


GENERATORS = {
    "nothing": {},
    "moved": {"rotation_range": 20, "width_shift_range": 0.2, "height_shift_range": 3, "shear_range": 10,
              "zoom_range": 0.3},
    "chosen shifts": {"width_shift_range": [-2, 1, 4], "height_shift_range": [0.1, 0.2], "fill_mode": "reflect"},
    "flipped": {"horizontal_flip": True, "vertical_flip": True},
    "coloured": {"channel_shift_range": 30.0, "brightness_range": (0.4, 1.6)},
    "by sample": {"samplewise_center": True, "samplewise_std_normalization": True, "rescale": 1 / 255},
    "by feature": {"featurewise_center": True, "featurewise_std_normalization": True},
    "own function": {"preprocessing_function": lambda x: x * 2, "zoom_range": [0.8, 1.2], "cval": 3.0},
    "channels first": {"data_format": "channels_first", "rotation_range": 20, "horizontal_flip": True},
}  # fmt: skip


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_in_memory(name, seed):
    x = RNG.integers(0, 256, (7, 3, 8, 8) if name == "channels first" else (7, 8, 8, 3)).astype("float32")

    def batches(k):
        generator = k.ImageDataGenerator(**GENERATORS[name])
        generator.fit(x)
        flow = generator.flow(x.copy(), np.arange(7), batch_size=3, sample_weight=np.arange(7.0), seed=seed)
        return [next(flow) for _ in range(4)] + [flow[1]]

    for ours, theirs in zip(*both(batches), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            np.testing.assert_allclose(one, other, atol=1e-2)


def test_whitening_and_augmented_statistics():
    x = RNG.normal(size=(12, 4, 4, 3)).astype("float32")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [
            (one.fit(x), two.fit(x, augment=True, rounds=2, seed=3), one.standardize(x[0].copy()), two.mean)
            for one, two in (
                (
                    k.ImageDataGenerator(zca_whitening=True, zca_epsilon=1e-3),
                    k.ImageDataGenerator(featurewise_center=True, rotation_range=30),
                )
                for k in (image, their_image)
            )
        ]
    np.testing.assert_allclose(found[0][2], found[1][2], atol=1e-3)
    np.testing.assert_allclose(found[0][3], found[1][3], atol=1e-4)


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_subsets(subset):
    x, y = RNG.normal(size=(10, 4, 4, 1)), np.arange(10) % 2
    ours, theirs = both(
        lambda k: k.ImageDataGenerator(validation_split=0.4).flow(x, y, subset=subset, shuffle=False)[0]
    )
    np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("pictures")
    for name, count in (("cats", 5), ("dogs", 3), ("owls", 2)):
        (top / name / "more").mkdir(parents=True)
        for i in range(count):
            place = top / name / ("more" if i % 2 else "") / f"{i}.png"
            lamina.utils.save_img(place, RNG.integers(0, 256, (6 + i, 8, 3)), scale=False)
        (top / name / "notes.txt").write_text("none")
    return top


@pytest.mark.parametrize("mode", ["categorical", "sparse", "input", None])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"subset": "validation"},
        {"classes": ["owls", "cats"]},
        {"color_mode": "grayscale", "keep_aspect_ratio": True},
    ],
    ids=str,
)
def test_folders(folder, mode, options):
    def batches(k):
        generator = k.ImageDataGenerator(validation_split=0.4, rescale=1 / 255, horizontal_flip=True)
        flow = generator.flow_from_directory(
            str(folder), target_size=(8, 6), class_mode=mode, seed=2, batch_size=4, **options
        )
        return flow.class_indices, flow.filenames, flow.classes.tolist(), [next(flow) for _ in range(3)]

    ours, theirs = both(batches)
    assert ours[:3] == theirs[:3]
    for one, other in zip(ours[3], theirs[3], strict=True):
        for a, b in zip(*((p if isinstance(p, tuple) else (p,)) for p in (one, other)), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, atol=1e-6)


def table(folder):
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    return pd.DataFrame({
        "filename": files, "class": [name[:4] for name in files], "size": np.arange(10.0), "age": np.arange(10) % 3,
        "tags": [[name[:4], "new"] if i % 2 else [name[:4]] for i, name in enumerate(files)],
        "kind": ["old" if name[0] == "c" else "new" for name in files],
    })  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {}, {"class_mode": "sparse"}, {"class_mode": "raw", "y_col": "size"},
        {"class_mode": "raw", "y_col": ["size", "age"]},
        {"class_mode": "multi_output", "y_col": ["size", "age"]}, {"class_mode": "binary", "y_col": "kind"},
        {"class_mode": "input"}, {"class_mode": None}, {"y_col": "tags"}, {"classes": ["dogs", "cats"]},
        {"weight_col": "size"}, {"subset": "training"}, {"y_col": "tags", "classes": ["new", "owls"]},
    ],
    ids=str,
)  # fmt: skip
def test_frames(folder, options):
    def batches(k):
        generator = k.ImageDataGenerator(validation_split=0.3)
        flow = generator.flow_from_dataframe(
            table(folder), str(folder), target_size=(4, 4), seed=1, batch_size=4, **options
        )
        return getattr(flow, "class_indices", None), flow.filenames, [next(flow) for _ in range(2)]

    ours, theirs = both(batches)
    assert ours[:2] == theirs[:2]
    for one, other in zip(ours[2], theirs[2], strict=True):
        parts = [
            [q for p in (x if isinstance(x, tuple) else (x,)) for q in (p if isinstance(p, list) else [p])]
            for x in (one, other)
        ]
        for a, b in zip(*parts, strict=True):
            np.testing.assert_allclose(a, b)


def flat(batch):
    if isinstance(batch, (list, tuple)):
        return [leaf for part in batch for leaf in flat(part)]
    return [batch]


def test_frames_of_polars_and_names_of_no_picture(folder):
    frame = table(folder)[["filename", "class"]]
    frame.loc[0, "filename"] = "nowhere.png"
    with pytest.warns(UserWarning, match="1 names in the column 'filename'"):
        flow = image.ImageDataGenerator().flow_from_dataframe(
            pl.DataFrame(frame.to_dict("list")), folder, target_size=(4, 4)
        )
    assert (flow.samples, flow[0][1].shape) == (9, (9, 3))


def test_training_from_a_generator(folder):
    model = lamina.Sequential([lamina.layers.Flatten(input_shape=(6, 6, 3)), lamina.layers.Dense(3, "softmax")])
    model.compile("adam", "categorical_crossentropy")
    flow = image.ImageDataGenerator(rescale=1 / 255).flow_from_directory(folder, target_size=(6, 6), batch_size=4)
    model.fit(flow, epochs=2, verbose=0)
    assert model.predict(flow, verbose=0).shape == (10, 3)


def test_pictures_are_written_to_look_at(tmp_path):
    image.ImageDataGenerator().flow(np.ones((3, 4, 4, 3)), save_to_dir=tmp_path, save_prefix="a", seed=1)[0]
    assert len(list(tmp_path.glob("a_*.png"))) == 3


# -- sequences and texts


@pytest.mark.parametrize(
    "options",
    [{"length": 4}, {"length": 4, "sampling_rate": 2, "stride": 3, "batch_size": 2}, {"length": 2, "reverse": True},
     {"length": 3, "start_index": 4, "end_index": 12, "batch_size": 3},
     {"length": 3, "shuffle": True, "batch_size": 5}],
    ids=str,
)  # fmt: skip
def test_time_series(options):
    data = RNG.normal(size=(20, 2))
    made = []
    for module in (sequence, their_sequence):
        np.random.seed(0)
        windows = module.TimeseriesGenerator(data, np.arange(20), **options)
        made.append([windows[i] for i in range(len(windows))])
    for ours, theirs in zip(*made, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    told = sequence.TimeseriesGenerator([1, 2, 3], [1, 2, 3], 1).get_config()
    assert (told["data"], told["start_index"], told["batch_size"]) == ("[1, 2, 3]", 1, 128)


@pytest.mark.parametrize(
    "options",
    [{}, {"window_size": 1, "negative_samples": 2.0}, {"categorical": True}, {"shuffle": False}, {"seed": 4},
     {"sampling_table": np.full(20, 0.5)}, {"negative_samples": 0}],
    ids=str,
)  # fmt: skip
def test_skipgrams(options):
    words = [3, 0, 7, 1, 9, 12, 3]
    found = []
    for module in (sequence, their_sequence):
        random.seed(1)
        found.append(module.skipgrams(words, 20, **options))
    assert [list(part) for part in found[0]] == [list(part) for part in found[1]]
    np.testing.assert_allclose(sequence.make_sampling_table(50), their_sequence.make_sampling_table(50))


TEXTS = ["The cat, the Hat!", "a cat; a\tdog\nran", "", "ÉTÉ été don't", "cat cat cat dog"]


@pytest.mark.parametrize(
    "options",
    [{}, {"num_words": 4}, {"oov_token": "<?>"}, {"num_words": 4, "oov_token": "<?>"}, {"char_level": True},
     {"lower": False, "filters": ""}, {"split": "a"}, {"analyzer": str.split}],
    ids=str,
)  # fmt: skip
def test_tokenizer(options):
    ours, theirs = (module.Tokenizer(**options) for module in (text, their_text))
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(TEXTS[:3])
        tokenizer.fit_on_texts(TEXTS[3:])
    assert (ours.word_index, ours.word_counts, ours.index_word) == (
        theirs.word_index,
        theirs.word_counts,
        theirs.index_word,
    )
    assert (ours.word_docs, ours.index_docs, ours.document_count) == (
        theirs.word_docs,
        theirs.index_docs,
        theirs.document_count,
    )
    unseen = [*TEXTS, "a new owl", ["Cat", "owl"]]
    sequences = ours.texts_to_sequences(unseen)
    assert sequences == theirs.texts_to_sequences(unseen)
    assert ours.sequences_to_texts([[1, 2, 99], []]) == theirs.sequences_to_texts([[1, 2, 99], []])
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(ours.texts_to_matrix(unseen, mode), theirs.texts_to_matrix(unseen, mode))
    if "analyzer" not in options:
        again = text.tokenizer_from_json(theirs.to_json())
        assert again.texts_to_sequences(unseen) == sequences
        assert their_text.tokenizer_from_json(ours.to_json()).texts_to_sequences(unseen) == sequences


def test_words_and_hashes():
    for one in TEXTS:
        assert text.text_to_word_sequence(one) == their_text.text_to_word_sequence(one)
        assert text.hashing_trick(one, 30, "md5") == their_text.hashing_trick(one, 30, "md5")
        assert text.one_hot(one, 30) == their_text.one_hot(one, 30)
    tokenizers = [module.Tokenizer(num_words=5) for module in (text, their_text)]
    for tokenizer in tokenizers:
        tokenizer.fit_on_sequences([[1, 2], [2, 3, 3]])
    rows = [t.sequences_to_matrix([[1, 2, 2, 9]], "tfidf") for t in tokenizers]
    np.testing.assert_allclose(*rows)


def test_names():
    import keras._tf_keras.keras.preprocessing as theirs

    assert {name for name in dir(keras.preprocessing) if not name.startswith("_")} <= set(dir(preprocessing))
    for name in ("image", "sequence", "text"):
        due = {one for one in dir(getattr(theirs, name)) if not one.startswith("_")}
        assert due <= set(dir(getattr(preprocessing, name)))
    assert sequence.pad_sequences is lamina.utils.pad_sequences
    assert image.load_img is lamina.utils.load_img


MISUSES = {
    "axes": (lambda: image.apply_affine_transform(PICTURE, 3, row_axis=0, col_axis=0), "each once"),
    "rank": (lambda: image.apply_affine_transform(PICTURE[0], 3), "three axes"),
    "fill_mode": (lambda: image.apply_affine_transform(PICTURE, 3, fill_mode="edge"), "'wrap'"),
    "zoom": (lambda: image.random_zoom(PICTURE, 3), "a pair of numbers"),
    "brightness": (lambda: image.ImageDataGenerator(brightness_range=2), "a pair of numbers"),
    "format": (lambda: image.ImageDataGenerator(data_format="last"), "'channels_last'"),
    "split": (lambda: image.ImageDataGenerator(validation_split=2), "a share"),
    "fit": (lambda: image.ImageDataGenerator().fit(PICTURE), "4 axes"),
    "pictures": (lambda: image.ImageDataGenerator().flow(PICTURE), "4 axes"),
    "rows": (lambda: image.ImageDataGenerator().flow(PICTURE[None], [1, 2]), "different numbers of rows"),
    "subset": (lambda: image.ImageDataGenerator().flow(PICTURE[None], subset="test"), "'training' or 'validation'"),
    "classes": (
        lambda: image.ImageDataGenerator(validation_split=0.5).flow(np.ones((2, 4, 4, 1)), [0, 1], subset="training"),
        "different classes",
    ),
    "mode": (lambda: image.ImageDataGenerator().flow_from_directory(".", class_mode="x"), "'sparse'"),
    "column": (
        lambda: image.ImageDataGenerator().flow_from_dataframe(pd.DataFrame({"a": [1]})), "no column 'filename'"
    ),
    "series": (lambda: sequence.TimeseriesGenerator([1, 2], [1], 1), "a target for each step"),
    "no step": (lambda: sequence.TimeseriesGenerator([1, 2], [1, 2], 5), "no step left"),
    "stride": (lambda: sequence.TimeseriesGenerator([1, 2], [1, 2], 1, stride=0), "1 or more"),
    "text": (lambda: text.Tokenizer().fit_on_texts([3]), "made of a text"),
    "matrix": (lambda: text.Tokenizer().texts_to_matrix(["a"]), "num_words="),
    "matrix mode": (lambda: text.Tokenizer(num_words=3).texts_to_matrix(["a"], "sum"), "'tfidf'"),
    "tfidf": (lambda: text.Tokenizer(num_words=3).texts_to_matrix(["a"], "tfidf"), "no texts yet"),
    "argument": (lambda: text.Tokenizer(words=3), "no argument 'words'"),
    "json": (lambda: text.tokenizer_from_json('{"config": {}}'), "no Tokenizer"),
    "json of code": (lambda: text.tokenizer_from_json("[" * 10_000), "no Tokenizer"),
    "hashes": (lambda: text.hashing_trick("a", 1), "2 or more"),
    "size": (lambda: image.smart_resize(PICTURE, (3,)), "height"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISUSES)
def test_misuse(name):
    misuse, words = MISUSES[name]
    with pytest.raises(lamina.LaminaError, match=words):
        misuse()
