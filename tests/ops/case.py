"""How calls of ops are written as data. The calls themselves are in `cases` and the files beside it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.graph import tree


@dataclass(frozen=True)
class Given:
    """A tensor that a case is called on. In a graph it is an `Input`; its first axis is unknown if `batched`."""

    array: np.ndarray
    batched: bool


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        op: its name under `ops`.
        symbolic: whether the call can be part of a graph.
        gradient: whether to compare gradients with Keras'.
    """

    op: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    symbolic: bool = True
    gradient: bool = True

    def __str__(self) -> str:
        def text(leaf: Any) -> Any:
            return f"{leaf.array.dtype}{[*leaf.array.shape]}" if isinstance(leaf, Given) else leaf

        args, kwargs = tree.map_leaves(text, (self.args, self.kwargs))
        return f"{self.op}({', '.join([*map(str, args), *(f'{k}={v}' for k, v in kwargs.items())])})"

    def filled(self, make: Callable[[Given], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments, with what `make` makes of each given tensor."""
        return tree.map_leaves(lambda leaf: make(leaf) if isinstance(leaf, Given) else leaf, (self.args, self.kwargs))

    def givens(self) -> list[Given]:
        return [leaf for leaf in tree.leaves((self.args, self.kwargs)) if isinstance(leaf, Given)]


def _numbers(shape: tuple[int, ...], dtype: str, low: float, high: float) -> np.ndarray:
    """Numbers that differ between shapes and bounds, and are the same in every run."""
    rng = np.random.default_rng(zlib.crc32(repr((shape, dtype, low, high)).encode()))
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith("float"):
        return (low + (high - low) * rng.random(shape)).astype(dtype)
    return rng.integers(int(low), int(high), shape).astype(dtype)


def B(*shape: int, dtype: str = "float32", low: float = -3.0, high: float = 3.0) -> Given:
    """A batch of numbers from low to high: its first axis is unknown in a graph."""
    return Given(_numbers(shape, dtype, low, high), True)


def W(*shape: int, dtype: str = "float32", low: float = -3.0, high: float = 3.0) -> Given:
    """The same with a shape that is known in a graph, like that of weights."""
    return Given(_numbers(shape, dtype, low, high), False)


def exactly(values: Any, dtype: str = "float32", batched: bool = True) -> Given:
    """These values."""
    return Given(np.array(values, dtype=dtype), batched)


def case(op: str, *args: Any, **kwargs: Any) -> Case:
    return Case(op, args, kwargs)


def eager(op: str, *args: Any, **kwargs: Any) -> Case:
    """A call that cannot be part of a graph: it makes no tensor from a tensor, or looks at values."""
    return Case(op, args, kwargs, symbolic=False)


def stepwise(op: str, *args: Any, **kwargs: Any) -> Case:
    """A call whose gradient is not compared: Keras' is NaN, of arbitrary sign, or an error."""
    return Case(op, args, kwargs, gradient=False)


def each(ops: str, *args: Any, **kwargs: Any) -> Iterator[Case]:
    """The same call of several ops."""
    return (case(op, *args, **kwargs) for op in ops.split())
