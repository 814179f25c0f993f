"""`compilable`: functions of sizes, in the form that this PyTorch's compiler can follow.

``torch.sym_min(n, 5)`` and its relatives take sizes that a compiler does not know yet, and plain numbers. Up to 2.11
the compiler ends its graph at a call on plain numbers, which it meets where a size is known to it. There Python
computes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

_ENDS_GRAPHS = torch.__version__ < "2.13"  # not as text; what 2.12 can was not tried, and this works everywhere


def _plain(*values: Any) -> bool:
    return all(type(value) in (int, float, bool) for value in values)


def sym_min(a: Any, b: Any) -> Any:
    if not _plain(a, b):
        return torch.sym_min(a, b)
    return float(min(a, b)) if isinstance(a, float) or isinstance(b, float) else min(a, b)


def sym_max(a: Any, b: Any) -> Any:
    if not _plain(a, b):
        return torch.sym_max(a, b)
    return float(max(a, b)) if isinstance(a, float) or isinstance(b, float) else max(a, b)


def sym_not(a: Any) -> Any:
    return not a if _plain(a) else torch.sym_not(a)


def sym_ite(b: Any, t: Any, f: Any) -> Any:
    return (t if b else f) if _plain(b, t, f) else torch.sym_ite(b, t, f)


def sym_sum(args: Any) -> Any:
    return sum(args) if _plain(*args) else torch.sym_sum(args)


_FORMS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    torch.sym_min: sym_min, torch.sym_max: sym_max, torch.sym_not: sym_not, torch.sym_ite: sym_ite,
    torch.sym_sum: sym_sum,
} if _ENDS_GRAPHS else {}  # fmt: skip


def compilable(function: Any) -> Any:
    """The function itself, or what computes the same where PyTorch's compiler would end its graph.

    >>> compilable(torch.relu) is torch.relu
    True
    """
    return _FORMS.get(function, function)
