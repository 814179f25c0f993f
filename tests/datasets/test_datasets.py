"""Data sets from small files of their form: as Keras' loaders read them, and files that are none."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pickle
import tarfile
import time
import zipfile

import keras
import numpy as np
import pytest

import lamina
from lamina import datasets
from lamina.saving.pickled_arrays import read_pickled_arrays

RNG = np.random.default_rng(0)


def ragged(rows):
    made = np.empty(len(rows), object)
    made[:] = rows
    return made


def words(count):
    return ragged([RNG.integers(1, 70_000 if n == 3 else 300, RNG.integers(1, 12)).tolist() for n in range(count)])


ARRAYS = {
    "mnist": lambda: {
        "x_train": RNG.integers(0, 256, (6, 28, 28), dtype=np.uint8), "y_train": np.arange(6, dtype=np.uint8),
        "x_test": RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8), "y_test": np.arange(3, dtype=np.uint8),
    },
    "boston_housing": lambda: {"x": RNG.normal(size=(20, 13)), "y": RNG.normal(size=20)},
    "california_housing": lambda: {"x": RNG.normal(size=(700, 8)).astype("float32"), "y": RNG.normal(size=700)},
    "imdb": lambda: {
        "x_train": words(30), "y_train": RNG.integers(0, 2, 30), "x_test": words(20), "y_test": RNG.integers(0, 2, 20)
    },
    "reuters": lambda: {"x": words(40), "y": RNG.integers(0, 46, 40)},
}  # fmt: skip
CASES = [
    ("mnist", {}),
    ("boston_housing", {}),
    ("boston_housing", {"test_split": 0.35, "seed": 7}),
    ("california_housing", {}),
    ("california_housing", {"version": "small", "test_split": 0.0}),
    *((name, kwargs) for name in ("imdb", "reuters") for kwargs in (
        {}, {"num_words": 100, "skip_top": 5}, {"maxlen": 8}, {"seed": 3, "start_char": None},
        {"start_char": None, "index_from": None, "oov_char": None, "num_words": 200}, {"oov_char": None, "skip_top": 9},
    )),
    ("reuters", {"test_split": 0.5}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache of its own, and no origin."""
    monkeypatch.setenv("LAMINA_HOME", str(tmp_path / "home"))

    def nothing(url, *args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", nothing)
    return tmp_path / "home" / "datasets"


def alike(ours, theirs):
    for (x, y), (their_x, their_y) in zip(ours, theirs, strict=True):
        assert (x.shape, x.dtype, y.shape, y.dtype) == (their_x.shape, their_x.dtype, their_y.shape, their_y.dtype)
        assert x.tolist() == their_x.tolist()
        assert y.tolist() == their_y.tolist()


@pytest.mark.parametrize("compressed", [False, True], ids=["stored", "compressed"])
@pytest.mark.parametrize("name, kwargs", CASES, ids=str)
def test_npz_as_keras_reads_it(name, kwargs, compressed, tmp_path, monkeypatch):
    path = tmp_path / f"{name}.npz"
    (np.savez_compressed if compressed else np.savez)(path, **ARRAYS[name]())
    module = getattr(keras.src.datasets, name)
    monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(path))
    alike(getattr(datasets, name).load_data(path=path, **kwargs), module.load_data(**kwargs))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_pickles_of_every_protocol(protocol):
    data = {"a": np.arange(6.0).reshape(2, 3), "b": [1, 2.5, None, True, -1, 300, 10**6, -(10**6), 10**12, "é", b"x"],
            "c": (np.array([], "int8"), np.asfortranarray(np.ones((2, 3), ">i4"))), "d": words(3)}  # fmt: skip
    if protocol == 0:
        data["b"] = data["b"][:3]
        del data["d"], data["c"]
    found = read_pickled_arrays(pickle.dumps(data, protocol), "a pickle")
    np.testing.assert_array_equal(found["a"], data["a"])
    assert found["b"] == data["b"]
    if protocol:
        assert found["d"].tolist() == data["d"].tolist()
        np.testing.assert_array_equal(found["c"][1], data["c"][1])


def batch(rows, kinds):
    data = {"data": RNG.integers(0, 256, (rows, 3072), dtype=np.uint8), "filenames": ["a.png"] * rows}
    data |= {name: RNG.integers(0, count, rows).tolist() for name, count in kinds.items()}
    return pickle.dumps({name.encode(): value for name, value in data.items()}, protocol=3)


