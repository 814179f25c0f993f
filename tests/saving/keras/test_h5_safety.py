"""HDF5 files that lead out of themselves, say more than they hold, or are broken: refused by name, unread."""

from __future__ import annotations

import io
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lamina import Model
from lamina.layers import Dense, Input
from lamina.saving.errors import DamagedFileError, LoadingError
from lamina.saving.keras_files.h5 import MAX_DEPTH, MAX_NAME, open_h5
from lamina.saving.keras_files.weights import read_keras_weights, read_legacy_weights
from lamina.saving.translations import Translations

KERNEL = "layers/dense/vars/0"


def model() -> Model:
    x = Input((3,))
    return Model(x, Dense(2)(x))


def good(file: Any) -> None:
    file[KERNEL] = np.full((3, 2), 2.0, "float32")
    file["layers/dense/vars/1"] = np.full((2,), 3.0, "float32")


def put(file: Any, kernel: Any) -> None:
    """The kernel is something else than an array."""
    good(file)
    del file[KERNEL]
    file[KERNEL] = kernel


def external_storage(file: Any) -> None:
    good(file)
    del file[KERNEL]
    file.create_dataset(KERNEL, (3, 2), "f4", external=[("/etc/passwd", 0, 24)])


def virtual(file: Any) -> None:
    good(file)
    del file[KERNEL]
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3, 2))
    file.create_virtual_dataset(KERNEL, layout)


def giant(file: Any) -> None:
    """Sixteen tebibytes, of which none is stored."""
    good(file)
    del file[KERNEL]
    file.create_dataset(KERNEL, (2**21, 2**21), "f4")


def nothing_stored(file: Any) -> None:
    """The right shape, but no bytes for it."""
    good(file)
    del file[KERNEL]
    file.create_dataset(KERNEL, (3, 2), "f4")


def bomb(file: Any) -> None:
    """A gigabyte in a megabyte."""
    good(file)
    del file[KERNEL]
    file.create_dataset(KERNEL, (2**28,), "f4", chunks=(2**22,), compression="gzip")
    file[KERNEL][:1] = 1.0


def large_chunk(file: Any) -> None:
    """The right shape, in a chunk that would be unpacked as a whole."""
    good(file)
    del file[KERNEL]
    file.create_dataset(KERNEL, (3, 2), "f4", chunks=(2**14, 2**10), maxshape=(None, None), compression="gzip")
    file[KERNEL][:] = 1.0


def plugin(file: Any) -> None:
    """Packed by a filter for which the library would look for a plugin: a shared object."""
    good(file)
    del file[KERNEL]
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((3, 2))
    made.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((3, 2))
    h5py.h5d.create(file["layers/dense/vars"].id, b"0", h5py.h5t.IEEE_F32LE, space, made).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.ones((3, 2), "f4")
    )


def circle(file: Any) -> None:
    good(file)
    file["layers/dense/again"] = file["layers"]


def two_names(file: Any) -> None:
    good(file)
    file["layers/dense/vars/2"] = file[KERNEL]


def deep(file: Any) -> None:
    good(file)
    file.create_group("/".join("a" * (MAX_DEPTH + 2)))


def long_name(file: Any) -> None:
    good(file)
    file.create_group("a" * (MAX_NAME + 1))


def named_type(file: Any) -> None:
    good(file)
    file["kind"] = np.dtype("f4")


def references(file: Any) -> None:
    good(file)
    del file[KERNEL]
    file.create_dataset(
        KERNEL, data=np.array([file["layers"].ref] * 6, h5py.ref_dtype).reshape(3, 2), dtype=h5py.ref_dtype
    )


REFUSED: dict[str, tuple[Callable[[Any], None], str]] = {
    "external link": (lambda file: put(file, h5py.ExternalLink("/etc/passwd", "/x")), "out of its place .ExternalLink"),
    "soft link": (lambda file: put(file, h5py.SoftLink("/layers/dense/vars/1")), "out of its place .SoftLink"),
    "external storage": (external_storage, "values are in other files"),
    "virtual": (virtual, "a virtual array"),
    "giant": (giant, "another size than is stored"),
    "nothing stored": (nothing_stored, "another size than is stored"),
    "bomb": (bomb, "another size than is stored"),
    "large chunk": (large_chunk, "another size than is stored"),
    "plugin": (plugin, "packed in an unknown way"),
    "circle": (circle, "a circle of links"),
    "two names": (two_names, "one thing by two names"),
    "deep": (deep, "more than a file of weights needs"),
    "long name": (long_name, "a name that is too long"),
    "named type": (named_type, "no group and no array"),
    "objects": (lambda file: put(file, np.array([b"x" * 5, b"y"], object)), "something else than numbers"),
    "references": (references, "something else than numbers"),
    "complex": (lambda file: put(file, np.ones((3, 2), complex)), "something else than numbers"),
    "records": (lambda file: put(file, np.zeros(3, [("a", "f4"), ("b", "f4")])), "something else than numbers"),
    "empty": (lambda file: put(file, h5py.Empty("f4")), "without a shape"),
}


