"""PyTorch's functions that make a tensor from numbers alone, such as ``torch.arange(x.size(1))``.

Drawn without ``device=``, they make it where the tensor is whose size they were given, whatever device that is when the
model runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_NAMES = (
    "arange zeros ones empty full eye linspace logspace rand randn randint randperm tril_indices triu_indices "
    "scalar_tensor hann_window hamming_window bartlett_window blackman_window kaiser_window"
).split()

FACTORIES: frozenset[Callable[..., Any]] = frozenset(
    [getattr(torch, name) for name in _NAMES] + [torch.fft.fftfreq, torch.fft.rfftfreq]
)


def device_of(x: torch.Tensor) -> torch.device:
    """The device of a tensor: the node that ``x.device`` records."""
    return x.device
