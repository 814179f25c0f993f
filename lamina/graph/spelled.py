"""How the user spelled a call that PyTorch refuses before anybody is asked.

``torch.zeros(n, 6)`` and ``cls.expand(n, -1, -1)`` with a symbolic ``n`` end in PyTorch's parser: it takes the first
size for all of them, since that can be recorded, and the rest for too many arguments. Nothing of ours runs then; all
that it asks ``n`` beforehand is its class, as any ``isinstance`` does. So the class looks at the call that is running,
and says what to write. Where the source is not at hand, or says something else, nothing happens: PyTorch refuses.
"""

from __future__ import annotations

import ast
import linecache
from itertools import islice
from types import FrameType

from lamina.frames import is_users

from .errors import ValueNeededError
from .source import Source

_TAKES_SIZES = frozenset("zeros ones empty rand randn expand new_zeros new_ones new_empty".split())


def refuse_sizes_one_by_one(frame: FrameType) -> None:
    """Raise if what runs in this frame gives sizes one by one to a function that takes symbolic ones in a tuple."""
    if _TAKES_SIZES.isdisjoint(frame.f_code.co_names) or not is_users(frame):
        return
    try:
        call = _running_call(frame)
        several = call is not None and sum(_count(argument, frame) for argument in call.args) > 1
    except Exception:  # noqa: BLE001  whatever is odd about a frame or its source, it is no reason to fail here
        return
    if call is not None and several:
        call.args = [ast.Tuple(call.args, ast.Load())]
        raise ValueNeededError(
            "PyTorch takes several sizes of which the first is known at run time only in one tuple.",
            where=str(Source(frame.f_code.co_filename, frame.f_lineno)),
            hint=ast.unparse(call),
        )


def _running_call(frame: FrameType) -> ast.Call | None:
    """The call of such a function that this frame is at, as it is written."""
    line, last, start, end = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    if line is None or last is None:
        return None
    lines = [linecache.getline(frame.f_code.co_filename, n).encode() for n in range(line, last + 1)]
    lines[-1] = lines[-1][:end]
    call = ast.parse(b"".join([lines[0][start:], *lines[1:]]).decode(), mode="eval").body
    name = getattr(call, "func", None)
    takes_sizes = getattr(name, "attr", getattr(name, "id", None)) in _TAKES_SIZES
    return call if isinstance(call, ast.Call) and takes_sizes else None


def _count(argument: ast.expr, frame: FrameType) -> int:
    """How many sizes an argument stands for; ``*sizes`` for as many as ``sizes`` has, where that is a name."""
    if not isinstance(argument, ast.Starred):
        return 1
    if isinstance(argument.value, ast.Name):
        return len({**frame.f_globals, **frame.f_locals}[argument.value.id])
    return len(argument.value.elts) if isinstance(argument.value, (ast.List, ast.Tuple)) else 2
