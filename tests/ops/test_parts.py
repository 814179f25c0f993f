"""Where Keras on torch departs from NumPy, or gives no gradient: NumPy's and SciPy's answers, and properties."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.signal
import torch

import lamina
from lamina import ops
from lamina.graph import ArgumentError, DtypeError, ShapeError, ValueNeededError
from lamina.layers import Input

RNG = np.random.default_rng(7)
CUBE = RNG.normal(size=(4, 3, 2))
INTEGERS = RNG.integers(0, 4, (6, 3)).astype("int32")


def assert_is(ours: Any, expected: Any) -> None:
    np.testing.assert_allclose(ops.convert_to_numpy(ours), expected, rtol=1e-10, atol=1e-12)


def assert_gradients(function: Any, *shapes: Any) -> None:
    """Those by differences, in float64."""
    generator = torch.Generator().manual_seed(3)
    inputs = [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]
    assert torch.autograd.gradcheck(function, inputs)


# ---- joined, cut, turned


@pytest.mark.parametrize("sections", [1, 2, 3, 5, [1, 3], (0, 2, 2, 9), np.array([1, 2])])
def test_parts_are_those_of_numpy(sections: Any) -> None:
    x = RNG.normal(size=(5, 6, 4))
    for axis in (0, 1, -1):
        for mine, reference in zip(ops.array_split(x, sections, axis), np.array_split(x, sections, axis), strict=True):
            assert_is(mine, reference)


def test_parts_along_one_axis_are_those_of_numpy() -> None:
    x = RNG.normal(size=(6, 4, 2))
    for name, sections in product(("hsplit", "vsplit", "dsplit"), (2, [1], [1, 1])):
        for mine, reference in zip(getattr(ops, name)(x, sections), getattr(np, name)(x, sections), strict=True):
            assert_is(mine, reference)
    assert [len(part) for part in ops.hsplit(np.arange(6), [1, 3])] == [1, 2, 3]


@pytest.mark.parametrize("k", range(-5, 6))
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, -3)])
def test_turns_are_those_of_numpy(k: int, axes: Any) -> None:
    assert_is(ops.rot90(CUBE, k, axes), np.rot90(CUBE, k, axes))


@pytest.mark.parametrize("kth", [0, 2, 5, -1, (1, 4)])
@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_partitions_have_the_kth_value_in_its_place(kth: Any, axis: int | None) -> None:
    """Keras on torch takes the floats for integers first."""
    x = RNG.normal(size=(6, 6))
    index = ops.argpartition(x, kth, axis)
    assert index.dtype == torch.int32
    flat = x.reshape(-1) if axis is None else x
    found = np.take_along_axis(flat, index.numpy(), axis or 0)
    for k in kth if isinstance(kth, tuple) else (kth,):
        place = k % found.shape[axis or 0]
        below, here, above = np.split(found, [place, place + 1], axis or 0)
        assert (below <= here).all()
        assert (above >= here).all()


def test_indices_of_a_shape_are_those_of_numpy() -> None:
    index = RNG.integers(0, 24, (2, 5))
    for mine, reference in zip(ops.unravel_index(index, (2, 3, 4)), np.unravel_index(index, (2, 3, 4)), strict=True):
        assert mine.dtype == torch.int64
        assert_is(mine, reference)
    x = Input((3, 4))
    b, n, _ = ops.shape(x)
    rows, columns = ops.unravel_index(ops.arange(b * n), (b, n))
    model = lamina.Model(x, [rows, columns])
    expected = np.unravel_index(np.arange(15), (5, 3))
    for mine, reference in zip(model(torch.zeros(5, 3, 4)), expected, strict=True):
        assert_is(mine, reference)


def test_the_first_true_condition_chooses() -> None:
    x = RNG.normal(size=(3, 4))
    conditions = [x > 1, x > 0, x > -1]
    for choices, default in (([x, x**2, 3.0], x * 0 - 9), ([x, x[0], x[:, :1]], 0.5)):
        assert_is(ops.select(conditions, choices, default), np.select(conditions, choices, default))


def test_masks_go_through_a_choice() -> None:
    ids = Input((None,), dtype="int32")
    x = lamina.layers.Embedding(9, 4, mask_zero=True)(ids)
    assert ops.select([x > 1, x > 0], [x, x * 2]).mask is not None


# ---- products


AXES = [{}, {"axis": 1}, {"axisa": 1, "axisb": 0, "axisc": -1}, {"axisa": 1, "axisb": 0, "axisc": 0}]


@pytest.mark.parametrize("how", AXES, ids=str)
@pytest.mark.parametrize("sizes", [(3, 3), (2, 3), (3, 2)])
def test_cross_products_are_those_of_numpy(how: dict[str, int], sizes: tuple[int, int]) -> None:
    """Keras on torch takes the first axis of size 3, and knows no vectors of two."""
    places = how.get("axisa", how.get("axis", -1)), how.get("axisb", how.get("axis", -1))
    a, b = (np.moveaxis(RNG.normal(size=(4, 5, n)), -1, place) for n, place in zip(sizes, places, strict=True))
    if len(set(sizes)) > 1:  # which NumPy is about to give up: with 0 as the third number by hand
        wide = [np.insert(v, n, 0, axis=p) if n == 2 else v for v, n, p in zip((a, b), sizes, places, strict=True)]
    else:
        wide = [a, b]
    assert_is(ops.cross(a, b, **how), np.cross(*wide, **how))


def test_cross_products_in_the_plane() -> None:
    a, b = RNG.normal(size=(4, 2)), RNG.normal(size=(3, 1, 2))
    assert_is(ops.cross(a, b), a[:, 0] * b[..., 1] - a[:, 1] * b[..., 0])
    assert_gradients(ops.cross, (4, 3), (4, 3))
    assert_gradients(ops.cross, (2,), (3, 3))


def test_products_are_those_of_numpy() -> None:
    a, b = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(5, 4))
    assert_is(ops.inner(a, b), np.inner(a, b))
    assert_is(ops.inner(a, 2.0), a * 2)
    assert_is(ops.vdot(a, np.flip(a)), np.vdot(a, np.flip(a)))
    assert_is(ops.kron(a, b), np.kron(a, b))
    z = a + 1j * np.flip(a)
    assert_is(ops.vdot(z, a), np.vdot(z, a))
    assert ops.vdot([2**40], [3]).item() == 3 * 2**40
    assert ops.inner([True, False], [True, True]).dtype == torch.bool
    assert_is(ops.vander(a[0, 0]), np.vander(a[0, 0]))
    assert_is(ops.vander(a[0, 0], 2, increasing=True), np.vander(a[0, 0], 2, increasing=True))
    assert_gradients(lambda x: ops.vander(x, 4), (3,))
    zero = torch.zeros(1, requires_grad=True)
    ops.vander(zero, 3).sum().backward()
    assert zero.grad.tolist() == [1.0]


# ---- linear algebra


def test_decompositions_are_what_they_say() -> None:
    x = RNG.normal(size=(4, 3, 3))
    w, v = ops.eig(x)
    torch.testing.assert_close(torch.as_tensor(x).to(v.dtype) @ v, v * w.unsqueeze(-2))
    factor = np.linalg.cholesky(x @ x.transpose(0, 2, 1) + np.eye(3))
    assert_is(ops.cholesky_inverse(factor), np.linalg.inv(factor @ factor.transpose(0, 2, 1)))
    upper = factor.transpose(0, 2, 1)
    assert_is(ops.cholesky_inverse(upper, upper=True), np.linalg.inv(factor @ upper))
    lu, pivots = ops.lu_factor(x)
    assert pivots.dtype == torch.int32
    for matrix, both, exchanged in zip(x, lu.numpy(), pivots.tolist(), strict=True):
        rows = matrix.copy()
        for i, j in enumerate(exchanged):
            rows[[i, j]] = rows[[j, i]]
        assert_is((np.tril(both, -1) + np.eye(3)) @ np.triu(both), rows)


def test_determinants_are_those_of_numpy() -> None:
    x = RNG.normal(size=(5, 3, 3))
    for mine, reference in zip(ops.slogdet(x), np.linalg.slogdet(x), strict=True):
        assert_is(mine, reference)
    positive = x @ x.transpose(0, 2, 1)
    assert_is(ops.logdet(positive), np.linalg.slogdet(positive)[1])
    assert ops.logdet([[-1.0]]).isnan()
    assert_gradients(lambda a: ops.logdet(a @ a.mT + torch.eye(3)), (2, 3, 3))
    assert_gradients(lambda a: ops.slogdet(a)[1], (2, 3, 3))
    assert_gradients(lambda a: ops.eig(a)[0].abs(), (3, 3))
    assert_gradients(lambda a: ops.lu_factor(a)[0], (3, 3))


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
@pytest.mark.parametrize("rank", [2, 3])
def test_least_squares_are_those_of_numpy(shape: tuple[int, int], rank: int) -> None:
    """For matrices of any rank, where PyTorch's own function has no gradient, or the wrong answer on a GPU."""
    a = RNG.normal(size=(shape[0], rank)) @ RNG.normal(size=(rank, shape[1]))
    for b in (RNG.normal(size=shape[0]), RNG.normal(size=(shape[0], 2))):
        assert_is(ops.lstsq(a, b), np.linalg.lstsq(a, b, rcond=None)[0])
    assert_is(ops.lstsq(a, b, rcond=0.9), np.linalg.lstsq(a, b, rcond=0.9)[0])
    assert ops.matrix_rank(a).item() == rank


