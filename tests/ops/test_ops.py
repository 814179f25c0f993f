"""What Keras on torch cannot be asked: where it departs from NumPy and its docs, errors, plain answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lamina import ops
from lamina.graph import ArgumentError, DtypeError, ShapeError, ValueNeededError

RNG = np.random.default_rng(5)
CUBE = RNG.normal(size=(3, 4, 5))


def assert_is(ours: Any, expected: Any) -> None:
    np.testing.assert_allclose(ops.convert_to_numpy(ours), expected, rtol=1e-12)


# ---- NumPy's answers, where Keras on torch gives others or none


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric"])
@pytest.mark.parametrize("widths", [((0, 0), (2, 1), (3, 4)), ((4, 5), (9, 8), (13, 14)), ((1, 0), (0, 0), (0, 1))])
def test_borders_are_those_of_numpy(mode, widths):
    """Of any width on any axis; Keras on torch takes "symmetric" for "edge"."""
    assert_is(ops.pad(CUBE, widths, mode=mode), np.pad(CUBE, widths, mode=mode))
    assert_is(ops.pad([[7.0]], 3, mode=mode), np.full((7, 7), 7.0))


def test_pad_widths_stand_for_all_axes():
    for width in (2, (1, 2), ((1, 2),), [[1, 2]]):
        assert_is(ops.pad(CUBE, width), np.pad(CUBE, width))


def test_products_and_counts_of_more_axes():
    other = RNG.normal(size=(2, 5, 3))
    assert_is(ops.dot(CUBE, other), np.dot(CUBE, other))
    assert_is(ops.dot(CUBE[0, 0], other), np.dot(CUBE[0, 0], other))
    assert_is(ops.count_nonzero(CUBE > 0, axis=0), np.count_nonzero(CUBE > 0, axis=0))
    assert_is(ops.sum(CUBE, keepdims=True), CUBE.sum(keepdims=True))
    assert_is(ops.repeat(CUBE, [1, 0, 2], axis=0), np.repeat(CUBE, [1, 0, 2], axis=0))
    assert_is(ops.repeat(CUBE, [3]), np.repeat(CUBE, [3]))


def test_linspace_along_any_axis_and_between_tensors():
    start, stop = np.array([0.0, 1.0]), np.array([1.0, 3.0])
    for axis in (0, 1, -1):
        assert_is(ops.linspace(start, stop, 7, axis=axis), np.linspace(start, stop, 7, axis=axis))
    values, step = ops.linspace(start, 9.0, 4, endpoint=False, retstep=True)
    expected, expected_step = np.linspace(start, 9.0, 4, endpoint=False, retstep=True)
    assert_is(values, expected)
    assert_is(step, expected_step)
    assert ops.linspace(0.0, 0.7, 8)[-1] == np.float32(0.7)
    assert ops.linspace(3.0, 9.0, 1).tolist() == [3.0]
    assert ops.linspace(3.0, 9.0, 0).tolist() == []


def test_normalization_over_an_axis_in_the_middle():
    x, scale = torch.randn(3, 4, 5, dtype=torch.float64), torch.rand(4, dtype=torch.float64)
    centred = x - x.mean(1, keepdim=True)
    expected = centred / (x.var(1, correction=0, keepdim=True) + 0.1).sqrt() * scale[:, None] + 2.0
    shift = torch.full((4,), 2.0, dtype=torch.float64)
    torch.testing.assert_close(ops.layer_normalization(x, scale, shift, axis=1, epsilon=0.1), expected)
    rms = x / (x.square().mean(1, keepdim=True) + 0.1).sqrt() * scale[:, None]
    torch.testing.assert_close(ops.rms_normalization(x, scale, axis=1, epsilon=0.1), rms)


def test_the_mean_of_a_window_at_the_border_is_of_what_lies_inside():
    """Keras on torch repeats the border instead where the padding is odd; its other backends do as Lamina does."""
    x = torch.arange(3.0).reshape(1, 3, 1)
    assert ops.average_pool(x, 2, 1, "same").flatten().tolist() == [0.5, 1.5, 2.0]
    assert ops.average_pool(x, 3, 1, "same").flatten().tolist() == [0.5, 1.0, 1.5]
    assert ops.average_pool(x - 9, 4, 3, "same").flatten().tolist() == [-8.0]


def test_sparsemax_sums_to_one():
    x = torch.randn(4, 6, dtype=torch.float64)
    p = ops.sparsemax(x)
    torch.testing.assert_close(p.sum(-1), torch.ones(4, dtype=torch.float64))
    assert (p == 0).any()


# ---- 64 bits stay 64 bits


@pytest.mark.parametrize(
    "name", "maximum minimum matmul dot tensordot floor_divide arctan2 divide_no_nan logaddexp".split()
)
def test_float64_is_computed_in_float64(name):
    x, y = torch.rand(3, 3, dtype=torch.float64) + 1, torch.rand(3, 3, dtype=torch.float64) + 1
    reference = {
        "dot": np.dot,
        "tensordot": np.tensordot,
        "divide_no_nan": np.divide,
    }.get(name) or getattr(np, name)
    result = getattr(ops, name)(x, y)
    assert result.dtype == torch.float64
    assert_is(result, reference(x.numpy(), y.numpy()))


def test_large_integers_stay_exact():
    big = np.array([2**40, 3], dtype="int64")
    assert ops.prod(big).item() == 3 * 2**40
    assert ops.cumsum(big).tolist() == [2**40, 2**40 + 3]
    assert ops.maximum(big, 5).tolist() == [2**40, 5]
    assert ops.convert_to_tensor([2**40]).dtype == torch.int64
    assert ops.convert_to_tensor([np.int64(1)]).dtype == torch.int64


# ---- gradients that Keras on torch loses


def test_no_gradient_where_the_divisor_is_zero():
    x, y = torch.ones(3, requires_grad=True), torch.tensor([0.0, 2.0, 4.0], requires_grad=True)
    ops.divide_no_nan(x, y).sum().backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.25]
    assert y.grad.tolist() == [0.0, -0.25, -0.0625]


def test_updates_of_places_pass_gradients():
    x, updates = torch.ones(4, requires_grad=True), torch.tensor([3.0, 0.5], requires_grad=True)
    ops.scatter_update(x, [[0], [2]], updates, reduction="max").sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 1.0]
    assert updates.grad.tolist() == [1.0, 0.0]


def test_stop_gradient_and_copies():
    x = torch.ones(2, requires_grad=True)
    assert not ops.stop_gradient(x).requires_grad
    same = ops.copy(x.detach())
    same[0] = 5
    assert x.tolist() == [1.0, 1.0]
    given = np.ones(2, dtype="float32")
    ops.slice_update(given, (0,), [7.0])
    ops.scatter_update(given, [[0]], [7.0])
    assert given.tolist() == [1.0, 1.0]


# ---- plain answers


def test_what_a_tensor_is():
    x = torch.ones(2, 3, dtype=torch.bfloat16)
    assert (ops.shape(x), ops.ndim(x), ops.size(x), ops.dtype(x)) == ((2, 3), 2, 6, "bfloat16")
    assert type(ops.shape(x)) is tuple
    assert (ops.shape([[1, 2]]), ops.ndim(1.5), ops.dtype(np.ones(2)), ops.dtype([1])) == (
        (1, 2),
        0,
        "float64",
        "int32",
    )
    assert ops.is_tensor(x)
    assert not ops.is_tensor([1.0])
    assert ops.empty((2, 3), "int32").shape == (2, 3)
    assert ops.empty_like(x).dtype == torch.bfloat16


def test_convert_to_numpy():
    x = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    assert ops.convert_to_numpy(x).dtype == np.float32
    assert ops.convert_to_numpy(torch.ones(2, dtype=torch.int8)).dtype == np.int8
    assert ops.convert_to_numpy([1, 2]).tolist() == [1, 2]
    assert ops.convert_to_numpy([torch.ones(2), torch.zeros(2)]).tolist() == [[1.0, 1.0], [0.0, 0.0]]
    given = np.ones(2)
    copied = ops.convert_to_numpy(given)
    copied[0] = 5
    assert given[0] == 1


def test_arrays_are_shared_where_they_can_be():
    given = np.ones(2, dtype="float32")
    ops.convert_to_tensor(given)[0] = 5
    assert given[0] == 5
    given.flags.writeable = False
    ops.convert_to_tensor(given)[0] = 7
    assert given[0] == 5
    assert ops.convert_to_tensor(np.arange(4)[::-2]).tolist() == [3, 1]
    assert ops.convert_to_tensor([torch.ones(2), [1, 2]]).tolist() == [[1.0, 1.0], [1.0, 2.0]]


def test_in_top_k_counts_scores_above_the_targets():
    scores = torch.tensor([[0.5, 0.5, 0.0]])
    assert ops.in_top_k([1], scores, 1).tolist() == [True]
    assert ops.in_top_k([2], scores, 2).tolist() == [False]


# ---- errors


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: ops.sum(x, axis=2), ArgumentError, "no axis 2"),
        (lambda x: ops.squeeze(x, 0), ShapeError, "size 1"),
        (lambda x: ops.split(x, 3), ShapeError, "3 equal parts"),
        (lambda x: ops.unstack(x, 3), ShapeError, "3 slices"),
        (lambda x: ops.repeat(x, [1, 2, 3], axis=0), ShapeError, "one number for each slice"),
        (lambda x: ops.pad(x, 1, mode="wrap"), ArgumentError, "no mode 'wrap'"),
        (lambda x: ops.pad(x, 1, mode="reflect", constant_values=3), ArgumentError, "constant_values"),
        (lambda x: ops.pad(x, ((1, 1), (1, 1), (1, 1))), ArgumentError, "pad_width"),
        (lambda x: ops.convert_to_tensor(["a"]), DtypeError, "cannot become a tensor"),
        (lambda x: ops.convert_to_tensor(None), DtypeError, "cannot become a tensor"),
        (lambda x: ops.convert_to_tensor(x, sparse=True), ArgumentError, "dense"),
        (lambda x: ops.one_hot([1], 2, sparse=True), ArgumentError, "dense"),
        (lambda x: ops.meshgrid(x[0], indexing="ji"), ArgumentError, "indexing"),
        (lambda x: ops.scatter_update(x, [[0]], x[:1], "mean"), ArgumentError, "reduction 'mean'"),
        (lambda x: ops.searchsorted(x[0], x, side="middle"), ArgumentError, "side"),
        (lambda x: ops.qr(x, mode="raw"), ArgumentError, "mode 'raw'"),
        (lambda x: ops.moments(x, 0, synchronized=True), ArgumentError, "synchronized"),
        (lambda x: ops.layer_normalization(x, rms_scaling=True), ArgumentError, "rms_scaling"),
        (lambda x: ops.binary_crossentropy(x, x[0]), ShapeError, "different shapes"),
        (lambda x: ops.categorical_crossentropy(x, x[0]), ShapeError, "different shapes"),
        (lambda x: ops.sparse_categorical_crossentropy([1, 0, 1], x), ShapeError, "without the classes"),
        (lambda x: ops.conv(x, x), ShapeError, "spatial axes"),
        (lambda x: ops.conv(x[None], x), ShapeError, "kernel does not fit"),
        (lambda x: ops.conv(x[None], torch.ones(2, 3, 4)), ShapeError, "channels"),
        (lambda x: ops.conv(x[None], torch.ones(2, 4, 4), padding="causal"), ArgumentError, "padding 'causal'"),
        (lambda x: ops.max_pool(x[None], 2, data_format="nhwc"), ArgumentError, "data_format 'nhwc'"),
        (lambda x: ops.max_pool(x[None], (2, 2)), ArgumentError, "pool_size"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text):
    with pytest.raises(error, match=text):
        call(torch.ones(2, 4))


def test_values_are_needed_for_the_number_of_segments_only():
    with pytest.raises(ValueNeededError, match="How many segments"):
        ops.segment_max(torch.ones(3, device="meta"), torch.ones(3, dtype=torch.int64, device="meta"))


def test_what_is_looked_up_may_lie_in_any_order_in_memory():
    """PyTorch warns, once in a process, of looking up what is not contiguous."""
    values, limits = torch.randn(6, 4).T, torch.arange(8.0)[::2]
    torch.set_warn_always(True)
    try:
        ours = ops.digitize(values, limits), ops.searchsorted(limits, values)
    finally:
        torch.set_warn_always(False)
    assert_is(ours[0], np.digitize(values.numpy(), limits.numpy()))
    assert_is(ours[1], np.searchsorted(limits.numpy(), values.numpy()))
