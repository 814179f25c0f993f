"""The zip that a model file is: members with fixed names, stored as they are, written all or not at all."""

from __future__ import annotations

import mmap
import os
import re
import secrets
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lamina.file_formats import format_of

from .behind import written_behind
from .errors import DamagedFileError, FolderError, LoadingError, SavingError
from .tensors import TensorFile

MODEL = "model.json"
WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
RUN = "run.json"
RUN_TENSORS = "run.safetensors"
OWN = "own.json"
OWN_TENSORS = "own.safetensors"
ASSETS = "assets/"
_MEMBERS = (MODEL, WEIGHTS, OPTIMIZER, RUN, RUN_TENSORS, OWN, OWN_TENSORS)
_MAX_MEMBERS = 20_000
_OF_ASSETS = re.compile(r"assets/\d{1,6}/(.+)", re.ASCII)

# Of a part of a path, and what none may hold on some system.
MAX_NAME = 255
_RESERVED = frozenset('\\:*?"<>|')

# The same for every file, so that the same model makes the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_ZIP_MAGIC = b"PK\x03\x04"
_BAD_ZIP = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, UnicodeDecodeError)

# Members begin at multiples of a page, where a mapped tensor lies as PyTorch would have put it.
_PAGE = 4096
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ZIP64_EXTRA = 20


def write_archive(path: Any, members: Mapping[str, bytes | TensorFile], overwrite: bool) -> None:
    """Write the members into a zip at ``path``; see `write_file` for how."""

    def fill(file: Any) -> None:
        with written_behind(file) as behind, zipfile.ZipFile(_as_file(behind), "w", zipfile.ZIP_STORED) as archive:
            for name, data in members.items():
                _write_member(archive, behind, name, data)

    write_file(path, fill, overwrite)


def _as_file(behind: Any) -> Any:
    """What a zip is written to need not have all that a file has."""
    return behind


def _write_member(archive: zipfile.ZipFile, file: Any, name: str, data: bytes | TensorFile) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.file_size = len(data)
    large = len(data) * 1.05 > zipfile.ZIP64_LIMIT
    start = file.tell() + _LOCAL_HEADER.size + len(name) + (_ZIP64_EXTRA if large else 0)
    gap = -(start + 4) % _PAGE
    info.extra = struct.pack("<HH", 0xD935, gap) + bytes(gap)  # the id that alignment has in zips
    with archive.open(info, "w", force_zip64=large) as member:
        for part in data if isinstance(data, TensorFile) else (data,):
            member.write(part)


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


def refuse_folder(path: Any) -> None:
    """A model is one file: what lies in a folder, and where its links lead, is not looked at; nor is a pipe waited for.

    Raises:
        FolderError: there is a folder.
        DamagedFileError: there is a pipe or a device.
    """
    if os.path.isdir(path):
        raise FolderError(
            f"{str(path)!r} is a folder.",
            expected="one file: models and weights are never folders",
            hint=_newest_in(path),
        )
    if os.path.exists(path) and not os.path.isfile(path):
        raise DamagedFileError(f"{str(path)!r} is no regular file.", expected="one file on a disk")


def _newest_in(folder: Any) -> str | None:
    """Of the files of models and weights in a folder, such as that of `OrbaxCheckpoint`, the one written last."""
    try:
        with os.scandir(folder) as entries:
            kept = [each for each in entries if format_of(each.name) and each.is_file(follow_symlinks=False)]
            newest = max(kept, key=lambda each: each.stat().st_mtime_ns, default=None)
    except OSError:
        return None
    return None if newest is None else f"{newest.path!r}, the newest of {len(kept)} in it"


def is_archive(path: Any) -> bool:
    """Whether the file is a zip, told by its content. Its name says nothing."""
    with open(path, "rb") as file:
        return file.read(4) == _ZIP_MAGIC


def _all(name: str) -> bool:
    return True


