"""HDF5 files, read without trust: one walk over hard links, and no value that is not stored in the file itself."""

from __future__ import annotations

import io
import math
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lamina._torch.sharding import whole
from lamina.saving.archive import map_file, write_file
from lamina.saving.errors import LoadingError, SavingError

from .heaps import Heaps, damaged
from .mapped_file import MappedFile

MAGIC = b"\x89HDF\r\n\x1a\n"

MAX_OBJECTS = 200_000
MAX_DEPTH = 64
MAX_NAME = 1024
MAX_AXES = 32

# Deflate makes at most 1032 bytes of one; a chunk is decompressed as a whole, whatever of it is asked for.
_MAX_EXPANSION = 1100
_SMALL = 1 << 20
# Deflate, shuffle, fletcher32. Any other filter makes the library look for a plugin, which is code.
_FILTERS = (1, 2, 3)
_NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
_IN_MEMORY = (io.BytesIO, MappedFile)
# What h5py and HDF5 raise on a damaged file.
_BAD_FILE = (OSError, RuntimeError, ValueError, KeyError, TypeError, UnicodeError, NotImplementedError, OverflowError)


def h5py_of(error: type[SavingError] | type[LoadingError]) -> Any:
    """The module ``h5py``, which is an extra."""
    try:
        import h5py
    except ImportError as cause:
        raise error(
            "Keras' files of weights are HDF5, read and written with h5py.", hint="pip install lamina[keras]"
        ) from cause
    return h5py


def is_h5(source: Any) -> bool:
    """Whether a file, by its path, or bytes are HDF5, told by the content."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source[: len(MAGIC)]) == MAGIC
    with open(source, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@dataclass(frozen=True)
class Stored:
    """A dataset that was found sound: what it is, not yet its values."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    raw: Any

    def without_values(self) -> torch.Tensor:
        """A tensor of its shape and dtype that takes no memory."""
        return torch.empty(self.shape, dtype=self.dtype, device="meta")


