"""Which numbers a tensor was made of, while PyTorch traces a call whose sizes stay open.

A size is then a number that only the traced program knows, and reading it back from a tensor would make it a value of
data, of which no shape can be said. So the functions that put sizes together note on their result what stands in it.
Tensors that are computed with as usual carry no note and cost one look at their type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

Result = TypeVar("Result")
_NOTE = "_lamina_numbers"
_MOST = 4096


def noted(made: Result, numbers: Any) -> Result:
    """The tensor `made` of these numbers (nested lists as it has axes), with a note of them if it is being traced."""
    if _is_traced(made) and made.numel() <= _MOST:  # type: ignore[attr-defined]
        _note(made, _as_lists(numbers))
    return made


def moved(made: Result, parts: Sequence[Any], move: Callable[..., Any], *where: Any) -> Result:
    """The tensor `made` of parts, with a note if all of these have one.

    Args:
        move: does with the parts' numbers what was done with the parts: `joined`, `stacked`, `within`, `picked`,
            `kept`.
        where: what it is told besides.
    """
    if _is_traced(made):
        notes = [numbers_noted(part) for part in parts]
        if all(note is not None for note in notes):
            _note(made, move(notes, *where))
    return made


def numbers_noted(tensor: Any) -> Any:
    """The numbers that a tensor was made of, in nested lists; None if nothing is noted."""
    if not _is_traced(tensor):
        return None
    note = getattr(tensor, _NOTE, None)
    return note[1] if note is not None and note[0] == _version(tensor) else None


def kept(notes: Sequence[Any]) -> Any:
    """The numbers of one tensor as they are."""
    return notes[0]


def joined(notes: Sequence[Any], axis: int) -> Any:
    """Those of several one after the other along an axis, which counts from the first."""
    if axis == 0:
        return [number for note in notes for number in note]
    return [joined(rows, axis - 1) for rows in zip(*notes, strict=True)]


def stacked(notes: Sequence[Any], axis: int) -> Any:
    """Those of several along a new axis."""
    return list(notes) if axis == 0 else [stacked(rows, axis - 1) for rows in zip(*notes, strict=True)]


def within(notes: Sequence[Any], axis: int) -> Any:
    """Those of one with a new axis of size 1."""
    return [notes[0]] if axis == 0 else [within([row], axis - 1) for row in notes[0]]


def picked(notes: Sequence[Any]) -> Any:
    """Those of the first at the places along the first axis that the second one tells."""
    rows, places = notes
    if isinstance(places, list):
        return [picked([rows, place]) for place in places]
    return rows[places]


def _is_traced(made: Any) -> bool:
    if type(made) is torch.Tensor:
        return torch.compiler.is_dynamo_compiling()
    return isinstance(made, torch.Tensor)


def _note(tensor: Any, numbers: Any) -> None:
    setattr(tensor, _NOTE, (_version(tensor), numbers))


def _version(tensor: Any) -> int:
    """Another one when something was written into it; the compiler follows that by itself."""
    return 0 if torch.compiler.is_dynamo_compiling() else tensor._version


def _as_lists(numbers: Any) -> Any:
    if isinstance(numbers, (np.ndarray, np.generic)):
        return numbers.tolist()
    return [_as_lists(number) for number in numbers] if isinstance(numbers, (list, tuple)) else numbers
