"""Functions by Keras' names take what Keras' functions take, and refuse in Keras' kinds of errors what these refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch

import lamina
from lamina import backend, layers, ops

HALVES = np.array([1.0, 2.5], ml_dtypes.bfloat16)


@pytest.mark.parametrize(
    "made",
    [
        lambda: ops.convert_to_tensor(HALVES),
        lambda: ops.convert_to_tensor(HALVES[::-1])[[1, 0]],
        lambda: ops.convert_to_tensor([HALVES[0], HALVES[1]]),
        lambda: lamina.Variable(HALVES).value,
        lambda: ops.multiply(HALVES, 1),
        lambda: layers.Activation("linear", dtype="bfloat16")(HALVES),
    ],
)
def test_arrays_of_bfloat16_become_tensors(made: Callable[[], torch.Tensor]) -> None:
    result = made()
    assert result.dtype is torch.bfloat16
    assert result.tolist() == [1.0, 2.5]


def test_other_dtypes_of_that_package() -> None:
    assert ops.convert_to_tensor(np.array([2.0], ml_dtypes.float8_e5m2)).dtype is torch.float8_e5m2
    frozen = HALVES.copy()
    frozen.flags.writeable = False
    assert ops.convert_to_tensor(frozen).tolist() == [1.0, 2.5]
    with pytest.raises(TypeError, match="numbers"):
        ops.convert_to_tensor(np.array([1], ml_dtypes.int4))


def test_bfloat16_weights_and_data_as_arrays() -> None:
    layer = layers.Dense(2, dtype="bfloat16")
    layer.build((None, 2))
    layer.set_weights([np.eye(2), HALVES])
    kernel, bias = layer.get_weights()
    assert (kernel.dtype, bias.tolist()) == (np.float32, [1.0, 2.5])
    assert np.asarray(layer.bias).tolist() == layer.bias.numpy().tolist() == [1.0, 2.5]
    model = lamina.Sequential([layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    rows = np.ones((4, 2), ml_dtypes.bfloat16)
    model.fit(rows, rows[:, :1], verbose=0)
    for predicted in (model.predict(rows, verbose=0), model.predict_on_batch(rows), model(rows)):
        assert predicted.shape == (4, 1)


@pytest.mark.parametrize("name, kind", [("uint16", torch.int32), ("uint32", torch.int64)])
def test_larger_unsigned_integers_are_held_by_signed_ones(name: str, kind: torch.dtype) -> None:
    most = np.iinfo(name).max
    assert backend.standardize_dtype(name) == backend.standardize_dtype(np.dtype(name)) == name
    for made in (ops.convert_to_tensor(np.array([most], name)), ops.cast([most], name), ops.full((1,), most, name)):
        assert made.dtype is kind
        assert made.tolist() == [most]
    assert lamina.Input((2,), dtype=name).dtype is kind
    assert lamina.random.randint((3,), 0, 9, dtype=name).dtype is kind


def test_bits_read_as_unsigned_integers() -> None:
    bits = np.array([-1, 1], "int32")
    assert ops.view(bits, "uint32").tolist() == bits.view("uint32").tolist()
    assert ops.view(lamina.Input((4,), dtype="int32"), "uint16").shape == (None, 8)


X = np.arange(6.0, dtype="float32").reshape(2, 3)
AS_NUMPY: list[tuple[Callable[[], Any], Any]] = [
    (lambda: ops.take(X, 0), np.take(X, 0)),
    (lambda: ops.take(X[0], -1), np.take(X[0], -1)),
    (lambda: ops.take(X, 1, axis=1), np.take(X, 1, axis=1)),
    (lambda: ops.slice(X, (1, 1), (-1, -1)), X[1:, 1:]),
    (lambda: ops.slice(X, (0, 1), (1, -1)), X[:1, 1:]),
    (lambda: ops.roll(X, 1, axis=[0, 1]), np.roll(X, 1, axis=[0, 1])),
    (lambda: ops.argsort(np.array(5)), np.array([0])),
    (lambda: ops.round(np.array([125, 135, -15, -16, 4, 250]), -1), np.round([125, 135, -15, -16, 4, 250], -1)),
    (lambda: ops.round(np.array([150, 250, -150, 151], "int16"), -2), np.array([200, 200, -200, 200])),
    (lambda: ops.round(np.array([7, 8]), 3), np.array([7, 8])),
    (lambda: ops.floor_divide([True, True], [True, True]), np.array([1, 1])),
    (lambda: ops.subtract([True, False], X[0, :2]), np.array([1.0, -1.0])),
    (lambda: lamina.activations.softmax(np.array([[1, 1]])), np.array([[0.5, 0.5]])),
    (lambda: lamina.activations.softmax([True, True], axis=None), np.array([0.5, 0.5])),
    (lambda: ops.exp(lamina.activations.log_softmax([3, 3])), np.array([0.5, 0.5])),
    (lambda: np.min(lamina.Variable(X)), X.min()),
    (lambda: np.concatenate([lamina.Variable(X[0]), X[1]]), X.reshape(-1)),
    (lambda: ops.max_pool(X[None, :, :, None], (2, 1), padding="VALID"), X[None, 1:, :, None]),
]


@pytest.mark.parametrize("call, due", AS_NUMPY)
def test_values_as_in_numpy(call: Callable[[], Any], due: Any) -> None:
    np.testing.assert_allclose(ops.convert_to_numpy(call()), due)


def test_drawn() -> None:
    x = lamina.Input((3,))
    assert ops.take(x, 1).shape == ()
    assert ops.slice(x, (0, 1), (-1, -1)).shape == (None, 2)
    assert (x.sparse, x.ragged) == (False, False)
    steps = lamina.Input((None, 4))
    slices = ops.unstack(steps, num=3, axis=1)
    assert [part.shape for part in slices] == [(None, 4)] * 3
    model = lamina.Model(steps, slices[2])
    assert model(torch.arange(12.0).reshape(1, 3, 4)).tolist() == [[8.0, 9.0, 10.0, 11.0]]
    with pytest.raises(ValueError, match="5"):
        model(torch.ones(1, 5, 4))


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: ops.eye(3.0), TypeError, "whole number"),
        (lambda: ops.eye(3, np.float32(2)), TypeError, "whole number"),
        (lambda: ops.eye(torch.tensor(3.0)), TypeError, "whole number"),
        (lambda: ops.identity(2.0), TypeError, "whole number"),
        (lambda: ops.subtract([True], [True]), TypeError, "takes numbers"),
        (lambda: lamina.Variable([True]) - lamina.Variable([True]), TypeError, "takes numbers"),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0, X, unroll=-1), ValueError, "unroll"),
        (lambda: ops.reshape(X, (-2, 3)), ValueError, "one may be -1"),
        (lambda: ops.reshape(X, (-1, -1)), ValueError, "one may be -1"),
        (lambda: ops.concatenate([X, X], axis=None), ValueError, "one axis"),
        (lambda: ops.diagonal(X, axis1=0, axis2=-2), ValueError, "two axes"),
        (lambda: ops.trace(X, axis1=1, axis2=1), ValueError, "two axes"),
        (lambda: ops.where(X > 1, X, None), ValueError, "both values"),
        (lambda: ops.normalize(X, order=2.5), ValueError, "whole order"),
        (lambda: ops.normalize(X, order=0), ValueError, "whole order"),
        (lambda: ops.fft2((X[0], X[0])), ValueError, "2 or more axes"),
        (lambda: ops.rfft(3.0), ValueError, "1 or more axes"),
        (lambda: ops.slice(X, torch.tensor([0, 1]), (-1, 2)), ValueError, "depends on values"),
        (lambda: ops.bitwise_and(lamina.Input((2,)), lamina.Input((2,))), TypeError, "cannot take this input"),
        *((lambda name=name: getattr(ops, name)(X), ValueError, "not square") for name in "det inv eigh eig".split()),
        *((lambda name=name: getattr(ops, name)(X[0]), ValueError, "no matrix") for name in "qr svd pinv".split()),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_whole_numbers_become_fractions_in_softmax() -> None:
    assert lamina.activations.softmax([1, 2]).dtype is torch.float32
    assert lamina.activations.softmax(lamina.Input((2,), dtype="int32")).dtype is torch.float32


@pytest.mark.parametrize("error", [lamina.DtypeError, lamina.ArgumentTypeError])
def test_errors_of_types_are_of_the_kinds_that_keras_raises(error: type[Exception]) -> None:
    assert issubclass(error, TypeError)
    assert issubclass(error, ValueError)
    with pytest.raises(TypeError, match="a name, not a int"):
        lamina.DTypePolicy(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whole numbers"):
        lamina.random.randint((2,), 0, 3, dtype="float32")
    with pytest.raises(ValueError, match="needs the values"):
        ops.convert_to_numpy(lamina.Input((2,)))


def test_names_of_keras_3_16() -> None:
    rows = [np.array([1, 2]), np.ones((2, 2), "float32"), [3.0, 4.0]]
    np.testing.assert_array_equal(ops.column_stack(rows), np.column_stack(rows))
    assert ops.numpy.column_stack([lamina.Input((3,)), lamina.Input((2,))]).shape == (None, 5)
    x = np.linspace(0, 4, 5, dtype="float32")
    np.testing.assert_allclose(ops.gammainc(1, x), 1 - np.exp(-x), rtol=1e-6)
    np.testing.assert_allclose(ops.gammainc([[2.0], [1.0]], x)[0], 1 - np.exp(-x) * (1 + x), rtol=1e-5)
    assert ops.gammainc(2, lamina.Input((3,), dtype="int32")).dtype is torch.float32
