"""NumPy's arrays as tensors, however they lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def as_tensor(value: Any, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> torch.Tensor:
    """`torch.as_tensor`, which shares memory where it can; here also of arrays whose memory PyTorch cannot take.

    That is one that runs backwards, is read-only or has the other byte order: it is copied.

    >>> as_tensor(np.arange(3, dtype=">i4")[::-1])
    tensor([2, 1, 0], dtype=torch.int32)
    """
    if isinstance(value, np.ndarray) and not torch.compiler.is_compiling():
        value = _takeable(value)
    return torch.as_tensor(value, dtype=dtype, device=device)


def _takeable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    flags = array.flags
    in_order = flags.c_contiguous or all(stride >= 0 for stride in array.strides)
    if in_order and flags.writeable and array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("="), order="C")
