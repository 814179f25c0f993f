"""How the user spelled a call that PyTorch refuses before anybody is asked.

``torch.zeros(n, 6)`` and ``cls.expand(n, -1, -1)`` with a symbolic ``n`` end in PyTorch's parser: it takes the first
size for all of them, since that can be recorded, and the rest for too many arguments. All that it asks ``n`` beforehand
is its class. So the class looks at the line that is running, and says what to write. Without that line (code from a
string) the words are PyTorch's.
"""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType

from .errors import ValueNeededError
from .source import Source, is_users

_TAKES_SIZES = frozenset("zeros ones empty rand randn expand new_zeros new_ones new_empty".split())


def refuse_sizes_one_by_one(frame: FrameType) -> None:
    """Raise if what runs in this frame gives sizes one by one to a function that takes symbolic ones in a tuple."""
    spelling = _in_a_tuple(frame.f_code, frame.f_lasti) if is_users(frame) else None
    if spelling is not None:
        raise ValueNeededError(
            "PyTorch takes several sizes of which the first is known at run time only in one tuple.",
            where=str(Source(frame.f_code.co_filename, frame.f_lineno)),
            hint=spelling,
        )


@lru_cache(maxsize=256)
def _in_a_tuple(code: CodeType, instruction: int) -> str | None:
    """The call at this place of the code as it is to be, if it gives several sizes one by one."""
    line, last, start, end = next(islice(code.co_positions(), instruction // 2, None))
    try:
        lines = [linecache.getline(code.co_filename, n).encode() for n in range(line or 0, (last or 0) + 1)]
        lines[-1] = lines[-1][:end]
        call = ast.parse(b"".join([lines[0][start:], *lines[1:]]).decode(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    name = getattr(call, "func", None)
    if not isinstance(call, ast.Call) or getattr(name, "attr", getattr(name, "id", None)) not in _TAKES_SIZES:
        return None
    if len(call.args) < 2 and not any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    call.args = [ast.Tuple(call.args, ast.Load())]
    return ast.unparse(call)
