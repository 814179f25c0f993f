"""Texts of any length in an HDF5 file: whether they are as long as they say, before the library makes room for them.

An attribute holds, for each text, its length, and where in which heap it lies. The library makes room for that length
before it looks into the heap, and goes round for ever in a heap with a thing of size 0. So both are read here first.
The layout is that of the `file format <https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html>`_: "global
heap" and "attribute message".
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from typing import Any

from lamina.saving.errors import DamagedFileError, LoadingError

# The signature of a heap, and its version.
_HEAP = re.compile(rb"GCOL\x01")
# An attribute message begins with: version, flags, and the sizes of name, type and shape.
_MESSAGE = struct.Struct("<BxHHH")
_TEXT = struct.Struct("<IQI")  # length, address of the heap, number in it
_OF_ANY_LENGTH = 9  # the class of the type
_LARGEST_RANK = 32


def damaged(where: str, got: str) -> DamagedFileError:
    return DamagedFileError(f"{where} is no HDF5 file, or a damaged one.", got=got[:200], expected="a file of Keras")


class Heaps:
    """What the heaps of a file hold.

    Args:
        content: the whole file.

    Raises:
        DamagedFileError: a heap whose sizes do not add up.
    """

    def __init__(self, content: Any, where: str) -> None:
        self._content, self._where = content, where
        self._sizes: dict[tuple[int, int], int] = {}
        for found in re.finditer(_HEAP, content):
            self._walk(found.start())

    def _walk(self, start: int) -> None:
        content = self._content
        size = int.from_bytes(content[start + 8 : start + 16], "little")
        if size > len(content) - start:
            raise damaged(self._where, "a heap of texts that is larger than the file")
        place, end = start + 16, start + size
        while place + 16 <= end:
            number = int.from_bytes(content[place : place + 2], "little")
            length = int.from_bytes(content[place + 8 : place + 16], "little")
            step = 16 + -(-length // 8) * 8 if number else length
            if not 16 <= step <= end - place:
                raise damaged(self._where, "a heap of texts whose sizes do not add up")
            if number:
                self._sizes[start, number] = length
            place += step

    def refuse_lies(self, name: str, count: int) -> None:
        """Look at each attribute of this name that holds ``count`` texts.

        Raises:
            LoadingError: there is none; or a text is not where it is said to be, or of another length; or all together
                are longer than the file.
        """
        looked_at = False
        for texts in self._attributes(name, count):
            looked_at, total = True, 0
            for length, heap, number in texts:
                total += length
                if length and self._sizes.get((heap, number)) != length:
                    raise damaged(self._where, f"a text of {name!r} that says another length than is stored")
            if total > len(self._content):
                raise LoadingError(f"{self._where} has more text in {name!r} than it stores.", got=f"{total} bytes")
        if not looked_at:
            raise damaged(self._where, f"an attribute {name!r} whose texts are nowhere")

    def _attributes(self, name: str, count: int) -> Iterator[list[tuple[int, int, int]]]:
        """(length, heap, number) of the texts of each attribute that may be meant."""
        content = self._content
        for found in re.finditer(re.escape(name.encode() + b"\0"), content):
            for version, head in ((1, 8), (2, 8), (3, 9)):
                place = found.start() - head
                if place < 0:
                    continue
                told, name_size, type_size, shape_size = _MESSAGE.unpack(content[place : place + 8])
                if told != version or name_size != len(name.encode()) + 1:
                    continue
                sizes = [-(-n // 8) * 8 if version == 1 else n for n in (name_size, type_size, shape_size)]
                kind = found.start() + sizes[0]
                shape = kind + sizes[1]
                data = content[shape + sizes[2] : shape + sizes[2] + count * _TEXT.size]
                if len(data) != count * _TEXT.size or content[kind] & 0x0F != _OF_ANY_LENGTH:
                    continue
                if self._count(shape) == count:
                    yield list(_TEXT.iter_unpack(data))

    def _count(self, place: int) -> int | None:
        """How many values a shape at this place holds."""
        version, rank = self._content[place], self._content[place + 1]
        dims = place + (8 if version == 1 else 4)
        if rank > _LARGEST_RANK or dims + 8 * rank > len(self._content):
            return None
        sizes = (int.from_bytes(self._content[dims + 8 * i : dims + 8 * i + 8], "little") for i in range(rank))
        return math.prod(sizes)
