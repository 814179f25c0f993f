"""``axis=()`` names no axis: as in NumPy, each value is reduced by itself. And what is left of nothing."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import ops

REDUCTIONS = (
    "sum prod mean var std max min amax amin ptp all any nansum nanprod nanmean nanvar nanstd nanmax nanmin median"
    " nanmedian quantile nanquantile percentile nanpercentile"
).split()
VALUES = [
    np.array([[1.0, np.nan], [3.0, 0.0]], "float32"),
    np.array([[1, 2], [3, 0]], "int32"),
    np.array([True, False]),
]


def _arguments(name: str) -> list[float]:
    return [0.5] if name.endswith("tile") else []


@pytest.mark.filterwarnings("ignore:.*All-NaN|.*empty slice|.*Degrees of freedom|.*invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", [*REDUCTIONS, "average", "count_nonzero", "flip", "squeeze"])
@pytest.mark.parametrize("x", VALUES[:2], ids=["float", "int"])
@pytest.mark.parametrize("axis", [(), []], ids=str)
def test_an_empty_axis_reduces_nothing_as_in_numpy(name: str, x: np.ndarray, axis: list[int] | tuple[()]) -> None:
    for kept in [{}, {"keepdims": True}] if name in REDUCTIONS else [{}]:
        got = getattr(ops, name)(x, *_arguments(name), axis=axis, **kept)
        wanted = getattr(np, name)(x, *_arguments(name), axis=(), **kept)
        np.testing.assert_allclose(got.numpy(), wanted)
        drawn = getattr(ops, name)(lamina.Input((2,), dtype=str(x.dtype)), *_arguments(name), axis=axis, **kept)
        assert (drawn.shape, drawn.dtype) == ((None, 2), got.dtype)


@pytest.mark.parametrize("x", VALUES, ids=["float", "int", "bool"])
def test_sums_of_nothing_are_summed_in_the_dtype_of_sums(x: np.ndarray) -> None:
    assert ops.sum(x, axis=()).dtype == ops.sum(x).dtype
    assert ops.count_nonzero(x, axis=()).tolist() == (x != 0).astype(int).tolist()


def test_other_functions_of_axes() -> None:
    x = np.array([[1.0, 2.0], [3.0, 5.0]], "float32")
    np.testing.assert_allclose(ops.logsumexp(x, axis=()), x)
    mean, variance = ops.moments(x, axes=())
    np.testing.assert_allclose(mean, x)
    assert variance.tolist() == [[0, 0], [0, 0]]
    np.testing.assert_allclose(ops.average(x, axis=(), weights=x), x)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)], ids=str)
@pytest.mark.parametrize("keepdims", [False, True], ids=["drop", "keep"])
def test_the_extreme_of_nothing_is_what_it_starts_with(name: str, axis: int | None, keepdims: bool) -> None:
    x = np.zeros((0, 3), "float32")
    wanted = getattr(np, name)(x, axis=axis, keepdims=keepdims, initial=2.0)
    got = getattr(ops, name)(x, axis=axis, keepdims=keepdims, initial=2.0)
    assert got.shape == wanted.shape
    np.testing.assert_array_equal(got.numpy(), wanted)
