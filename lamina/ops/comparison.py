"""Comparisons and logic, position by position; the result is bool. Either side may be a number."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch

from lamina.graph import ArgumentError, Symbolic, record

from .eager_errors import tell
from .one_node import holds_symbolic
from .operands import here, is_number, number_dtype, operands, placed, refuse_symbolic, tensor, tensors


def equal(x1: Any, x2: Any) -> Any:
    """`x1 == x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> equal([1, 2], 2)
    tensor([False,  True])
    """
    a, b = operands(x1, x2)
    try:
        return record(operator.eq, (a, b), {}) if isinstance(a, Symbolic) or isinstance(b, Symbolic) else a == b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def not_equal(x1: Any, x2: Any) -> Any:
    """`x1 != x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> not_equal([1, 2], 2)
    tensor([ True, False])
    """
    a, b = operands(x1, x2)
    try:
        return a != b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def greater(x1: Any, x2: Any) -> Any:
    """`x1 > x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> greater([1, 2, 3], 2)
    tensor([False, False,  True])
    """
    a, b = operands(x1, x2)
    try:
        return a > b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def greater_equal(x1: Any, x2: Any) -> Any:
    """`x1 >= x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> greater_equal([1, 2, 3], 2)
    tensor([False,  True,  True])
    """
    a, b = operands(x1, x2)
    try:
        return a >= b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def less(x1: Any, x2: Any) -> Any:
    """`x1 < x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> less([1, 2, 3], 2)
    tensor([ True, False, False])
    """
    a, b = operands(x1, x2)
    try:
        return a < b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def less_equal(x1: Any, x2: Any) -> Any:
    """`x1 <= x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> less_equal([1, 2, 3], 2)
    tensor([ True,  True, False])
    """
    a, b = operands(x1, x2)
    try:
        return a <= b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """`|x1 - x2| <= atol + rtol * |x2|`; two NaNs are close if `equal_nan`.

    Args:
        x1, x2: shapes that broadcast, or numbers.
        rtol, atol: the difference that may be, relative to `x2` and absolute.
        equal_nan: whether NaN is close to NaN.

    >>> isclose([1.0, 2.0], [1.000001, 2.1])
    tensor([ True, False])
    """
    a, b = tensors(x1, x2)
    kind = torch.promote_types(a.dtype, b.dtype)
    a, b = a.to(kind), b.to(kind)
    if equal_nan and not holds_symbolic((a, b)):  # PyTorch 2.11 writes into the shape of `a`
        a, b = torch.broadcast_tensors(a, b)
    try:
        return torch.isclose(a, b, rtol, atol, equal_nan)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all are close, as `isclose` has it.

    Args:
        x1, x2: shapes that broadcast, or numbers.
        rtol, atol: the difference that may be, relative to `x2` and absolute.
        equal_nan: whether NaN is close to NaN.

    >>> allclose([1.0, 2.0], [1.000001, 2.0])
    tensor(True)
    """
    try:
        return torch.all(isclose(x1, x2, rtol, atol, equal_nan))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def logical_and(x1: Any, x2: Any) -> Any:
    """Whether both are true, which all but 0 is.

    Args:
        x1, x2: of any dtype; shapes that broadcast, or numbers.

    >>> logical_and([True, False], True)
    tensor([ True, False])
    """
    try:
        return torch.logical_and(*tensors(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def logical_or(x1: Any, x2: Any) -> Any:
    """Whether one or both are true.

    Args:
        x1, x2: of any dtype; shapes that broadcast, or numbers.

    >>> logical_or([True, False], False)
    tensor([ True, False])
    """
    try:
        return torch.logical_or(*tensors(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def logical_xor(x1: Any, x2: Any) -> Any:
    """Whether just one is true.

    Args:
        x1, x2: of any dtype; shapes that broadcast, or numbers.

    >>> logical_xor([True, False], True)
    tensor([False,  True])
    """
    try:
        return torch.logical_xor(*tensors(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def logical_not(x: Any) -> Any:
    """Whether it is false.

    >>> logical_not([True, False])
    tensor([False,  True])
    """
    return torch.logical_not(tensor(x))


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where the condition is true, `x2` elsewhere; shapes broadcast.

    Given the condition alone, where it is true: (its number of axes, how many), as `nonzero`, in int64.

    Args:
        condition: bools, or numbers of which 0 is false.
        x1, x2: shapes that broadcast; either may be a number.

    Raises:
        ValueNeededError: the condition alone is given, and symbolic. ArgumentError: one value without the other.

    >>> where([True, False], [1.0, 2.0], 0)
    tensor([1., 0.])
    """
    if (x1 is None) != (x2 is None):
        raise ArgumentError("ops.where takes both values, or none.", got="one", where=here(), hint="where(c, a, b)")
    beside = placed(condition, *(None if is_number(x) else x for x in (x1, x2)))
    condition = tensor(beside[0], torch.bool)
    x1, x2 = (x if is_number(x) else part for x, part in zip((x1, x2), beside[1:], strict=True))
    if x1 is None and x2 is None:
        refuse_symbolic("where(condition)", condition, hint="ops.where(condition, a, b), which keeps the shape")
        return torch.stack(torch.where(condition))
    if is_number(x1) and is_number(x2):
        kind = torch.promote_types(number_dtype(x1), number_dtype(x2))
        return torch.where(condition, condition.new_full((), x1, dtype=kind), condition.new_full((), x2, dtype=kind))
    try:
        return torch.where(condition, *operands(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """The value of the first choice whose condition is true; the default where none is. Shapes broadcast.

    Args:
        condlist: conditions.
        choicelist: a choice for each of them.
        default: a number or a tensor.

    Raises:
        ArgumentError: no conditions, or another number of choices.

    >>> select([[True, False, False], [True, True, False]], [[1, 2, 3], [4, 5, 6]], 9)
    tensor([1, 5, 9], dtype=torch.int32)
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ArgumentError(
            "ops.select takes a choice for each condition.",
            got=f"{len(condlist)} conditions, {len(choicelist)} choices",
        )
    values = [*choicelist, default]
    beside = placed(*condlist, *(None if is_number(value) else value for value in values))
    conditions = beside[: len(condlist)]
    values = [value if is_number(value) else part for value, part in zip(values, beside[len(condlist) :], strict=True)]
    chosen = values.pop()
    for condition, choice in reversed(list(zip(conditions, values, strict=True))):
        chosen = where(condition, choice, chosen)
    return chosen
