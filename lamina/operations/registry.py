"""The registry: the facts about an operation, found by any of its functions or names."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any, TypeVar

import torch

from .facts import OTHER, Facts
from .table import TABLE

Function = TypeVar("Function", bound=Callable[..., Any])

# Where a short name is looked up. A function under two names is written by the first.
_SPACES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("torch.nn.functional.", vars(torch.nn.functional)),
    ("torch.", vars(torch)),
    ("torch.Tensor.", {**vars(torch.Tensor.__base__), **vars(torch.Tensor)}),
    ("torch.special.", vars(torch.special)),
)
_EXACT: dict[str, Any] = {
    "builtins": builtins, "math": math, "torch.Tensor": torch.Tensor, "torch.fft": torch.fft,
    "torch.linalg": torch.linalg,
}  # fmt: skip


# Python's operators: those that Python computes by a method of tensors.
_OPERATORS = frozenset(
    name for name in dir(operator) if name[0] != "_" and hasattr(torch.Tensor, f"__{name.rstrip('_')}__")
)


class Operations:
    """Operations, each with its facts.

    >>> OPERATIONS.of(torch.Tensor.__rsub__).names, OPERATIONS.named("subtract").sign
    (('sub', 'subtract'), '-')
    """

    def __init__(self, operations: Iterable[Facts]) -> None:
        self._all = tuple(operations)
        self._of = {function: facts for facts in self._all for function in facts.functions.values()}
        self._named = {name: facts for facts in self._all for name in facts.names}

    def __iter__(self) -> Iterator[Facts]:
        return iter(self._all)

    def of(self, function: Any) -> Facts:
        """Of a function of PyTorch's or Python's by the table, of one of ours by what `described` says."""
        found = self._of.get(function)
        if found is None and type(function) is FunctionType:
            found = function.__dict__.get("operation_facts")
        return found if found is not None else OTHER

    def named(self, name: str) -> Facts:
        return self._named.get(name, OTHER)


def described(facts: Facts) -> Callable[[Function], Function]:
    """Say of a function of ours, which can be a node of a graph, what it does to sizes and masks."""

    def mark(function: Function) -> Function:
        function.operation_facts = facts  # type: ignore[attr-defined]
        return function

    return mark


def read(kind: Facts, text: str) -> Iterator[Facts]:
    """The operations in one part of the table."""
    for line in text.strip().splitlines():
        head, _, keras = line.strip().partition(": ")
        for words in head.split(", "):
            yield _operation(kind, words.split(), keras)


def _operation(kind: Facts, words: list[str], keras: str) -> Facts:
    names = tuple([word for word in words if word[0].isalpha()])
    signs = words[len(names) :]
    functions: dict[str, Callable[..., Any]] = {}
    operators: list[str] = []
    for name in names:
        place, _, last = name.rpartition(".")
        if place:
            functions[name] = getattr(_EXACT[place], last)
            continue
        for prefix, space in _SPACES:
            function = space.get(name)
            if callable(function):
                functions[prefix + name] = function
        if name in _OPERATORS:
            operators.append(name)
    swapped: dict[str, Callable[..., Any]] = {}
    for name in operators:
        functions[f"operator.{name}"] = getattr(operator, name)
        for way, found in (("", functions), ("r", swapped)):
            method = f"__{way}{name.rstrip('_')}__"
            if hasattr(torch.Tensor, method):
                found[f"torch.Tensor.{method}"] = getattr(torch.Tensor, method)
    return kind._replace(
        names=names,
        functions=functions | swapped,
        reversed=tuple(swapped.values()),
        operator=getattr(operator, operators[0]) if operators else None,
        sign="".join([sign for sign in signs if sign != "!"]),
        changes="!" in signs,
        keras=keras,
    )


OPERATIONS = Operations(facts for kind, text in TABLE for facts in read(kind, text))
