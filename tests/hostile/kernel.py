"""What libraries in C open, which no audit hook of Python's sees: the kernel's own word on it, on Linux."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

_OPEN, _MODIFY, _CREATE, _DELETE, _MOVED = 0x20, 0x2, 0x100, 0x200, 0xC0
_EVENT = struct.Struct("iIII")


class Looked:
    """Tells whether anyone opened or changed a file in ``folder``. On other systems than Linux nobody tells."""

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = None
        if sys.platform != "linux":
            return
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = _OPEN | _MODIFY | _CREATE | _DELETE | _MOVED
        if self._handle < 0 or libc.inotify_add_watch(self._handle, os.fsencode(folder), mask) < 0:
            raise OSError(ctypes.get_errno(), "no inotify")

    def forget(self) -> None:
        self.events()

    def events(self) -> list[str]:
        """What happened since, a text each."""
        found: list[str] = []
        while self._handle is not None:
            try:
                data = os.read(self._handle, 65536)
            except BlockingIOError:
                break
            place = 0
            while place < len(data):
                _, mask, _, size = _EVENT.unpack_from(data, place)
                place += _EVENT.size
                name = os.fsdecode(data[place : place + size].rstrip(b"\0"))
                found.append(f"kernel: {name!r} {mask:#x}")
                place += size
        return found
