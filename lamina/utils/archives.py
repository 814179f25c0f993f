"""Archives that nobody vouches for: their files come out below one folder, and nothing else does.

Links are not made, neither symbolic nor hard: what they would reach is not the archive's. Devices and the like are
refused. Names that lead out of the folder are refused before anything is written.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from lamina.graph import ArgumentError, LaminaError

_CHUNK = 1 << 20


class ArchiveError(LaminaError, ValueError):
    """An archive holds what has no place in the folder that it is unpacked to."""

    __module__ = "lamina.utils"


def extract(archive: Path, folder: Path, kinds: tuple[str, ...] = ("tar", "zip")) -> bool:
    """Unpack an archive into a new folder, which is put in its place when all is written.

    Args:
        kinds: "tar" (also compressed) and "zip": what the file may be.

    Returns:
        Whether it is one of these.

    Raises:
        ArchiveError: a name that leads out of the folder, a link, a device, a name twice; nothing is written then.
    """
    for kind in kinds:
        if kind == "tar" and tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                _unpack(_of_tar(tar), folder)
            return True
        if kind == "zip" and zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                _unpack(_of_zip(zipped), folder)
            return True
    return False


def checked_kinds(archive_format: Any) -> tuple[str, ...]:
    """Keras' word for what an archive may be, as a tuple."""
    if archive_format is None:
        return ()
    kinds = ("tar", "zip") if archive_format == "auto" else archive_format
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if any(kind not in ("tar", "zip") for kind in kinds):
        raise ArgumentError(f"There is no archive_format {archive_format!r}.", expected="'auto', 'tar', 'zip' or None")
    return kinds


@dataclass(frozen=True)
class _Member:
    """A file or folder of an archive: its name, and what opens it (None for a folder)."""

    name: str
    open_it: Callable[[], Any] | None


def _of_tar(tar: tarfile.TarFile) -> Iterator[_Member]:
    for info in tar:
        if not (info.isreg() or info.isdir()):
            what = "a link" if info.issym() or info.islnk() else "neither file nor folder"
            raise _refused(info.name, what)
        yield _Member(info.name, partial(tar.extractfile, info) if info.isreg() else None)


def _of_zip(zipped: zipfile.ZipFile) -> Iterator[_Member]:
    for info in zipped.infolist():
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(info.filename, "a link" if stat.S_ISLNK(mode) else "neither file nor folder")
        yield _Member(info.filename, None if info.is_dir() else partial(zipped.open, info))


def _unpack(members: Iterator[_Member], folder: Path) -> None:
    listed = [(_place(member.name), member) for member in members]
    files = Counter(place for place, member in listed if member.open_it is not None)
    above = {parent for place, _ in listed for parent in place.parents}
    folders = {place for place, member in listed if member.open_it is None}
    for place, times in files.items():
        if times > 1 or place in above or place in folders:
            raise _refused(str(place), "one name for two things")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A folder of a name that nobody knows before: no link can wait in it.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        new = Path(beside) / "new"
        new.mkdir()
        for place, member in listed:
            target = new / place
            (target if member.open_it is None else target.parent).mkdir(parents=True, exist_ok=True)
            if member.open_it is not None:
                with member.open_it() as source, open(target, "xb") as out:
                    shutil.copyfileobj(source, out, _CHUNK)
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
        os.replace(new, folder)


def _place(name: str) -> PurePosixPath:
    # Read as Windows reads it, which knows both separators, so that a name means the same everywhere.
    strict = PureWindowsPath(name)
    if strict.drive or strict.root or ".." in strict.parts:
        raise _refused(name, "a name that leads out of the folder")
    if "\0" in name:
        raise _refused(name, "no name")
    return PurePosixPath(name)


def _refused(name: str, what: str) -> ArchiveError:
    return ArchiveError(
        "This archive is not unpacked.",
        got=f"{name!r}: {what}",
        expected="files and folders, each once, below the folder it is unpacked to",
    )
