"""Integers by their bits and their divisors, position by position. Shapes broadcast; either side may be a number."""

from __future__ import annotations

from typing import Any

import torch

from .eager_errors import tell
from .operands import tensor, tensors


def bitwise_and(x: Any, y: Any) -> Any:
    """The bits that both have; of bools, whether both are true.

    Args:
        x, y: integers or bools; shapes that broadcast, or numbers.

    >>> bitwise_and([12, 10], 6)
    tensor([4, 2], dtype=torch.int32)
    """
    try:
        return torch.bitwise_and(*tensors(x, y))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def bitwise_or(x: Any, y: Any) -> Any:
    """The bits that one or both have.

    Args:
        x, y: integers or bools; shapes that broadcast, or numbers.

    >>> bitwise_or([12, 10], 6)
    tensor([14, 14], dtype=torch.int32)
    """
    try:
        return torch.bitwise_or(*tensors(x, y))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def bitwise_xor(x: Any, y: Any) -> Any:
    """The bits that just one has.

    Args:
        x, y: integers or bools; shapes that broadcast, or numbers.

    >>> bitwise_xor([12, 10], 6)
    tensor([10, 12], dtype=torch.int32)
    """
    try:
        return torch.bitwise_xor(*tensors(x, y))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def bitwise_not(x: Any) -> Any:
    """The bits that it has not: `-x - 1` of a signed integer, the opposite of a bool.

    >>> bitwise_not([0, 5])
    tensor([-1, -6], dtype=torch.int32)
    """
    return torch.bitwise_not(tensor(x))


def bitwise_invert(x: Any) -> Any:
    """The bits that it has not, as `bitwise_not`.

    >>> bitwise_invert([True, False])
    tensor([False,  True])
    """
    return bitwise_not(x)


def bitwise_left_shift(x: Any, y: Any) -> Any:
    """The bits moved `y` places up: `x * 2**y`, but for what falls out at the top.

    Args:
        x: integers.
        y: by how many bits, from 0 on and below the dtype's width; broadcasts.

    >>> bitwise_left_shift([1, 3], 2)
    tensor([ 4, 12], dtype=torch.int32)
    """
    try:
        return torch.bitwise_left_shift(*tensors(x, y))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def bitwise_right_shift(x: Any, y: Any) -> Any:
    """The bits moved `y` places down: `x // 2**y`.

    Args:
        x: integers.
        y: by how many bits, from 0 on and below the dtype's width; broadcasts.

    >>> bitwise_right_shift([4, -3], 1)
    tensor([ 2, -2], dtype=torch.int32)
    """
    try:
        return torch.bitwise_right_shift(*tensors(x, y))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def left_shift(x: Any, y: Any) -> Any:
    """The bits moved `y` places up, as `bitwise_left_shift`.

    Args:
        x: integers.
        y: by how many bits, from 0 on and below the dtype's width; broadcasts.

    >>> left_shift(1, [0, 1, 2])
    tensor([1, 2, 4], dtype=torch.int32)
    """
    return bitwise_left_shift(x, y)


def right_shift(x: Any, y: Any) -> Any:
    """The bits moved `y` places down, as `bitwise_right_shift`.

    Args:
        x: integers.
        y: by how many bits, from 0 on and below the dtype's width; broadcasts.

    >>> right_shift(8, [0, 1, 2])
    tensor([8, 4, 2], dtype=torch.int32)
    """
    return bitwise_right_shift(x, y)


def gcd(x1: Any, x2: Any) -> Any:
    """The greatest common divisor of two integers; of 0 and `x`, `abs(x)`.

    Args:
        x1, x2: integers; shapes that broadcast, or numbers.

    >>> gcd([12, 0], 18)
    tensor([ 6, 18], dtype=torch.int32)
    """
    try:
        return torch.gcd(*tensors(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def lcm(x1: Any, x2: Any) -> Any:
    """The least common multiple of two integers; of 0 and `x`, 0.

    Args:
        x1, x2: integers; shapes that broadcast, or numbers.

    >>> lcm([4, 0], 6)
    tensor([12,  0], dtype=torch.int32)
    """
    try:
        return torch.lcm(*tensors(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise
