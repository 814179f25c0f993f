"""A layer whose call writes into what it has made, ``outputs += x``, is drawn by shapes, as it runs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from lamina import Input, layers, ops
from lamina.graph import ShapeError

COMPILER = "torch.fx.experimental.symbolic_shapes"


class Summed(layers.Layer):
    def call(self, x):
        outputs = ops.zeros([ops.shape(x)[0], 2])
        outputs += x[:, :2]
        outputs += ops.ones((1, 2))
        outputs /= 2
        outputs.mul_(x[:, :1])
        outputs -= 1
        return outputs


class Widened(layers.Layer):
    def call(self, x):
        outputs = x * 1
        outputs += ops.ones((7, 5, 4))
        return outputs


class Whole(layers.Layer):
    def call(self, x):
        outputs = ops.zeros((4,), dtype="int32") + 0
        outputs += x
        return outputs


def test_what_is_drawn_is_what_runs():
    x = torch.rand(3, 4)
    layer = Summed()
    assert layer(Input((4,))).shape == (None, 2)
    torch.testing.assert_close(layer(x), (x[:, :2] + 1) / 2 * x[:, :1] - 1)


@pytest.mark.parametrize("kind", [Widened, Whole])
def test_what_pytorch_refuses_to_write_into_is_refused(kind):
    with pytest.raises(ShapeError):
        kind()(Input((4,)))


def test_it_does_without_the_compiler():
    code = f"""
import sys
from lamina import Input, layers, ops
class Summed(layers.Layer):
    def call(self, x):
        outputs = ops.zeros([ops.shape(x)[0], 2])
        outputs += x[:, :2]
        outputs /= 2
        return outputs
Summed()(Input((4,)))
assert {COMPILER!r} not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- where an error is


class Projected(layers.Layer):
    def call(self, x):
        x = ops.relu(x)
        return ops.matmul(x, ops.ones((3, 2)))


def test_an_error_within_a_call_names_the_line_there_and_that_of_the_call():
    line = Projected.call.__code__.co_firstlineno + 2
    with pytest.raises(ShapeError) as refused:
        Projected()(Input((8,)))
    assert f"test_in_place.py:{line}, in the call at " in str(refused.value)


def test_numpys_own_lines_are_none_of_the_users():
    with pytest.raises(ShapeError) as refused:
        np.sum(Input((8,)))
    assert "test_in_place.py" in refused.value.line


def test_a_list_for_one_tensor_is_told_in_words():
    with pytest.raises(ValueError, match="cannot take a list of 2 tensors") as refused:
        layers.Dense(3)([Input((4,)), Input((4,))])
    assert refused.value.expected == "one tensor"
