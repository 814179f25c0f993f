"""Products of matrices and tensors, and the parts of a matrix. Two dtypes meet in the one that holds both."""

from __future__ import annotations

from typing import Any

import torch

from .one_node import one_node
from .operands import common, counted, is_number, placed, tensor


def matmul(x1: Any, x2: Any) -> Any:
    """The product of matrices, `(..., N, K) @ (..., K, M) -> (..., N, M)`; the axes in front broadcast.

    A vector counts as a row on the left and as a column on the right, and its axis is gone afterwards. Two int8
    matrices give int32, so that nothing overflows.

    >>> matmul([[1, 2], [3, 4]], [1, 1])
    tensor([3, 7], dtype=torch.int32)
    """
    return _in_numbers(torch.matmul, *_summable(x1, x2))


@one_node
def dot(x1: Any, x2: Any) -> Any:
    """The sum of products over the last axis of `x1` and the last but one (a vector's only one) of `x2`.

    A number multiplies.

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
    return torch.einsum(subscripts, *_summable(*operands))


def outer(x1: Any, x2: Any) -> Any:
    """Each value of `x1` times each of `x2`: a matrix. Inputs of any shape are taken in a row.

    >>> outer([1, 2], [3, 4])
    tensor([[3, 4],
            [6, 8]], dtype=torch.int32)
    """
    a, b = common(x1, x2)
    return torch.outer(a.reshape(-1), b.reshape(-1))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum along a diagonal.

    >>> trace([[1, 2], [3, 4]])
    tensor(5, dtype=torch.int32)
    """
    x = counted(x)
    return torch.sum(torch.diagonal(x, offset, axis1, axis2), -1, dtype=x.dtype)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A diagonal of the matrices that two axes span, as the last axis; above the main one for `offset` > 0.

    >>> diagonal([[1, 2], [3, 4]])
    tensor([1, 4], dtype=torch.int32)
    """
    return torch.diagonal(tensor(x), offset, axis1, axis2)


def diag(x: Any, k: int = 0) -> Any:
    """A matrix with a vector on its k-th diagonal; or the k-th diagonal of a matrix.

    >>> diag([1, 2])
    tensor([[1, 0],
            [0, 2]], dtype=torch.int32)
    """
    return torch.diag(tensor(x), k)


def tril(x: Any, k: int = 0) -> Any:
    """Matrices with zeros above the k-th diagonal.

    >>> tril([[1, 2], [3, 4]])
    tensor([[1, 0],
            [3, 4]], dtype=torch.int32)
    """
    return torch.tril(tensor(x), k)


def triu(x: Any, k: int = 0) -> Any:
    """Matrices with zeros below the k-th diagonal.

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
