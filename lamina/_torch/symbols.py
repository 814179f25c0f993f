"""`Symbol`: a part of PyTorch that is not public, and what is done where a PyTorch lacks it."""

from __future__ import annotations

import contextlib
import importlib
from types import ModuleType
from typing import Any, NamedTuple

import torch

# The versions in which every symbol below was seen, and on which the tests were run: docs/versions.md.
VERSIONS = ("2.11", "2.13", "2.14")


class Symbol(NamedTuple):
    """One name that PyTorch may change without notice.

    Attributes:
        path: dotted, from `torch` on.
        without: what takes its place where it is missing; or what is then not available, and the error.
        seen: the versions of PyTorch that have it.
    """

    path: str
    without: str
    seen: tuple[str, ...] = VERSIONS


def found(path: str) -> Any:
    """What stands at a dotted path, None where this PyTorch has nothing there. Modules on the way are imported.

    >>> found("torch.relu") is torch.relu, found("torch._no_such_name")
    (True, None)
    """
    value: Any = torch
    names = path.split(".")
    for i, name in enumerate(names[1:], start=2):
        if isinstance(value, ModuleType) and not hasattr(value, name):
            with contextlib.suppress(ImportError):
                importlib.import_module(".".join(names[:i]))
        try:
            value = getattr(value, name)
        except (AttributeError, RuntimeError):  # RuntimeError: an overload of an operator
            return None
    return value
