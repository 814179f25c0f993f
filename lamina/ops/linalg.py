"""Linear algebra: norms, decompositions, and systems of equations, on the last two axes of any batch of matrices."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError

from .operands import common, floating, placed

__all__ = ["cholesky", "det", "eigh", "inv", "norm", "pinv", "qr", "solve", "solve_triangular", "svd"]


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors (one axis) or matrices (two axes).

    Args:
        x: any shape.
        ord: of a vector: 2 by default, any number, inf, -inf; of a matrix: "fro" by default, "nuc", 1, -1, 2, -2, inf.
        axis: one or two; by default all values, as one vector where `ord` is None.
        keepdims: whether the axes stay, with size 1.

    >>> norm([[3.0, 4.0], [6.0, 8.0]], axis=1)
    tensor([ 5., 10.])
    """
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    return torch.linalg.norm(floating(x), ord, axis, keepdims)


def det(x: Any) -> Any:
    """The determinant.

    >>> det([[1.0, 2.0], [3.0, 4.0]])
    tensor(-2.)
    """
    return torch.linalg.det(floating(x))


def inv(x: Any) -> Any:
    """The inverse: `inv(x) @ x` is the identity.

    Raises:
        RuntimeError: it has none.

    >>> inv([[2.0, 0.0], [0.0, 4.0]])
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return torch.linalg.inv(floating(x))


def pinv(x: Any, rcond: float | None = None) -> Any:
    """The pseudo-inverse; singular values below `rcond` times the largest count as 0.

    >>> pinv([[2.0], [0.0]])
    tensor([[0.5000, 0.0000]])
    """
    return torch.linalg.pinv(floating(x), rtol=rcond)


def solve(a: Any, b: Any) -> Any:
    """The `x` with `a @ x == b`, for `a` (..., N, N) and `b` (..., N) or (..., N, K).

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0])
    tensor([0.5000, 0.2500])
    """
    return torch.linalg.solve(*common(*map(floating, placed(a, b))))


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The `x` with `a @ x == b`, reading only the upper or the lower triangle of `a`.

    >>> solve_triangular([[2.0, 2.0], [0.0, 4.0]], [2.0, 4.0])
    tensor([0., 1.])
    """
    first, second = common(*map(floating, placed(a, b)))
    if second.ndim == first.ndim - 1:
        return torch.linalg.solve_triangular(first, second.unsqueeze(-1), upper=not lower).squeeze(-1)
    return torch.linalg.solve_triangular(first, second, upper=not lower)


def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangular `l` with `l @ l.T == x`, for symmetric positive `x`; or the upper one.

    >>> cholesky([[4.0, 0.0], [0.0, 9.0]])
    tensor([[2., 0.],
            [0., 3.]])
    """
    return torch.linalg.cholesky(floating(x), upper=upper)


def qr(x: Any, mode: str = "reduced") -> Any:
    """(q, r) with `q @ r == x`: q has orthonormal columns, r is upper triangular.

    Args:
        x: (..., N, M).
        mode: "reduced": q is (N, K), r is (K, M) with K = min(N, M); "complete": (N, N) and (N, M).

    >>> [part.shape for part in qr(torch.ones(3, 2))]
    [torch.Size([3, 2]), torch.Size([2, 2])]
    """
    if mode not in ("reduced", "complete"):
        raise ArgumentError(f"ops.qr has no mode {mode!r}.", expected="'reduced' or 'complete'")
    return torch.linalg.qr(floating(x), mode)


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """(u, s, vh) with `u @ diag(s) @ vh == x`: the singular values `s`, from large to small, and their vectors.

    Args:
        x: (..., N, M).
        full_matrices: whether u is (N, N) and vh (M, M), or only as much of them as there are singular values.
        compute_uv: whether to return the vectors; else `s` alone.

    >>> svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False)
    tensor([4., 3.])
    """
    x = floating(x)
    return torch.linalg.svd(x, full_matrices) if compute_uv else torch.linalg.svdvals(x)


def eigh(x: Any) -> Any:
    """(w, v): the eigenvalues of symmetric matrices, from small to large, and the eigenvectors as columns.

    >>> eigh([[2.0, 0.0], [0.0, 1.0]])[0]
    tensor([1., 2.])
    """
    return torch.linalg.eigh(floating(x))
