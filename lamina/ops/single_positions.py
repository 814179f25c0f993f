"""Convolutions whose windows are one position, with strides: computed without PyTorch's strided kernel.

oneDNN, which PyTorch's convolutions run in on a CPU, reads such data (channels_last, every size a multiple of its
stride) through a buffer. With fewer channels than a vector register holds, the gradient of the weights writes beyond
that buffer and ends the process (docs/known-issues.md). The same sums without strides are taken from other kernels, so
the choice is made by the shapes alone, and a model is one program on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

# 32-bit numbers in the widest register (AVX-512); with this many channels or more the buffer is large enough.
LANES = 16


def skips_positions(kernel_size: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether windows of this size are one position, and some positions of the input are in none."""
    return all(k == 1 for k in kernel_size) and any(s > 1 for s in strides)


def every(x: torch.Tensor, strides: Sequence[int]) -> torch.Tensor:
    """Each `strides`-th position of (B, C, *spatial): what windows of one position read.

    >>> every(torch.arange(5.0).reshape(1, 1, 5), [2]).flatten()
    tensor([0., 2., 4.])
    """
    key: Any = (..., *[slice(None, None, step) for step in strides])
    return x[key]


def apart(x: torch.Tensor, strides: Sequence[int]) -> torch.Tensor:
    """(B, C, *spatial) with `stride - 1` zeros after each position: (B, C, *(n * stride)), channels_last in memory.

    >>> apart(torch.tensor([[[1.0, 2.0]]]), [2]).flatten()
    tensor([1., 0., 2., 0.])
    """
    batch, channels, *sizes = x.shape
    last = x.movedim(1, -1)
    for i in range(len(sizes)):
        last = last.unsqueeze(2 * i + 2)  # (B, n, 1, m, 1, C): the zeros of each axis get an axis of their own
    behind = [amount for step in reversed(strides) for amount in (0, step - 1, 0, 0)]
    spread = F.pad(last, [0, 0, *behind])
    return spread.reshape(batch, *[n * s for n, s in zip(sizes, strides, strict=True)], channels).movedim(-1, 1)
