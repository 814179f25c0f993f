"""Calls of ops that join, cut, turn, multiply, count and compare, and of the Fourier transforms: see `case.py`."""

from __future__ import annotations

import numpy as np

from tests.ops.case import B, W, case, each, eager, exactly, stepwise

SPD = exactly(np.eye(3) * 4 + 0.5 * np.ones((2, 3, 3)))
ANY = exactly([[2.0, 1.0, 0.5], [-1.0, 3.0, 2.0], [0.3, 0.7, 4.0]], batched=False)

JOINING = [
    case("append", B(3, 4), B(2, 4), 0),
    case("append", B(3, 4), B(3, 2, dtype="int32"), axis=-1),
    case("append", W(3, 4), W(5)),
    case("dstack", [B(3, 4), B(3, 4)]),
    case("dstack", (B(3, 4, 2), B(3, 4, 3, dtype="int32"))),
    case("dstack", [W(3), W(3)]),
]

SPLITTING = [
    case("array_split", B(3, 5), 2, 1),
    case("array_split", B(3, 5), 3, axis=-1),
    case("array_split", W(5, 2), 3),
    case("hsplit", B(3, 4), 2),
    case("hsplit", B(3, 4, 2), [1, 3]),
    case("hsplit", W(6), 3),
    case("vsplit", W(4, 3), 2),
    case("vsplit", W(4, 3), [1]),
    case("dsplit", B(3, 2, 4), 2),
    case("dsplit", B(3, 2, 4), (1, 2)),
]

TURNING = [
    case("fliplr", B(3, 4, 2)),
    case("flipud", B(3, 4)),
    case("flipud", W(4, dtype="int32")),
    case("rot90", B(3, 4)),
    case("rot90", B(3, 4, 5), 2, (1, 2)),
    case("rot90", W(3, 4, dtype="int32"), k=-1, axes=(1, 0)),
    case("rot90", B(3, 4, 5), 5, axes=(-1, 0)),
    case("unravel_index", B(5, dtype="int32", low=0, high=11), (3, 4)),
    case("unravel_index", B(5, 2, dtype="int32", low=0, high=23), [2, 3, 4]),
    case("rearrange", B(4, 6, 5), "b (h k) w -> b h w k", k=2),
    case("rearrange", B(4, 6, 5), "b h w -> (b h) w"),
    case("rearrange", B(4, 6, 5), "b (h h1) w->b w (h1 h)", h=3),
    case("rearrange", W(4, 6), "(b c) (h w) -> w (c h b)", c=2, w=3),
    case("argpartition", exactly([[5, 1, 4, 2], [9, 3, 7, 8]], "int32"), 2),
    case("argpartition", exactly([[5, 1, 4, 2], [9, 3, 7, 8]], "int32"), 2, axis=1),
    case("argpartition", exactly([5, 1, 4, 2], "int32", False), 2, None),
    case("select", [B(3, 4, dtype="bool"), B(3, 4, dtype="bool", low=-1)], [B(3, 4), B(3, 4, low=-1)]),
    case("select", [B(3, 4, dtype="bool"), B(3, 4, dtype="bool", low=-1)], [B(3, 4), W(4)], 1.5),
    case("select", [B(3, 4, dtype="bool")], [B(3, 4, dtype="int32")], default=7),
]

PRODUCTS = [
    case("inner", B(3, 4), W(4)),
    case("inner", B(3, 4), W(2, 5, 4)),
    case("inner", B(3, 4, dtype="int32"), W(4, dtype="int32")),
    case("inner", B(3, 4, dtype="int32"), W(4)),
    case("inner", W(4, dtype="bool"), W(4, dtype="bool", low=-1)),
    case("vdot", W(4), W(4, low=-1)),
    case("vdot", W(4, dtype="int32"), W(4, dtype="int32", low=0)),
    case("vdot", B(4, dtype="float16"), B(4, dtype="float16", low=-1)),
    case("kron", B(3, 4), W(2, 2)),
    case("kron", W(3), W(2, 2, dtype="int32")),
    case("cross", B(4, 3), B(4, 3, low=-1), axis=1),
    case("cross", B(4, 3, 2), B(4, 3, 2, dtype="int32"), -1, -1, -1, 1),
    case("cross", W(2, 3, dtype="int32"), W(2, 3, dtype="int32", low=-1)),
    case("diagflat", W(3)),
    case("diagflat", B(2, 3), -1),
    case("diagflat", W(2, 3, dtype="int32"), k=2),
    stepwise("vander", B(4)),
    case("vander", B(4, dtype="int32"), 3),
    stepwise("vander", W(4), N=2, increasing=True),
]

