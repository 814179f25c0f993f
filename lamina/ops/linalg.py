"""Linear algebra: norms, decompositions, and systems of equations, on the last two axes of any batch of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lamina.graph import ArgumentError, ShapeError
from lamina.public_names import names_of

from .derivatives import jvp
from .eager_errors import tell
from .one_node import one_node
from .operands import common, floating, here, placed

# As Keras groups them: `slogdet` stands with NumPy's functions, `logdet` under `ops` alone.
__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "jvp", "lstsq", "lu_factor", "matrix_rank", "norm",
    "pinv", "qr", "solve", "solve_triangular", "svd",
]  # fmt: skip

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)


class MatrixError(ArgumentError, torch.linalg.LinAlgError):  # type: ignore[name-defined, misc]  # not in its stubs
    """A matrix has no such factors, inverse or solution: a ValueError, as Keras', and PyTorch's own error too."""


# What to try where PyTorch's function of this name finds nothing.
_HINTS = {
    "inv": "ops.pinv, which takes any matrix",
    "pinv": "finite numbers",
    "solve": "ops.lstsq, which takes any matrix",
    "cholesky": "a symmetric matrix of positive eigenvalues, such as a @ a.T + 1e-6 * ops.eye(n)",
    "svd": "finite numbers",
}


def matrix_error(what: str, name: str, error: Exception, where: str) -> MatrixError:
    """What a person reads where PyTorch finds nothing for a matrix.

    Args:
        what: was called.
        name: of the function of PyTorch's.
        error: of PyTorch's.
        where: the user's line.
    """
    text = str(error).strip()
    said = text.partition(": ")[2] or text
    hint = _HINTS.get(name.removesuffix("_ex").removesuffix("vals"))
    return MatrixError(f"{what} cannot do this with these values.", got=said, where=where, hint=hint)


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
    try:
        return torch.linalg.norm(floating(x), ord, axis, keepdims)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def det(x: Any) -> Any:
    """The determinant.

    Args:
        x: (..., N, N).

    >>> det([[1.0, 2.0], [3.0, 4.0]])
    tensor(-2.)
    """
    return torch.linalg.det(_square("det", x))


def slogdet(x: Any) -> Any:
    """(sign, logarithm): the sign of the determinant and `log(abs(det(x)))`, which does not overflow.

    Args:
        x: (..., N, N).

    Returns:
        Both (...); sign 0 and logarithm -inf for a matrix without inverse.

    >>> slogdet([[0.0, 2.0], [2.0, 0.0]])
    (tensor(-1.), tensor(1.3863))
    """
    return tuple(torch.linalg.slogdet(_square("slogdet", x)))


def logdet(x: Any) -> Any:
    """`log(det(x))`; NaN where the determinant is negative.

    Args:
        x: (..., N, N).

    >>> logdet([[2.0, 0.0], [0.0, 4.0]])
    tensor(2.0794)
    """
    return torch.logdet(_square("logdet", x))


def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """How many singular values are above a limit: how many rows are independent of each other; int32.

    Args:
        x: (..., N, M).
        tol: the limit; by default the largest singular value, times max(N, M), times the dtype's epsilon.

    >>> matrix_rank([[1.0, 2.0], [2.0, 4.0]])
    tensor(1, dtype=torch.int32)
    """
    return torch.linalg.matrix_rank(_matrices("matrix_rank", x), atol=tol).to(torch.int32)


def inv(x: Any) -> Any:
    """The inverse: `inv(x) @ x` is the identity.

    Args:
        x: (..., N, N).

    Raises:
        MatrixError: it has none; a ValueError and a RuntimeError.

    >>> inv([[2.0, 0.0], [0.0, 4.0]])
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return _found("inv", torch.linalg.inv, _square("inv", x))


def pinv(x: Any, rcond: float | None = None) -> Any:
    """The pseudo-inverse; singular values below `rcond` times the largest count as 0.

    Args:
        x: (..., N, M).
        rcond: by default the dtype's epsilon times max(N, M).

    >>> pinv([[2.0], [0.0]])
    tensor([[0.5000, 0.0000]])
    """
    return _found("pinv", torch.linalg.pinv, _matrices("pinv", x), rtol=rcond)


def solve(a: Any, b: Any) -> Any:
    """The `x` with `a @ x == b`.

    Args:
        a: (..., N, N).
        b: (N,), (..., N) beside as many matrices, or (..., N, K).

    Raises:
        MatrixError: a matrix has no inverse; a ValueError and a RuntimeError.

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0])
    tensor([0.5000, 0.2500])
    """
    try:
        return _found("solve", torch.linalg.solve, *common(*map(floating, placed(a, b))))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The `x` with `a @ x == b`, reading only the upper or the lower triangle of `a`.

    Args:
        a: (..., N, N), of which only one triangle is read.
        b: (..., N) or (..., N, K).
        lower: whether it is the lower one.

    >>> solve_triangular([[2.0, 2.0], [0.0, 4.0]], [2.0, 4.0])
    tensor([0., 1.])
    """
    first, second = common(*map(floating, placed(a, b)))
    if second.ndim == first.ndim - 1:
        return torch.linalg.solve_triangular(first, second.unsqueeze(-1), upper=not lower).squeeze(-1)
    return torch.linalg.solve_triangular(first, second, upper=not lower)


def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangular `l` with `l @ l.T == x`, for symmetric positive `x`; or the upper one.

    Args:
        x: (..., N, N), of which one triangle is read.
        upper: whether to return the upper factor.

    Raises:
        MatrixError: a matrix is not positive definite; a ValueError and a RuntimeError.

    >>> cholesky([[4.0, 0.0], [0.0, 9.0]])
    tensor([[2., 0.],
            [0., 3.]])
    """
    return _found("cholesky", torch.linalg.cholesky, _square("cholesky", x), upper=upper)


