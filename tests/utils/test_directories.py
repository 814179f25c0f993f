"""Data sets from folders: which files, split and labelled as in Keras, read by hand, and trained on."""

from __future__ import annotations

import pickle
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from keras.src.utils import dataset_utils
from PIL import Image
from scipy import signal

import lamina
from lamina import utils
from lamina.graph import ArgumentError
from lamina.utils.directories.audio import resampled

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three classes of 4 files, one of them in a folder within, beside files and folders that do not count."""
    root = tmp_path_factory.mktemp("pictures")
    for number, name in enumerate(["cats", "birds", "dogs"]):
        (root / name / "more").mkdir(parents=True)
        for i, ending in enumerate(["png", "PNG", "bmp"]):
            colour = np.full((4 + i, 6, 3), 20 * number + i, "uint8")
            Image.fromarray(colour).save(root / name / f"{i}.{ending}")
        Image.fromarray(np.full((3, 3, 3), 20 * number + 9, "uint8")).save(root / name / "more" / "0.png")
        (root / name / "notes.txt").write_text("no picture")
    (root / ".hidden").mkdir()
    Image.fromarray(np.zeros((2, 2, 3), "uint8")).save(root / ".hidden" / "0.png")
    return root


def images(root, **arguments):
    arguments = {"image_size": (4, 4), "verbose": False, **arguments}
    return utils.image_dataset_from_directory(root, **arguments)


def texts(root):
    return utils.text_dataset_from_directory(root, verbose=False)


# ---- which files


@pytest.mark.parametrize("subset", ["training", "validation"])
@pytest.mark.parametrize("class_names", [None, ["dogs", "cats"]])
@pytest.mark.parametrize("shuffle", [True, False])
def test_files_and_splits_are_those_of_keras(pictures, shuffle, class_names, subset):
    data = images(pictures, shuffle=shuffle, seed=5, class_names=class_names, validation_split=0.3, subset=subset)
    paths, labels, names = dataset_utils.index_directory(
        str(pictures), "inferred", (".png", ".bmp"), class_names, shuffle, seed=5, verbose=False
    )
    paths, labels = dataset_utils.get_training_or_validation_split(paths, labels, 0.3, subset)
    assert data.file_paths == paths
    assert data.class_names == names
    assert data.dataset._labels.tolist() == list(labels)


def test_both_parts_are_the_two_parts(pictures):
    arguments = {"seed": 5, "validation_split": 0.3}
    both = images(pictures, subset="both", **arguments)
    for part, subset in zip(both, ("training", "validation"), strict=True):
        assert part.file_paths == images(pictures, subset=subset, **arguments).file_paths
    assert set(both[0].file_paths).isdisjoint(both[1].file_paths)
    assert len(both[0].file_paths) + len(both[1].file_paths) == 12
    first, second = ([y.tolist() for _, y in both[1]] for _ in range(2))
    assert first == second  # validation stays in its order


def test_links_are_followed_when_asked(pictures, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to(pictures / "cats")
    Image.fromarray(np.zeros((2, 2, 3), "uint8")).save(tmp_path / "a" / "0.png")
    assert len(images(tmp_path).file_paths) == 1
    assert len(images(tmp_path, follow_links=True).file_paths) == 5


# ---- what is read


def test_values_labels_and_shapes(pictures):
    data = images(pictures, shuffle=False, batch_size=5)
    batches = list(data)
    assert [tuple(x.shape) for x, _ in batches] == [(5, 4, 4, 3), (5, 4, 4, 3), (2, 4, 4, 3)]
    assert batches[0][0].dtype == torch.float32
    assert batches[0][1].dtype == torch.int32
    values = torch.cat([x for x, _ in batches])[:, 0, 0, 0].tolist()
    assert values == [20, 21, 22, 29, 0, 1, 2, 9, 40, 41, 42, 49]  # birds, cats, dogs
    assert torch.cat([y for _, y in batches]).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.class_names == ["birds", "cats", "dogs"]


@pytest.mark.parametrize(
    "mode, labels, expected",
    [
        ("int", "inferred", torch.tensor([0, 1] * 1, dtype=torch.int32)),
        ("binary", "inferred", torch.tensor([[0.0], [1.0]])),
        ("categorical", "inferred", torch.eye(2)),
        (None, "inferred", None),
        ("int", None, None),
        ("int", [1, 0], torch.tensor([1, 0], dtype=torch.int32)),
    ],
)
def test_label_modes(mode, labels, expected, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((2, 2, 3), "uint8")).save(tmp_path / name / "0.png")
    batch = next(iter(images(tmp_path, label_mode=mode, labels=labels, shuffle=False)))
    if expected is None:
        assert batch.shape == (2, 4, 4, 3)
    else:
        assert torch.equal(batch[1], expected)
        assert batch[1].dtype == expected.dtype


@pytest.mark.parametrize(
    "arguments", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}, {"interpolation": "nearest"}]
)
def test_pictures_are_resized_by_ops(arguments, tmp_path):
    pixels = RNG.integers(0, 255, (9, 14, 4)).astype("uint8")
    Image.fromarray(pixels).save(tmp_path / "0.png")
    made = images(tmp_path, labels=None, image_size=(6, 5), color_mode="rgba", batch_size=None, **arguments)[0]
    resized = lamina.ops.image.resize(pixels.astype("float32"), (6, 5), data_format="channels_last", **arguments)
    torch.testing.assert_close(made, resized)
    first = images(
        tmp_path, labels=None, image_size=(6, 5), color_mode="rgba", data_format="channels_first", **arguments
    )
    torch.testing.assert_close(next(iter(first))[0], made.permute(2, 0, 1))


def test_colours(tmp_path):
    pixels = RNG.integers(0, 255, (4, 4, 3)).astype("uint8")
    Image.fromarray(pixels).save(tmp_path / "0.png")
    Image.fromarray(np.array([[0, 256], [30000, 65535]], "uint16").repeat(2, 0).repeat(2, 1)).save(tmp_path / "1.png")
    grey = list(images(tmp_path, labels=None, color_mode="grayscale", batch_size=None, shuffle=False))
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey[0][..., 0].numpy() - luma).max() <= 1
    assert grey[1][::2, ::2, 0].tolist() == [[0, 1], [117, 255]]  # 16 bits
    rgba = list(images(tmp_path, labels=None, color_mode="rgba", batch_size=None, shuffle=False))
    assert rgba[1][3, 3].tolist() == [255] * 4
    assert torch.equal(rgba[0][..., :3], torch.from_numpy(pixels.astype("float32")))


def test_each_pass_has_its_order_by_the_seed(pictures):
    first, second = (images(pictures, seed=3, batch_size=12) for _ in range(2))
    orders = [next(x[:, 0, 0, 0].tolist() for x, _ in data) for data in (first, first, second, second)]
    assert orders[0] == orders[2] != orders[1] == orders[3]
    assert sorted(orders[0]) == sorted(orders[1])


def test_single_samples(pictures):
    data = images(pictures, batch_size=None, shuffle=False)
    assert len(data) == 12
    assert [int(y) for _, y in data] == [0] * 4 + [1] * 4 + [2] * 4
    assert torch.equal(data[-1][0], data[11][0])
    with pytest.raises(IndexError, match="12"):
        data[12]
    assert len(pickle.loads(pickle.dumps(data))) == 12


def test_what_is_said(pictures, capsys):
    images(pictures, verbose=True, seed=1, validation_split=0.25, subset="both")
    images(pictures, verbose=True, labels=None)
    assert capsys.readouterr().out.splitlines() == [
        "Found 12 files belonging to 3 classes.",
        "Using 9 files for training.",
        "Using 3 files for validation.",
        "Found 13 files.",  # without labels all folders count, hidden ones too, as in Keras
    ]


def test_fit_predict_and_workers(pictures):
    train, validation = images(pictures, seed=1, validation_split=0.25, subset="both", batch_size=4)
    x = lamina.Input((4, 4, 3))
    h = lamina.layers.Flatten()(lamina.layers.Rescaling(1 / 60)(x)) if hasattr(lamina.layers, "Rescaling") else x
    model = lamina.Model(x, lamina.layers.Dense(3, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(train, validation_data=validation, epochs=25, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.predict(validation, verbose=0).shape == (3, 3)
    unbatched = images(pictures, batch_size=None)
    assert "loss" in model.fit(unbatched, batch_size=6, verbose=0).history
    loader = torch.utils.data.DataLoader(unbatched, 4, num_workers=1)
    assert len([y for _, y in loader]) == 3


# ---- texts


def test_texts(tmp_path):
    for name, text in (("bad", "nö nö"), ("good", "yes, yes")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.txt").write_text(text, encoding="utf-8")
    texts, labels = next(iter(utils.text_dataset_from_directory(tmp_path, shuffle=False, verbose=False)))
    assert texts == ["nö nö", "yes, yes"]
    assert labels.tolist() == [0, 1]
    cut = utils.text_dataset_from_directory(
        tmp_path, label_mode=None, max_length=3, batch_size=None, shuffle=False, verbose=False
    )
    assert list(cut) == ["nö ", "yes"]
    (tmp_path / "bad" / "1.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"(?s)1\.txt.*UTF-8"):
        list(utils.text_dataset_from_directory(tmp_path, batch_size=None, verbose=False))


# ---- sounds


def write_sound(path, values, rate=8000, width=2):
    whole = np.clip(np.round(values * 2.0 ** (8 * width - 1)), -(2.0 ** (8 * width - 1)), 2.0 ** (8 * width - 1) - 1)
    with wave.open(str(path), "wb") as file:
        file.setparams((values.shape[1], width, rate, 0, "NONE", None))
        if width == 1:
            content = (whole + 128).astype("u1").tobytes()
        elif width == 3:
            content = whole.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
        else:
            content = whole.astype(f"<i{width}").tobytes()
        file.writeframes(content)


def sounds(root, **arguments):
    return utils.audio_dataset_from_directory(root, shuffle=False, verbose=False, **arguments)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_all_widths(tmp_path, width):
    (tmp_path / "a").mkdir()
    values = RNG.uniform(-1, 0.99, (50, 2))
    values[0] = -1
    write_sound(tmp_path / "a" / "0.wav", values, width=width)
    batch, labels = next(iter(sounds(tmp_path)))
    assert batch.shape == (1, 50, 2)
    assert batch.dtype == torch.float32
    np.testing.assert_allclose(batch[0].numpy(), values, atol=max(0.6 / 2 ** (8 * width - 1), 1e-7))
    assert batch[0, 0].tolist() == [-1.0, -1.0]
    assert labels.tolist() == [0]


def test_lengths_of_sounds(tmp_path):
    (tmp_path / "a").mkdir()
    for i, length in enumerate((3, 5)):
        write_sound(tmp_path / "a" / f"{i}.wav", np.full((length, 1), 0.5))
    half = [[0.5] * 3 + [0.0] * 2, [0.5] * 5]
    assert next(iter(sounds(tmp_path)))[0][..., 0].tolist() == half
    assert next(iter(sounds(tmp_path, output_sequence_length=4)))[0][..., 0].tolist() == [row[:4] for row in half]
    ragged, labels = next(iter(sounds(tmp_path, ragged=True)))
    assert [len(sound) for sound in ragged] == [3, 5]
    assert labels.tolist() == [0, 0]
    assert [len(x) for x in sounds(tmp_path, label_mode=None, batch_size=None)] == [3, 5]


@pytest.mark.parametrize("rate, new_rate", [(8000, 16000), (44100, 16000), (16000, 44100), (8000, 8000), (48000, 8000)])
def test_resampling_keeps_a_tone(tmp_path, rate, new_rate):
    tone, other = 440.0, 1000.0
    times, new_times = np.arange(rate // 4) / rate, np.arange(new_rate // 4) / new_rate

    def sound(t):
        return np.stack([0.5 * np.sin(2 * np.pi * tone * t), 0.25 * np.cos(2 * np.pi * other * t)], 1)

    (tmp_path / "a").mkdir()
    write_sound(tmp_path / "a" / "0.wav", sound(times), rate, width=4)
    made = next(iter(sounds(tmp_path, sampling_rate=new_rate)))[0][0].numpy()
    assert made.shape == (new_rate // 4, 2)
    border = new_rate // 50
    np.testing.assert_allclose(made[border:-border], sound(new_times)[border:-border], atol=2e-3)


def test_resampling_removes_what_the_new_rate_cannot_hold():
    t = np.arange(16000) / 16000
    high = torch.from_numpy(np.sin(2 * np.pi * 6000 * t)).unsqueeze(1)
    assert resampled(high, 16000, 8000)[200:-200].abs().max() < 5e-3
    noise = torch.from_numpy(signal.lfilter(*signal.butter(6, 0.2), RNG.normal(size=4000)))
    theirs = signal.resample_poly(noise.numpy(), 160, 441)
    ours = resampled(noise.unsqueeze(1), 44100, 16000)[:, 0].numpy()
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours[100:-100], theirs[100:-100], atol=0.02 * np.abs(theirs).max())


# ---- refused


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"labels": "names"}, "labels cannot be"),
        ({"labels": [1, 2]}, "2 labels, 13 files"),
        ({"labels": None, "class_names": ["cats"]}, "class_names"),
        ({"class_names": ["fish"]}, "subfolders"),
        ({"class_names": ["cats", "cats"]}, "each once"),
        ({"label_mode": "one_hot"}, "label_mode"),
        ({"label_mode": "binary"}, "two classes"),
        ({"color_mode": "cmyk"}, "color_mode"),
        ({"interpolation": "gaussian"}, "interpolation"),
        ({"image_size": (4,)}, "image_size"),
        ({"image_size": (4, 0)}, "image_size"),
        ({"data_format": "last"}, "data_format"),
        ({"format": "grain"}, "format"),
        ({"validation_split": 0.5}, "go together"),
        ({"subset": "training"}, "go together"),
        ({"validation_split": 1.5, "subset": "both"}, "between 0 and 1"),
        ({"validation_split": 0.5, "subset": "rest"}, "no subset"),
        ({"validation_split": 0.5, "subset": "both"}, "needs a seed"),
        ({"validation_split": 0.01, "subset": "both", "seed": 1}, "leaves nothing"),
    ],
)
def test_refused(pictures, arguments, text):
    with pytest.raises(ArgumentError, match=text):
        images(pictures, **arguments)


def test_folders_that_are_none(tmp_path):
    for call in (utils.image_dataset_from_directory, utils.text_dataset_from_directory, sounds):
        with pytest.raises(ArgumentError, match="no folder"):
            call(tmp_path / "gone")
        with pytest.raises(ArgumentError, match="no files"):
            call(tmp_path)
    with pytest.raises(ArgumentError, match="max_length"):
        utils.text_dataset_from_directory(tmp_path, max_length=0)
    with pytest.raises(ArgumentError, match="sampling_rate"):
        sounds(tmp_path, sampling_rate=0)
    with pytest.raises(ArgumentError, match="ragged"):
        sounds(tmp_path, ragged=True, output_sequence_length=3)


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bad.png").write_bytes(b"no picture")
    (tmp_path / "a" / "bad.wav").write_bytes(b"no sound at all")
    (tmp_path / "a" / "bad.txt").write_bytes("caf\xe9".encode("latin-1"))
    for read, name, what in (
        (images, "bad.png", "cannot identify"),
        (sounds, "bad.wav", "RIFF"),
        (texts, "bad.txt", "UTF-8"),
    ):
        with pytest.raises(utils.DataFileError, match=rf"(?s){name}.*{what}.*test_directories\.py:\d+"):
            list(read(tmp_path))


@pytest.mark.parametrize("name", ("missing", "file.txt"))
def test_a_missing_folder_is_an_error_with_the_users_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path("file.txt").write_text("")
    generator = lamina.preprocessing.image.ImageDataGenerator()
    for read in (images, sounds, texts, generator.flow_from_directory):
        with pytest.raises(FileNotFoundError, match=rf"(?s)no folder '{name}'.*test_directories\.py:\d+") as caught:
            read(Path(name))
        assert isinstance(caught.value, ArgumentError)
    with pytest.raises(FileNotFoundError, match=r"(?s)no file 'missing\.png'.*test_directories\.py:\d+"):
        utils.load_img("missing.png")
