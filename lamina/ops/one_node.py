"""A function of several steps as one node of the graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from lamina.graph import Symbolic, record, tree

from .operands import tensor

Function = TypeVar("Function", bound=Callable[..., Any])


def one_node(function: Function) -> Function:
    """Make calls on symbolic tensors one node that runs `function` on real ones.

    For functions that look at sizes, which only run time knows, or that take several steps where a reader of the graph
    wants to see one. A single function of PyTorch needs this not: it is a node by itself.
    """

    @functools.wraps(function)
    def op(*args: Any, **kwargs: Any) -> Any:
        if _holds_symbolic(args) or _holds_symbolic(kwargs):
            args, kwargs = tree.map_leaves(_as_constant, (args, kwargs))
            return record(op, args, kwargs)
        return function(*args, **kwargs)

    return op  # type: ignore[return-value]


def _holds_symbolic(value: Any) -> bool:
    # Plain recursion rather than `tree.leaves`: torch.compile follows it, and it costs the less when the model runs.
    if isinstance(value, (list, tuple)):
        return any(_holds_symbolic(v) for v in value)
    if isinstance(value, Mapping):
        return any(_holds_symbolic(v) for v in value.values())
    return isinstance(value, Symbolic)


def _as_constant(leaf: Any) -> Any:
    return tensor(leaf) if isinstance(leaf, np.ndarray) else leaf