LINALG = [
    *each("slogdet logdet", SPD),
    case("slogdet", ANY),
    case("logdet", ANY),
    case("matrix_rank", B(3, 4, 5)),
    case("matrix_rank", SPD),
    case("matrix_rank", ANY, 3.0),
    case("matrix_rank", ANY, tol=1.5),
    case("cholesky_inverse", exactly(np.tril(np.arange(1.0, 10.0).reshape(3, 3)), batched=False)),
    case("cholesky_inverse", exactly(np.arange(1.0, 10.0).reshape(1, 3, 3)), upper=True),
    case("lu_factor", SPD),
    case("lu_factor", ANY),
    case("lu_factor", B(2, 3, 4)),
    case("lstsq", W(5, 3), W(5)),
    case("lstsq", B(5, 3), B(5, 2)),
    case("lstsq", W(3, 5), W(3, 2), 1e-3),
    case("lstsq", exactly([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], batched=False), W(3), rcond=1e-3),
    stepwise("eig", ANY),
    stepwise("eig", SPD),
]

COUNTING = [
    eager("bincount", B(6, dtype="int32", low=0, high=5)),
    eager("bincount", B(6, dtype="uint8", low=0, high=5), minlength=9),
    eager("bincount", B(6, dtype="int64", low=0, high=5), None, 2),
    eager("bincount", exactly([[1, 3, 2], [3, 1, 1]], "int32")),
    eager("bincount", B(6, dtype="int32", low=0, high=5), exactly(range(6), "int32")),
    stepwise("unique", W(6, dtype="int32"), size=4),
    case("digitize", B(3, 4), exactly([-2.0, 0.0, 0.5, 2.0], batched=False)),
    case("digitize", B(3, 4, dtype="int32"), exactly([-2, 0, 1], "int32", False)),
    case("digitize", exactly([-2.0, 0.0, 0.1]), exactly([-2.0, 0.0], batched=False)),
    case("digitize", B(4, dtype="bool"), exactly([1, 2], "uint8", False)),
    stepwise("histogram", B(9)),
    stepwise("histogram", B(9), 4),
    stepwise("histogram", B(9), bins=5, range=(-1.0, 2.0)),
    stepwise("histogram", exactly([2.0, 2.0, 2.0]), 3),
    stepwise("histogram", exactly([0.0, 1.0, 2.0, 3.0, 4.0]), 4, (0, 4)),
    case("isin", B(3, 4, dtype="int32"), W(3, dtype="int32")),
    case("isin", B(3, 4, dtype="int32"), W(3, dtype="int32"), invert=True),
    case("isin", B(3, 4), exactly([0.5, 1.5], batched=False), True),
    case("isin", B(4, dtype="bool"), exactly([True], "bool", False)),
    case("isin", B(4, dtype="bool"), W(2, dtype="int32")),
    eager("unique", B(9, dtype="int32")),
    eager("unique", B(9, dtype="int32"), True, False, True, True),
    eager("unique", B(9, dtype="int32"), return_index=True, return_counts=True, return_inverse=True),
    eager("unique", B(6, 2, dtype="int32", low=0, high=2), axis=0, return_index=True),
    eager("unique", B(3, 7, dtype="int32", low=0, high=2), axis=1, return_counts=True, return_inverse=True),
    case("unique", B(9, dtype="int32"), size=3),
    case("unique", B(9, dtype="int32"), size=8, fill_value=-7, return_counts=True, return_index=True),
    case("unique", B(9, 2, dtype="int32", low=0, high=2), axis=0, size=6, fill_value=5),
    case("unique", B(9, 2, dtype="int32", low=0, high=2), axis=0, size=2, return_counts=True),
    stepwise("unique", exactly([1.5, 0.5, 1.5, -0.0, 0.0]), size=4),
]

