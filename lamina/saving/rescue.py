"""What a save that fails leaves behind: weights, optimizer and training, beside the file that was asked for.

A script that trains for hours and then cannot write its model has nothing else of it. The file is a checkpoint
(`lamina.saving.checkpoint`), or holds weights alone where there is no more that can be written; the error says which,
and how to get it back.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lamina.graph import LaminaError

from .archive import WEIGHTS, write_archive
from .checkpoint import training_members
from .tensors import TensorFile
from .weights import once
from .worked_on import is_trained

SUFFIX = ".partial"

_MOST = 1000
# What is wrong with the place that was asked for, and not with the disk.
_OF_THE_PLACE = frozenset({errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT})


@contextmanager
def rescued(model: Any, filepath: Any) -> Iterator[None]:
    """Within, a save that fails writes what it can beside ``filepath``, and its error says how to get it back.

    That is for a model that is trained. What the disk refuses is not tried again, and a file that is there stays.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in _OF_THE_PLACE:
            raise
        if not getattr(error, "rescued", False) and isinstance(filepath, (str, os.PathLike)) and is_trained(model):
            _tell(error, model, filepath)
        raise


def _tell(error: Any, model: Any, filepath: Any) -> None:
    told = leave_beside(model, filepath)
    error.rescued = True
    if told is None:
        return
    if isinstance(error, LaminaError):
        error.hint = f"{error.hint}\n{told}" if error.hint else told
    else:
        error.add_note(told)


def leave_beside(model: Any, filepath: Any) -> str | None:
    """Write beside ``filepath`` what can be written of a model. What to say of it; None where nothing can."""
    path = _free_path(Path(os.path.realpath(filepath)))
    weights, left = _plain_weights(model)
    for members, call, what in (
        (lambda: training_members(model), "load_checkpoint", "the weights, the optimizer's state and the training"),
        (dict, "load_weights", "the weights"),
    ):
        more = _tried(members)
        if more is None or (call == "load_checkpoint" and (model.optimizer is None or left)):
            continue
        try:
            write_archive(path, {WEIGHTS: TensorFile(weights), **more}, overwrite=False)
        except (LaminaError, OSError, RuntimeError, ValueError):
            continue
        return _how(path, call, what, left, model)
    return None


def _how(path: Path, call: str, what: str, left: list[str], model: Any) -> str:
    again = {"load_checkpoint": "made and compiled by the same code", "load_weights": "made by the same code"}[call]
    again += "" if getattr(model, "graph", None) is not None else ", and called on data once"
    arguments = f"{str(path)!r}, partial=True" if left else repr(str(path))
    lines = [f"Nothing is lost: {what} are in {str(path)!r}.", f"For a model {again}: model.{call}({arguments})"]
    if call == "load_checkpoint" and model._running is not None:
        lines.append(f"or go on with the training: model.fit(..., resume_from={str(path)!r})")
    if left:
        lines.append(f"but for {', '.join(left)}"[:200])
    return "\n".join(lines)


def _tried(members: Callable[[], Any]) -> Any:
    try:
        return members()
    except Exception:  # noqa: BLE001  callbacks and optimizers may be of the user's code
        return None


def _plain_weights(model: torch.nn.Module) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The weights that a file has words for, each once, and the paths of what it has none for."""
    state = model.state_dict(keep_vars=True)
    plain = {path: value for path, value in state.items() if _is_plain(value)}
    return once(plain), [path for path in state if path not in plain]


def _is_plain(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_meta


def _free_path(target: Path) -> Path:
    """A path beside ``target`` at which nothing is: in the nearest folder that is there, or where one may write."""
    nearest = next(folder for folder in target.parents if folder.is_dir())
    places = (nearest, Path.cwd(), Path(tempfile.gettempdir()))
    folder = next((place for place in places if os.access(place, os.W_OK)), nearest)
    names = (f"{target.name}{SUFFIX}", *(f"{target.name}{SUFFIX}-{number}" for number in range(2, _MOST)))
    return next((path for path in map(folder.joinpath, names) if not path.exists()), folder / names[0])
