"""What an operation asks about sizes while it is tried: a size of a tensor remembers what it is compared with.

``if x.shape[1] > 100``, ``min(t, 50)``, ``t // 6000`` make of a size what two examples may not show. The numbers that
sizes meet are where other examples are worth a trial.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch


class Question(NamedTuple):
    """What was asked about a size: of what kind, its value, the number that it met, and the answer.

    The kinds are "compared" with ``target``, "divided" by it, "differs" from another size; and "spoken" for a number
    that was not asked about but given to a function beside sizes.
    """

    kind: str
    value: int
    target: float
    answer: Any


class Size(int):
    """The size of an axis of a tensor that is tried, or a number made from one."""

    _asked: list[Question]
    _of: tuple[int, int]  # of a remainder: what was divided, and by what

    def __new__(cls, value: int, asked: list[Question], of: tuple[int, int] = (0, 0)) -> Size:
        size = super().__new__(cls, value)
        size._asked, size._of = asked, of
        return size

    def _compared(self, compare: Callable[[int, Any], Any], other: Any) -> Any:
        answer = compare(int(self), other)
        whole, by = self._of
        if isinstance(other, Size):
            self._asked.append(Question("differs", int(self) - int(other), 0, answer))
        elif isinstance(other, (int, float)):
            question = (whole, by + other) if by > 1 else (int(self), other)
            self._asked.append(Question("compared", *question, answer))
        return answer

    def _divided(self, divide: Callable[[int, Any], Any], other: Any, by: float | None = None) -> Any:
        by = abs(other) if by is None and isinstance(other, (int, float)) else by
        if by is not None and by > 1:
            self._asked.append(Question("divided", int(self), by, divmod(int(self), by)))
        return self._like(divide(int(self), other))

    def _like(self, value: Any) -> Any:
        return Size(value, self._asked) if type(value) is int else value

    def __lt__(self, other: Any) -> Any:
        return self._compared(int.__lt__, other)

    def __le__(self, other: Any) -> Any:
        return self._compared(int.__le__, other)

    def __gt__(self, other: Any) -> Any:
        return self._compared(int.__gt__, other)

    def __ge__(self, other: Any) -> Any:
        return self._compared(int.__ge__, other)

    def __eq__(self, other: Any) -> Any:
        return self._compared(int.__eq__, other)

    def __ne__(self, other: Any) -> Any:
        return self._compared(int.__ne__, other)

    __hash__ = int.__hash__

    def __bool__(self) -> bool:
        return bool(self._compared(int.__ne__, 0))

    def __floordiv__(self, other: Any) -> Any:
        return self._divided(operator.floordiv, other)

    def __mod__(self, other: Any) -> Any:
        rest = self._divided(operator.mod, other)
        return Size(rest, self._asked, (int(self), int(other))) if type(rest) is Size else rest

    def __truediv__(self, other: Any) -> Any:
        return self._divided(operator.truediv, other)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rshift__(self, other: Any) -> Any:
        return self // 2**other if isinstance(other, int) and other >= 0 else int(self) >> other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, float) and 0 < abs(other) < 1:
            return self._divided(operator.mul, other, by=1 / abs(other))
        return self._like(int(self) * other)

    def __rmul__(self, other: Any) -> Any:
        return self * other if isinstance(other, float) else self._like(other * int(self))

    def __add__(self, other: Any) -> Any:
        return self._like(int(self) + other)

    def __sub__(self, other: Any) -> Any:
        return self._like(int(self) - other)

    def __rsub__(self, other: Any) -> Any:
        return self._like(other - int(self))

    def __neg__(self) -> Any:
        return self._like(-int(self))

    def __abs__(self) -> Any:
        return self._like(abs(int(self)))

    __radd__ = __add__

    def __reduce__(self) -> Any:
        return int, (int(self),)


def followed(sizes: Any, asked: list[Question]) -> Any:
    """A size, or a shape, that notes in ``asked`` what it meets."""
    if isinstance(sizes, torch.Size):
        return torch.Size([Size(size, asked) for size in sizes])
    return Size(sizes, asked) if type(sizes) is int else sizes