def test_least_squares_have_gradients_and_batches() -> None:
    assert_gradients(ops.lstsq, (5, 3), (5, 2))
    assert_gradients(ops.lstsq, (3, 5), (3,))
    a, b = RNG.normal(size=(2, 5, 3)), RNG.normal(size=(2, 5, 2))
    assert_is(ops.lstsq(a, b)[1], np.linalg.lstsq(a[1], b[1], rcond=None)[0])


# ---- counts


def test_counts_are_those_of_numpy() -> None:
    x, weights = INTEGERS[:, 0], RNG.normal(size=6)
    assert_is(ops.bincount(x), np.bincount(x))
    assert_is(ops.bincount(x, weights, 9), np.bincount(x, weights, 9))
    assert ops.bincount(x, weights).dtype == torch.float64
    assert_is(ops.bincount(INTEGERS.T, np.ones((3, 6)), 5), [np.bincount(row, minlength=5) for row in INTEGERS.T])
    assert ops.bincount(x[:0], minlength=2).tolist() == [0, 0]
    assert_gradients(lambda w: ops.bincount(x, w), (6,))


@pytest.mark.parametrize("bins", [1, 3, 10])
@pytest.mark.parametrize("ends", [None, (-1.0, 1.0), (0.25, 0.25), (5.0, 6.0)])
def test_histograms_are_those_of_numpy(bins: int, ends: Any) -> None:
    for x in (RNG.normal(size=50), np.round(RNG.normal(size=50)), np.zeros(3), np.zeros(0)):
        counts, limits = ops.histogram(x, bins, ends)
        expected, edges = np.histogram(x, bins, ends)
        assert_is(limits, edges)
        assert_is(counts, expected)
        assert counts.dtype == limits.dtype == torch.float64


