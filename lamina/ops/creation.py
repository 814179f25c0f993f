"""New tensors: filled, counted, and grids. A size may be one that only run time tells, as `ops.shape` gives it.

A tensor of such a size is made on the device of the tensor whose size it is; all others on PyTorch's default device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError, DtypeError, Symbolic, SymbolicTensor, record, tree
from lamina.graph.dtypes import to_torch

from .core import cast
from .eager_errors import tell
from .numbers import numbers
from .one_node import one_node, one_node_of
from .operands import common, floating, here, is_number, larger, number_dtype, operands, placed, tensor


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of this shape in which `fill_value` stands everywhere; float32 unless said otherwise.

    Args:
        shape: one size or several.
        fill_value: a number, or what broadcasts to the shape.
        dtype: of the result.

    >>> full((2, 2), 7, dtype="int32")
    tensor([[7, 7],
            [7, 7]], dtype=torch.int32)
    """
    shape = numbers(shape)
    sizes = shape if isinstance(shape, tuple) else (shape,)
    kind = to_torch(dtype or torch.float32)
    beside = _tensor_behind((sizes, fill_value))
    if beside is not None:
        if is_number(fill_value):
            return beside.new_full(sizes, fill_value, dtype=kind)
        return beside.new_full(sizes, 0, dtype=kind) + tensor(fill_value, kind)
    if is_number(fill_value):
        return torch.full(sizes, fill_value, dtype=kind)
    try:
        return torch.clone(tensor(fill_value, kind).expand(sizes))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros of this shape; float32 unless said otherwise.

    Args:
        shape: sizes, which may be symbolic.
        dtype: float32 by default.

    >>> zeros((2, 3))
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    >>> x = lamina.Input((4,))
    >>> zeros((lamina.ops.shape(x)[0], 2)).shape
    (None, 2)
    """
    try:
        return full(shape, 0, dtype)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones of this shape; float32 unless said otherwise.

    Args:
        shape: sizes, which may be symbolic.
        dtype: float32 by default.

    >>> ones(2, dtype="int32")
    tensor([1, 1], dtype=torch.int32)
    """
    try:
        return full(shape, 1, dtype)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def empty(shape: Any, dtype: Any = None) -> Any:
    """A tensor of this shape to be filled; what stands in it is not said. Here: zeros.

    Args:
        shape: sizes, which may be symbolic.
        dtype: float32 by default.

    >>> empty((2, 3)).shape
    torch.Size([2, 3])
    """
    return full(shape, 0, dtype)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """`fill_value`, a number or what broadcasts, in the shape of `x`, with its dtype unless said otherwise.

    Args:
        x: any shape.
        fill_value: a number, or a tensor that broadcasts.
        dtype: that of `x` by default.

    >>> full_like(torch.ones(2), 7)
    tensor([7., 7.])
    """
    x = tensor(x)
    kind = x.dtype if dtype is None else to_torch(dtype)
    if is_number(fill_value):
        return torch.full_like(x, fill_value, dtype=kind)
    blank, values = operands(torch.zeros_like(x, dtype=kind), fill_value)
    return cast(blank + values, kind)


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of `x`, with its dtype unless said otherwise.

    Args:
        x: any shape.
        dtype: that of `x` by default.

    >>> zeros_like(torch.ones(2))
    tensor([0., 0.])
    """
    return torch.zeros_like(tensor(x), dtype=None if dtype is None else to_torch(dtype))


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of `x`, with its dtype unless said otherwise.

    Args:
        x: any shape.
        dtype: that of `x` by default.

    >>> ones_like([3, 4])
    tensor([1, 1], dtype=torch.int32)
    """
    return torch.ones_like(tensor(x), dtype=None if dtype is None else to_torch(dtype))