@contextmanager
def open_h5(source: Any, where: str) -> Iterator[H5File]:
    """An HDF5 file for reading, walked and checked; closed at the end.

    Args:
        source: a path, or the bytes of the file.
        where: what to call it in errors.

    Raises:
        DamagedFileError: no HDF5 file, or one that its library cannot read.
        LoadingError: it leads out of itself (external or soft links, external or virtual datasets), links in a circle,
            says sizes that are not stored, holds other things than numbers, or too much, too deep. Or no h5py.
        FileNotFoundError: there is no such file.
    """
    h5py = h5py_of(LoadingError)
    if isinstance(source, (bytes, bytearray, memoryview)):
        file: Any = MappedFile(source) if isinstance(source, memoryview) else io.BytesIO(source)
    else:
        file = open(source, "rb")  # noqa: SIM115 - closed below, however it goes
    try:
        if not isinstance(file, _IN_MEMORY) and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise damaged(where, "no regular file")
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            raise damaged(where, "no HDF5 file")
        file.seek(0)
        with _reading(where):
            opened = h5py.File(file, "r")
        try:
            yield H5File(h5py, opened, file, size, where)
        finally:
            opened.close()
    finally:
        file.close()


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Within, what the library makes of a damaged file has a name."""
    try:
        yield
    except LoadingError:
        raise
    except _BAD_FILE as error:
        raise damaged(where, str(error)) from error


class H5File:
    """What is in the file: ``datasets`` by their paths (``layers/dense/vars/0``) and ``groups``, without values."""

    def __init__(self, h5py: Any, opened: Any, file: Any, size: int, where: str) -> None:
        self._h5py, self._file, self._size, self.where = h5py, file, size, where
        self._heaps: Heaps | None = None
        self.datasets: dict[str, Stored] = {}
        self.groups: dict[str, Any] = {}
        with _reading(where):
            self._walk(opened)

    def _walk(self, root: Any) -> None:
        stack = [("", root, 0)]
        seen = {self._address(root)}
        while stack:
            path, group, depth = stack.pop()
            self.groups[path] = group
            if depth >= MAX_DEPTH or len(seen) + len(group) > MAX_OBJECTS:
                raise self._refused(
                    "more than a file of weights needs", f"{len(group)} things in {path!r:.80}, depth {depth}"
                )
            for name in group:
                below = f"{path}/{name}" if path else name
                item = self._linked(group, name, below)
                address = self._address(item)
                if address in seen:
                    raise self._refused("one thing by two names, or a circle of links", repr(below[:80]))
                seen.add(address)
                if isinstance(item, self._h5py.Group):
                    stack.append((below, item, depth + 1))
                else:
                    self.datasets[below] = self._sound(item, below)

    def _linked(self, group: Any, name: str, path: str) -> Any:
        """What a link leads to, where that lies in this very file."""
        if len(name) > MAX_NAME:
            raise self._refused("a name that is too long", repr(name[:80]))
        link = group.get(name, getlink=True)
        if type(link) is not self._h5py.HardLink:
            raise self._refused(f"a link out of its place ({type(link).__name__})", repr(path[:80]))
        item = group[name]
        if not isinstance(item, (self._h5py.Group, self._h5py.Dataset)):
            raise self._refused("something that is no group and no array", f"{path!r:.80}: {type(item).__name__}")
        return item

    def _address(self, item: Any) -> Any:
        return self._h5py.h5o.get_info(item.id).addr

    def _refused(self, what: str, got: str) -> LoadingError:
        return LoadingError(
            f"{self.where} holds {what}.", got=got, expected="groups and arrays of numbers, stored in the file itself"
        )

    # -- arrays

    def _sound(self, item: Any, path: str) -> Stored:
        made = item.id.get_create_plist()
        layout = made.get_layout()
        if layout == self._h5py.h5d.VIRTUAL:  # before its shape is asked for: that may open other files
            raise self._refused("a virtual array, whose values are in other files", repr(path[:80]))
        if made.get_external_count():
            raise self._refused("an array whose values are in other files", repr(path[:80]))
        filters = [made.get_filter(i)[0] for i in range(made.get_nfilters())]
        if any(code not in _FILTERS for code in filters):
            raise self._refused("an array that is packed in an unknown way", f"{path!r:.80}: filters {filters}"[:160])
        shape, dtype = item.shape, self._dtype(item, path)
        if shape is None or len(shape) > MAX_AXES:
            raise self._refused("an array without a shape, or with too many axes", repr(path[:80]))
        self._refuse_giant(item, made, layout, filters, path)
        return Stored(tuple(shape), dtype, item)

    def _dtype(self, item: Any, path: str) -> torch.dtype:
        if item.id.get_type().get_class() in (self._h5py.h5t.VLEN, self._h5py.h5t.REFERENCE, self._h5py.h5t.STRING):
            raise self._refused("an array of something else than numbers", repr(path[:80]))
        dtype = item.dtype
        if dtype.str == "|V2" and self.attribute(item, "dtype") == "bfloat16":
            return torch.bfloat16
        if dtype.hasobject or dtype.str[1:] not in _NUMBERS:
            raise self._refused("an array of something else than numbers", f"{path!r:.80}: {dtype}"[:160])
        return torch.from_numpy(np.empty((), dtype.newbyteorder("="))).dtype

    def _refuse_giant(self, item: Any, made: Any, layout: int, filters: list[int], path: str) -> None:
        """The bytes must be there, in this file; whatever a header says."""
        declared = math.prod(item.shape) * item.dtype.itemsize
        stored = item.id.get_storage_size()
        contiguous = layout == self._h5py.h5d.CONTIGUOUS
        start = item.id.get_offset() if contiguous else 0
        whole = stored <= self._size and (not declared or start is not None) and (start or 0) + stored <= self._size
        whole = whole and declared <= stored * (_MAX_EXPANSION if filters else 1)
        if layout == self._h5py.h5d.CHUNKED:
            chunk = math.prod(made.get_chunk()) * item.dtype.itemsize
            whole = whole and chunk <= max(2 * declared, _SMALL)
        if not whole:
            raise self._refused(
                "an array that says another size than is stored", f"{path!r:.80}: {declared} bytes of {stored} stored"
            )

    def read(self, path: str, shape: tuple[int, ...]) -> torch.Tensor:
        """The values of an array, which must have this shape: whoever reads knows how much it wants.

        Raises:
            LoadingError: another shape. Nothing was read.
            DamagedFileError: the values cannot be read.
        """
        stored = self.datasets[path]
        if stored.shape != tuple(shape):
            raise LoadingError(
                f"{path!r:.80} in {self.where} has another shape.", got=str(stored.shape), expected=str(shape)
            )
        bits = stored.dtype is torch.bfloat16
        dtype = np.dtype("V2") if bits else stored.raw.dtype.newbyteorder("=")
        values = np.empty(stored.shape, dtype)
        with _reading(self.where):
            if values.size:
                stored.raw.read_direct(values)
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16) if bits else torch.from_numpy(values)

    # -- attributes

    def attribute(self, item: Any, name: str) -> str | None:
        """A text in an attribute of a group (by its path) or array; None where there is none.

        Raises:
            LoadingError: it is no single text.
        """
        item = self.groups[item] if isinstance(item, str) else item
        with _reading(self.where):
            if not self._h5py.h5a.exists(item.id, name.encode()):
                return None
            attribute = self._h5py.h5a.open(item.id, name.encode())
            if attribute.shape != () or attribute.get_type().get_class() != self._h5py.h5t.STRING:
                raise self._refused("an attribute that is no text", repr(name))
            self._refuse_giant_attribute(attribute, name)
            value = item.attrs[name]
            return value.decode() if isinstance(value, bytes) else str(value)

    def names(self, group: str, name: str) -> list[str]:
        """The texts in an attribute ``name``, or where they did not fit into one in ``name0``, ``name1`` and so on.

        Raises:
            LoadingError: not a list of texts.
        """
        item = self.groups[group]
        with _reading(self.where):
            if self._has(item, name):
                return self._texts(item, name)
            found: list[str] = []
            part = 0
            while self._has(item, f"{name}{part}") and part < MAX_OBJECTS:
                found += self._texts(item, f"{name}{part}")
                part += 1
            return found

    def _has(self, item: Any, name: str) -> bool:
        result: bool = self._h5py.h5a.exists(item.id, name.encode())
        return result

    def _texts(self, item: Any, name: str) -> list[str]:
        attribute = self._h5py.h5a.open(item.id, name.encode())
        count = math.prod(attribute.shape)
        if len(attribute.shape) != 1 or count > MAX_OBJECTS:
            raise self._refused("an attribute that is no list of names", f"{name!r}, {attribute.shape}")
        if not count:
            return []
        if attribute.get_type().get_class() != self._h5py.h5t.STRING:
            raise self._refused("an attribute that is no list of names", repr(name))
        self._refuse_giant_attribute(attribute, name)
        return [text.decode() if isinstance(text, bytes) else str(text) for text in item.attrs[name]]

    def _refuse_giant_attribute(self, attribute: Any, name: str) -> None:
        if attribute.get_storage_size() > self._size:
            raise self._refused("an attribute that says another size than is stored", repr(name))
        if attribute.get_type().is_variable_str():
            if self._heaps is None:
                in_memory = isinstance(self._file, _IN_MEMORY)
                self._heaps = Heaps(self._file.getvalue() if in_memory else map_file(self._file), self.where)
            self._heaps.refuse_lies(name, math.prod(attribute.shape))


# -- writing


Attributes = dict[str, dict[str, Any]]
"""Path of a group ("" for the file) -> its attributes: texts, or lists of texts."""

# What the header of one thing in the file has room for.
_MAX_HEADER = 64_512


def write_h5(target: Any, arrays: Mapping[str, torch.Tensor], attributes: Attributes, overwrite: bool = True) -> None:
    """Write tensors by their paths into a new HDF5 file.

    Args:
        target: a path, written whole or not at all; or an open binary file.
        attributes: of groups, by their paths; the groups are made.

    Raises:
        SavingError: no h5py, or no place to write to.
    """
    h5py = h5py_of(SavingError)
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for path, told in attributes.items():
            group = file.require_group(path) if path else file
            for name, value in told.items():
                _write_attribute(group, name, value)
        for path, tensor in arrays.items():
            value = whole(tensor.detach()).cpu()
            if value.dtype is torch.bfloat16:
                bits = value.contiguous().view(torch.int16).numpy().view(np.dtype("V2"))
                file.create_dataset(path, data=bits).attrs["dtype"] = "bfloat16"
            else:
                file.create_dataset(path, data=value.as_subclass(torch.Tensor).numpy())
    if hasattr(target, "write"):
        target.write(content.getbuffer())
    else:
        write_file(target, lambda file: file.write(content.getbuffer()), overwrite)


def _write_attribute(group: Any, name: str, value: Any) -> None:
    """A text; or a list of texts, in as many parts as have room: ``name0``, ``name1`` and so on."""
    if isinstance(value, str):
        group.attrs[name] = value
        return
    texts = np.asarray([text.encode() for text in value]) if value else np.asarray([], "S1")
    parts = -(-texts.nbytes // (_MAX_HEADER - texts.itemsize)) if texts.nbytes > _MAX_HEADER else 1
    for number, part in enumerate(np.array_split(texts, parts)):
        group.attrs[name if parts == 1 else f"{name}{number}"] = part
