"""What every test may rely on: Keras speaks torch, and hypothesis has no deadline."""

from __future__ import annotations

import os
import random
import sys
import zlib
from collections.abc import Callable
from typing import Any

# Before anything imports Keras, which reads it once.
os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
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
def seeded(request: pytest.FixtureRequest) -> None:
    """Each test draws the same numbers in every run, alone or in company, and other ones than its neighbour.

    A test that compares moments would otherwise fail once in a few hundred runs, by chance alone. `LAMINA_TEST_SEED`
    draws others: a bound that holds for one seed only is no bound.
    """
    number = zlib.crc32(f"{os.environ.get('LAMINA_TEST_SEED', '')}{request.node.name}".encode())
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


@pytest.fixture(autouse=True)
def fresh_compiler(request: pytest.FixtureRequest) -> None:
    """PyTorch compiles eight models of one class in a process and then refuses: a test that compiles starts anew."""
    if "compile" in request.node.name and "torch._dynamo" in sys.modules:
        torch._dynamo.reset()
