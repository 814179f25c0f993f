"""What PyTorch refuses when an operation runs on real tensors: which operation, what it was given, and on which line.

A function of this package catches what its own call of PyTorch raises and hands it to `tell`. ``try`` costs nothing
where nothing is raised; a decorator for all of them would take 2 to 5 % of the time of a small operation.
"""

from __future__ import annotations

import inspect
import sys
from types import FrameType
from typing import Any

from lamina.graph.errors import LaminaError
from lamina.graph.source import caller
from lamina.probing import probing
from lamina.users_traceback import fold

_IN = "in ops."


def tell(error: Exception, name: str | None = None, given: dict[str, Any] | None = None) -> None:
    """Add a note to an error that is about to be raised again, and fold the frames of the library out of it.

    Args:
        error: what PyTorch raised. Errors of ours say all this themselves.
        name, given: the operation and its arguments; by default those of the function that calls this.

    >>> try:
    ...     lamina.ops.add(torch.ones(2), torch.ones(3))
    ... except RuntimeError as error:
    ...     error.__notes__[0].partition(", called")[0]
    'in ops.add(x1 (2,) float32, x2 (3,) float32)'
    """
    if isinstance(error, LaminaError) or probing():  # in a trial the sizes are not the user's
        return
    frame: FrameType = sys._getframe(1)
    if given is None:
        code = frame.f_code
        count = code.co_argcount + bool(code.co_flags & inspect.CO_VARARGS)
        given = {each: frame.f_locals[each] for each in code.co_varnames[:count] if each in frame.f_locals}
    shown = ", ".join(f"{each} {_said(value)}" for each, value in given.items())
    notes = getattr(error, "__notes__", [])
    if notes and notes[-1].startswith(_IN):  # of an operation that this one has called
        notes.pop()
    error.add_note(f"{_IN}{name or frame.f_code.co_name}({shown}), called at {caller()}")
    fold(error, frame.f_back)


def _said(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{tuple(shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, (list, tuple)) and any(hasattr(each, "shape") for each in value):
        return f"[{', '.join(_said(each) for each in value[:6])}{', ...' * (len(value) > 6)}]"
    return f"{value!r:.60}"
