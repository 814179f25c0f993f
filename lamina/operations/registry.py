"""The registry: the facts about an operation, found by any of its functions or names."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, MappingProxyType
from typing import Any, TypeVar

import torch

from .facts import KINDS, Facts
from .table import TABLE

Function = TypeVar("Function", bound=Callable[..., Any])

NOTHING = Facts()  # is known of a function that nobody told of

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
        return found if found is not None else NOTHING

    def named(self, name: str) -> Facts:
        return self._named.get(name, NOTHING)


def described(kind: str) -> Callable[[Function], Function]:
    """Say of which kind of the table a function of ours is, which can be a node of a graph."""

    def mark(function: Function) -> Function:
        function.operation_facts = KINDS[kind]  # type: ignore[attr-defined]
        return function

    return mark


def read(table: str) -> Iterator[Facts]:
    """The operations in a table."""
    kind = NOTHING
    for line in filter(None, table.splitlines()):
        if line[0] == "[":
            kind = KINDS[line[1:].partition("]")[0]]
            continue
        operations, _, keras = line.partition(": ")
        for words in operations.split(", "):
            yield _operation(kind, words.split(), keras)


def _operation(kind: Facts, words: list[str], keras: str) -> Facts:
    names = tuple([word for word in words if word[0].islower()])
    module, _, parameters = keras.partition(" ")
    classes = [word for word in words if word[0].isupper()]
    signs = [word for word in words if not word[0].isalpha()]
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
        functions=MappingProxyType(functions | swapped),
        reversed=tuple(swapped.values()),
        operator=getattr(operator, operators[0]) if operators else None,
        sign="".join([sign for sign in signs if sign != "!"]),
        changes="!" in signs,
        keras=f"{module}.{classes[0]} {parameters}" if classes else "",
    )


OPERATIONS = Operations(read(TABLE))
