"""What the functions of this package may be called on, and how it becomes tensors.

Tensors and symbolic tensors are taken as they are. NumPy arrays, numbers and lists of numbers are converted, by Keras'
rule: an array keeps its dtype, Python's numbers become int32, float32 or bool. A number beside a tensor stays a number,
so that it widens nothing: ``add(float16_tensor, 1.5)`` is float16.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import torch

from lamina.arrays import as_tensor, holds_numbers
from lamina.graph import (
    ArgumentError,
    DtypeError,
    Symbolic,
    SymbolicInt,
    SymbolicTensor,
    ValueNeededError,
    record,
    tree,
)
from lamina.graph.dtypes import to_torch
from lamina.graph.source import caller

from .noted_numbers import kept, moved, noted, stacked

_TENSORS = (torch.Tensor, SymbolicTensor)
# Sizes as PyTorch's tracer knows them, and what is computed from them.
_TRACED = (torch.SymInt, torch.SymFloat, torch.SymBool)
_INT32_LIMIT = 2**31
# NumPy's unsigned integers that PyTorch hardly computes with, and what holds their values.
_WIDENED = {np.dtype("uint16"): np.int32, np.dtype("uint32"): np.int64}


def tensor(x: Any, dtype: Any = None) -> Any:
    """`x` as a tensor, or as the symbolic tensor that it is; of this dtype, if one is given.

    Raises:
        DtypeError: it holds no numbers.
    """
    wanted = None if dtype is None else to_torch(dtype)
    if isinstance(x, _TENSORS):
        if wanted is None or x.dtype == wanted:
            return x
        whole = not (x.dtype.is_floating_point or wanted.is_floating_point)
        return moved(x.to(wanted), [x], kept) if whole else x.to(wanted)
    if isinstance(x, SymbolicInt):
        return record(torch.full, ((), x), {"dtype": wanted or number_dtype(x)})  # as_tensor would fix it when traced
    if isinstance(x, (list, tuple)):
        return _from_list(x, wanted)
    if isinstance(x, _TRACED):
        traced: Any = x
        # torch.as_tensor would fix the size
        return noted(torch.full((), traced, dtype=wanted or number_dtype(x)), x)
    if is_number(x):
        return noted(torch.as_tensor(x, dtype=wanted or number_dtype(x)), x)
    array = np.asarray(x)
    if torch.compiler.is_dynamo_compiling():  # it follows little of what an array can be asked
        return torch.as_tensor(array, dtype=wanted)
    array = array.astype(_WIDENED.get(array.dtype, array.dtype), copy=False)
    if not holds_numbers(array.dtype):
        raise DtypeError(f"{x!r} cannot become a tensor.", got=f"an array of {array.dtype}", expected="numbers")
    return noted(as_tensor(array, wanted), array)


def _from_list(values: Any, wanted: torch.dtype | None) -> Any:
    leaves = list(tree.leaves(values))
    if any(isinstance(leaf, (torch.Tensor, Symbolic, *_TRACED)) for leaf in leaves):
        parts = [tensor(value, wanted) for value in values]
        common = reduce(torch.promote_types, (part.dtype for part in parts))
        return moved(torch.stack([tensor(part, common) for part in parts]), parts, stacked, 0)
    kinds = {number_dtype(v) if is_number(v) else tensor(v).dtype for v in leaves}
    kind = wanted or reduce(torch.promote_types, kinds or {torch.float32})
    return noted(as_tensor(np.asarray(values), kind), values)


def is_number(x: Any) -> bool:
    """Whether it is a plain number, or one that only run time tells."""
    return isinstance(x, (bool, int, float, complex, SymbolicInt, *_TRACED))


def larger(a: Any, b: Any) -> Any:
    """The larger of two numbers, one of which PyTorch's tracer may not know: no question is asked of it."""
    return torch.sym_max(a, b) if isinstance(a, _TRACED) or isinstance(b, _TRACED) else max(a, b)


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two numbers, as `larger`."""
    return torch.sym_min(a, b) if isinstance(a, _TRACED) or isinstance(b, _TRACED) else min(a, b)


def number_dtype(number: Any) -> torch.dtype:
    """The dtype that a plain number gets by itself."""
    if isinstance(number, (bool, torch.SymBool)):
        return torch.bool
    if isinstance(number, SymbolicInt):
        number = number.example(0)
    if isinstance(number, torch.SymInt):
        return torch.int32
    if isinstance(number, int):
        return torch.int32 if -_INT32_LIMIT <= number < _INT32_LIMIT else torch.int64
    return torch.float32 if isinstance(number, (float, torch.SymFloat)) else torch.complex64


def operands(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Both sides of a two-sided function, for Python's operators: at least one is a tensor, the other may be a number.

    They are on one device. Tensors of different dtypes meet in the dtype that holds both, whatever their shapes: a
    float64 scalar widens a float32 matrix, which PyTorch alone would not do.
    """
    if isinstance(x1, _TENSORS) and isinstance(x2, _TENSORS):
        return _met(x1, x2)
    if is_number(x1) and is_number(x2):
        return tensor(x1), tensor(x2)
    if is_number(x1):
        return x1, _beside_number(tensor(x2), x1)
    if is_number(x2):
        return _beside_number(tensor(x1), x2), x2
    return _met(*placed(x1, x2))


