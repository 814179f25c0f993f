"""`Variable`: made as Keras' is, computes by Keras' rules, is a weight of the layer that has it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import Variable, initializers, layers

F32 = torch.float32
MADE: list[tuple[dict[str, Any], tuple[int, ...], torch.dtype]] = [
    ({"initializer": [1.0, 2.0]}, (2,), F32),
    ({"initializer": 3}, (), torch.int32),
    ({"initializer": True}, (), torch.bool),
    ({"initializer": np.ones((2, 3))}, (2, 3), torch.float64),
    ({"initializer": np.ones((2, 3)), "dtype": "float16"}, (2, 3), torch.float16),
    ({"initializer": torch.ones(2, dtype=torch.int8)}, (2,), torch.int8),
    ({"initializer": "ones", "shape": (2, 1)}, (2, 1), F32),
    ({"initializer": "ones", "shape": ()}, (), F32),
    ({"initializer": initializers.Zeros(), "shape": [4], "dtype": torch.bfloat16}, (4,), torch.bfloat16),
    ({"initializer": initializers.RandomNormal, "shape": 4}, (4,), F32),
    ({"initializer": lambda shape, dtype=None: torch.ones(shape, dtype=dtype), "shape": (2,)}, (2,), F32),
    ({"initializer": [1.0], "shape": (1,)}, (1,), F32),
]


@pytest.mark.parametrize("given, shape, dtype", MADE)
def test_is_made_of_values_or_an_initializer(given: Any, shape: Any, dtype: Any) -> None:
    made = Variable(**given, name="here")
    assert (tuple(made.shape), made.dtype, made.name, made.path) == (shape, dtype, "here", "here")
    assert isinstance(made, torch.nn.Parameter) is dtype.is_floating_point
    assert made.trainable is made.requires_grad is dtype.is_floating_point
    assert not Variable(**given, trainable=False).trainable


@pytest.mark.parametrize(
    "given, error",
    [
        ({"initializer": "ones"}, ValueError),
        ({"initializer": initializers.Zeros()}, ValueError),
        ({"initializer": None}, ValueError),
        ({"initializer": "ones", "shape": (None, 2)}, ValueError),
        ({"initializer": "ones", "shape": (-1,)}, ValueError),
        ({"initializer": [1.0], "shape": (3,)}, ValueError),
        ({"initializer": "no such", "shape": (3,)}, ValueError),
        ({"initializer": [1.0], "name": "a/b"}, ValueError),
        ({"initializer": [1.0], "name": 3}, ValueError),
        ({"initializer": [1.0], "aggregation": "median"}, ValueError),
        ({"initializer": [1.0], "synchronization": "never"}, ValueError),
        ({"initializer": [1.0], "dtype": "no such"}, TypeError),
        ({"initializer": ["a"]}, TypeError),
    ],
)
def test_what_cannot_be_made(given: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Variable(**given)
    with pytest.raises(ValueError, match="needs values"):
        Variable(lamina.Input((2,)))


def test_its_memory() -> None:
    array, tensor = np.ones(2, "float32"), torch.ones(2)
    Variable(array).assign([3.0, 4.0])
    Variable(tensor).assign([3.0, 4.0])
    assert array.tolist() == [1.0, 1.0]  # NumPy's is the user's
    assert tensor.tolist() == [3.0, 4.0]  # as nn.Parameter


def test_assigning_returns_the_values() -> None:
    v = Variable([1.0, 2.0])
    sums = [v.assign_add([1.0, 1.0]), v.assign_sub(0.5), v.assign([7.0, 8.0])]
    assert [s.tolist() for s in sums] == [[2.0, 3.0], [1.5, 2.5], [7.0, 8.0]]
    assert not any(s.requires_grad for s in sums)
    assert v.requires_grad
    assert v.numpy().tolist() == [7.0, 8.0]


def test_settings() -> None:
    v = Variable([1.0], aggregation="mean", synchronization="on_read", autocast=False)
    assert (v.aggregation, v.synchronization, v.autocast) == ("mean", "on_read", False)
    assert Variable([1.0], aggregation=None, synchronization=None).aggregation == "none"
    v.regularizer, v.constraint = lamina.regularizers.L2(0.1), lamina.constraints.NonNeg()
    for name in ("regularizer", "constraint"):
        with pytest.raises(ValueError, match=name):
            setattr(v, name, "l2")
    with pytest.raises(ValueError, match="True or False"):
        v.overwrite_with_gradient = "yes"
    v.trainable = False
    assert not v.requires_grad
    again = pickle.loads(pickle.dumps(copy.deepcopy(v)))
    assert (again.aggregation, again.autocast, again.trainable) == ("mean", False, False)
    assert type(again)(again, requires_grad=False).numpy() == [1.0]  # as tools make parameters


F, N, B = Variable([1.0, 4.0]), Variable([5, 6]), Variable([True, False])
SUMS: list[tuple[str, Any, list[Any], torch.dtype]] = [
    ("array right", lambda: F + np.array([1.0, 2.0], "float32"), [2, 6], F32),
    ("array left", lambda: np.array([2.0, 3.0], "float32") - F, [1, -1], F32),
    ("list right", lambda: F * [2.0, 3.0], [2, 12], F32),
    ("NumPy's number", lambda: np.float32(2) * F, [2, 8], F32),
    ("array less", lambda: np.array([2.0, 2.0]) > F, [True, False], torch.bool),
    ("array more", lambda: np.array([2.0, 2.0]) < F, [False, True], torch.bool),
    ("equal list", lambda: F == [1.0, 3.0], [True, False], torch.bool),
    ("matmul", lambda: np.eye(2, dtype="float32") @ F, [1, 4], F32),
    ("division", lambda: N / 2, [2.5, 3], F32),
    ("and", lambda: N & B, [True, False], torch.bool),
    ("and of numbers", lambda: N & 2, [True, True], torch.bool),
    ("or", lambda: B | B, [True, False], torch.bool),
    ("xor", lambda: torch.tensor([0, 1]) ^ N, [True, False], torch.bool),
    ("xor left", lambda: np.array([True, True]) ^ B, [False, True], torch.bool),
    ("int minus bool", lambda: N - B, [4, 6], torch.int32),
    ("bool times int", lambda: B * N, [5, 0], torch.int32),
    ("int @ bool", lambda: N @ B, 5, torch.int32),
    ("int @ float", lambda: N @ F, 29, F32),
    ("round", lambda: round(Variable([1.26, 5.04]), 1), [1.3, 5], F32),
    ("list left", lambda: [1, 2] + F, [2, 6], F32),  # noqa: RUF005
    ("list minus", lambda: [6.0, 6.0] - F, [5, 2], F32),
    ("tuple times", lambda: (2, 3) * F, [2, 12], F32),
    ("list over", lambda: [2.0, 2.0] / F, [2, 0.5], F32),
    ("list floor", lambda: [2.0, 9.0] // F, [2, 2], F32),
    ("list rest", lambda: [12, 13] % N, [2, 1], torch.int32),
    ("list power", lambda: [2, 3] ** F, [2, 81], F32),
    ("list @", lambda: [[1, 2], [3, 4]] @ N, [17, 39], torch.int32),
    ("bools minus", lambda: torch.tensor([True, True]) - N, [-4, -5], torch.int32),
    ("halves over", lambda: torch.tensor([5, 12], dtype=torch.bfloat16) / N, [1, 2], torch.bfloat16),
    ("halves over numbers", lambda: N / torch.ones(2, dtype=torch.bfloat16), [5, 6], torch.bfloat16),
    ("halves @", lambda: torch.ones(2, dtype=torch.float16) @ F, 5, F32),
    ("number over", lambda: 10 / N, [2, 10 / 6], F32),
    ("power", lambda: 2**N, [32, 64], torch.int32),
]


@pytest.mark.parametrize("name, compute, due, dtype", SUMS, ids=[case[0] for case in SUMS])
def test_arithmetic(name: str, compute: Any, due: Any, dtype: torch.dtype) -> None:
    result = compute()
    assert type(result) is torch.Tensor
    assert result.dtype is dtype
    assert result.tolist() == pytest.approx(due)


def test_gradients_pass_through_arrays_and_numpy_sees_an_array() -> None:
    v = Variable([1.0, 4.0])
    (np.array([2.0, 3.0], "float32") * v + v * [1.0, 1.0]).sum().backward()
    assert v.grad.tolist() == [3.0, 4.0]
    assert isinstance(np.sqrt(v), np.ndarray)
    assert np.add.reduce(v) == 5
    assert np.asarray(v, "float64").dtype == np.float64
    with pytest.raises(RuntimeError, match="size"):
        v + torch.ones(3)
    with pytest.raises(TypeError, match="no number"):
        float(v)


class Keeps(layers.Layer):
    """Its own variables, as Keras' guides make them: as attributes, in lists and dicts, in __init__ and in build."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = Variable("ones", shape=(3,), name="scale", regularizer=lamina.regularizers.L2(0.5))
        self.count = Variable(0, trainable=False, name="count")
        self.mean = Variable([0.0], trainable=False, name="mean")
        self.several = [Variable([1.0], name="first"), Variable([2.0], trainable=False, name="second")]
        self.late: list[Any] = []

    def build(self, input_shape: Any) -> None:
        self.late.append(Variable(initializers.Ones(), shape=(1,), name="late"))
        self.named = {"a": {"b": Variable([3.0], name="deep")}}

    def call(self, x: Any) -> Any:
        self.count.assign_add(1)
        return x * self.scale * self.several[0] + self.late[0] + self.named["a"]["b"]