def batch_of_python2(rows):
    """One as Python 2 wrote it, whose texts are bytes."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85q\x05U\x01b\x87Rq\x06(K\x01K"
        + bytes([len(rows)]) + b"M\x00\x0c\x86cnumpy\ndtype\nq\x07U\x02u1K\x00K\x01\x87Rq\x08(K\x03U\x01|NNNJ"
        + b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + rows.size.to_bytes(4, "little") + rows.tobytes() + b"tb"
    )  # fmt: skip
    labels = b"".join(b"K" + bytes([n]) for n in range(len(rows)))
    return b"\x80\x02}q\x01(U\x0bfine_labels]q\x02(" + labels + b"eU\x04dataq\x09" + array + b"u."


def archive_of(members, path, folder):
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))


def cifar100():
    kinds = {"fine_labels": 100, "coarse_labels": 20}
    return "cifar-100-python", {"train": batch(12, kinds), "test": batch(5, kinds)}


@pytest.mark.parametrize("form", ["archive", "folder", "cache"])
def test_cifar100(form, tmp_path, home, monkeypatch):
    folder, members = cifar100()
    archive_of(members, tmp_path / "c.tar.gz", folder)
    with tarfile.open(tmp_path / "c.tar.gz") as file:
        file.extractall(tmp_path / "theirs", filter="data")
    monkeypatch.setattr(keras.src.datasets.cifar100, "get_file", lambda *args, **kwargs: str(tmp_path / "theirs"))
    path = {"archive": tmp_path / "c.tar.gz", "folder": tmp_path / "theirs" / folder, "cache": None}[form]
    if path is None:
        home.mkdir(parents=True)
        os.replace(tmp_path / "c.tar.gz", home / "cifar-100-python-target_archive")
        digest = hashlib.sha256((home / "cifar-100-python-target_archive").read_bytes()).hexdigest()
        monkeypatch.setattr(datasets.cifar100, "_HASH", digest)
    for mode in ("fine", "coarse"):
        ours = datasets.cifar100.load_data(mode, path=path)
        theirs = keras.src.datasets.cifar100.load_data(mode)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one[0], other[0])
            np.testing.assert_array_equal(one[1], other[1])
            assert (one[0].dtype, one[1].dtype) == (other[0].dtype, other[1].dtype)
    lamina.config.set_image_data_format("channels_first")
    try:
        assert datasets.cifar100.load_data(path=path)[1][0].shape == (5, 3, 32, 32)
    finally:
        lamina.config.set_image_data_format("channels_last")


def test_cifar_as_python_2_wrote_it(tmp_path, monkeypatch):
    rows = RNG.integers(0, 256, (5, 3072), dtype=np.uint8)
    for name in ("train", "test"):
        (tmp_path / "cifar-100-python").mkdir(exist_ok=True)
        (tmp_path / "cifar-100-python" / name).write_bytes(batch_of_python2(rows))
    monkeypatch.setattr(keras.src.datasets.cifar100, "get_file", lambda *args, **kwargs: str(tmp_path))
    alike(datasets.cifar100.load_data(path=tmp_path), keras.src.datasets.cifar100.load_data())


def test_cifar10_of_any_size(tmp_path):
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for name in names:
        (tmp_path / name).write_bytes(batch(4, {"labels": 10}))
    (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data(path=tmp_path)
    assert (x_train.shape, y_train.shape, x_test.shape) == ((20, 32, 32, 3), (20, 1), (4, 32, 32, 3))
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes())


FASHION = [("train", 7), ("t10k", 3)]


def test_fashion_mnist(tmp_path, monkeypatch):
    for name, count in FASHION:
        images = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (tmp_path / f"{name}-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(count, dtype=np.uint8)))
    module = keras.src.datasets.fashion_mnist
    monkeypatch.setattr(module, "get_file", lambda name, **kwargs: str(tmp_path / name))
    alike(datasets.fashion_mnist.load_data(tmp_path), module.load_data())


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_index(name, tmp_path):
    path = tmp_path / "words.json"
    path.write_text(json.dumps({"the": 1, "é": 2}))
    assert getattr(datasets, name).get_word_index(path) == {"the": 1, "é": 2}
    path.write_text("[" * 100_000)
    with pytest.raises(datasets.DatasetError, match="does not hold the words"):
        getattr(datasets, name).get_word_index(path)


def test_names_of_topics_arguments_and_hashes():
    from inspect import getsource, signature

    assert datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()
    for name in set(datasets.__all__) - {"DatasetError"}:
        ours, theirs = getattr(datasets, name), getattr(keras.datasets, name)
        for function in dir(theirs):
            if not function.startswith("_"):
                own = list(signature(getattr(ours, function)).parameters.values())
                due = list(signature(getattr(theirs, function)).parameters.values())
                assert [(p.name, p.default) for p in own[: len(due)]] == [(p.name, p.default) for p in due]
        if hasattr(ours, "_HASH"):
            assert ours._HASH in getsource(getattr(keras.src.datasets, name))


# -- files that are none


class Bomb:
    def __reduce__(self):
        return os.system, ("touch ran",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("where", ["imdb", "cifar100"])
def test_no_code_runs(where, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bomb = pickle.dumps(ragged([[1], Bomb()]) if where == "imdb" else {b"data": Bomb()}, protocol)
    if where == "imdb":
        np.savez("a.npz", **ARRAYS["imdb"]())
        with zipfile.ZipFile("a.npz") as old, zipfile.ZipFile("b.npz", "w") as new:
            for name in old.namelist():
                content = old.read(name)
                new.writestr(name, content[:128] + bomb if name == "x_train.npy" else content)
        load = lambda: datasets.imdb.load_data(tmp_path / "b.npz")  # noqa: E731
    else:
        (tmp_path / "train").write_bytes(bomb)
        load = lambda: datasets.cifar100.load_data(path=tmp_path)  # noqa: E731
    with pytest.raises(lamina.LaminaError, match="more than data"):
        load()
    assert not (tmp_path / "ran").exists()


def header(shape, descr="<f8"):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue()


def npz_with(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return out.getvalue()


GOOD = header((2,)) + bytes(16)
HOSTILE = {
    "no zip": b"nothing",
    "empty": b"",
    "truncated": npz_with(x=GOOD, y=GOOD)[:-40],
    "without an array": npz_with(x=GOOD),
    "a size that is not there": npz_with(x=header((10**12, 13)) + bytes(64), y=GOOD),
    "negative": npz_with(x=header((-2, 13)) + bytes(64), y=GOOD),
    "no header": npz_with(x=b"\x93NUMPY\x01\x00\xff\xff", y=GOOD),
    "code for a header": npz_with(x=b"\x93NUMPY\x01\x00\x20\x00__import__('os').system('true') ", y=GOOD),
    "a bomb": npz_with(x=header((2**24, 13)) + bytes(2**24 * 13), y=GOOD),
    "a pickle that ends": npz_with(x=header((2,), "|O") + b"\x80\x02", y=GOOD),
    "objects of another shape": npz_with(x=header((3,), "|O") + pickle.dumps(ragged([[1], [2]]), 2), y=GOOD),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_npz(name, tmp_path):
    path = tmp_path / "b.npz"
    path.write_bytes(HOSTILE[name])
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(lamina.LaminaError, match="does not hold the data set|more than data, or is damaged"):
        datasets.boston_housing.load_data(path)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    "program",
    [
        b"", b".", b"(lp0\n", b"cos\nsystem\n(S'true'\ntR.", b"\x80\x02]q\x00h\x05.", b"K", b"\x80\x04\x8c",
        pickle.dumps(np.datetime64("2020"), 2), pickle.dumps(complex(1, 2), 2), pickle.dumps({1: 2}, 2),
        pickle.dumps(np.zeros(3, [("a", "i4")]), 2), pickle.dumps(np.ma.ones(2), 2),
        b"cnumpy\nndarray\n.", b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I9\ntcnumpy\ndtype\n"
        b"(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntbI00\n(ltb.",
    ],
)  # fmt: skip
def test_hostile_pickles(program):
    with pytest.raises(lamina.LaminaError, match="more than data, or is damaged"):
        read_pickled_arrays(program, "a pickle")


def test_archives_that_lead_out(tmp_path):
    folder, members = cifar100()
    archive_of({**members, "../../out": b"x"}, tmp_path / "c.tar.gz", folder)
    with pytest.raises(lamina.LaminaError, match="out of the folder|leads out|name"):
        datasets.cifar100.load_data(path=tmp_path / "c.tar.gz")
    assert os.listdir(tmp_path) == ["c.tar.gz"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x1f\x8b broken",
        gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12 + b"x"),
        gzip.compress(b"\0\0\x0d\x01\0\0\0\0"),
    ],
    ids=["no archive", "more rows than bytes", "floats"],  # an archive tells its time
)
def test_hostile_fashion(content, tmp_path):
    for name, _ in FASHION:
        for kind in ("images-idx3", "labels-idx1"):
            (tmp_path / f"{name}-{kind}-ubyte.gz").write_bytes(content)
    with pytest.raises(datasets.DatasetError, match="does not hold the data set"):
        datasets.fashion_mnist.load_data(tmp_path)


LOADERS = {
    **{name: getattr(datasets, name).load_data for name in ARRAYS},
    "cifar10": datasets.cifar10.load_data,
    "cifar100": datasets.cifar100.load_data,
    "fashion_mnist": datasets.fashion_mnist.load_data,
    "words": datasets.imdb.get_word_index,
}


@pytest.mark.parametrize("name", LOADERS)
def test_offline(name, home):
    text = r"cannot be fetched(.|\n)*no network(.|\n)*put that file at"
    with pytest.raises(datasets.DatasetError, match=text) as caught:
        LOADERS[name]()
    assert isinstance(caught.value, OSError)
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_a_file_in_the_cache_with_another_hash(home):
    home.mkdir(parents=True)
    (home / "mnist.npz").write_bytes(b"something else")
    with pytest.raises(datasets.DatasetError, match="another hash"):
        datasets.mnist.load_data()
    assert (home / "mnist.npz").read_bytes() == b"something else"


def test_what_is_put_into_the_cache_is_found(home, monkeypatch):
    home.mkdir(parents=True)
    np.savez(home / "mnist.npz", **ARRAYS["mnist"]())
    monkeypatch.setattr(datasets.mnist, "_HASH", hashlib.sha256((home / "mnist.npz").read_bytes()).hexdigest())
    assert datasets.mnist.load_data()[0][0].shape == (6, 28, 28)


@pytest.mark.parametrize("name", LOADERS)
def test_a_copy_that_is_not_there(name):
    with pytest.raises(datasets.DatasetError, match="no such copy"):
        LOADERS[name](path="./nowhere/copy")


@pytest.mark.parametrize(
    "misuse, text",
    [
        (lambda: datasets.boston_housing.load_data(test_split=1), "up to 1"),
        (lambda: datasets.reuters.load_data(test_split="a"), "up to 1"),
        (lambda: datasets.california_housing.load_data(version="tiny"), "'small' or 'large'"),
        (lambda: datasets.cifar100.load_data("both"), "'fine' or 'coarse'"),
        (lambda: datasets.imdb.load_data(words=3), "no argument 'words'"),
    ],
)
def test_misuse(misuse, text):
    with pytest.raises(lamina.LaminaError, match=text):
        misuse()


def test_no_text_is_short_enough(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS["reuters"]())
    with pytest.raises(lamina.ArgumentError, match="a larger maxlen"):
        datasets.reuters.load_data(tmp_path / "a.npz", maxlen=1)


def test_large_lists_are_read_quickly():
    rows = ragged([RNG.integers(0, 90_000, 200).tolist() for _ in range(2500)])
    start = time.thread_time()
    assert read_pickled_arrays(pickle.dumps(rows, 4), "a pickle").tolist() == rows.tolist()
    assert time.thread_time() - start < 3  # some 0.15 s; one instruction after the other 2


def test_the_users_copy_is_never_to_be_deleted(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMINA_HOME", str(tmp_path / "home"))
    copy = tmp_path / "mine.npz"
    copy.write_bytes(b"<html>")
    with pytest.raises(datasets.DatasetError) as caught:
        datasets.mnist.load_data(copy)
    assert "delete" not in str(caught.value)
    assert "another copy" in caught.value.hint
    cached = tmp_path / "home/datasets/words.json"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"[]")
    with pytest.raises(datasets.DatasetError, match=f"delete {cached}"):
        datasets.imdb.get_word_index(cached)


def test_what_does_not_belong_together_is_refused(tmp_path):
    def refused(loader, text, **arrays):
        np.savez(tmp_path / "copy.npz", **arrays)
        with pytest.raises(datasets.DatasetError, match=text):
            loader(path=tmp_path / "copy.npz")

    pictures, digits, rows = np.zeros((3, 28, 28), "uint8"), np.zeros(3, "uint8"), np.empty(2, object)
    mnist = {"x_train": pictures, "y_train": digits, "x_test": pictures, "y_test": digits}
    refused(datasets.mnist.load_data, "label for each row", **mnist | {"y_test": digits[:2]})
    refused(datasets.mnist.load_data, r"pictures \(N", **mnist | {"x_train": pictures[:, 0]})
    rows[:] = [["a"], ["b"]]
    refused(datasets.reuters.load_data, "lists of whole numbers", x=rows, y=digits[:2])
    refused(datasets.reuters.load_data, "lists of whole numbers", x=digits, y=digits)
    refused(datasets.boston_housing.load_data, "label for each row", x=np.ones(3), y=np.ones((3, 1)))
    with pytest.raises(datasets.DatasetError, match="is one file"):
        datasets.mnist.load_data(tmp_path)
