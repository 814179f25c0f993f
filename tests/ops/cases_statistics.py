"""Calls of the functions that count values: past NaN, by their order, weighted, between neighbours; and of windows."""

from __future__ import annotations

import numpy as np

from tests.ops.case import B, Case, W, case, each, eager, exactly, stepwise

NAN = np.nan


def _holes(*shape: int) -> np.ndarray:
    """Numbers with one NaN among any four neighbours: some are left along every axis."""
    values = np.random.default_rng(11).normal(size=shape)
    values[np.indices(shape).sum(0) % 4 == 0] = NAN
    return values


HOLES = exactly(_holes(3, 4, 5))
EMPTY = exactly([[NAN, NAN, NAN], [1.0, NAN, 2.0], [-1.0, 5.0, 3.0]])
WHOLE = B(3, 4, 5, dtype="int32")
LINES = "nansum nanprod nanmean nanvar nanstd nanmax nanmin"

PAST_NAN: list[Case] = [
    case(op, tensor, **how)
    for op in LINES.split()
    for tensor in (HOLES, WHOLE)
    for how in ({}, {"axis": 1}, {"axis": (0, -1)}, {"axis": [1, 2], "keepdims": True})
] + [
    *(stepwise(op, EMPTY, axis=1) for op in LINES.split()),
    *each("nansum nanprod nanmean nanvar nanstd", B(3, 4, dtype="bool")),
    *each("nansum nanprod nanmax nanmin", B(3, 4, dtype="int8"), axis=1),
    *each("nanargmax nanargmin", HOLES),
    *each("nanargmax nanargmin", HOLES, 1),
    *each("nanargmax nanargmin", EMPTY, axis=1, keepdims=True),
    *each("nanargmax nanargmin", WHOLE, -1),
    *each("nancumsum nancumprod", HOLES),
    *each("nancumsum nancumprod", HOLES, 1),
    *each("nancumsum nancumprod", WHOLE, axis=-1, dtype="float32"),
]

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
QUANTILES: list[Case] = [
    *each("median nanmedian", B(3, 4, 5)),
    *each("median nanmedian", B(3, 4), 1),
    *each("median nanmedian", B(3, 5, dtype="int32"), axis=1, keepdims=True),
    stepwise("median", EMPTY, axis=1),
    stepwise("nanmedian", EMPTY, axis=1),
    case("nanmedian", HOLES, (0, 2)),
    *each("quantile nanquantile", B(3, 4, 5), 0.3),
    *each("percentile nanpercentile", B(3, 4, 5), 30),
    *each("quantile nanquantile", B(3, 4, 5), [0.0, 0.3, 1.0], axis=1),
    *each("percentile nanpercentile", B(3, 4, 5), [0.0, 30.0, 100.0], axis=1),
    *each("quantile nanquantile", B(3, 4, 5), exactly([0.1, 0.6], batched=False), axis=(0, 2)),
    *each("percentile nanpercentile", B(3, 4, 5), 60, axis=(-1, 0), keepdims=True),
    *each("quantile nanquantile", B(3, 4, 5), [0.2, 0.7], axis=[2, 1], keepdims=True),
    *each("quantile nanquantile", B(3, 4), 0.5, keepdims=True),
    *(case(op, B(3, 8), [0.05, 0.37, 0.5], 1, how) for op in ("quantile", "nanquantile") for how in METHODS),
    *(case(op, B(3, 8), 37, 1, method=how) for op in ("percentile", "nanpercentile") for how in METHODS),
    *each("quantile percentile nanquantile nanpercentile", WHOLE, 1, axis=2),
    case("nanquantile", HOLES, [0.25, 0.9], axis=2),
    case("nanpercentile", HOLES, 75, axis=1, method="higher"),
    stepwise("quantile", EMPTY, 0.5, axis=1),
    stepwise("nanquantile", EMPTY, 0.5, axis=1),
]

MEANS: list[Case] = [
    case("ptp", B(3, 4, 5)),
    case("ptp", B(3, 4, 5), (0, 2)),
    case("ptp", WHOLE, axis=1, keepdims=True),
    *each("average", B(3, 4, 5)),
    *each("average", WHOLE, 1),
    *each("average", B(3, 4, dtype="bool"), axis=0),
    case("average", B(3, 4), axis=1, weights=W(4, low=0.1)),
    case("average", B(3, 4), -1, B(3, 4, low=0.1)),
    case("average", WHOLE, axis=2, weights=W(5, dtype="int32", low=1, high=4)),
    case("average", W(4), weights=W(4, low=0.1)),
]

NEIGHBOURS: list[Case] = [
    case("diff", B(3, 4)),
    case("diff", B(3, 4, 5), 2, 1),
    case("diff", B(3, 6, dtype="int32"), n=3),
    case("diff", B(3, 4, dtype="bool"), axis=0),
    case("trapezoid", B(3, 4)),
    case("trapezoid", B(3, 4, 5), axis=1, dx=0.5),
    case("trapezoid", B(3, 4), W(4)),
    case("trapezoid", B(3, 4, 5), x=W(4), axis=1),
    case("trapezoid", B(3, 4), B(3, 4)),
    case("trapezoid", B(3, 4, dtype="int32")),
    case("trapezoid", B(3, 4, dtype="bool")),
]

SIGNAL_WINDOWS: list[Case] = [
    *(eager(op, length) for op in "bartlett blackman hamming hanning".split() for length in (1, 2, 5, 8)),
    *(eager("kaiser", length, beta) for length in (1, 4, 5) for beta in (0.0, 8.6)),
]

GEOMETRIC: list[Case] = [
    eager("logspace", 0, 3, 7),
    eager("logspace", 0.5, 2.0, num=5, endpoint=False, base=2),
    eager("logspace", 0, 3, 4, True, 10, "int32"),
    eager("geomspace", 1, 1000, 4),
    eager("geomspace", -0.5, -64.0, num=8, endpoint=False),
    eager("geomspace", 1, 1000, 7, True, "float16"),
    case("logspace", B(3), B(3, low=1), 4),
    case("geomspace", B(3, low=0.1), B(3, low=1.0), 4),
]

STATISTICS_CASES: list[Case] = [*PAST_NAN, *QUANTILES, *MEANS, *NEIGHBOURS, *SIGNAL_WINDOWS, *GEOMETRIC]