def written(fill: Callable[[Any], None]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getvalue()


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("by_path", [True, False], ids=["path", "bytes"])
def test_refused(name: str, by_path: bool, tmp_path: Path) -> None:
    fill, message = REFUSED[name]
    source: Any = written(fill)
    if by_path:
        (tmp_path / "w.h5").write_bytes(source)
        source = tmp_path / "w.h5"
    mine = model()
    before = mine.get_weights()
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(LoadingError, match=message):
        read_keras_weights(mine, source, "the file")
    took, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 1
    assert peak < 50e6
    assert all(np.array_equal(a, b) for a, b in zip(before, mine.get_weights(), strict=True))


def test_what_is_sound_is_read() -> None:
    mine = model()
    assert read_keras_weights(mine, written(good), "the file") == []
    assert [float(weight.mean()) for weight in mine.get_weights()] == [2.0, 3.0]


@pytest.mark.parametrize("kind", ["gzip", "shuffled", "big-endian", "float64", "float16"])
def test_other_ways_of_storing_are_read(kind: str) -> None:
    def fill(file: Any) -> None:
        good(file)
        options = {"gzip": {"compression": "gzip"}, "shuffled": {"compression": "gzip", "shuffle": True}}.get(kind, {})
        data = file[KERNEL][:].astype({"big-endian": ">f4"}.get(kind, kind if kind.startswith("float") else "f4"))
        del file[KERNEL]
        file.create_dataset(KERNEL, data=data, **options)

    mine = model()
    read_keras_weights(mine, written(fill), "the file")
    assert (mine.get_weights()[0] == 2).all()


def test_of_a_wrong_shape_nothing_is_read() -> None:
    content = written(lambda file: put(file, np.ones((4, 2), "f4")))
    with open_h5(content, "the file") as file, pytest.raises(LoadingError, match="another shape"):
        file.read(KERNEL, (3, 2))
    with pytest.raises(LoadingError, match=r"different +dense.kernel \(4, 2\)"):
        read_keras_weights(model(), content, "the file")


@pytest.mark.parametrize("cut", [0, 4, 8, 100, 600, -1, -700])
def test_cut_short(cut: int) -> None:
    with pytest.raises(DamagedFileError, match="no HDF5 file, or a damaged one"):
        read_keras_weights(model(), written(good)[:cut], "the file")


@pytest.mark.parametrize("read", [read_keras_weights, read_legacy_weights])
def test_bytes_changed_at_random(read: Any) -> None:
    rng = np.random.default_rng(3)
    sound = written(good) if read is read_keras_weights else written(old)
    mine = model()
    further = () if read is read_keras_weights else (Translations(),)
    for _ in range(300):
        content = bytearray(sound)
        for place in rng.integers(8, len(content), rng.integers(1, 6)):
            content[place] = rng.integers(256)
        try:
            read(mine, bytes(content), "the file", *further)
        except LoadingError:
            continue
    with pytest.raises(DamagedFileError, match="no HDF5 file"):
        read(mine, rng.bytes(5000), "the file", *further)


def old(file: Any) -> None:
    file.attrs["layer_names"] = [b"dense"]
    group = file.create_group("dense")
    group.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
    group["dense/kernel:0"], group["dense/bias:0"] = np.ones((3, 2), "f4"), np.ones((2,), "f4")


def test_names_that_lead_nowhere() -> None:
    def fill(file: Any) -> None:
        old(file)
        file.attrs["layer_names"] = [b"dense", b"../other"]

    with pytest.raises(LoadingError, match="names a layer that it does not hold"):
        read_legacy_weights(model(), written(fill), "the file", Translations())


@pytest.mark.parametrize("value", [5, np.ones((2, 2)), np.array([1.0, 2.0]), "dense"], ids=str)
def test_names_that_are_no_names(value: Any) -> None:
    def fill(file: Any) -> None:
        old(file)
        file.attrs["layer_names"] = value

    with pytest.raises(LoadingError, match="no list of names"):
        read_legacy_weights(model(), written(fill), "the file", Translations())


def test_names_of_any_length() -> None:

    def fill(file: Any) -> None:
        old(file)
        file.attrs["layer_names"] = np.array(["x" * 1000] * 1000, h5py.string_dtype())

    with pytest.raises(LoadingError, match="names a layer that it does not hold"):
        read_legacy_weights(model(), written(fill), "the file", Translations())


def test_a_heap_without_end() -> None:
    """Found by changing bytes at random: HDF5 itself goes round in it for ever."""
    content = (Path(__file__).parent / "fixtures" / "heap_without_end.h5").read_bytes()
    with pytest.raises(DamagedFileError, match="a heap of texts"):
        read_legacy_weights(model(), content, "the file", Translations())


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_keras_weights(model(), tmp_path, "the file")


def test_without_h5py(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(LoadingError, match=r"pip install lamina\[keras\]"):
        read_keras_weights(model(), b"", "the file")
    with pytest.raises(ValueError, match=r"pip install lamina\[keras\]"):
        model().save_weights(tmp_path / "m.weights.h5")


@pytest.mark.parametrize("length", (1, 2**31 - 1, 2**32 - 1))
def test_a_text_that_says_another_length_is_refused_before_room_is_made_for_it(length: int) -> None:
    """Found by fuzzing: one changed length in a file of 22 kB made the library take 2 GB."""
    content = bytearray((Path(__file__).parent / "fixtures" / "sequential.h5").read_bytes())
    names = content.index(b"layer_names\0")
    heap = content.index(content.index(b"GCOL").to_bytes(8, "little"), names)
    content[heap - 4 : heap] = length.to_bytes(4, "little")
    x = Input((7,))
    with pytest.raises(DamagedFileError, match="says another length than is stored"):
        read_legacy_weights(Model(x, Dense(2)(x)), bytes(content), "here", Translations())