def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose Cholesky factor `x` is: `inv(x @ x.T)`; for an upper factor `inv(x.T @ x)`.

    Args:
        x: (..., N, N), of which only one triangle is read.
        upper: whether it is the upper one.

    >>> cholesky_inverse(cholesky([[4.0, 0.0], [0.0, 9.0]])).diagonal()
    tensor([0.2500, 0.1111])
    """
    return torch.cholesky_inverse(_square("cholesky_inverse", x), upper)


@one_node
def lu_factor(x: Any) -> Any:
    """(lu, pivots): the factors of `p @ x == l @ u` in one matrix, and which rows were exchanged.

    Args:
        x: (..., N, M).

    Returns:
        lu: (..., N, M), u in the upper triangle, l below it, with ones on its diagonal that are left out.
        pivots: (..., min(N, M)), int32: the row that row i was exchanged with, one after the other.

    >>> lu_factor([[1.0, 2.0], [4.0, 4.0]])
    (tensor([[4.0000, 4.0000],
            [0.2500, 1.0000]]), tensor([1, 1], dtype=torch.int32))
    """
    lu, pivots = torch.linalg.lu_factor(_matrices("lu_factor", x))
    return lu, pivots - 1  # PyTorch counts rows from 1


@one_node
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The `x` that makes `norm(a @ x - b)` smallest; of several the one with the smallest norm.

    Args:
        a: (..., M, N).
        b: (M,), or (..., M, K): K problems at once.
        rcond: singular values below this times the largest count as 0; by default the dtype's epsilon times max(M, N).

    Returns:
        (N,) or (..., N, K).

    Raises:
        ShapeError: another rank, or two sizes of M.

    >>> lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0])
    tensor([1.0000, 2.0000])
    """
    a, b = common(*map(floating, placed(a, b)))
    columns = b.unsqueeze(-1) if b.ndim == 1 else b
    if a.ndim < 2 or not b.ndim or a.shape[-2] != columns.shape[-2]:
        raise ShapeError(
            "ops.lstsq takes as many values as equations.",
            got=f"a {tuple(a.shape)}, b {tuple(b.shape)}",
            expected="(..., M, N) and (M,) or (..., M, K)",
        )
    # By the pseudo-inverse: on every device, for matrices of any rank, and with a gradient.
    x = torch.linalg.pinv(a, rtol=rcond) @ columns
    return x.squeeze(-1) if b.ndim == 1 else x


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
    return torch.linalg.qr(_matrices("qr", x), mode)


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """(u, s, vh) with `u @ diag(s) @ vh == x`: the singular values `s`, from large to small, and their vectors.

    Args:
        x: (..., N, M).
        full_matrices: whether u is (N, N) and vh (M, M), or only as much of them as there are singular values.
        compute_uv: whether to return the vectors; else `s` alone.

    >>> svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False)
    tensor([4., 3.])
    """
    x = _matrices("svd", x)
    if compute_uv:
        return _found("svd", torch.linalg.svd, x, full_matrices)
    return _found("svd", torch.linalg.svdvals, x)


def eig(x: Any) -> Any:
    """(w, v): the eigenvalues of square matrices, in no order, and the eigenvectors as columns; both complex.

    Args:
        x: (..., N, N).

    >>> eig([[0.0, 1.0], [-1.0, 0.0]])[0]
    tensor([0.+1.j, 0.-1.j])
    """
    return torch.linalg.eig(_square("eig", x))


def eigh(x: Any) -> Any:
    """(w, v): the eigenvalues of symmetric matrices, from small to large, and the eigenvectors as columns.

    Args:
        x: (..., N, N), symmetric: only the lower triangle is read.

    >>> eigh([[2.0, 0.0], [0.0, 1.0]])[0]
    tensor([1., 2.])
    """
    return torch.linalg.eigh(_square("eigh", x))


def _found(name: str, function: Any, *args: Any, **kwargs: Any) -> Any:
    """What a function of PyTorch's finds; MatrixError, with what to try, where there is none."""
    try:
        return function(*args, **kwargs)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # not in its stubs
        raise matrix_error(f"ops.{name}", name, error, here()) from error


def _matrices(name: str, x: Any) -> Any:
    """`x` as floats; ShapeError if its last two axes are none."""
    x = floating(x)
    if x.ndim < 2:
        got = f"shape {tuple(x.shape)}"
        raise ShapeError(f"ops.{name} cannot take what is no matrix.", got=got, expected="(..., N, M)", where=here())
    return x


def _square(name: str, x: Any) -> Any:
    """The same; ShapeError also if there are not as many rows as columns."""
    x = _matrices(name, x)
    rows, columns = x.shape[-2:]
    if rows != columns and rows is not None and columns is not None:
        what = f"ops.{name} cannot take matrices that are not square."
        raise ShapeError(what, got=f"shape {tuple(x.shape)}", expected="(..., N, N)", where=here())
    return x
