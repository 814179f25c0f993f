"""What every test may rely on: Keras speaks torch, and hypothesis has no deadline."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

# Before anything imports Keras, which reads it once.
os.environ["KERAS_BACKEND"] = "torch"

import pytest
import torch
from hypothesis import settings

settings.register_profile("lamina", deadline=None)
settings.load_profile("lamina")


@pytest.fixture
def assert_same_with_gradient() -> Callable[..., None]:
    """Compare two functions of one tensor: values, and gradients under the same random weights of the output."""

    def check(ours: Callable[..., Any], reference: Callable[..., Any], x: torch.Tensor, **tolerance: float) -> None:
        values, gradients = [], []
        for function in (ours, reference):
            leaf = x.detach().clone().requires_grad_()
            value = function(leaf)
            upstream = torch.randn(value.shape, generator=torch.Generator().manual_seed(7), dtype=value.dtype)
            (gradient,) = torch.autograd.grad(value, leaf, upstream)
            values.append(value.detach())
            gradients.append(gradient)
        torch.testing.assert_close(*values, **(tolerance or {"rtol": 1e-5, "atol": 1e-6}))
        torch.testing.assert_close(*gradients, **(tolerance or {"rtol": 1e-5, "atol": 1e-6}))

    return check


@pytest.fixture(autouse=True)
def fresh_compiler(request: pytest.FixtureRequest) -> None:
    """PyTorch compiles eight models of one class in a process and then refuses: a test that compiles starts anew."""
    if "compile" in request.node.name and "torch._dynamo" in sys.modules:
        torch._dynamo.reset()