def empty_like(x: Any, dtype: Any = None) -> Any:
    """A tensor shaped like `x`, to be filled; what stands in it is not said. Here: zeros.

    Args:
        x: any shape.
        dtype: that of `x` by default.

    >>> empty_like(torch.ones(2)).shape
    torch.Size([2])
    """
    return zeros_like(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """`start`, `start + step`, ... up to, but not including, `stop`; `arange(n)` counts from 0 to n - 1.

    Args:
        start, stop, step: numbers, or sizes that only run time tells. `step` is 1 by default.
        dtype: of the result; by default int32, or float32 where one of the numbers has a fraction part.

    >>> arange(1, 7, 2)
    tensor([1, 3, 5], dtype=torch.int32)
    """
    first, last = (0, start) if stop is None else (start, stop)
    steps = (first, last, 1 if step is None else step)
    if dtype is None:
        kinds = [number_dtype(n) if is_number(n) else tensor(n).dtype for n in steps]
        dtype = torch.float32 if any(kind.is_floating_point for kind in kinds) else torch.int32
    steps = tuple(map(numbers, steps))
    return _count(_tensor_behind(steps), *steps, to_torch(dtype))


def arange_beside(x: torch.Tensor, start: Any, stop: Any, step: Any, dtype: torch.dtype) -> torch.Tensor:
    """`torch.arange` on the device of `x`: the node that `arange` records for sizes that only run time tells."""
    return torch.arange(start, stop, step, dtype=dtype, device=x.device)


@one_node_of(numbers=("num",))
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` values at equal distances from `start` to `stop`.

    Args:
        start, stop: numbers or tensors, which broadcast.
        num: how many; a plain integer.
        endpoint: whether `stop` is the last of them; else it would be the next.
        retstep: whether to return the distance, too.
        dtype: of the result; by default that of the ends, at least float32.
        axis: where the new axis goes that runs from start to stop.

    >>> linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    first, last = common(*map(floating, placed(start, stop)))
    gaps = larger(num - 1 if endpoint else num, 1)
    step = (last - first) / gaps
    place = torch.arange(num, dtype=step.real.dtype, device=step.device).reshape(-1, *[1] * step.ndim)
    # From both ends: exact at the last value, and mirrored, as torch.linspace is.
    values = torch.where(place < gaps / 2, first + place * step, last - (gaps - place) * step)
    values = cast(torch.movedim(values, 0, axis) if axis else values, dtype or step.dtype)
    if not retstep:
        return values
    return values, (stop - start) / gaps if is_number(start) and is_number(stop) else step


def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """A matrix (N, M) with ones on its k-th diagonal (above the main one for k > 0), zeros elsewhere.

    Args:
        N: rows.
        M: columns; by default as many as rows.
        k: which diagonal.
        dtype: of the result; float32 by default.

    Raises:
        DtypeError: a size that is no whole number.

    >>> eye(2, 3, k=1)
    tensor([[0., 1., 0.],
            [0., 0., 1.]])
    """
    try:
        rows, columns = _rows_and_columns(N, M)
        return cast(columns - rows == numbers(k), dtype or torch.float32)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def identity(n: Any, dtype: Any = None) -> Any:
    """The identity matrix (n, n), float32 by default.

    Args:
        n: rows and columns.
        dtype: float32 by default.

    >>> identity(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return eye(n, dtype=dtype)


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """A matrix (N, M) with ones on and below its k-th diagonal, zeros above.

    Args:
        N: rows.
        M: columns; by default as many.
        k: which diagonal is the last with ones; 0 is the main one, above it k > 0.
        dtype: float32 by default.

    >>> tri(2, 3)
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    rows, columns = _rows_and_columns(N, M)
    return cast(columns - rows <= numbers(k), dtype or torch.float32)


@one_node
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """The grid that vectors span: for each vector a tensor that repeats it along the axes of the others.

    Args:
        x: vectors, or numbers.
        indexing: "xy" puts the second vector's axis first, as on paper; "ij" keeps the order.

    >>> meshgrid([1, 2], [3, 4])[1]
    tensor([[3, 3],
            [4, 4]], dtype=torch.int32)
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"ops.meshgrid: indexing cannot be {indexing!r}.", expected="'xy' or 'ij'")
    return tuple(torch.meshgrid([v.reshape(-1) for v in placed(*x)], indexing=indexing))


def _rows_and_columns(n: Any, m: Any) -> tuple[Any, Any]:
    """The index of each row (N, 1), and of each column (M,)."""
    n = numbers(n)
    m = n if m is None else numbers(m)
    for size in (n, m):
        kind = getattr(size, "dtype", None)
        if isinstance(size, (float, np.floating)) or (isinstance(kind, torch.dtype) and kind.is_floating_point):
            raise DtypeError("A matrix has a whole number of rows and columns.", got=repr(size), where=here())
    beside = _tensor_behind((n, m))
    return torch.unsqueeze(_count(beside, 0, n, 1, torch.int32), 1), _count(beside, 0, m, 1, torch.int32)


def _count(beside: SymbolicTensor | None, start: Any, stop: Any, step: Any, dtype: torch.dtype) -> Any:
    if beside is None:
        return torch.arange(start, stop, step, dtype=dtype)
    # Beside an empty tensor, which has the device but neither the memory nor the mask of the tensor behind the size.
    return record(arange_beside, (beside.new_empty((0,)), start, stop, step), {"dtype": dtype})


def _tensor_behind(values: Any) -> SymbolicTensor | None:
    """The symbolic tensor whose size is among the values, if one is."""
    symbolic: Symbolic | None = next((leaf for leaf in tree.leaves(values) if isinstance(leaf, Symbolic)), None)
    while symbolic is not None and not isinstance(symbolic, SymbolicTensor):
        symbolic = symbolic.node.inputs[0]
    return symbolic
