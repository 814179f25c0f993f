"""NumPy's arrays as tensors, however they lie in memory, and back.

NumPy has no bfloat16 and no float8; arrays of these come from the package ml_dtypes, which nothing here needs. They
become tensors bit by bit; on the way back bfloat16 is float32.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import torch

from lamina._torch.sharding import whole
from lamina.sizes.cycles import refuse_loop
from lamina.users_traceback import fold


def as_tensor(value: Any, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> torch.Tensor:
    """`torch.as_tensor`, which shares memory where it can; here also of arrays whose memory PyTorch cannot take.

    That is one that runs backwards, is read-only or has the other byte order: it is copied. One of ml_dtypes shares it.

    >>> as_tensor(np.arange(3, dtype=">i4")[::-1])
    tensor([2, 1, 0], dtype=torch.int32)
    """
    if isinstance(value, np.ndarray) and not torch.compiler.is_compiling():
        value = _takeable(value)
        if value.dtype.num >= _USERS and value.dtype.name in _ADDED:
            bits, kind = _ADDED[value.dtype.name]
            value = torch.from_numpy(value.view(bits)).view(kind)
    elif isinstance(value, (list, tuple)) and not torch.compiler.is_compiling():
        refuse_loop(value)  # PyTorch would end the process
    return torch.as_tensor(value, dtype=dtype, device=device)


_USERS = 256  # from here on NumPy numbers dtypes that are not its own
# Those that ml_dtypes adds: whole numbers of the same size, and the dtype of PyTorch's.
_ADDED: dict[str, tuple[Any, torch.dtype]] = {
    "bfloat16": (np.int16, torch.bfloat16),
    "float8_e4m3fn": (np.uint8, torch.float8_e4m3fn),
    "float8_e5m2": (np.uint8, torch.float8_e5m2),
}


def holds_numbers(dtype: np.dtype[Any]) -> bool:
    """Whether arrays of this dtype can become tensors.

    >>> holds_numbers(np.dtype("int8")), holds_numbers(np.dtype(str))
    (True, False)
    """
    return dtype.kind in "biufc" or (dtype.num >= _USERS and dtype.name in _ADDED)


def as_array(x: torch.Tensor) -> np.ndarray[Any, Any]:
    """The values on the host, without gradients: bfloat16 and float8 as float32. Of a `DTensor` all, on each process.

    >>> as_array(torch.ones(2, dtype=torch.bfloat16))
    array([1., 1.], dtype=float32)
    """
    x = whole(x.detach()).as_subclass(torch.Tensor)
    added = any(x.dtype == kind for _, kind in _ADDED.values())
    return (x.float() if added else x).numpy(force=True)


def _takeable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    flags = array.flags
    in_order = flags.c_contiguous or all(stride >= 0 for stride in array.strides)
    if in_order and flags.writeable and array.dtype.isnative:
        return with_steps(array) if 0 in array.strides else array
    return array.astype(array.dtype.newbyteorder("="), order="C")


def with_steps(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same memory; an axis of size 1 gets the stride that it has in an array made with that axis.

    `x[..., np.newaxis]` has stride 0 there. PyTorch chooses kernels of convolutions by strides: the same numbers would
    give results with other last bits than a copy of the array, or the array read from a file, does.

    >>> with_steps(np.zeros((2, 3), "float32")[..., np.newaxis]).strides
    (12, 4, 4)
    """
    added = tuple(
        i for i, (size, step) in enumerate(zip(array.shape, array.strides, strict=True)) if size == 1 and not step
    )
    return array.squeeze(added).reshape(array.shape) if added else array


_PLAIN = (np.ndarray, np.generic, list, tuple, int, float)
_BY_NAME = object()
Function = TypeVar("Function", bound=Callable[..., Any])


def takes_arrays(function: Function) -> Function:
    """Decorator: the first argument (after `self`) may be an array, a list or a number too, as it may with Keras.

    Python's whole numbers become int32 and its other numbers PyTorch's default dtype, arrays keep theirs. A tensor,
    symbolic or not, passes on as it is.

    >>> @takes_arrays
    ... def half(x):
    ...     return x / 2
    >>> half([1.0, 2.0]), half(np.float64(3)).dtype, half(x=2)
    (tensor([0.5000, 1.0000]), torch.float64, tensor(1.))
    """
    if next(iter(inspect.signature(function).parameters)) == "self":

        def with_arrays(self: Any, value: Any = _BY_NAME, *args: Any, **kwargs: Any) -> Any:
            if value is _BY_NAME:
                return function(self, **{name: _converted(given) for name, given in kwargs.items()})
            if type(value) is not torch.Tensor and isinstance(value, _PLAIN):
                value = tensor_of(value)
            return function(self, value, *args, **kwargs)

    else:

        def with_arrays(x: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]  # the other kind of function
            try:
                if type(x) is torch.Tensor and not args and not kwargs:
                    return function(x)  # 60 ns in the place of 130, of the 7 us that a small Dense takes
                if isinstance(x, _PLAIN):
                    x = tensor_of(x)
                return function(x, *args, **kwargs)
            except Exception as error:
                fold(error, sys._getframe(1))
                raise

    return cast(Function, wraps(function)(with_arrays))


def takes_lists_of_arrays(function: Function) -> Function:
    """Decorator of a method: arrays may stand in its arguments, or in lists that are its arguments."""

    def with_arrays(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *map(_each, args), **{name: _each(given) for name, given in kwargs.items()})

    return cast(Function, wraps(function)(with_arrays))


def _each(value: Any) -> Any:
    return list(map(_converted, value)) if isinstance(value, (list, tuple)) else _converted(value)


def _converted(value: Any) -> Any:
    return tensor_of(value) if isinstance(value, np.ndarray) else value


def tensor_of(value: Any) -> torch.Tensor:
    """An array, a list or a number as a tensor, in the dtype that Keras gives it."""
    if isinstance(value, (np.ndarray, np.generic)):
        return as_tensor(np.asarray(value))
    made = as_tensor(value)
    return made.to(torch.int32) if made.dtype is torch.int64 else made