SIMILARITY = [
    case("corrcoef", B(3, 7)),
    case("corrcoef", W(3, 7, dtype="int32")),
    case("corrcoef", W(3, 7, dtype="int64")),
    case("corrcoef", W(7)),
    *(case("correlate", W(7), W(3), mode) for mode in ("valid", "same", "full")),
    *(case("correlate", B(7), W(4), mode=mode) for mode in ("valid", "same", "full")),
    case("correlate", W(5, dtype="int32"), W(4, dtype="int32")),
    case("correlate", W(5, dtype="uint8", low=0), W(2, dtype="int32"), "full"),
    case("cdist", B(3, 4), W(5, 4)),
    case("cdist", B(2, 3, 4), B(2, 5, 4)),
    case("cdist", B(2, 3, 4), W(5, 4)),
    case("cdist", B(3, 4, dtype="int32"), W(5, 4)),
]

REDUCED = "segment_sum segment_prod segment_max segment_min"
SEGMENTS = [
    *each("segment_sum segment_prod segment_max segment_min", B(5, 2), B(5, dtype="int32", low=0, high=4), 4),
    *each(
        "segment_sum segment_prod segment_max segment_min", B(5), B(5, dtype="int64", low=-1, high=4), num_segments=3
    ),
    *each("segment_sum segment_prod segment_max", B(5, dtype="int32"), B(5, dtype="int32", low=0, high=4), 6),
    case("segment_min", B(5, dtype="int32"), exactly([0, 1, 1, 2, 0], "int32"), 3),
    *(eager(op, B(5, 2), exactly([0, 0, 2, 2, 3], "int32"), sorted=True) for op in REDUCED.split()),
]

SPECTRUM = (B(2, 5, 5), B(2, 5, 5, low=-1))
FOURIER = [
    *each("fft fft2 ifft2", (B(3, 4, 6), B(3, 4, 6, low=-1))),
    *each("fft fft2 ifft2", [B(2, 3, 5, dtype="float64"), B(2, 3, 5, dtype="float64", low=-1)]),
    case("rfft", B(3, 6)),
    case("rfft", B(3, 6), 5),
    case("rfft", B(3, 6, dtype="int32"), fft_length=9),
    case("irfft", (B(3, 6), B(3, 6, low=-1))),
    case("irfft", (B(3, 6), B(3, 6, low=-1)), 9),
    case("irfft", (B(3, 6), B(3, 6, low=-1)), fft_length=14),
    case("extract_sequences", B(3, 9), 4, 2),
    case("extract_sequences", B(3, 2, 9, dtype="int32"), sequence_length=3, sequence_stride=4),
    case("stft", B(3, 20), 6, 3, 8),
    case("stft", B(2, 3, 20), 8, 2, 8, "hamming"),
    case("stft", B(3, 20), 6, 2, 7, None, False),
    case("stft", B(3, 20), 5, sequence_stride=4, fft_length=9, window=W(5, low=0.1), center=False),
    case("istft", SPECTRUM, 8, 2, 8),
    case("istft", (B(2, 3, 5, 5), B(2, 3, 5, 5, low=-1)), 8, 3, 8, 9, "hamming"),
    case("istft", (B(2, 7, 4), B(2, 7, 4, low=-1)), 5, 3, 7),
    case("istft", SPECTRUM, 8, 4, 8, window=None),
    case("istft", SPECTRUM, 6, sequence_stride=2, fft_length=8, window=W(6, low=0.1), center=False),
    case("istft", SPECTRUM, 8, 4, 8, length=12, window="hamming", center=False),
    case("istft", SPECTRUM, 8, 3, 8, window="hamming", center=False),
]

PART_CASES = [
    *JOINING,
    *SPLITTING,
    *TURNING,
    *PRODUCTS,
    *LINALG,
    *COUNTING,
    *SIMILARITY,
    *SEGMENTS,
    *FOURIER,
]
