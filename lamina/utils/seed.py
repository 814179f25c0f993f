"""The seed of everything random."""

from __future__ import annotations

import random

import numpy as np
import torch

from lamina.graph import ArgumentError
from lamina.tracebacks import door


@door
def set_random_seed(seed: int) -> None:
    """Start the random numbers of Python, NumPy and PyTorch (on all devices) from this seed.

    Args:
        seed: from 0 to 2**32 - 1.

    Raises:
        ArgumentError: it is none.

    >>> set_random_seed(3); first = torch.rand(2)
    >>> set_random_seed(3); torch.equal(torch.rand(2), first)
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ArgumentError(f"{seed!r} is no seed.", expected="an integer from 0 to 2**32 - 1")
    random.seed(int(seed))
    np.random.seed(int(seed))
    torch.manual_seed(int(seed))