def test_nothing_that_is_no_number_is_counted() -> None:
    assert ops.histogram([0.5, np.nan, 2.0, -1.0], 2, (0.0, 1.0))[0].tolist() == [0.0, 1.0]


def test_bins_are_those_of_numpy() -> None:
    x, bins = np.round(RNG.normal(size=(4, 5)), 1), np.array([-1.0, 0.0, 0.5])
    assert_is(ops.digitize(x, bins), np.digitize(x, bins))
    assert ops.digitize([1, 2, 3], [2.5]).tolist() == [0, 0, 1]


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("wanted", list(product((False, True), repeat=3)))
def test_different_values_are_those_of_numpy(axis: int | None, wanted: tuple[bool, bool, bool]) -> None:
    names = dict(zip(("return_index", "return_inverse", "return_counts"), wanted, strict=True))
    for x in (INTEGERS, INTEGERS[:1], CUBE[0], INTEGERS.reshape(3, 6) > 1, INTEGERS[:0]):
        if axis not in (None, 0) and not len(x):
            continue
        ours, expected = ops.unique(x, axis=axis, **names), np.unique(x, axis=axis, **names)
        ours, expected = (v if isinstance(v, tuple) else (v,) for v in (ours, expected))
        for mine, reference in zip(ours, expected, strict=True):
            assert_is(mine, reference.reshape(mine.shape))
            assert mine.shape == np.shape(reference) or axis is None


