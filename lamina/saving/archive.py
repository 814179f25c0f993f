"""The zip that a model file is: members with fixed names, stored as they are, written all or not at all."""

from __future__ import annotations

import os
import secrets
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import DamagedFileError, LoadingError, SavingError

MODEL = "model.json"
WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
RUN = "run.json"
RUN_TENSORS = "run.safetensors"
_MEMBERS = (MODEL, WEIGHTS, OPTIMIZER, RUN, RUN_TENSORS)

# The same for every file, so that the same model makes the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_ZIP_MAGIC = b"PK\x03\x04"
_BAD_ZIP = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, UnicodeDecodeError)


def write_archive(path: Any, members: Mapping[str, bytes], overwrite: bool) -> None:
    """Write the members into a zip at ``path``; see `write_file` for how."""

    def fill(file: Any) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name, _DATE), data)

    write_file(path, fill, overwrite)


def write_file(path: Any, fill: Any, overwrite: bool) -> None:
    """Write a file so that at every moment either the old one is there, whole, or the new one is.

    It is written beside its place under another name, brought to the disk, and renamed.

    Args:
        fill: called with the open file.
        overwrite: False refuses where a file is there already.

    Raises:
        SavingError: there is a file and ``overwrite`` is False, or no folder to write into.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    if target.exists() and not overwrite:
        raise SavingError(f"There is a file already: {str(path)!r}.", hint="overwrite=True, or another name")
    if not target.parent.is_dir():
        raise SavingError(f"There is no folder {str(target.parent)!r}.", hint="os.makedirs(folder, exist_ok=True)")
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(beside, stat.S_IMODE(target.stat().st_mode))
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the rename to the disk; only POSIX systems open folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_archive(path: Any) -> bool:
    """Whether the file is a zip, told by its content. Its name says nothing."""
    with open(path, "rb") as file:
        return file.read(4) == _ZIP_MAGIC


def read_archive(path: Any) -> dict[str, bytes]:
    """Name -> content of the members.

    Raises:
        DamagedFileError: no zip, or a damaged one.
        LoadingError: one with members that are unknown, twice, packed or encrypted.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_odd_members(archive.infolist(), path)
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except (LoadingError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except _BAD_ZIP as error:
        raise DamagedFileError(
            f"{str(path)!r} is not a model file, or a damaged one.",
            got=str(error),
            expected="a file that model.save wrote",
        ) from error


def _refuse_odd_members(infos: list[zipfile.ZipInfo], path: Any) -> None:
    names = [info.filename for info in infos]
    unknown = [name for name in names if name not in _MEMBERS]
    if unknown or len(set(names)) != len(names):
        what = f"unknown: {', '.join(map(repr, unknown))}"[:200] if unknown else f"twice: {names}"[:200]
        raise LoadingError(
            f"{str(path)!r} holds members that a model file does not have.", got=what, expected=", ".join(_MEMBERS)
        )
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 0x1 or info.file_size != info.compress_size:
            raise LoadingError(
                f"The member {info.filename!r} of {str(path)!r} is packed or encrypted.", expected="stored as it is"
            )
