"""Products of matrices and tensors, and the parts of a matrix. Two dtypes meet in the one that holds both."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError, ShapeError

from .eager_errors import tell
from .one_node import one_node
from .operands import common, counted, here, is_number, placed, plain_axes, tensor


def matmul(x1: Any, x2: Any) -> Any:
    """The product of matrices, `(..., N, K) @ (..., K, M) -> (..., N, M)`; the axes in front broadcast.

    A vector counts as a row on the left and as a column on the right, and its axis is gone afterwards. Two int8
    matrices give int32, so that nothing overflows.

    Args:
        x1: (..., N, K) or (K,).
        x2: (..., K, M) or (K,).

    >>> matmul([[1, 2], [3, 4]], [1, 1])
    tensor([3, 7], dtype=torch.int32)
    """
    try:
        return _in_numbers(torch.matmul, *_summable(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


@one_node
def dot(x1: Any, x2: Any) -> Any:
    """The sum of products over the last axis of `x1` and the last but one (a vector's only one) of `x2`.

    A number multiplies.

    Args:
        x1: (..., K), or a number.
        x2: (..., K, M), (K,), or a number.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    tensor(11.)
    """
    a, b = common(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim <= 2 and a.ndim <= 2:
        return _in_numbers(torch.matmul, a, b)
    return _in_numbers(torch.tensordot, a, b, ([a.ndim - 1], [max(b.ndim - 2, 0)]))


@one_node
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sum of products over axes of both.

    Args:
        x1, x2: any shapes.
        axes: the last so many of `x1` with the first of `x2`; or (axes of `x1`, axes of `x2`), each one or several.

    >>> tensordot(torch.ones(2, 3, 4), torch.ones(4, 3), axes=([1, 2], [1, 0]))
    tensor([12., 12.])
    """
    a, b = common(x1, x2)
    if not is_number(axes):
        axes = tuple([side] if is_number(side) else list(side) for side in axes)
    return _in_numbers(torch.tensordot, a, b, axes)


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Products summed by Einstein's rule: letters name axes, a letter missing behind `->` is summed over.

    Args:
        subscripts: e.g. "bij,bjk->bik"; "..." stands for axes in front.
        operands: as many as there are terms.
        kwargs: taken for Keras' sake; how the sum is done is PyTorch's choice.

    >>> einsum("ij,ij->i", [[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [2.0, 2.0]])
    tensor([ 3., 14.])
    """
    try:
        return torch.einsum(subscripts, *_summable(*operands))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def outer(x1: Any, x2: Any) -> Any:
    """Each value of `x1` times each of `x2`: a matrix. Inputs of any shape are taken in a row.

    Args:
        x1, x2: any shapes; N and M values.

    >>> outer([1, 2], [3, 4])
    tensor([[3, 4],
            [6, 8]], dtype=torch.int32)
    """
    a, b = common(x1, x2)
    try:
        return torch.outer(a.reshape(-1), b.reshape(-1))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def inner(x1: Any, x2: Any) -> Any:
    """The sums of products over the last axis of both, (..., K) and (***, K) -> (..., ***). A number multiplies.

    Args:
        x1: (..., K), or a number.
        x2: (***, K), or a number.

    >>> inner([[1, 2], [3, 4]], [1, 1])
    tensor([3, 7], dtype=torch.int32)
    """
    try:
        return _in_numbers(torch.inner, *common(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


@one_node
def vdot(x1: Any, x2: Any) -> Any:
    """The sum of products of two tensors with all their values in a row: `sum(conj(x1) * x2)`.

    Args:
        x1, x2: as many values in one as in the other.

    Raises:
        ShapeError: not as many.

    >>> vdot([[1, 2], [3, 4]], [[1, 1], [1, 1]])
    tensor(10, dtype=torch.int32)
    """
    a, b = (v.reshape(-1) for v in common(x1, x2))
    if a.shape != b.shape:
        raise ShapeError("ops.vdot takes as many values on both sides.", got=f"{len(a)} and {len(b)}")
    return _in_numbers(torch.vdot, a, b)


def kron(x1: Any, x2: Any) -> Any:
    """Kronecker's product: `x2` once for each value of `x1`, multiplied by it, in a grid; (N, M), (K, L) -> (NK, ML).

    Args:
        x1, x2: any shapes; the one with fewer axes gets axes of size 1 in front.

    >>> kron([[1, 2]], [[1, 1], [0, 1]])
    tensor([[1, 1, 2, 2],
            [0, 1, 0, 2]], dtype=torch.int32)
    """
    try:
        return torch.kron(*common(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


@one_node
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The cross product of vectors: at right angles to both, as long as the area between them.

    `(a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0)`. A vector of two numbers has 0 as its third; of two such vectors the
    result is the third number alone, without the axis.

    Args:
        x1, x2: vectors of 2 or 3 along one axis; the other axes broadcast.
        axisa, axisb: which axis that is in `x1` and in `x2`.
        axisc: where it goes in the result.
        axis: all three in one.

    Raises:
        ArgumentError: there is no such axis. ShapeError: vectors of another size, or other axes that do not broadcast.

    >>> cross([1, 0, 0], [0, 1, 0])
    tensor([0, 0, 1], dtype=torch.int32)
    >>> cross([1, 2], [3, 4])
    tensor(-2, dtype=torch.int32)
    """
    a, b = common(x1, x2)
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a, b = (torch.movedim(v, plain_axes(v, place)[0], -1) for v, place in ((a, axisa), (b, axisb)))
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ShapeError("ops.cross takes vectors of 2 or 3.", got=f"vectors of {a.shape[-1]} and {b.shape[-1]}")
    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (F.pad(v, (0, 3 - v.shape[-1])) for v in (a, b))
    product = a.roll(-1, -1) * b.roll(-2, -1) - a.roll(-2, -1) * b.roll(-1, -1)
    return torch.movedim(product, -1, plain_axes(product, axisc)[0])


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum along a diagonal.

    Args:
        x: two or more axes.
        offset: which diagonal; 0 is the main one, above it offset > 0.
        axis1, axis2: rows and columns of the matrices.

    >>> trace([[1, 2], [3, 4]])
    tensor(5, dtype=torch.int32)
    """
    x = counted(_spanned("trace", x, axis1, axis2))
    return torch.sum(torch.diagonal(x, offset, axis1, axis2), -1, dtype=x.dtype)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A diagonal of the matrices that two axes span, as the last axis; above the main one for `offset` > 0.

    Args:
        x: two or more axes.
        offset: which diagonal; 0 is the main one, above it offset > 0.
        axis1, axis2: rows and columns of the matrices.

    >>> diagonal([[1, 2], [3, 4]])
    tensor([1, 4], dtype=torch.int32)
    """
    return torch.diagonal(_spanned("diagonal", x, axis1, axis2), offset, axis1, axis2)


def diag(x: Any, k: int = 0) -> Any:
    """A matrix with a vector on its k-th diagonal; or the k-th diagonal of a matrix.

    Args:
        x: (N,) or (N, M).
        k: which diagonal; 0 is the main one, above it k > 0.

    >>> diag([1, 2])
    tensor([[1, 0],
            [0, 2]], dtype=torch.int32)
    """
    try:
        return torch.diag(tensor(x), k)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def diagflat(x: Any, k: int = 0) -> Any:
    """A matrix with all values of `x`, in a row, on its k-th diagonal.

    Args:
        x: any shape.
        k: which diagonal; 0 is the main one, above it k > 0.

    >>> diagflat([[1], [2]])
    tensor([[1, 0],
            [0, 2]], dtype=torch.int32)
    """
    try:
        return torch.diagflat(tensor(x), k)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


@one_node
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Vandermonde's matrix, the powers of each value: `out[i, j] = x[i] ** (N - 1 - j)`; `x[i] ** j` if increasing.

    Args:
        x: (M,).
        N: how many powers, from the 0-th on; by default M.
        increasing: whether the powers rise from left to right.

    Raises:
        ShapeError: `x` is no vector.

    >>> vander([2, 3], 3)
    tensor([[4, 2, 1],
            [9, 3, 1]], dtype=torch.int32)
    """
    x = tensor(x)
    if x.ndim != 1:
        raise ShapeError("ops.vander takes a vector.", got=f"shape {tuple(x.shape)}", hint="ops.ravel(x)")
    powers = torch.arange(x.shape[0] if N is None else N, device=x.device)
    return (x.unsqueeze(1) ** (powers if increasing else powers.flip(0))).to(x.dtype)


def tril(x: Any, k: int = 0) -> Any:
    """Matrices with zeros above the k-th diagonal.

    Args:
        x: (..., N, M).
        k: which diagonal is the last that stays; 0 is the main one, above it k > 0.

    >>> tril([[1, 2], [3, 4]])
    tensor([[1, 0],
            [3, 4]], dtype=torch.int32)
    """
    return torch.tril(tensor(x), k)


def triu(x: Any, k: int = 0) -> Any:
    """Matrices with zeros below the k-th diagonal.

    Args:
        x: (..., N, M).
        k: which diagonal is the last that stays; 0 is the main one, above it k > 0.

    >>> triu([[1, 2], [3, 4]])
    tensor([[1, 2],
            [0, 4]], dtype=torch.int32)
    """
    return torch.triu(tensor(x), k)


def _summable(*values: Any) -> list[Any]:
    """The values as tensors of one dtype, which is int32 if all are int8."""
    parts = placed(*values)
    return common(*(part.to(torch.int32) for part in parts) if {p.dtype for p in parts} == {torch.int8} else parts)


def _in_numbers(product: Any, a: Any, b: Any, *arguments: Any) -> Any:
    """A product of bools is whether any pair is true; PyTorch multiplies numbers only."""
    if a.dtype != torch.bool:
        return product(a, b, *arguments)
    return product(a.to(torch.int32), b.to(torch.int32), *arguments) > 0


def _spanned(name: str, x: Any, axis1: int, axis2: int) -> Any:
    x = tensor(x)
    one, other = plain_axes(x, (axis1, axis2))
    if one == other:
        raise ArgumentError(f"ops.{name} needs two axes.", got=f"axis1={axis1}, axis2={axis2}", where=here())
    return x
