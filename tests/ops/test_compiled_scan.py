"""`ops.scan` under torch.compile: what its first state needs so that every version of PyTorch gives the gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import lamina
from lamina import layers, ops

XS = torch.arange(6.0).reshape(3, 2)
WEIGHT = torch.tensor([1.5, 0.5])


def decayed(w: torch.Tensor) -> Any:
    return ops.scan(lambda s, x: (s * 0.5 + w * x, s + x * w), torch.ones(2), XS)


def in_a_chain(w: torch.Tensor) -> Any:
    """The first state of `a` depends on the weight after the second step only, through `b`."""
    return ops.scan(lambda s, x: ({"a": s["a"] * s["b"], "b": s["b"] + w * x}, s["a"]), {"a": XS[1], "b": XS[2]}, XS)


def backwards(w: torch.Tensor) -> Any:
    return ops.scan(lambda s, x: (s * w + x, (s, x * w)), torch.zeros(2), XS, reverse=True)


def without_weights(w: torch.Tensor) -> Any:
    return [ops.scan(lambda s, x: (s + x, s), torch.zeros(2), XS), w * 1]


SCANS = [decayed, in_a_chain, backwards, without_weights]


def gradient(function: Callable[[torch.Tensor], Any]) -> torch.Tensor:
    w = WEIGHT.clone().requires_grad_()
    loss = sum((leaf * leaf).sum() for leaf in lamina.tree.flatten(function(w)))
    return torch.autograd.grad(loss, w)[0]


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("scan", SCANS)
def test_the_gradients_are_those_of_eager_mode(scan: Callable[[torch.Tensor], Any]) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(scan, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(gradient(compiled), gradient(scan))


def states_that_need_gradients(function: Callable[..., Any], *args: Any) -> list[bool]:
    """Of each tensor of the first state that PyTorch's operator is given."""
    found: list[bool] = []

    def look(graph: torch.fx.GraphModule, _: Any) -> Any:
        for node in graph.graph.nodes:
            if node.op == "call_function" and "scan" in str(node.target):
                found.extend(state.meta["example_value"].requires_grad for state in node.args[1])
        return graph.forward

    torch._dynamo.reset()
    torch.compile(function, backend=look, fullgraph=True)(*args)
    return found


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize(
    "scan, expected",
    [(decayed, [True]), (in_a_chain, [True, True]), (backwards, [True]), (without_weights, [False])],
)
def test_the_first_state_requires_a_gradient_where_a_later_one_does(
    scan: Callable[[torch.Tensor], Any], expected: list[bool]
) -> None:
    assert states_that_need_gradients(scan, WEIGHT.clone().requires_grad_()) == expected
    with torch.no_grad():
        assert not any(states_that_need_gradients(scan, WEIGHT.clone().requires_grad_()))


def test_the_layers_of_a_model_are_trained_through_its_scan() -> None:
    inputs = lamina.Input((2,))
    dense = layers.Dense(2)
    last, ys = ops.scan(lambda s, x: (ops.tanh(dense(s) + x), s), ops.zeros((1, 2)), inputs)
    model = lamina.Model(inputs, [last, ys])
    assert states_that_need_gradients(model, torch.ones(3, 2)) == [True]
