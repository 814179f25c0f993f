"""How alike things are: correlations and distances."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError, ShapeError

from .one_node import one_node
from .operands import common, floating, wide_floating


@one_node
def corrcoef(x: Any) -> Any:
    """Pearson's correlation of each two variables: `R[i, j] = C[i, j] / sqrt(C[i, i] * C[j, j])`, C their covariance.

    Args:
        x: (N, D): N variables, D observations of each; or (D,).

    Returns:
        (N, N), between -1 and 1; or a single 1. NaN beside a variable that does not vary.

    Raises:
        ShapeError: more than two axes.

    >>> corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = wide_floating(x)
    if x.ndim not in (1, 2):
        raise ShapeError("ops.corrcoef takes a row for each variable.", got=f"shape {tuple(x.shape)}")
    rows = torch.atleast_2d(x)
    rows = rows - rows.mean(1, keepdim=True)
    products = rows @ rows.mH
    lengths = products.diagonal().real.sqrt()
    return (products / lengths.unsqueeze(1) / lengths).reshape(x.shape[:1] * 2 if x.ndim == 2 else ())


@one_node
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The products of two signals at each shift against each other: `out[k] = sum over n of x1[n + k] * conj(x2[n])`.

    Args:
        x1: (M,).
        x2: (N,).
        mode: which shifts: "valid": those where the shorter lies within the longer; "same": as many as the longer has
            values, in the middle; "full": all where they overlap.

    Returns:
        (max(M, N) - min(M, N) + 1,), (max(M, N),) or (M + N - 1,); at least float32, for int64 float64.

    Raises:
        ArgumentError: another mode. ShapeError: they are no vectors, or one is empty.

    >>> correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5])
    tensor([3.5000])
    >>> correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5], mode="same")
    tensor([2.0000, 3.5000, 3.0000])
    """
    if mode not in ("valid", "same", "full"):
        raise ArgumentError(f"ops.correlate has no mode {mode!r}.", expected="'valid', 'same' or 'full'")
    a, b = map(wide_floating, common(x1, x2))
    if a.ndim != 1 or b.ndim != 1 or not a.shape[0] or not b.shape[0]:
        raise ShapeError(
            "ops.correlate takes two vectors.", got=f"shapes {tuple(a.shape)} and {tuple(b.shape)}", hint="ops.ravel(x)"
        )
    short, long = sorted((a.shape[0], b.shape[0]))
    full = F.conv1d(a.reshape(1, 1, -1), b.conj().resolve_conj().reshape(1, 1, -1), padding=b.shape[0] - 1).reshape(-1)
    if mode == "full":
        return full
    start, size = (short - 1, long - short + 1) if mode == "valid" else ((short - 1) // 2, long)
    if b.shape[0] > a.shape[0]:  # as NumPy, which then exchanges them and turns the result round
        start = full.shape[0] - start - size
    return full[start : start + size]


@one_node
def cdist(x: Any, y: Any) -> Any:
    """Euclid's distance of each two points: `out[..., i, j] = sqrt(sum over d of (x[..., i, d] - y[..., j, d])**2)`.

    The gradient is 0 where the distance is.

    Args:
        x: (..., M, D).
        y: (..., N, D); the axes in front broadcast.

    Returns:
        (..., M, N), at least float32.

    Raises:
        ShapeError: fewer than two axes, or points of two sizes.

    >>> cdist([[0.0, 0.0], [3.0, 0.0]], [[0.0, 4.0]])
    tensor([[4.],
            [5.]])
    """
    x, y = map(floating, common(x, y))
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(
            "ops.cdist takes points of one size.",
            got=f"shapes {tuple(x.shape)} and {tuple(y.shape)}",
            expected="(..., M, D) and (..., N, D)",
        )
    kind = x.dtype
    if kind in (torch.float16, torch.bfloat16):  # for which PyTorch has no kernel
        x, y = x.float(), y.float()
    # Products of matrices would be faster for many points, and lose half of the digits.
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").to(kind)
