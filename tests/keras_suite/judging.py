"""What of a Keras test is not held against Lamina: that a tensor's dtype is PyTorch's, and the words of an error.

A tensor says ``torch.float32`` where Keras' says "float32" (docs/differences.md): the two are one dtype, and any other
difference stays one. An error of the type that a test expects, told in other words, lets the test go on; it then counts
by itself.
"""

from __future__ import annotations

import re
import unittest
from collections.abc import Callable
from typing import Any
from unittest import case

import numpy as np
import torch

from lamina.graph.dtypes import name_of

COMPARISONS = ("assertEqual", "assertNotEqual", "assertIn", "assertNotIn", "assertListEqual", "assertTupleEqual")
LIBRARIES = ("tensorflow", "jax", "grain")
# What is decided elsewhere whether Lamina has it: a test that fails by it counts by itself.
OF_ITS_OWN = {
    "issue of its own: quantize": re.compile(r"(?i)quantiz|gptq|awq|\b(int4|int8|float8)_from_"),
    "issue of its own: distribution": re.compile(r"keras\.(src\.)?distribution|DataParallel|DeviceMesh"),
}


def _is_dtype(value: Any) -> bool:
    return isinstance(value, (torch.dtype, np.dtype, str))


def _named(value: Any) -> Any:
    return name_of(value) if isinstance(value, torch.dtype) else value.name if isinstance(value, np.dtype) else value


def in_one_language(one: Any, other: Any) -> tuple[Any, Any]:
    """Two values that are compared: by name where one is a `torch.dtype` and the other says a dtype in other words."""
    if torch.dtype in (type(one), type(other)) and _is_dtype(one) and _is_dtype(other):
        return _named(one), _named(other)
    for kind in (list, tuple):
        if isinstance(one, kind) and isinstance(other, kind) and len(one) == len(other):
            pairs = [in_one_language(*pair) for pair in zip(one, other, strict=True)]
            changed = any(a is not b for pair, old in zip(pairs, zip(one, other, strict=True), strict=True)
                          for a, b in zip(pair, old, strict=True))  # fmt: skip
            return (kind(a for a, _ in pairs), kind(b for _, b in pairs)) if changed else (one, other)
    if isinstance(one, torch.dtype) and isinstance(other, (list, tuple, set)) and all(map(_is_dtype, other)):
        return _named(one), [_named(value) for value in other]
    return one, other


def _comparing(compare: Callable[..., None]) -> Callable[..., None]:
    def compared(self: unittest.TestCase, first: Any, second: Any, msg: Any = None) -> None:
        compare(self, *in_one_language(first, second), msg)

    return compared


class Words:
    """The errors of a test that came in other words than Keras'."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def install(self) -> None:
        """From here on dtypes are compared by name, and an error's words are noted, not judged."""
        for name in COMPARISONS:
            setattr(unittest.TestCase, name, _comparing(getattr(unittest.TestCase, name)))
        context: Any = case._AssertRaisesContext
        leave = context.__exit__

        def judged(self: Any, kind: Any, error: Any, trace: Any) -> Any:
            expected, regex = self.expected, self.expected_regex
            if regex is not None and kind is not None and issubclass(kind, expected) and not regex.search(str(error)):
                words.append(f"{regex.pattern!r}: {error}")
                self.expected_regex = None
            return leave(self, kind, error, trace)

        words = self.found
        context.__exit__ = judged


def of_its_own(test: str, reason: str) -> str:
    """The outcome of a test that fails by something with an issue of its own; else nothing."""
    name = test.rpartition("::")[2]
    return next((outcome for outcome, words in OF_ITS_OWN.items() if words.search(name) or words.search(reason)), "")


def wants_library(error: BaseException | None) -> bool:
    """Whether a test failed since a library is not installed that it, not Lamina, is about."""
    while error is not None:
        if isinstance(error, ImportError) and any(name in str(error) for name in LIBRARIES):
            return True
        error = error.__cause__ or error.__context__
    return False
