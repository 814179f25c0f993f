"""A function of several steps as one node of the graph."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from lamina.graph import Symbolic, SymbolicTensor, record, tree
from lamina.graph.errors import LaminaError
from lamina.sizes.cycles import refuse_loop
from lamina.users_traceback import fold

from . import numbers as of_sizes
from .eager_errors import tell
from .operands import tensor

Function = TypeVar("Function", bound=Callable[..., Any])


def one_node(function: Function) -> Function:
    """Make calls on symbolic tensors one node that runs `function` on real ones.

    For functions that look at sizes, which only run time knows, or that take several steps where a reader of the graph
    wants to see one. A single function of PyTorch needs this not: it is a node by itself.
    """
    return one_node_of(numbers=())(function)


def one_node_of(*, numbers: tuple[str, ...], places: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """The same for a function of which some arguments are numbers, which may be given as tensors.

    Args:
        numbers: these arguments: sizes, how many.
        places: those that may also hang on values: a tensor that is not made of sizes stays a tensor.
    """
    return functools.partial(_one_node, numbers, places)


def _one_node(numbers: tuple[str, ...], places: tuple[str, ...], function: Function) -> Function:
    order = list(inspect.signature(function).parameters)
    read = [(name, order.index(name), of_sizes.numbers) for name in numbers]
    read += [(name, order.index(name), of_sizes.where_to) for name in places]

    @functools.wraps(function)
    def op(*args: Any, **kwargs: Any) -> Any:
        try:
            if read:
                args, kwargs = of_sizes.read_numbers(read, args, kwargs)
            if holds_symbolic(args) or holds_symbolic(kwargs):
                args, kwargs = tree.map_leaves(_as_constant, (args, kwargs))
                return recorded(op, args, kwargs)
            return function(*args, **kwargs)
        except Exception as error:
            if isinstance(error, (RuntimeError, IndexError)):
                tell(error, function.__name__, dict(zip(order, args, strict=False)) | kwargs)
            fold(error, sys._getframe(1))
            raise

    return op  # type: ignore[return-value]


def recorded(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A node of `op`; an error of ours says what came in the user's terms."""
    try:
        return record(op, args, kwargs)
    except Exception as error:
        if isinstance(error, LaminaError):
            _say_what_came(error, tree.leaves((args, kwargs)))
        fold(error, sys._getframe(1))
        raise


def _say_what_came(error: LaminaError, leaves: Iterable[Any]) -> None:
    """The shapes of symbolic tensors in place of the examples that were tried, and the lines that they are from."""
    came = [leaf for leaf in leaves if isinstance(leaf, Symbolic)]
    got = error.got or ""
    for symbolic in (s for s in came if isinstance(s, SymbolicTensor)):
        for k in (0, 1):
            got = got.replace(str(symbolic.example(k).shape), str(symbolic.shape))
    lines = (f"{symbolic}, {symbolic.node.source}" for symbolic in came)
    error.got = "\n".join([got] * bool(got) + [line for line in dict.fromkeys(lines) if line not in got])


def holds_symbolic(value: Any) -> bool:
    """Whether something in a nesting is known only at run time."""
    # Plain recursion rather than `tree.leaves`: torch.compile follows it, and it costs the less when the model runs.
    try:
        if isinstance(value, (list, tuple)):
            return any(holds_symbolic(v) for v in value)
        if isinstance(value, Mapping):
            return any(holds_symbolic(v) for v in value.values())
    except RecursionError:
        refuse_loop(value)
        raise
    return isinstance(value, Symbolic)


def _as_constant(leaf: Any) -> Any:
    return tensor(leaf) if isinstance(leaf, np.ndarray) else leaf
