"""Activations against Keras on torch: values, gradients, names and signatures; and on symbolic tensors."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import pytest
import torch

from lamina import activations
from lamina.graph import Graph
from lamina.layers.core import Input
from lamina.program import Program

ALIASES = {"hard_swish": "hard_silu", "swish": "silu"}
HELPERS = {"deserialize", "get", "serialize"}
NAMES = sorted(set(activations.__all__) - HELPERS - set(ALIASES))

# Every argument at least once, and the combinations that take another path.
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in NAMES if name != "threshold"),
    ("celu", {"alpha": 0.4}),
    ("elu", {"alpha": 0.4}),
    ("gelu", {"approximate": True}),
    ("glu", {"axis": 1}),
    ("hard_shrink", {"threshold": 1.3}),
    ("leaky_relu", {"negative_slope": 0.6}),
    ("log_softmax", {"axis": 1}),
    ("log_softmax", {"axis": (0, 2)}),
    ("log_softmax", {"axis": None}),
    ("relu", {"negative_slope": 0.3}),
    ("relu", {"max_value": 1.5}),
    ("relu", {"max_value": 6}),
    ("relu", {"threshold": 0.7}),
    ("relu", {"threshold": -0.7}),
    ("relu", {"negative_slope": 0.3, "max_value": 1.5}),
    ("relu", {"negative_slope": -0.3, "max_value": 0.5}),
    ("relu", {"negative_slope": 0.3, "threshold": 0.7}),
    ("relu", {"max_value": 1.5, "threshold": 0.7}),
    ("relu", {"max_value": 1.5, "threshold": -0.7}),
    ("relu", {"negative_slope": 0.3, "max_value": 1.5, "threshold": -0.7}),
    ("soft_shrink", {"threshold": 1.3}),
    ("softmax", {"axis": 1}),
    ("softmax", {"axis": (0, 2)}),
    ("softmax", {"axis": None}),
    ("sparsemax", {"axis": 1}),
    ("squareplus", {"b": 0.5}),
    ("threshold", {"threshold": 0.4, "default_value": -3.0}),
]

# One call of PyTorch each: what an activation costs in a model.
FUSED = set(NAMES) - {"linear", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus"}


def case_id(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(f"{key}={item}" for key, item in value.items()) or "defaults"


def sample(*shape: int) -> torch.Tensor:
    """Values on both sides of every bend, none on one."""
    return 4.0 * torch.randn(shape, generator=torch.Generator().manual_seed(11))


# keras 3.15's sparsemax does not sum to 1 where more than one entry is above 0; ours is held to its definition below.
@pytest.mark.parametrize("name, arguments", [case for case in CASES if case[0] != "sparsemax"], ids=case_id)
def test_value_and_gradient_are_those_of_keras(name, arguments, assert_same_with_gradient):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    x = sample(3, 4, 6)
    assert_same_with_gradient(lambda t: ours(t, **arguments), lambda t: theirs(t, **arguments), x)


def test_every_argument_has_a_case():
    for name in NAMES:
        arguments = set(list(inspect.signature(getattr(activations, name)).parameters)[1:])
        assert arguments == {key for case, given in CASES if case == name for key in given}, name


def test_names_and_signatures_are_those_of_keras():
    theirs = {name for name in dir(keras.activations) if not name.startswith("_")}
    assert set(activations.__all__) == theirs
    for name in NAMES:
        parameters = [
            [(p.name, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]
            for module in (activations, keras.activations)
        ]
        assert parameters[0] == parameters[1], name


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("exponential", "threshold")])
def test_far_values_stay_finite(name):
    x = torch.tensor([-1e4, -90.0, 90.0, 1e4], requires_grad=True)
    y = getattr(activations, name)(x)
    y.sum().backward()
    assert torch.isfinite(y).all()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("name, arguments", [case for case in CASES if case[0] != "linear"], ids=case_id)
def test_symbolic_tensors_give_the_same(name, arguments):
    function = getattr(activations, name)
    x, concrete = Input((None, 6)), sample(3, 4, 6)
    y = function(x, **arguments)
    expected = function(concrete, **arguments)
    graph = Graph(x, y)
    assert len(y.shape) == expected.ndim
    assert y.shape[2] == expected.shape[2]
    assert y.dtype == expected.dtype
    torch.testing.assert_close(Program(graph).run(concrete), expected, rtol=0, atol=0)
    if name in FUSED and arguments in ({}, {"approximate": True}):
        assert len(graph.nodes) == 2, f"{name} should cost one call, not {len(graph.nodes) - 1}"


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_sparsemax_against_bisection(axis):
    x = sample(5, 4, 6).double()
    low, high = x.amax(axis, keepdim=True) - 1.0, x.amax(axis, keepdim=True)
    for _ in range(60):
        middle = (low + high) / 2
        too_much = torch.relu(x - middle).sum(axis, keepdim=True) > 1.0
        low, high = torch.where(too_much, middle, low), torch.where(too_much, high, middle)
    expected = torch.relu(x - low)
    assert ((expected > 0).sum(axis) > 1).any()
    torch.testing.assert_close(activations.sparsemax(x, axis=axis), expected)
    assert torch.autograd.gradcheck(lambda t: activations.sparsemax(t, axis=axis), x.requires_grad_())


def test_sparsemax_of_far_or_masked_values():
    torch.testing.assert_close(activations.sparsemax(torch.tensor([1e8, 1e8, 0.0])), torch.tensor([0.5, 0.5, 0.0]))
    masked = torch.tensor([0.0, 0.5, -torch.inf])
    torch.testing.assert_close(activations.sparsemax(masked), torch.tensor([0.25, 0.75, 0.0]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name, arguments", CASES, ids=case_id)
def test_dtype_is_kept(name, arguments, dtype):
    assert getattr(activations, name)(sample(2, 4, 6).to(dtype), **arguments).dtype == dtype


@pytest.mark.parametrize("name", [*NAMES, *ALIASES])
def test_round_trip_by_name(name):
    function = getattr(activations, name)
    assert activations.get(name) is function
    assert activations.serialize(function) == ALIASES.get(name, name)
    assert activations.deserialize(activations.serialize(function)) is function


def test_get_takes_none_and_callables():
    assert activations.get(None) is activations.linear
    assert activations.get(torch.cos) is torch.cos
