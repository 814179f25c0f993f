"""Files of a model that all processes have: the first one writes them, and the others go on when they are there."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from typing import Any

from torch import distributed

from lamina._torch.stores import store_of_group

from .errors import ProcessError
from .laid_out import laid_out

_MEETING, _WRITING = 30.0, 600.0
"""Seconds to wait for the first process to begin a file, and to end it."""


def written_by_first(save: Callable[..., Any]) -> Callable[..., Any]:
    """A function of (model, filepath, ...) that writes a file, as the first process's work.

    The others wait until it is written: one that loads it next finds it. They ask a store which file the first process
    writes at its call of the same number, and do not meet there: ``if rank == 0: model.save(...)`` does not hang, and a
    process writes a file itself that the first does not write.

    Weights that lie on several processes are gathered as they are written, by all together. So all meet, and what the
    others do writes into a file that is thrown away.

    Raises:
        ProcessError: for such weights, another process does not call it.
    """

    @wraps(save)
    def saving(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
            return save(model, filepath, *args, **kwargs)
        rank, store, path = distributed.get_rank(), store_of_group(), os.path.abspath(os.fspath(filepath))
        kind = "lone" if getattr(model, "_running", None) is None else "in fit"
        call = f"lamina/files/{kind}/{store.add(f'lamina/files/{kind}/calls of {rank}', 1)}"
        if laid_out(model) is not None:
            _meet(store, call, rank, path)
            first = store.get(f"{call}/0").decode()
            return (
                save(model, filepath, *args, **kwargs)
                if rank == 0 or first != path
                else _gather(save, model, filepath, *args, **kwargs)
            )
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


def _meet(store: Any, call: str, rank: int, path: str) -> None:
    """Wait until every process has come to this call, and said which file it means."""
    store.set(f"{call}/{rank}", path)
    missing = [r for r in range(distributed.get_world_size()) if not _comes(store, f"{call}/{r}", _MEETING)]
    if missing:
        raise ProcessError(
            f"The weights lie on several processes, and rank {missing[0]} does not save them.",
            got=f"rank {rank} writes {path!r}, and has waited for {_MEETING:.0f} s",
            expected="save, save_weights and save_checkpoint called on every rank; rank 0 writes the file",
            hint="no `if rank == 0` around them",
        )


def _gather(save: Callable[..., Any], model: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
    """Take part in the writing of the first process; the file here is thrown away, and so is what is said of it."""
    executor = kwargs.pop("executor", None)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(model, os.path.join(folder, os.path.basename(os.fspath(filepath))), *args, **kwargs)
    if executor is None:
        return None
    done: Future[None] = Future()
    done.set_result(None)
    return done


def _comes(store: Any, key: str, patience: float) -> bool:
    """Whether the store has a key before this many seconds are over."""
    end = time.monotonic() + patience
    while not store.check([key]):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
