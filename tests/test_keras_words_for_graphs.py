"""`Function`, `Operation`, `SymbolicScope`: Keras' words for what Lamina calls models, layers and trials."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import lamina
from lamina import Input, Model, ops
from lamina.layers import Dense


class Doubled(lamina.Operation):
    def call(self, x: Any) -> Any:
        return ops.multiply(x, 2)


def test_a_function_is_a_graph_that_can_be_called() -> None:
    a, b = Input((3,)), Input((3,))
    function = lamina.Function([a, b], [ops.add(a, b), ops.subtract(a, b)], name="both")
    x, y = np.ones((2, 3), "float32"), np.full((2, 3), 2.0, "float32")
    first, second = function([x, y])
    assert torch.equal(first, torch.full((2, 3), 3.0))
    assert torch.equal(second, torch.full((2, 3), -1.0))
    assert function.name == "both"
    assert isinstance(Model(a, Dense(2)(a)), lamina.Function)
    again, _ = function([Input((3,)), Input((3,))])
    assert again.shape == (None, 3)


def test_an_operation_of_ones_own() -> None:
    x = Input((3,))
    y = Doubled()(x)
    assert y.shape == (None, 3)
    assert torch.equal(Model(x, y)(torch.ones(1, 3)), torch.full((1, 3), 2.0))
    assert isinstance(Dense(2), lamina.Operation)


def test_the_operations_of_a_model_are_its_layers_and_functions() -> None:
    x = Input((3,))
    dense = Dense(3)
    model = Model(x, torch.tanh(dense(dense(x)) + 1))
    operations = model.operations
    assert [op for op in operations if op is dense] == [dense]
    assert torch.tanh in operations
    assert operations.index(dense) < operations.index(torch.tanh)


def test_a_symbolic_scope_makes_shapes_and_ends() -> None:
    with lamina.SymbolicScope():
        table = ops.matmul(ops.ones((10**6, 4)), ops.ones((4, 10**6)))
    assert table.shape == (10**6, 10**6)
    assert table.is_meta
    assert not ops.ones((2,)).is_meta
