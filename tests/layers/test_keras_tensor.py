"""KerasTensor: by `isinstance` every symbolic tensor, and made by its whole shape."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import KerasTensor, layers, ops


def test_every_symbolic_tensor_is_one() -> None:
    x = lamina.Input((3,))
    made = [x, x + 1, layers.Dense(2)(x), ops.relu(x), x[:, 0], KerasTensor((2, 3))]
    assert all(isinstance(tensor, KerasTensor) for tensor in made)
    assert issubclass(type(x), KerasTensor)
    assert not any(isinstance(other, KerasTensor) for other in (torch.ones(2), np.ones(2), x.size(0), 3, None))


@pytest.mark.parametrize("shape", [(), (None,), (2, 3), [None, None, 4], torch.Size([2, 0])])
def test_the_shape_has_the_batch_axis(shape: Any) -> None:
    assert KerasTensor(shape).shape == tuple(shape)
    assert KerasTensor(shape=shape, dtype="int32", name="here").dtype is torch.int32
    assert KerasTensor(shape, name="here").name == "here"


def test_goes_where_an_input_goes() -> None:
    a, b = KerasTensor((None, 3)), KerasTensor((None, 3), name="b")
    model = lamina.Model([a, b], layers.Dense(2)(layers.Add()([a, b])))
    data = [torch.ones(4, 3), torch.ones(4, 3)]
    assert torch.equal(pickle.loads(pickle.dumps(model))(data), model(data))
    assert copy.deepcopy(model).input_names[1] == "b"
    again = lamina.Model.from_config(model.get_config())
    assert again.count_params() == model.count_params()
    assert layers.Dense(5).compute_output_shape(KerasTensor((2, 3)).shape) == (2, 5)
    started = lamina.Sequential([KerasTensor((None, 3)), layers.Dense(5)])
    assert started.output_shape == (None, 5)


@pytest.mark.parametrize(
    "given, error",
    [
        ({"shape": 3}, ValueError),
        ({"shape": (2.5,)}, ValueError),
        ({"shape": (-1, 2)}, ValueError),
        ({"shape": ("a",)}, ValueError),
        ({"shape": None}, ValueError),
        ({"shape": (2,), "dtype": "no such"}, TypeError),
        ({"shape": (2,), "sparse": True}, ValueError),
        ({"shape": (2,), "ragged": True}, ValueError),
    ],
)
def test_refuses_what_is_no_tensor(given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        KerasTensor(**given)


def test_a_layer_tells_what_it_would_return() -> None:
    x = KerasTensor((2, 3))
    dense, model = layers.Dense(4), lamina.Sequential([layers.Dense(2)])
    assert dense.compute_output_spec(x).shape == (2, 4)
    assert model.compute_output_spec(x).shape == (2, 2)
    assert not dense.built
    assert not dense.weights
    assert not model.built
    dense(x)
    assert dense.compute_output_spec(KerasTensor((None, 3), "float16")).shape == (None, 4)
    assert layers.Add().compute_output_spec([x, x]).dtype is torch.float32
    several = layers.LSTM(3, return_state=True).compute_output_spec(KerasTensor((2, 5, 3)))
    assert [one.shape for one in several] == [(2, 3)] * 3
