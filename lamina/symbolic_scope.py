"""Computing shapes without values, as Keras' `SymbolicScope` marks it."""

from __future__ import annotations

from types import TracebackType

import torch


class SymbolicScope:
    """A context in which what is made has a shape and a dtype, and takes no memory: for shapes worked out by hand.

    Layers and operations on symbolic tensors need none.

    >>> with SymbolicScope():
    ...     table = lamina.ops.ones((10**6, 10**6))
    >>> table.shape, table.device.type
    (torch.Size([1000000, 1000000]), 'meta')
    """

    def __enter__(self) -> SymbolicScope:
        self._place = torch.device("meta")
        self._place.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._place.__exit__(kind, error, traceback)
