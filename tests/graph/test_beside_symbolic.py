"""What stands beside a symbolic tensor: NumPy's arrays and numbers, and views of parameters."""

from __future__ import annotations

import operator

import numpy as np
import pytest
import torch

import lamina
from lamina import Model
from lamina.graph import DtypeError, GraphError, ValueNeededError
from lamina.layers import Input

ROW = np.array([1.0, 2.0, -3.0, 4.0], dtype="float32")
OPERATORS = "add sub mul truediv floordiv mod pow lt le gt ge eq ne".split()


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_with_an_array_on_either_side(name):
    op = getattr(operator, name)
    x = Input((4,))
    model = Model(x, [op(x, ROW), op(ROW, x), op(x, ROW[::-1]), op(x, ROW[0]), op(ROW[1], x), op(x, np.float64(2))])
    real = torch.rand(3, 4) + 0.5
    row = torch.tensor(ROW)
    expected = [op(real, row), op(row, real), op(real, row.flip(0)), op(real, 1.0), op(2.0, real), op(real, 2.0)]
    for got, due in zip(model(real), expected, strict=True):
        torch.testing.assert_close(got, due, rtol=0, atol=0, equal_nan=True)


def test_other_operators_and_kinds_of_arrays(tmp_path):
    x = Input((4,))
    y = Input((4,), dtype="int64")
    outputs = [
        np.eye(4, dtype="float32") @ x.mT,
        x @ np.eye(4, dtype="float32"),
        y & np.array([1, 2, 3, 4]),
        np.array([1, 2, 3, 4]) ^ y,
        y << np.int64(1),
        x[:, np.array([2, 0])],
        x[:, np.int64(1)],
        x * np.bool_(True),
        x + np.array(2.0),
        torch.cat([x, np.ones((1, 4), "float32") * x], 1),
    ]
    model = Model([x, y], outputs)
    model.save(tmp_path / "model.lamina")
    a, b = torch.rand(3, 4), torch.arange(12).reshape(3, 4)
    w = torch.tensor([1, 2, 3, 4])
    expected = [a.mT, a, b & w, w ^ b, b << 1, a[:, [2, 0]], a[:, 1], a, a + 2, torch.cat([a, a], 1)]
    for run in (model, lamina.models.load_model(tmp_path / "model.lamina")):
        for got, due in zip(run([a, b]), expected, strict=True):
            torch.testing.assert_close(got, due)


def test_an_array_is_copied_and_moves_with_the_model():
    x = Input((4,))
    array = ROW.copy()
    model = Model(x, x * array)
    array[:] = 0
    assert torch.equal(model(torch.ones(1, 4))[0], torch.tensor(ROW))
    assert [tuple(t.shape) for t in model.state_dict().values()] == [(4,)]


def test_arrays_keep_their_dtype_as_beside_a_real_tensor():
    x = Input((4,))
    assert (x * np.ones(4)).dtype == torch.float64
    assert (x * np.ones(4, "int64")).dtype == torch.float32


@pytest.mark.parametrize("array", [np.array(["a"] * 4), np.array([None] * 4), np.ones(4, ">f4")])
def test_arrays_that_are_no_tensors_are_refused(array):
    with pytest.raises(DtypeError, match="must hold numbers"):
        Input((4,)) * array


def test_other_functions_of_numpy_are_refused_by_name():
    x = Input((4,))
    for call in (lambda: np.exp(x), lambda: np.add.reduce(x), lambda: np.add(ROW, x, out=ROW.copy())):
        with pytest.raises(ValueNeededError, match=r"np\.(exp|add)"):
            call()


def test_a_view_of_a_parameter_is_trained():
    x = Input((3, 4))
    weight = torch.nn.Parameter(torch.zeros(3, 4))
    views = (weight[None], weight.unsqueeze(0), weight.view(1, 3, 4), weight.reshape(1, 12).view(1, 3, 4))
    for view in views:
        model = Model(x, x + view)
        assert any(p is weight for p in model.parameters())
        weight.grad = None
        model(torch.ones(2, 3, 4)).sum().backward()
        assert torch.equal(weight.grad, torch.full((3, 4), 2.0))


def test_what_is_computed_from_a_parameter_is_refused():
    weight = torch.nn.Parameter(torch.zeros(3, 4))
    transposed = torch.nn.Parameter(torch.randn(4, 3).t())  # its elements stand in another order in memory
    for value in (weight * 2, weight[:2], weight.mT, transposed.mT):
        with pytest.raises(GraphError, match="requires_grad"):
            torch.relu(Input((3, 4))) + value.sum(0, keepdim=True)
