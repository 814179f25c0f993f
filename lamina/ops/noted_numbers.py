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
    if type(made) is not torch.Tensor and isinstance(made, torch.Tensor) and made.numel() <= _MOST:
        _note(made, _as_objects(numbers))
    return made


def moved(made: Result, parts: Sequence[Any], move: Callable[[Any], Any]) -> Result:
    """The tensor `made` of parts, with a note if all of these have one.

    Args:
        move: NumPy's function that does with a list of arrays what was done with the parts.
    """
    if type(made) is not torch.Tensor and isinstance(made, torch.Tensor):
        notes = [numbers_noted(part) for part in parts]
        if all(note is not None for note in notes):
            _note(made, move(notes))
    return made


def numbers_noted(tensor: Any) -> Any:
    """An array of the numbers that a tensor was made of; None if nothing is noted."""
    note = None if type(tensor) is torch.Tensor else getattr(tensor, "__dict__", {}).get(_NOTE)
    return note[1] if note is not None and note[0] == tensor._version else None


def _note(tensor: torch.Tensor, numbers: Any) -> None:
    setattr(tensor, _NOTE, (tensor._version, numbers))  # which is another one when something was written into it


def _as_objects(numbers: Any) -> Any:
    if not isinstance(numbers, (list, tuple, np.ndarray)):
        alone = np.empty((), object)
        alone[()] = numbers
        return alone
    return np.stack([_as_objects(number) for number in numbers]) if len(numbers) else np.empty((0,), object)
