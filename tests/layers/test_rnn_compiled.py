"""The operators that `torch.compile` sees in place of PyTorch's recurrent kernels: same numbers, same gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lamina import layers
from lamina.layers.rnn import opaque


def operands(gates: int, states: int, biases: int) -> list[torch.Tensor]:
    """x (2, 5, 3), states (2, 4), weights; float64, so that finite differences tell."""
    shapes = [(2, 5, 3), *[(2, 4)] * states, (4 * gates, 3), (4 * gates, 4), *[(4 * gates,)] * biases]
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(s, dtype=torch.float64, generator=generator).requires_grad_() for s in shapes]


@pytest.mark.parametrize(
    "operator, shapes",
    [
        (opaque.lstm, (4, 2, 1)),
        (opaque.gru, (3, 1, 2)),
        (opaque.rnn_tanh, (1, 1, 1)),
        (opaque.rnn_relu, (1, 1, 1)),
    ],
    ids=["lstm", "gru", "rnn_tanh", "rnn_relu"],
)
def test_gradients_are_those_of_finite_differences(operator: Any, shapes: tuple[int, int, int]) -> None:
    assert torch.autograd.gradcheck(operator, operands(*shapes), eps=1e-6, atol=1e-6)


def test_gradients_by_pytorch_kernel_are_those_of_the_loop() -> None:
    """float32 on a CPU takes the kernel, float64 the loop."""
    exact = operands(4, 2, 1)
    single = [tensor.detach().float().requires_grad_() for tensor in exact]
    results = []
    for tensors in (exact, single):
        outputs, c = opaque.lstm(*tensors)
        results.append(torch.autograd.grad((outputs**2).sum() + (c**3).sum(), tensors))
    for loop, kernel in zip(*results, strict=True):
        torch.testing.assert_close(kernel, loop.float())


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("make", [layers.LSTM, layers.GRU, layers.SimpleRNN], ids=["LSTM", "GRU", "SimpleRNN"])
def test_compiled_layers_train_as_they_do_uncompiled(make: Any, use_bias: bool, backend: str) -> None:
    torch._dynamo.reset()
    layer = make(4, return_sequences=True, return_state=True, use_bias=use_bias)
    x = torch.randn(2, 5, 3)
    mask = torch.tensor([[True, True, False, False, False], [False, True, True, False, True]])
    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    for arguments in ({}, {"mask": mask}):
        results = []
        for run in (layer, compiled):
            layer.zero_grad()
            leaf = x.clone().requires_grad_()
            outputs = run(leaf, **arguments)
            sum((output**2).sum() for output in outputs).backward()
            results.append([*outputs, leaf.grad, *(weight.grad for weight in layer.weights)])
        torch.testing.assert_close(results[1], results[0])


def test_exported_layers_hold_none_of_our_operators() -> None:
    """A file with a traced layer must load where Lamina is not."""
    layer = layers.LSTM(4)
    layer(torch.zeros(2, 5, 3))
    program = torch.export.export(layer, (torch.zeros(2, 5, 3),))
    assert "lamina" not in str(program.graph)
