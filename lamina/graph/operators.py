"""Python's operators on symbolic tensors and numbers: each records a node, or says what to write instead."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NoReturn

from lamina.operations import OPERATIONS
from lamina.users_traceback import at_users_line

from .errors import GraphError, ValueNeededError
from .node import Symbolic

# Names of NumPy's that PyTorch does not have, or has for something else.
_OF_NUMPY = {"equal": "eq", "left_shift": "lshift", "power": "pow", "right_shift": "rshift"}


def values_needed(what: str, hint: str) -> NoReturn:
    raise ValueNeededError(
        f"{what} needs values, but this is a symbolic one: it stands for what will be there when the model runs.",
        hint=hint,
    )


def drawn(op: Callable[..., Any]) -> Any:
    """A method that records a call of ``op`` on the object and what it is given. What it raises ends at the user's
    line."""
    return at_users_line(lambda self, *others: self.draw(op, (self, *others)))


def both_ways(op: Callable[..., Any]) -> Any:
    """The same, and the method for the object on the right of the operator."""
    return drawn(op), at_users_line(lambda self, other: self.draw(op, (other, self)))


class Recorded(Symbolic):
    """The operators that tensors and numbers share."""

    __slots__ = ()

    def draw(self, op: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Record the call of ``op``."""
        raise NotImplementedError

    __add__, __radd__ = both_ways(operator.add)
    __sub__, __rsub__ = both_ways(operator.sub)
    __mul__, __rmul__ = both_ways(operator.mul)
    __truediv__, __rtruediv__ = both_ways(operator.truediv)
    __floordiv__, __rfloordiv__ = both_ways(operator.floordiv)
    __mod__, __rmod__ = both_ways(operator.mod)
    __pow__, __rpow__ = both_ways(operator.pow)
    __and__, __rand__ = both_ways(operator.and_)
    __or__, __ror__ = both_ways(operator.or_)
    __xor__, __rxor__ = both_ways(operator.xor)
    __lshift__, __rlshift__ = both_ways(operator.lshift)
    __rshift__, __rrshift__ = both_ways(operator.rshift)
    __neg__ = drawn(operator.neg)
    __invert__ = drawn(operator.invert)

    def __pos__(self) -> Any:
        return self

    __copy__ = __pos__

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self  # a handle on a node that never changes; a `Graph` copies its nodes

    @at_users_line
    def __reduce__(self) -> Any:
        raise GraphError(f"{self!r} cannot be pickled by itself.", hint="pickle or save the model it belongs to")

    @at_users_line
    def __bool__(self) -> bool:
        values_needed(
            "A Python `if`, `while`, `and`, `or`, `not` or bool()",
            "ops.where(condition, a, b) to choose by element, ops.cond(condition, f, g) by one value",
        )

    @at_users_line
    def __float__(self) -> float:
        values_needed("float()", "keep it as it is: arithmetic on it is recorded; n**0.5 for math.sqrt(n)")

    @at_users_line
    def __int__(self) -> int:
        values_needed("int()", "keep it a tensor, or x.to(torch.int64); of a size: n // 2 for int(n / 2)")

    @at_users_line
    def __index__(self) -> int:
        values_needed(
            "range(), the index of a list, or a slice of a real tensor",
            "torch.arange(n) for range(n), t.narrow(1, 0, n) for t[:, :n], x.new_zeros(n, 6), torch.zeros((n, 6))",
        )

    # Two arrays of NumPy's that would otherwise be built element by element from objects.
    @at_users_line
    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        values_needed("NumPy", "the torch function of the same name, e.g. torch.mean(x) for np.mean(x)")

    @at_users_line
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        op = OPERATIONS.named(_OF_NUMPY.get(name, name)).operator
        if op is not None and len(inputs) == 2 and method == "__call__" and not options:
            return self.draw(op, inputs)  # `array * x` is a function of NumPy's, which asks x first
        values_needed(
            f"NumPy's np.{name}", f"the torch function, e.g. torch.{name}(x); torch.as_tensor(array) for an array"
        )
