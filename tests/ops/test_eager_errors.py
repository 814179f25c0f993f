"""What PyTorch refuses of an operation on real tensors says the operation, what it was given, and the user's line."""

from __future__ import annotations

import re
import traceback

import numpy as np
import pytest
import torch

from lamina import layers, ops

A, B = np.ones((2, 3), "float32"), torch.ones(4, 5)
BOTH = r"x1 \(2, 3\) float32, x2 \(4, 5\) float32"
CASES = {
    "matmul": (lambda: ops.matmul(A, B), BOTH),
    "add": (lambda: ops.add(A, B), BOTH),
    "multiply": (lambda: ops.multiply(A, B), BOTH),
    "power": (lambda: ops.power(A, B), BOTH),
    "maximum": (lambda: ops.maximum(A, B), BOTH),
    "equal": (lambda: ops.equal(A, B), BOTH),
    "divide": (lambda: ops.divide(A, B), BOTH),
    "where": (lambda: ops.where(A > 0, A, B), r"condition \(2, 3\) bool"),
    "logical_and": (lambda: ops.logical_and(A, B), BOTH),
    "bitwise_or": (lambda: ops.bitwise_or(A.astype(int), np.ones(5, int)), r"x \(2, 3\) int64, y \(5,\) int64"),
    "dot": (lambda: ops.dot(A, B), BOTH),
    "tensordot": (lambda: ops.tensordot(A, B, 1), f"{BOTH}, axes 1"),
    "einsum": (lambda: ops.einsum("ij,jk->ik", A, B), r"\[\(2, 3\) float32, \(4, 5\) float32\]"),
    "reshape": (lambda: ops.reshape(A, (4, 2)), r"newshape \(4, 2\)"),
    "broadcast_to": (lambda: ops.broadcast_to(A, (5, 5)), r"shape \(5, 5\)"),
    "transpose": (lambda: ops.transpose(A, (0, 1, 2)), r"axes \(0, 1, 2\)"),
    "expand_dims": (lambda: ops.expand_dims(A, 7), "axis 7"),
    "swapaxes": (lambda: ops.swapaxes(A, 0, 5), "axis1 0, axis2 5"),
    "concatenate": (lambda: ops.concatenate([A, B]), r"xs \[\(2, 3\) float32, \(4, 5\) float32\], axis 0"),
    "stack": (lambda: ops.stack([A, B]), r"x \[\(2, 3\)"),
    "vstack": (lambda: ops.vstack([A, B]), r"xs \[\(2, 3\)"),
    "tile": (lambda: ops.tile(A, "x"), "repeats 'x'"),
    "take": (lambda: ops.take(A, [9], axis=0), r"indices \[9\], axis 0"),
    "slice": (lambda: ops.slice(A, (0, 0), (5, 5)), r"shape \(5, 5\)"),
    "argmax": (lambda: ops.argmax(A, axis=3), "axis 3"),
    "cumsum": (lambda: ops.cumsum(A, axis=5), "axis 5"),
    "solve": (lambda: ops.solve(A, B), r"a \(2, 3\) float32"),
    "zeros": (lambda: ops.zeros((-1, 2)), r"shape \(-1, 2\)"),
    "eye": (lambda: ops.eye(-2), "N -2"),
    "convert_to_tensor": (lambda: ops.convert_to_tensor(2**40, dtype="int32"), "dtype 'int32'"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_says_what_it_was_given_and_where(name):
    call, given = CASES[name]
    with pytest.raises((RuntimeError, IndexError, TypeError)) as caught:
        call()
    (note,) = caught.value.__notes__
    line = call.__code__.co_firstlineno
    assert note.startswith(f"in ops.{name}(")
    assert note.endswith(f"test_eager_errors.py:{line}")
    assert re.search(given, note), note
    assert {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)} == {__file__}


def test_within_a_layer_both_are_told():
    class Adds(layers.Layer):
        def call(self, x):
            return ops.add(x, B)

    with pytest.raises(RuntimeError, match="size of tensor") as caught:
        Adds()(torch.ones(2, 3))
    operation, layer = caught.value.__notes__
    assert operation.startswith("in ops.add(x1 (2, 3) float32")
    assert layer.startswith("in layer adds (Adds)")


def test_a_compiler_takes_it():
    compiled = torch.compile(
        lambda x: ops.reshape(ops.matmul(ops.add(x, 1), x), (-1,)), backend="eager", fullgraph=True
    )
    assert compiled(torch.ones(2, 2)).tolist() == [4.0] * 4