def test_a_layer_has_its_variables_as_weights() -> None:
    layer = Keeps()
    x = lamina.Input((3,))
    model = lamina.Model(x, layer(x))
    assert [w.name for w in layer.trainable_weights] == ["scale", "first", "deep", "late"]
    assert [w.name for w in layer.non_trainable_weights] == ["count", "mean", "second"]
    assert list(layer.state_dict()) == ["scale", "several_0", "named_a_b", "late_0", "count", "mean", "several_1"]
    assert [loss.item() for loss in layer.losses] == [1.5]
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(np.ones((4, 3)), np.ones((4, 3)), batch_size=2, verbose=0)
    changed = {w.name for w, old in zip(model.weights, before, strict=True) if np.any(w.numpy() != old)}
    assert changed == {"scale", "first", "late", "deep", "count"}
    assert int(layer.count) >= 2
    layer.trainable = False
    layer.trainable = True
    assert not layer.mean.trainable  # a buffer stays one
    again = copy.deepcopy(model)
    assert [w.tolist() for w in again.weights] == [w.tolist() for w in model.weights]
    assert again.layers[1].several[0] is not layer.several[0]


def test_the_gradient_takes_the_place_of_the_values() -> None:
    v, w = Variable([1.0]), Variable([1.0])
    v.overwrite_with_gradient = True
    optimizer = lamina.optimizers.SGD(0.5)
    optimizer.apply([torch.tensor([7.0]), torch.tensor([1.0])], [v, w])
    assert (v.item(), w.item()) == (7.0, 0.5)


@pytest.mark.parametrize("variable", [lambda: Variable(0.0), lambda: lamina.metrics.Mean().total])
def test_loops_count_with_it(variable: Any) -> None:
    total = variable()
    for step in range(4):
        result = total.assign_add(float(step))
    assert float(result) == float(total) == 6.0
    assert float(total.assign(2.0)) == 2.0
    assert float(total.assign_sub(0.5)) == 1.5
