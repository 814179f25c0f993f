"""Bounds on what a file asks for while it is read: pieces of tensors, whole numbers, trials, memory for weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch

from lamina.graph import Constant, Symbolic
from lamina.sizes import tree

# A dimension of a tensor is less than this.
MAX_NUMBER = 2**63
# No size is another one to a higher power, shifted further, or rounded to more digits.
MAX_EXPONENT = 64
# An operation that takes a tensor apart makes an object of Python's of each piece.
MAX_PARTS = 10_000
# Traced operations that are tried while one file is read: a layer that many nodes share is tried for each of them.
MAX_TRIALS = 1_000_000

NUMBERS = (bool, int, float, torch.SymInt, torch.SymFloat, torch.SymBool)

_PARTS = ("chunk", "split", "split_copy", "tensor_split", "hsplit", "vsplit", "dsplit", "unbind", "unbind_copy")
_COUNTS = ("chunks", "sections", "indices", "indices_or_sections", "split_size", "split_size_or_sections", "n", "r")
_REPEATED = ("diff", "combinations")
_POWERS = ("pow", "lshift", "rshift", "round")

_trials: ContextVar[list[int] | None] = ContextVar("lamina_trials_left", default=None)


@contextmanager
def limited_trials(limit: int = MAX_TRIALS) -> Iterator[None]:
    """Within, no more than so many traced operations are tried; what is within another such context counts there."""
    token = _trials.set([limit]) if _trials.get() is None else None
    try:
        yield
    finally:
        if token is not None:
            _trials.reset(token)


def count_trials(count: int) -> None:
    """Count operations that are about to be tried.

    Raises:
        ValueError: more than there may be; nothing outside of `limited_trials`.
    """
    left = _trials.get()
    if left is None:
        return
    left[0] -= count
    if left[0] < 0:
        raise ValueError(f"more than {MAX_TRIALS} operations to try")


def check_numbers(name: str, values: Any, results: bool = False) -> None:
    """Refuse what is no number, and whole numbers that no size can be.

    Args:
        name: the last word of a function's name, as in "operator.add".
        values: its arguments, or what it gives.
        results: what it gives.

    Raises:
        TypeError, ValueError: the reason.
    """
    for value in values:
        if not isinstance(value, NUMBERS):
            raise TypeError(f"{name} of {type(value).__name__}, which is no number")
        if isinstance(value, int) and not -MAX_NUMBER < value < MAX_NUMBER:
            raise ValueError(f"{name} of a whole number that no size can be")
    if (
        name in _POWERS
        and not results
        and any(isinstance(v, (int, float)) and abs(v) > MAX_EXPONENT for v in values[1:])
    ):
        raise ValueError(f"{name} with an exponent over {MAX_EXPONENT}")


def on_numbers(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of Python's that takes and gives numbers only."""

    def run(*args: Any) -> Any:
        check_numbers(name, args)
        result = function(*args)
        check_numbers(name, [result], results=True)
        return result

    return run


def check_parts(name: str, args: Any, kwargs: Mapping[str, Any]) -> None:
    """Refuse what would take a tensor into more pieces than anyone wants.

    Args:
        name: the last word of a function's name, as in "torch.chunk".
        args, kwargs: of its call; what has a ``shape`` stands for a tensor.

    Raises:
        ValueError: too many pieces.
    """
    base = name.removeprefix("unsafe_")
    if base not in _PARTS and base not in _REPEATED:
        return
    given = [*args, *kwargs.values()]
    shape: Any = next((leaf.shape for leaf in tree.leaves(given) if hasattr(leaf, "shape")), ())
    named = next((kwargs[key] for key in _COUNTS if key in kwargs), None)
    number = args[1] if len(args) > 1 and not base.startswith("unbind") else named
    largest = max((size for size in shape if isinstance(size, int)), default=0)
    if base.startswith("unbind"):
        count = largest
    elif not isinstance(number, int):
        return
    elif base in ("split", "split_copy"):
        count = math.ceil(largest / number) if number > 0 else 0
    else:
        count = number
    if count > MAX_PARTS:
        raise ValueError(f"{name} into {count} pieces")


def in_parts(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes tensors apart, into a bounded number of pieces."""

    def run(*args: Any, **kwargs: Any) -> Any:
        check_parts(name, args, kwargs)
        return function(*args, **kwargs)

    return run


def takes_apart(name: str) -> bool:
    """Whether `check_parts` has something to say of a function of this name."""
    return name.removeprefix("unsafe_") in (*_PARTS, *_REPEATED)


# -- functions in a graph, whose arguments may be symbolic

_PYTHONS = ("operator", "builtins", "math")


def refuse_excess(name: str, args: Any, kwargs: Mapping[str, Any]) -> None:
    """Refuse the call of a function in a graph that would take long, or much memory, before it is even tried.

    Args:
        name: of the function, in full.
        args, kwargs: with symbolic tensors and numbers among them, which are looked at in both of their examples.

    Raises:
        TypeError, ValueError: the reason.
    """
    module, _, last = name.rpartition(".")
    for k in (0, 1):
        if module in _PYTHONS and last != "getitem":
            _check_operands(last, [_example(value, k) for value in (*args, *kwargs.values())])
        if takes_apart(last):
            check_parts(last, *tree.map_leaves(partial(_example, k=k), (list(args), dict(kwargs))))


def refuse_excess_of(result: Any) -> None:
    """Refuse numbers in a graph that no size can be: computing with them would take ever longer.

    Raises:
        ValueError: there is one.
    """
    for leaf in tree.leaves(result):
        if isinstance(leaf, Symbolic):
            for k in (0, 1):
                number = leaf.example(k)
                if isinstance(number, int) and not -MAX_NUMBER < number < MAX_NUMBER:
                    raise ValueError("a whole number that no size can be")


def _example(leaf: Any, k: int) -> Any:
    if isinstance(leaf, Symbolic):
        return leaf.example(k)
    return leaf.value if isinstance(leaf, Constant) else leaf


def _check_operands(name: str, operands: list[Any]) -> None:
    """Beside a tensor, whatever PyTorch takes; numbers alone are bounded."""
    for value in operands:
        if isinstance(value, (str, bytes, list, tuple, dict)):
            raise TypeError(f"{name} of {type(value).__name__}, which is neither tensor nor number")
    if not any(hasattr(value, "shape") for value in operands):
        check_numbers(name, [value for value in operands if value is not None])
