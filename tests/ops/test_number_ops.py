"""The ops on numbers where Keras on torch gives no answer, or another than NumPy: by NumPy, by hand, by gradcheck."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import ops
from lamina.graph import ArgumentError, DtypeError, ShapeError, ValueNeededError
from lamina.layers import Input
from lamina.ops.operands import tensors

RNG = np.random.default_rng(7)
CUBE = RNG.normal(size=(3, 4, 5))
NAN = np.nan


def assert_is(ours: Any, expected: Any) -> None:
    np.testing.assert_allclose(ops.convert_to_numpy(ours), expected, rtol=1e-12)


# ---- NumPy's answers


def test_the_next_float_is_that_of_the_dtype():
    """Keras on torch looks for it in float64 and gives `x1` back."""
    for kind in ("float16", "float32", "float64"):
        x = np.array([1.0, 0.0, -2.0], dtype=kind)
        y = np.array([2.0, -1.0, -2.0], dtype=kind)
        assert_is(ops.nextafter(x, y), np.nextafter(x, y))


def test_the_next_float_moves_with_the_first_on_every_pytorch():
    """PyTorch 2.11 has no gradient here; 2.13 has this one."""
    x = torch.tensor([[1.0], [0.0], [torch.inf], [-2.0]], requires_grad=True)
    y = torch.tensor([2.0, -2.0], requires_grad=True)
    upstream = torch.arange(1.0, 9.0).reshape(4, 2)
    (ops.nextafter(x, y) * upstream).sum().backward()
    assert_is(x.grad, [[3.0], [7.0], [11.0], [7.0]])
    assert_is(y.grad, [0.0, 0.0])
    z = torch.tensor(1.0, requires_grad=True)
    for slope in (
        torch.func.grad(lambda v: ops.nextafter(v, 2.0))(z),
        torch.autograd.grad(ops.nextafter(2.0, z), z)[0],
    ):
        assert slope in (0.0, 1.0)
    many = torch.func.vmap(torch.func.grad(lambda v: 3 * ops.nextafter(v, 2.0)))(torch.tensor([1.0, 2.0]))
    assert_is(many, [3.0, 0.0])


def test_scaling_by_powers_of_two_reaches_the_whole_range():
    x, exponents = np.array([1e-30, 1.5, 1e30]), np.array([200, -1070, 0])
    assert_is(ops.ldexp(x, exponents), np.ldexp(x, exponents))
    assert_is(ops.ldexp(np.float32(2**-100), 200), np.float32(2.0**100))


def test_running_totals_keep_infinity():
    x = np.array([1.0, NAN, np.inf, 2.0])
    assert_is(ops.nancumsum(x), np.nancumsum(x))
    assert_is(ops.nancumprod(x), np.nancumprod(x))


def test_weights_of_an_average_stand_for_the_axes_that_vanish():
    """Keras on torch divides by the sum of the last axis of the weights, whatever the axis."""
    for axis, sizes in ((0, (3,)), (1, (4,)), (None, (3, 4, 5)), (-1, (3, 4, 5)), (1, (3, 4, 5))):
        weights = RNG.random(sizes)
        assert_is(ops.average(CUBE, axis, weights), np.average(CUBE, axis, weights))
    weights = RNG.random((5, 3))
    expected = np.einsum("ijk,ki->j", CUBE, weights) / weights.sum()
    assert_is(ops.average(CUBE, (2, 0), weights), expected)


def test_casts_hold_at_the_ends():
    """Keras on torch lets 3e9 become the smallest int32."""
    limit = 2**31 - 2**7  # the largest float32 below 2**31
    assert ops.saturate_cast(np.float32([3e9, -3e9, np.inf]), "int32").tolist() == [limit, -(2**31), limit]
    assert ops.saturate_cast(np.int64([2**40, -(2**40)]), "int32").tolist() == [2**31 - 1, -(2**31)]
    assert ops.saturate_cast(np.float64([2.0**70]), "int64").tolist() == [2**63 - 2**10]
    assert ops.saturate_cast(np.float32([np.inf]), "bfloat16").isfinite().all()
    assert ops.saturate_cast([5, 0], "bool").tolist() == [True, False]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_equal_ratios_along_any_axis(axis):
    start, stop = np.array([1.0, -2.0]), np.array([8.0, -9.0])
    assert_is(ops.geomspace(start, stop, 5, axis=axis), np.geomspace(start, stop, 5, axis=axis))
    assert_is(ops.logspace(start, stop, 5, base=3, axis=axis), np.logspace(start, stop, 5, base=3, axis=axis))
    assert ops.geomspace(1, 1000, 4)[-1] == 1000
    assert ops.geomspace(1, 256, 9, dtype="int32").tolist() == [2**k for k in range(9)]
    assert ops.logspace(0, 6, 7, dtype="int32").tolist() == [10**k for k in range(7)]
    assert ops.geomspace(3.0, 9.0, 1).tolist() == [3.0]
    assert ops.geomspace(3.0, 9.0, 0).tolist() == []


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
@pytest.mark.parametrize("length", [0, 1, 2, 7])
def test_windows(name, length):
    ours = getattr(ops, name)(length)
    np.testing.assert_allclose(ours, getattr(np, name)(length), atol=1e-6)
    assert torch.equal(getattr(ops, name)(np.array([length])), ours)
    np.testing.assert_allclose(ops.kaiser(length, 14.0), np.kaiser(length, 14.0), atol=1e-6)


def test_the_length_of_a_window_may_be_the_size_of_an_axis():
    x = Input((None,))
    model = lamina.Model(x, x * ops.hanning(ops.shape(x)[1]))
    for length in (1, 6):
        np.testing.assert_allclose(model(torch.ones(2, length))[1], np.hanning(length), atol=1e-6)
    with pytest.raises(ValueNeededError, match="only run time tells"):
        ops.hanning(Input((), dtype="int32"))


METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("axis", [None, 1, (0, 2), (2, 0)])
def test_quantiles_are_those_of_numpy(method, axis):
    holes = np.where(RNG.random(CUBE.shape) < 0.2, NAN, CUBE)
    q = np.array([[0.0, 0.21], [0.5, 1.0]])
    for keepdims in (False, True):
        how = {"axis": axis, "method": method, "keepdims": keepdims}
        assert_is(ops.quantile(CUBE, q, **how), np.quantile(CUBE, q, **how))
        expected = np.nanquantile(holes, q.ravel(), **how)  # which puts the second axis of a q with two elsewhere
        assert_is(ops.nanquantile(holes, q, **how), expected.reshape(2, 2, *expected.shape[1:]))
        assert_is(ops.nanpercentile(holes, q.ravel() * 100, **how), expected)
    assert_is(ops.median([1.0, np.inf]), np.inf)
    assert_is(ops.quantile([1.0, np.inf], 1.0), np.inf)
    assert_is(ops.quantile([-np.inf, 2.0, np.inf], 0.5), 2.0)


def test_quantiles_of_many_values():
    """More than torch.quantile takes."""
    x = torch.arange(16_000_001.0).flip(0)
    assert ops.median(x).item() == 8_000_000


def test_a_number_beside_a_tensor_widens_it_only_to_another_kind():
    kinds = {(torch.bool, True): torch.bool, (torch.bool, 2): torch.int32, (torch.int8, 2): torch.int8}
    kinds |= {(torch.int64, 0.5): torch.float32, (torch.float16, 0.5): torch.float16, (torch.float16, 2): torch.float16}
    kinds |= {(torch.float64, 1j): torch.complex128, (torch.int32, 1j): torch.complex64}
    for (dtype, number), expected in kinds.items():
        assert {part.dtype for part in tensors(torch.ones(2, dtype=dtype), number)} <= {dtype, expected}
        assert tensors(torch.ones(2, dtype=dtype), number)[1].dtype == expected


# ---- gradients


def test_gradients_where_a_slope_is_infinite_or_nothing_is_there():
    def slope(op: Any, *values: float) -> list[float]:
        x = torch.tensor(values, requires_grad=True)
        op(x).sum().backward()
        return x.grad.tolist()

    assert slope(lambda x: ops.hypot(x, 0.0), 0.0, 3.0, -3.0) == [0.0, 1.0, -1.0]
    assert slope(ops.sinc, 0.0) == [0.0]
    assert slope(ops.cbrt, 0.0, 1.0, -1.0) == pytest.approx([0.0, 1 / 3, 1 / 3])
    assert slope(ops.nanstd, 2.0, NAN, 2.0) == [0.0, 0.0, 0.0]
    assert slope(ops.nanmean, NAN, NAN) == [0.0, 0.0]
    assert slope(ops.nansum, 1.0, NAN) == [1.0, 0.0]
    assert slope(ops.nanmax, 1.0, NAN, 3.0) == [0.0, 0.0, 1.0]
    assert slope(ops.median, 1.0, NAN) == [0.0, 0.0]
    x = torch.tensor([0.5, 0.0], requires_grad=True)
    ops.heaviside([0.0, 1.0], x).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "op",
    [
        lambda x: ops.ldexp(x, [-3, 2, 0, 7]),
        lambda x: ops.quantile(x, [0.1, 0.77], axis=1),
        lambda x: ops.nanmedian(x, axis=0),
        lambda x: ops.nanvar(x, axis=1),
        lambda x: ops.average(x, 1, torch.abs(x) + 1),
        lambda x: ops.cbrt(x),
        lambda x: ops.logaddexp2(x, 1.0),
        lambda x: ops.polar(torch.abs(x), x),
        lambda x: ops.geomspace(torch.abs(x) + 1, 9.0, 4),
    ],
)
def test_gradients_are_those_of_differences(op):
    x = torch.tensor([[0.5, -1.2, 2.3, 0.9], [1.7, -0.4, 0.1, 3.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(op, (x,))


# ---- errors


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: ops.quantile(x, 1.5), ArgumentError, "q lies outside"),
        (lambda x: ops.nanpercentile(x, [50, -1]), ArgumentError, "q lies outside"),
        (lambda x: ops.percentile(x, 50, method="cubic"), ArgumentError, "no method 'cubic'"),
        (lambda x: ops.median(x, axis=2), ArgumentError, "no axis 2"),
        (lambda x: ops.average(x, axis=1, weights=[1.0, 2.0]), ShapeError, "a weight for each value"),
        (lambda x: ops.ldexp(x, x), DtypeError, "whole exponents"),
        (lambda x: ops.view_as_complex(x), ShapeError, "real and the imaginary part"),
        (lambda x: ops.view_as_complex(torch.complex(x, x)), DtypeError, "joins real numbers"),
        (lambda x: ops.view_as_real(x), DtypeError, "takes complex numbers apart"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text):
    with pytest.raises(error, match=text):
        call(torch.ones(2, 4))
