"""What a `Variable` computes beyond PyTorch's operators: with arrays and lists, and by Keras' rules for bool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lamina import ops
from lamina.graph import tree

_ARRAYS = (np.ndarray, list, tuple)
# Operators that PyTorch has for tensors and numbers, and does not have for some dtypes.
_FUNCTIONS: dict[str, Callable[[Any, Any], torch.Tensor]] = {
    "add": ops.add, "sub": ops.subtract, "mul": ops.multiply, "truediv": ops.true_divide, "floordiv": ops.floor_divide,
    "mod": ops.mod, "pow": ops.power, "matmul": ops.matmul, "eq": ops.equal, "ne": ops.not_equal, "lt": ops.less,
    "le": ops.less_equal, "gt": ops.greater, "ge": ops.greater_equal,
}  # fmt: skip
_OF_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: ops.add, np.subtract: ops.subtract, np.multiply: ops.multiply, np.true_divide: ops.true_divide,
    np.floor_divide: ops.floor_divide, np.remainder: ops.mod, np.power: ops.power, np.matmul: ops.matmul,
    np.equal: ops.equal, np.not_equal: ops.not_equal, np.less: ops.less, np.less_equal: ops.less_equal,
    np.greater: ops.greater, np.greater_equal: ops.greater_equal, np.bitwise_and: ops.logical_and,
    np.bitwise_or: ops.logical_or, np.bitwise_xor: ops.logical_xor,
}  # fmt: skip


def with_arrays(name: str) -> Callable[[Any, Any], torch.Tensor]:
    """An operator that PyTorch computes, and where it cannot, because of an array, a list or a dtype, Keras' function.

    `reflected` is the same for the variable on the right.
    """
    plain: Callable[[Any, Any], torch.Tensor] = getattr(torch.Tensor, f"__{name}__")
    function = _FUNCTIONS[name]

    def operator(self: Any, other: Any) -> torch.Tensor:
        if isinstance(other, _ARRAYS):
            return function(_tensor(self), other)
        try:
            return plain(self, other)
        except RuntimeError:
            if self.dtype is not torch.bool and getattr(other, "dtype", self.dtype) == self.dtype:
                raise
            return function(_tensor(self), _tensor(other))  # such as the difference of bools

    return operator


def reflected(name: str) -> Callable[[Any, Any], torch.Tensor]:
    """The same for the variable on the right: of an array, a list, a number, or a tensor of whatever dtype."""
    plain: Callable[[Any, Any], torch.Tensor] = _REFLECTED.get(name) or getattr(torch.Tensor, f"__r{name}__")
    function = _FUNCTIONS[name]

    def operator(self: Any, other: Any) -> torch.Tensor:
        if isinstance(other, _ARRAYS):
            return function(other, _tensor(self))
        try:
            return plain(self, other)
        except RuntimeError:
            if self.dtype is not torch.bool and getattr(other, "dtype", self.dtype) == self.dtype:
                raise
            return function(_tensor(other), _tensor(self))

    return operator


def _divided(self: Any, other: Any) -> torch.Tensor:
    # PyTorch's own multiplies with the reciprocal, which is float32 for integers, whatever the other's dtype is.
    return torch.true_divide(other, self) if isinstance(other, torch.Tensor) else torch.Tensor.__rtruediv__(self, other)


# Where PyTorch's own reflected operator takes a detour.
_REFLECTED: dict[str, Callable[[Any, Any], torch.Tensor]] = {
    "truediv": _divided,
    "matmul": lambda self, other: torch.matmul(other, self),
}


def logical(function: Callable[[Any, Any], Any], reflected: bool = False) -> Callable[[Any, Any], Any]:
    """``&``, ``|``, ``^`` as Keras has them: of truth values, for numbers too."""

    def operator(self: Any, other: Any) -> Any:
        one, two = _tensor(self), _tensor(other)
        return function(two, one) if reflected else function(one, two)

    return operator


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """``array * variable`` gives a tensor, like ``variable * array``; other functions of NumPy see an array."""
    function = _OF_UFUNCS.get(ufunc)
    if function is not None and method == "__call__" and not kwargs:
        return function(*map(_tensor, inputs))
    arrays = [np.asarray(x) if isinstance(x, torch.Tensor) else x for x in inputs]
    return getattr(ufunc, method)(*arrays, **kwargs)


def array_function(self: Any, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
    """``np.min(variable)``: functions of NumPy see arrays, since tensors have methods of these names."""
    args, kwargs = tree.map_leaves(lambda x: np.asarray(x) if type(x) is type(self) else x, (args, kwargs))
    return func(*args, **kwargs)


def _tensor(operand: Any) -> Any:
    """A variable as a plain tensor, whose operators are PyTorch's; a number of NumPy's as one of Python's."""
    if isinstance(operand, torch.Tensor):
        return operand.as_subclass(torch.Tensor)
    return operand.item() if isinstance(operand, np.generic) else operand


def number(kind: type) -> Callable[[Any], Any]:
    """``float(variable)`` or ``int(variable)``, of the value alone: PyTorch warns that the gradient is lost.

    Raises:
        TypeError: it has several values.
    """

    def convert(self: Any) -> Any:
        if self.numel() != 1:
            raise TypeError(f"{kind.__name__}() of a variable of shape {tuple(self.shape)}: that is no number.")
        return kind(self.item())

    return convert


def rounded(self: Any, ndigits: int | None = None) -> torch.Tensor:
    """``round(variable)``: to whole numbers, or to so many places."""
    return torch.round(self, decimals=ndigits or 0) if self.is_floating_point() else self.detach().clone()
