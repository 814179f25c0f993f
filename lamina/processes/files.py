"""Files of a model that all processes have: the first one writes them, and the others go on when they are there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from torch import distributed

from lamina._torch.stores import store_of_group

_MEETING, _WRITING = 30.0, 600.0
"""Seconds to wait for the first process to begin a file, and to end it."""


def written_by_first(save: Callable[..., Any]) -> Callable[..., Any]:
    """A function of (model, filepath, ...) that writes a file, as the first process's work.

    The others wait until it is written: one that loads it next finds it. They ask a store which file the first process
    writes at its call of the same number, and do not meet there: ``if rank == 0: model.save(...)`` does not hang, and a
    process writes a file itself that the first does not write.
    """

    @wraps(save)
    def saving(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
            return save(model, filepath, *args, **kwargs)
        rank, store, path = distributed.get_rank(), store_of_group(), os.path.abspath(os.fspath(filepath))
        kind = "lone" if getattr(model, "_running", None) is None else "in fit"
        call = f"lamina/files/{kind}/{store.add(f'lamina/files/{kind}/calls of {rank}', 1)}"
        if rank == 0:
            store.set(call, path)
            try:
                return save(model, filepath, *args, **kwargs)
            finally:
                store.set(f"{call}/written", path)
        if not _comes(store, call, _MEETING) or store.get(call).decode() != path:
            return save(model, filepath, *args, **kwargs)
        _comes(store, f"{call}/written", _WRITING)
        return None

    return saving


def _comes(store: Any, key: str, patience: float) -> bool:
    """Whether the store has a key before this many seconds are over."""
    end = time.monotonic() + patience
    while not store.check([key]):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
