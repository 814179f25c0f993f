"""The file itself: written whole or not at all, read only as what it is."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from lamina import Model
from lamina.layers import Dense, Input
from lamina.models import load_model
from lamina.saving import LoadingError
from lamina.saving.archive import read_archive, write_archive


def model(fill: float = 1.0) -> Model:
    x = Input((4,))
    return Model(x, Dense(2, kernel_initializer="ones", name="dense")(x * fill))


def test_a_file_is_a_zip_of_two_stored_members(tmp_path: Path) -> None:
    model().save(tmp_path / "m.lamina")
    with zipfile.ZipFile(tmp_path / "m.lamina") as archive:
        assert archive.namelist() == ["model.json", "weights.safetensors"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.testzip() is None


def test_the_same_model_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.lamina", "b.lamina"):
        model().save(tmp_path / name)
    # The source lines are the same as well: both were drawn in model().
    assert (tmp_path / "a.lamina").read_bytes() == (tmp_path / "b.lamina").read_bytes()


@pytest.mark.parametrize("call", ("write", "fsync", "replace"))
def test_a_torn_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "m.lamina"
    model(1.0).save(path)
    old = path.read_bytes()

    def fails(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    target = {"write": (zipfile.ZipFile, "open"), "fsync": (os, "fsync"), "replace": (os, "replace")}[call]
    monkeypatch.setattr(*target, fails)
    with pytest.raises(OSError, match="No space left"):
        model(2.0).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["m.lamina"]
    assert torch.equal(load_model(path)(torch.ones(1, 4)), model(1.0)(torch.ones(1, 4)))


def test_the_data_is_on_the_disk_before_the_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, _real=real, _name=name: (calls.append(_name), _real(*args))[1])
    model().save(tmp_path / "m.lamina")
    assert calls == ["fsync", "replace", "fsync"]


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.lamina", tmp_path / "link.lamina"
    model(1.0).save(real)
    assert stat.S_IMODE(real.stat().st_mode) == 0o666 & ~_umask()
    real.chmod(0o640)
    link.symlink_to(real)
    model(2.0).save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert torch.equal(load_model(real)(torch.ones(1, 4)), model(2.0)(torch.ones(1, 4)))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# -- reading


def packed(**changes: Any) -> bytes:
    """A good file, with members changed, left out (None) or added."""
    members = {"model.json": b"{}", "weights.safetensors": b"", **changes}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)
    return file.getvalue()


def read(tmp_path: Path, data: bytes) -> Any:
    path = tmp_path / "m.lamina"
    path.write_bytes(data)
    return read_archive(path)


def test_members_that_a_file_does_not_have(tmp_path: Path) -> None:
    for name in ("../evil", "assets/vocabulary.txt", "model.json/", "/etc/passwd", "Model.json"):
        with pytest.raises(LoadingError, match="members that a model file does not have"):
            read(tmp_path, packed(**{name: b"x"}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice(tmp_path: Path) -> None:
    file = io.BytesIO(packed())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("model.json", b"[]")
    with pytest.raises(LoadingError, match="twice"):
        read(tmp_path, file.getvalue())


def test_a_member_within_another(tmp_path: Path) -> None:
    alone = packed(**{"model.json": None, "weights.safetensors": b"values"})
    inner = alone[: alone.index(b"PK\x01\x02")]  # header, name and values
    data = bytearray(packed(**{"model.json": b"before" + inner, "weights.safetensors": b"values"}))
    assert read(tmp_path, bytes(data)) == {"model.json": b"before" + inner, "weights.safetensors": b"values"}
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 42 : entry + 46] = data.index(inner).to_bytes(4, "little")  # where the directory says that it begins
    with pytest.raises(LoadingError, match="damaged(.|\n)*overlap"):
        read(tmp_path, bytes(data))


def test_packed_members(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", b"0" * 10_000_000)
    with pytest.raises(LoadingError, match="is packed or encrypted"):
        read(tmp_path, file.getvalue())


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "m.lamina"
    model().save(path)
    good = path.read_bytes()
    place = good.index(b"kernel_initializer")
    for bad in (b"", b"no zip", good[: len(good) // 2], good[:place] + b"K" + good[place + 1 :], b"\x80\x04K\x01."):
        path.write_bytes(bad)
        with pytest.raises(LoadingError, match="is not a model file, or a damaged one"):
            load_model(path)


def test_every_byte_of_the_weights_is_covered_by_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "m.lamina"
    model().save(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"\x00\x00\x80\x3f")] = 7  # a kernel of ones
    path.write_bytes(data)
    with pytest.raises(LoadingError, match="CRC"):
        load_model(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "m.lamina")


def test_a_file_of_weights_alone_is_no_model(tmp_path: Path) -> None:
    model().save_weights(tmp_path / "m.lamina")
    with pytest.raises(LoadingError, match="holds no whole model") as caught:
        load_model(tmp_path / "m.lamina")
    assert "load_weights" in str(caught.value)


def test_write_archive_refuses_to_overwrite(tmp_path: Path) -> None:
    write_archive(tmp_path / "a", {"model.json": b"1"}, overwrite=False)
    write_archive(tmp_path / "a", {"model.json": b"2"}, overwrite=True)
    assert read_archive(tmp_path / "a") == {"model.json": b"2"}
