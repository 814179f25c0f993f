"""A part of a mapped file as a file of its own: what is not asked for is not read."""

from __future__ import annotations

import io
import os


class MappedFile(io.RawIOBase):
    """Reads from memory without a copy of it all.

    >>> file = MappedFile(memoryview(b"0123456789"))
    >>> file.seek(-4, 2), file.read(2), file.tell()
    (6, b'67', 8)
    """

    def __init__(self, content: memoryview) -> None:
        super().__init__()
        self._content, self._place = content, 0

    def getvalue(self) -> memoryview:
        """All of it, not copied."""
        return self._content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: len(self._content)}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        part = self._content[self._place : self._place + len(target)]
        target[: len(part)] = part
        self._place += len(part)
        return len(part)
