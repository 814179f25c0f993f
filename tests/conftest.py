"""What every test may rely on: Keras speaks torch, and hypothesis has no deadline."""

from __future__ import annotations

import logging
import os
import random
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any

# Before anything imports Keras, which reads it once.
os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import pytest
import torch
from hypothesis import settings

from tests.quick import pytest_collection_modifyitems as pytest_collection_modifyitems

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
def alone(request: pytest.FixtureRequest) -> None:
    """Each test draws the same numbers in every run, alone or in company, and other ones than its neighbour.

    A test that compares moments would otherwise fail once in a few hundred runs, by chance alone. `LAMINA_TEST_SEED`
    draws others: a bound that holds for one seed only is no bound. And PyTorch compiles eight models of one class in a
    process and then refuses: a test that compiles starts anew. One fixture for both: each costs its time 30,000 times.
    """
    name = request.node.name
    number = zlib.crc32(f"{os.environ.get('LAMINA_TEST_SEED', '')}{name}".encode())
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
    if "compile" in name and "torch._dynamo" in sys.modules:
        torch._dynamo.reset()


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What lamina logs from now on. (pytest's own plugin for it costs each of all tests 0.4 ms; it is switched off.)"""
    logger, lines = logging.getLogger("lamina"), Lines()
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    yield lines.messages
    logger.removeHandler(lines)
    logger.setLevel(level)