def read_archive(path: Any, is_read: Callable[[str], bool] = _all) -> dict[str, memoryview]:
    """Name -> content of the members of a model file; see `read_zip` for how.

    Raises:
        DamagedFileError: no zip, or a damaged one.
        LoadingError: one with members that are unknown, twice, packed or encrypted.
        FileNotFoundError: there is no such file.
    """
    return read_zip(path, _refuse_odd_members, "a file that model.save wrote", is_read)


def read_zip(
    path: Any,
    refuse_odd: Callable[[list[zipfile.ZipInfo], Any], None],
    expected: str,
    is_read: Callable[[str], bool] = _all,
) -> dict[str, memoryview]:
    """Name -> content of the members: views of the file, which is mapped, so that what is not used is never copied.

    The memory can be written to; the file does not change by that. Nor does a file that is written anew under the name
    change what was read, since that is another file.

    Args:
        refuse_odd: raises `LoadingError` where the members are not those of such a file, stored as they are.
        expected: what wrote it.
        is_read: tells of a member's name whether its checksum is verified, for which it is read.

    Raises:
        DamagedFileError: no zip, or a damaged one.
        FileNotFoundError: there is no such file.
    """
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise zipfile.BadZipFile("no regular file")
            with zipfile.ZipFile(file) as archive:
                infos = archive.infolist()
                refuse_odd(infos, path)
            data = map_file(file)
        return _members_of(infos, data, is_read)
    except (LoadingError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except _BAD_ZIP as error:
        raise DamagedFileError(
            f"{str(path)!r} is not a model file, or a damaged one.",
            got=str(error),
            expected=expected,
            hint="model.load_weights(path): these are weights alone" if str(path).endswith(".safetensors") else None,
        ) from error


def map_file(file: Any) -> memoryview:
    """The content of an open file, as memory of its own that is read from the disk when it is used.

    On Windows, where a mapped file cannot be replaced, it is read.
    """
    if os.name == "nt" or os.fstat(file.fileno()).st_size == 0:
        file.seek(0)
        return memoryview(bytearray(file.read()))
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def _members_of(
    infos: list[zipfile.ZipInfo], data: memoryview, is_read: Callable[[str], bool]
) -> dict[str, memoryview]:
    """The members' bytes, which must lie where headers say, apart from each other, and have the checksums there."""
    members: dict[str, memoryview] = {}
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        head = info.header_offset + _LOCAL_HEADER.size
        if info.header_offset < end or head > len(data):
            raise zipfile.BadZipFile(f"member {info.filename!r} overlaps another")
        magic, name_size, extra_size = _LOCAL_HEADER.unpack(data[info.header_offset : head])
        start = head + name_size + extra_size
        end = start + info.file_size
        if magic != _ZIP_MAGIC or end > len(data) or bytes(data[head : head + name_size]) != info.filename.encode():
            raise zipfile.BadZipFile(f"member {info.filename!r} is not where it should be")
        members[info.filename] = data[start:end]
        if is_read(info.filename) and zlib.crc32(members[info.filename]) != info.CRC:
            raise zipfile.BadZipFile(f"bad CRC of member {info.filename!r}")
    return {info.filename: members[info.filename] for info in infos}


def is_safe(name: str) -> bool:
    """Whether a name of a file stays below its folder on every system.

    >>> is_safe("vocabulary/words.txt"), is_safe("../words.txt"), is_safe("/etc/words"), is_safe("c:words")
    (True, False, False, False)
    """
    parts = name.split("/")
    return name.isprintable() and all(
        0 < len(part) <= MAX_NAME
        and part not in (".", "..")
        and not set(part) & set('\\:*?"<>|')
        and part[-1] not in ". "
        for part in parts
    )


def _is_member(name: str, has_own: bool) -> bool:
    asset = _OF_ASSETS.fullmatch(name)
    return name in _MEMBERS or (has_own and asset is not None and is_safe(asset[1]))


def _refuse_odd_members(infos: list[zipfile.ZipInfo], path: Any) -> None:
    names = [info.filename for info in infos]
    has_own = OWN in names
    unknown = [name for name in names if not _is_member(name, has_own)]
    if len(names) > _MAX_MEMBERS:
        raise LoadingError(f"{str(path)!r} holds more members than any model file.", got=str(len(names)))
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