def test_of_a_fixed_size_it_is_part_of_a_graph_and_compiles() -> None:
    x = Input((4,), dtype="int32")
    y = ops.unique(x, size=5, return_counts=True, return_index=True, return_inverse=True)
    assert [part.shape for part in y] == [(5,), (5,), (None, 4), (5,)]
    value = torch.tensor([[3, 1, 3, 3], [1, 7, 7, 3]], dtype=torch.int32)
    values, index, inverse, counts = lamina.Model(x, y)(value)
    assert values.tolist() == [1, 3, 7, 0, 0]
    assert index.tolist() == [1, 0, 5, 1, 1]
    assert counts.tolist() == [2, 4, 2, 0, 0]
    assert torch.equal(values[inverse], value)
    compiled = torch.compile(lambda v: ops.unique(v, size=2), fullgraph=True, backend="eager")
    assert compiled(value).tolist() == [1, 3]
    with pytest.raises(ValueNeededError, match="How many different values"):
        ops.unique(x)


def test_whether_values_are_among_others() -> None:
    x = INTEGERS
    assert_is(ops.isin(x, [1, 3]), np.isin(x, [1, 3]))
    assert_is(ops.isin(x, 2.0, invert=True), np.isin(x, 2.0, invert=True))
    assert ops.isin([True, False], [False]).tolist() == [False, True]


# ---- likeness


@pytest.mark.parametrize("sizes", list(product((1, 2, 3, 4, 7), repeat=2)))
@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_correlations_are_those_of_numpy(sizes: tuple[int, int], mode: str) -> None:
    """Keras on torch has the middle of another shift, or another length, where the second is the longer."""
    a, b = (RNG.normal(size=n) for n in sizes)
    assert_is(ops.correlate(a, b, mode), np.correlate(a, b, mode))
    a, b = a * 1j + 1, b - 2j
    assert_is(ops.correlate(a, b, mode), np.correlate(a, b, mode))


def test_correlations_have_gradients() -> None:
    assert_gradients(lambda a, b: ops.correlate(a, b, "same"), (5,), (3,))
    assert_gradients(ops.corrcoef, (3, 5))
    assert_is(ops.corrcoef(CUBE[0]), np.corrcoef(CUBE[0]))
    z = CUBE[:, :, 0] + 1j * CUBE[:, :, 1]
    assert_is(ops.corrcoef(z), np.corrcoef(z))


def test_distances() -> None:
    x, y = RNG.normal(size=(2, 1, 40, 3)), RNG.normal(size=(5, 30, 3))
    expected = np.linalg.norm(x[..., :, None, :] - y[..., None, :, :], axis=-1)
    assert_is(ops.cdist(x, y), expected)
    assert_gradients(ops.cdist, (2, 4, 3), (5, 3))
    near = torch.full((40, 3), 1000.0) + torch.arange(40.0).unsqueeze(1) / 64  # exact in float32, but not its square
    np.testing.assert_allclose(ops.cdist(near, near)[0], np.arange(40) / 64 * 3**0.5, rtol=1e-6)
    half = ops.cdist(torch.as_tensor(x).half(), torch.as_tensor(y).half())
    assert half.dtype == torch.float16
    np.testing.assert_allclose(half.numpy(), expected, atol=2e-2)


def test_a_point_has_a_gradient_at_distance_zero() -> None:
    """Keras': NaN."""
    x = torch.ones(2, 3, requires_grad=True)
    ops.cdist(x, torch.ones(1, 3)).sum().backward()
    assert torch.equal(x.grad, torch.zeros(2, 3))


# ---- segments


def test_segments_of_integers_are_exact() -> None:
    """Keras on torch computes them in float32."""
    data = np.array([2**24 + 1, 3, 5, 7], dtype="int32")
    ids = [0, 0, 2, 5]
    assert (
        ops.segment_sum(data, ids, 3).tolist() == ops.segment_sum(data, [0, 0, 2, -4], 3).tolist() == [2**24 + 4, 0, 5]
    )
    assert ops.segment_prod(data, ids, 3).tolist() == [3 * (2**24 + 1), 1, 5]
    assert ops.segment_max(data, ids, 3).tolist() == [2**24 + 1, -(2**31), 5]
    assert ops.segment_min(data, ids, 3).tolist() == [3, 2**31 - 1, 5]


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_segments_have_gradients(name: str) -> None:
    ids = torch.tensor([0, 2, 1, 3, 2])  # no segment without rows: differences of infinities are no numbers
    assert_gradients(lambda x: getattr(ops, f"segment_{name}")(x, ids, 3), (5, 2))


# ---- Fourier