def tensors(x1: Any, x2: Any) -> tuple[Any, Any]:
    """As `operands`, for functions of PyTorch that take no numbers: both are tensors."""
    first, second = operands(x1, x2)
    if is_number(first):
        first = _filled(second, first)
    elif is_number(second):
        second = _filled(first, second)
    return first, second


def placed(*values: Any) -> list[Any]:
    """All as tensors, but for None; what was no tensor comes to the device of the first that was."""
    device = next((v.device for v in values if isinstance(v, torch.Tensor)), None)
    parts = [None if value is None else tensor(value) for value in values]
    if device is None:
        return parts
    return [
        part if part is None or isinstance(value, (torch.Tensor, Symbolic)) else _brought(part, device)
        for value, part in zip(values, parts, strict=True)
    ]


def _brought(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    return x if x.device == device else moved(x.to(device), [x], kept)


def common(*values: Any) -> list[Any]:
    """All as tensors of the dtype that holds them all; placed as by `placed`."""
    parts = placed(*values)
    dtype = reduce(torch.promote_types, (part.dtype for part in parts))
    return [tensor(part, dtype) for part in parts]


def floating(x: Any) -> Any:
    """`x` as a tensor of real or complex numbers: integers and bools become float32."""
    x = tensor(x)
    return x if x.dtype.is_floating_point or x.dtype.is_complex else x.to(torch.float32)


def wide_floating(x: Any) -> Any:
    """`x` as a tensor of floats: 64-bit integers become float64, other integers and bools float32."""
    x = tensor(x)
    if x.dtype.is_floating_point or x.dtype.is_complex:
        return x
    return x.to(torch.float64 if x.dtype == torch.int64 else torch.float32)


def floating_pair(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Both sides as tensors of the floating dtype that holds both; integers and bools alone become float32."""
    first, second = tensors(x1, x2)
    kind = torch.promote_types(first.dtype, second.dtype)
    kind = kind if kind.is_floating_point else torch.float32
    return tensor(first, kind), tensor(second, kind)


def ordered(x: Any) -> Any:
    """`x` as a tensor of numbers of which one is the larger: not complex.

    Raises:
        DtypeError: they are complex.
    """
    x = tensor(x)
    if x.dtype.is_complex:
        raise DtypeError(
            "Complex numbers have no order.",
            got=str(x.dtype),
            where=here(),
            hint="ops.abs(x), ops.real(x) or ops.imag(x)",
        )
    return x


def fractional(name: str, x: Any) -> Any:
    """`x` as a tensor of real numbers with fractions, for the function of this name.

    Raises:
        DtypeError: they are integers, bools or complex.
    """
    x = tensor(x)
    if not x.dtype.is_floating_point:
        raise DtypeError(f"ops.{name} takes floats.", got=str(x.dtype), where=here(), hint="ops.cast(x, 'float32')")
    return x


def whole(name: str, x: Any) -> Any:
    """`x` as a tensor of integers, for the function of this name.

    Raises:
        DtypeError: they are none.
    """
    x = tensor(x)
    if x.dtype.is_floating_point or x.dtype.is_complex or x.dtype == torch.bool:
        raise DtypeError(f"ops.{name} takes integers.", got=str(x.dtype), where=here(), hint="ops.cast(x, 'int32')")
    return x


def counted(x: Any) -> Any:
    """`x` as a tensor in which numbers can be summed: bools and integers shorter than 32 bits become int32."""
    x = tensor(x)
    return x.to(torch.int32) if x.dtype in (torch.bool, torch.uint8, torch.int8, torch.int16) else x


def plain_axes(x: Any, axis: Any) -> tuple[int, ...]:
    """`axis` (None for all, one, or several) as a tuple of integers counted from the front."""
    if axis is None:
        return tuple(range(x.ndim))
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    if not axes:  # which PyTorch would take for all of them; `reduced` has none
        raise ArgumentError("An empty axis names no axis.", where=here(), hint="axis=None for all")
    for one in axes:
        if not -x.ndim <= one < x.ndim:
            last = f"axis={x.ndim - 1}" if x.ndim else None
            raise ArgumentError(
                f"There is no axis {one}.", got=f"a tensor of shape {tuple(x.shape)}", where=here(), hint=last
            )
    return tuple(one % x.ndim for one in axes)


def names_none(axis: Any) -> bool:
    """Whether `axis` is an empty list: as NumPy has it, along no axis at all."""
    return isinstance(axis, (list, tuple)) and not axis


def reduced(x: Any, axis: Any, keepdims: bool = False) -> tuple[Any, tuple[int, ...], bool]:
    """What a reduction of PyTorch is called with: tensor, axes, and whether they stay.

    An empty `axis` reduces nothing, as NumPy: each value by itself, along an axis of its own. PyTorch would take it
    for all axes.
    """
    if names_none(axis):
        return torch.unsqueeze(x, -1), (x.ndim,), False
    return x, plain_axes(x, axis), keepdims


def here() -> str:
    """The user's line, for errors that no node adds it to."""
    return str(caller())


def with_sizes(x: Any, method: str, sizes: Any) -> Any:
    """`x.method(sizes)`, where a size may be one that only run time tells, even though `x` is a tensor with values."""
    sizes = sizes if isinstance(sizes, tuple) else (sizes,)
    if isinstance(x, torch.Tensor) and any(isinstance(size, SymbolicInt) for size in sizes):
        return record(getattr(torch.Tensor, method), (x, sizes), {})
    return getattr(x, method)(sizes)


def refuse_symbolic(name: str, *arguments: Any, hint: str) -> None:
    """Raise ValueNeededError if a symbolic tensor is among the arguments of a function that has to see values."""
    for leaf in tree.leaves(arguments):
        if isinstance(leaf, Symbolic):
            raise ValueNeededError(
                f"ops.{name} needs the values of its input, which exist only when the model runs.",
                got=str(leaf),
                where=here(),
                hint=hint,
            )


def _beside_number(x: Any, number: Any) -> Any:
    """PyTorch gives `bool_tensor + 1` the dtype int64; Keras int32."""
    if x.dtype == torch.bool and isinstance(number, (int, SymbolicInt, torch.SymInt)) and not isinstance(number, bool):
        return x.to(torch.int32)
    return x


def _filled(x: Any, number: Any) -> Any:
    """A number as a tensor without axes beside `x`, with the dtype that both have together.

    A number widens `x` only to another kind: bools to integers, these to floats, and these to complex numbers.
    """
    own = number_dtype(number)
    # Not by torch.result_type, which torch.compile cannot follow.
    kind = x.dtype if _breadth(own) <= _breadth(x.dtype) else torch.promote_types(x.dtype, own)
    return x.new_full((), number, dtype=kind)


def _breadth(dtype: torch.dtype) -> int:
    if dtype.is_complex:
        return 3
    return 2 if dtype.is_floating_point else int(dtype != torch.bool)


def _met(first: Any, second: Any) -> tuple[Any, Any]:
    if first.dtype != second.dtype and not (first.ndim and second.ndim):
        dtype = torch.promote_types(first.dtype, second.dtype)
        return first.to(dtype), second.to(dtype)
    return first, second
