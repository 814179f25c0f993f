"""Archives that nobody vouches for: their files come out below one folder, and nothing else does.

Links are not made, neither symbolic nor hard: what they would reach is not the archive's. Devices and the like are
refused. Names that lead out of the folder are refused before anything is written.
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from lamina.graph import ArgumentError, LaminaError
from lamina.printable import printable

_CHUNK = 1 << 20
# What archives of texts and pictures unpack to is some tens of times their size; gzip makes at most 1032 bytes of one.
_MAX_RATIO = 100
_SMALL = 64 << 20
_MAX_BYTES = 1 << 40
_MAX_MEMBERS = 5_000_000
# What lies in a tar lies at multiples of this. A file on disk takes no less than that.
_BLOCK, _ON_DISK = 512, 4096
_MAX_NAME, _MAX_PATH = 255, 3000  # bytes
_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, RuntimeError,
    NotImplementedError, UnicodeError, ValueError, OverflowError,
)  # fmt: skip


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
        ArchiveError: a name that leads out of the folder or is too long, a link, a device, a name twice; more than 100
            times its size, or more than there is room for; a damaged or encrypted archive. Nothing is written then.
    """
    with _named_errors(archive):
        for kind in kinds:
            if kind == "tar" and tarfile.is_tarfile(archive):
                with tarfile.open(archive) as tar:
                    _unpack(_of_tar(tar), archive, folder)
                return True
            if kind == "zip" and zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as zipped:
                    _unpack(_of_zip(zipped), archive, folder)
                return True
        if "zip" in kinds and _begins_as_zip(archive):
            raise zipfile.BadZipFile("it begins as a zip, and has no end")
    return False


def _begins_as_zip(archive: Path) -> bool:
    with open(archive, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


@contextmanager
def _named_errors(archive: Path) -> Iterator[None]:
    """Within, what the libraries make of a damaged archive has a name."""
    try:
        yield
    except LaminaError:
        raise
    except _DAMAGED as error:
        raise ArchiveError(
            "This archive is not unpacked: it is damaged, broke off, or is encrypted.",
            got=f"{archive.name}: {type(error).__name__}: {error}"[:200],
            expected="a whole tar or zip, without a password",
            hint="force_download=True, and a file_hash",
        ) from error


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
    """A file or folder of an archive: its name, its size, and what opens it (None for a folder)."""

    name: str
    size: int
    open_it: Callable[[], Any] | None


def _of_tar(tar: tarfile.TarFile) -> Iterator[_Member]:
    for info in tar:
        if not (info.isreg() or info.isdir()):
            what = "a link" if info.issym() or info.islnk() else "neither file nor folder"
            raise _refused(info.name, what)
        yield _Member(info.name, info.size, partial(tar.extractfile, info) if info.isreg() else None)
    _refuse_without_end(tar)


def _refuse_without_end(tar: tarfile.TarFile) -> None:
    """A tar ends in a block of zeros; one that is cut between two files does not. Behind that, what a packed one has as
    checksum is looked at when all is read."""
    file: Any = tar.fileobj
    file.seek(tar.offset)
    if not file.read(_BLOCK):
        raise tarfile.ReadError("it has no end")
    for _ in range(_SMALL // _CHUNK):
        if not file.read(_CHUNK):
            return
    raise tarfile.ReadError("there is more behind its end")


def _of_zip(zipped: zipfile.ZipFile) -> Iterator[_Member]:
    for info in zipped.infolist():
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(info.filename, "a link" if stat.S_ISLNK(mode) else "neither file nor folder")
        yield _Member(info.filename, info.file_size, None if info.is_dir() else partial(zipped.open, info))


def _unpack(members: Iterator[_Member], archive: Path, folder: Path) -> None:
    listed = [(_place(member.name), member) for member in _bounded(members, archive, folder)]
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


def _bounded(members: Iterator[_Member], archive: Path, folder: Path) -> Iterator[_Member]:
    """The members, as long as what they say of their sizes is what an archive of this size may hold."""
    above = next(parent for parent in folder.absolute().parents if parent.is_dir())
    room = min(max(_SMALL, _MAX_RATIO * archive.stat().st_size), shutil.disk_usage(above).free, _MAX_BYTES)
    size = 0
    for count, member in enumerate(members, start=1):
        size += max(member.size, 0) + _ON_DISK
        if size > room or count > _MAX_MEMBERS:
            raise _refused(member.name, f"with it, {count} files of {size} bytes in all", f"at most {room} bytes")
        yield member


def _place(name: str) -> PurePosixPath:
    # Read as Windows reads it, which knows both separators, so that a name means the same everywhere.
    strict = PureWindowsPath(name)
    if strict.drive or strict.root or ".." in strict.parts:
        raise _refused(name, "a name that leads out of the folder")
    if "\0" in name:
        raise _refused(name, "no name")
    sizes = [len(os.fsencode(part)) for part in strict.parts]
    if any(size > _MAX_NAME for size in sizes) or sum(sizes) + len(sizes) > _MAX_PATH:
        raise _refused(name, "a name that is too long")
    return PurePosixPath(name)


def _refused(
    name: str, what: str, expected: str = "files and folders, each once, below the folder it is unpacked to"
) -> ArchiveError:
    return ArchiveError("This archive is not unpacked.", got=f"{printable(repr(name))}: {what}", expected=expected)