def test_transforms_are_those_of_numpy() -> None:
    real, imaginary = RNG.normal(size=(2, 3, 4, 5))
    z = real + 1j * imaginary
    for name in ("fft", "fft2", "ifft2"):
        expected = getattr(np.fft, name)(z)
        for mine, reference in zip(getattr(ops, name)((real, imaginary)), (expected.real, expected.imag), strict=True):
            assert_is(mine, reference)
    for length in (None, 3, 5, 8):
        expected = np.fft.rfft(real, length)
        parts = ops.rfft(real, length)
        for mine, reference in zip(parts, (expected.real, expected.imag), strict=True):
            assert_is(mine, reference)
        assert_is(ops.irfft((real, imaginary), length), np.fft.irfft(z, length))
    assert_gradients(lambda a, b: ops.fft2((a, b)), (2, 3, 4), (2, 3, 4))
    assert_gradients(lambda a: ops.rfft(a, 5), (2, 4))


@pytest.mark.parametrize("window", ["hann", "hamming", None])
def test_windowed_transforms_are_those_of_scipy(window: str | None) -> None:
    x = RNG.normal(size=(3, 40))
    weights = np.ones(8) if window is None else scipy.signal.get_window(window, 8)
    padded = np.pad(x, ((0, 0), (4, 4)), mode="reflect")
    for signal, center in ((x, False), (padded, True)):
        pieces = np.lib.stride_tricks.sliding_window_view(signal, 8, axis=-1)[:, ::3]
        expected = np.fft.rfft(pieces * weights)
        parts = ops.stft(x, 8, 3, 8, window=window, center=center)
        for mine, reference in zip(parts, (expected.real, expected.imag), strict=True):
            assert_is(mine, reference)


@pytest.mark.parametrize("window, stride", [("hann", 2), ("hann", 3), ("hamming", 4), (np.arange(1.0, 9.0), 3)])
def test_the_inverse_of_a_windowed_transform(window: Any, stride: int) -> None:
    x = torch.as_tensor(RNG.normal(size=(2, 3, 41)))
    parts = ops.stft(x, 8, stride, 8, window)
    back = ops.istft(parts, 8, stride, 8, length=41, window=window)
    reached = 8 + stride * (parts[0].shape[-2] - 1) - 8
    torch.testing.assert_close(back[..., :reached], x[..., :reached], rtol=1e-9, atol=1e-9)
    assert ops.istft(parts, 8, stride, 8, length=60, window=window).shape == (2, 3, 60)
    assert_gradients(lambda v: ops.istft(ops.stft(v, 8, stride, 8, window), 8, stride, 8, window=window), (2, 20))


def test_windows_of_their_own_length_within_a_longer_transform() -> None:
    x = torch.as_tensor(RNG.normal(size=50))
    parts = ops.stft(x, 6, 2, 9)
    back = ops.istft(parts, 6, 2, 9)
    torch.testing.assert_close(back[8:-8], x[8 : len(back) - 8], rtol=1e-9, atol=1e-9)


def test_pieces_of_a_signal_of_unknown_length() -> None:
    x = Input(batch_shape=(None, None))
    model = lamina.Model(x, [*ops.stft(x, 8, 4, 16), ops.extract_sequences(x, 16, 8)])
    assert model.output_shape == [(None, None, 9), (None, None, 9), (None, None, 16)]
    for size in (16, 37):
        value = torch.randn(3, size)
        expected = torch.stft(value, 16, 4, 8, torch.hann_window(8), return_complex=True).mT
        real, imaginary, pieces = model(value)
        torch.testing.assert_close(torch.complex(real, imaginary), expected)
        assert torch.equal(pieces, value.unfold(-1, 16, 8))


# ---- errors


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: ops.append(x, x, 2), ArgumentError, "no axis 2"),
        (lambda x: ops.array_split(x, 0), ArgumentError, "at least one part"),
        (lambda x: ops.array_split(x, 2, 5), ArgumentError, "no axis 5"),
        (lambda x: ops.hsplit(x, 3), ShapeError, "3 equal parts"),
        (lambda x: ops.dsplit(x, 2), ShapeError, "dsplit cuts axis 3"),
        (lambda x: ops.vsplit(x[0], 2), ShapeError, "vsplit cuts axis 2"),
        (lambda x: ops.fliplr(x[0]), ArgumentError, "no axis 1"),
        (lambda x: ops.rot90(x, axes=(0, 0)), ArgumentError, "plane of two axes"),
        (lambda x: ops.rot90(x, axes=(0, 1, 1)), ArgumentError, "plane of two axes"),
        (lambda x: ops.argpartition(x, 4), ArgumentError, "no place 4"),
        (lambda x: ops.argpartition(x, (0, 8), None), ArgumentError, "no place 8"),
        (lambda x: ops.unravel_index(x, (2, 4)), DtypeError, "takes integers"),
        (lambda x: ops.select([x > 0], [x, x]), ArgumentError, "1 conditions, 2 choices"),
        (lambda x: ops.select([], []), ArgumentError, "0 conditions"),
        (lambda x: ops.cross(x, x), ShapeError, "vectors of 4 and 4"),
        (lambda x: ops.cross(x, x, 3), ArgumentError, "no axis 3"),
        (lambda x: ops.vdot(x, x[0]), ShapeError, "8 and 4"),
        (lambda x: ops.vander(x), ShapeError, "takes a vector"),
        (lambda x: ops.lstsq(x, x[0]), ShapeError, "as many values as equations"),
        (lambda x: ops.bincount(x), DtypeError, "takes integers"),
        (lambda x: ops.bincount([0, -1]), ArgumentError, "the value -1"),
        (lambda x: ops.bincount([0, 1], [1.0]), ShapeError, "weights"),
        (lambda x: ops.bincount([0, 1], sparse=True), ArgumentError, "dense"),
        (lambda x: ops.bincount(Input((2,), dtype="int32")), ValueNeededError, "needs the values"),
        (lambda x: ops.digitize(x, x), ShapeError, "limits in a row"),
        (lambda x: ops.histogram(x), ShapeError, "values in a row"),
        (lambda x: ops.histogram(x[0], 0), ArgumentError, "bins=0"),
        (lambda x: ops.histogram(x[0], 2.0), ArgumentError, "bins=2.0"),
        (lambda x: ops.histogram(x[0], range=(1, 0)), ArgumentError, "range"),
        (lambda x: ops.unique(x, axis=2), ArgumentError, "no axis 2"),
        (lambda x: ops.corrcoef(x[None]), ShapeError, "a row for each variable"),
        (lambda x: ops.correlate(x, x[0]), ShapeError, "two vectors"),
        (lambda x: ops.correlate(x[0], x[0], "middle"), ArgumentError, "mode 'middle'"),
        (lambda x: ops.cdist(x, x[0]), ShapeError, "points of one size"),
        (lambda x: ops.cdist(x, x[:, :2]), ShapeError, "points of one size"),
        (lambda x: ops.segment_sum(x, [0, 1, 2], 3), ShapeError, "one segment"),
        (lambda x: ops.segment_min(x, [[0], [1]], 3), ShapeError, "one segment"),
        (lambda x: ops.fft(x), ArgumentError, "real and the imaginary"),
        (lambda x: ops.fft((x, x, x)), ArgumentError, "tuple of 3"),
        (lambda x: ops.fft2((x, x[0])), ShapeError, "two shapes"),
        (lambda x: ops.ifft2(([[1]], [[2]])), DtypeError, "takes floats"),
        (lambda x: ops.rfft(x, 0), ArgumentError, "fft_length=0"),
        (lambda x: ops.irfft((x, x), -2), ArgumentError, "fft_length=-2"),
        (lambda x: ops.extract_sequences(x, 5, 1), ShapeError, "at least 5"),
        (lambda x: ops.extract_sequences(x, 2, 0), ArgumentError, "sequence_stride=0"),
        (lambda x: ops.stft(ops.cast(x, "int32"), 2, 1, 2), DtypeError, "float32 or float64"),
        (lambda x: ops.stft(x, 4, 1, 2), ArgumentError, "sequence_length=4, fft_length=2"),
        (lambda x: ops.stft(x, 2, 1.0, 2), ArgumentError, "sequence_stride=1.0"),
        (lambda x: ops.stft(x, 2, 1, 2, window="kaiser"), ArgumentError, "window 'kaiser'"),
        (lambda x: ops.stft(x, 2, 1, 2, window=[1.0]), ShapeError, "another length"),
        (lambda x: ops.stft(x, 6, 1, 6, center=False), ShapeError, "shorter than a sequence"),
        (lambda x: ops.stft(x, 8, 1, 8), ShapeError, "too short to be mirrored"),
        (lambda x: ops.istft((x, x), 2, 1, 2), ShapeError, r"\(..., T, 2\)"),
        (lambda x: ops.istft((x, x), 6, 7, 6), ArgumentError, "gaps"),
        (lambda x: ops.istft(x, 6, 7, 6), ArgumentError, "real and the imaginary"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call(torch.ones(2, 4))
