"""Dtypes by their names, as users write them: ``"float32"``, ``torch.int64``, ``numpy.float64``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .errors import DtypeError

_NAMES = (
    "float16 bfloat16 float32 float64 uint8 int8 int16 int32 int64 bool complex64 complex128 float8_e4m3fn float8_e5m2"
).split()
BY_NAME: dict[str, torch.dtype] = {name: getattr(torch, name) for name in _NAMES}
# PyTorch hardly computes with the larger unsigned ones: the next signed one holds their values.
HELD_BY: dict[str, torch.dtype] = {**BY_NAME, "uint16": torch.int32, "uint32": torch.int64}
BY_DTYPE: dict[torch.dtype, str] = {dtype: name for name, dtype in BY_NAME.items()}


def to_torch(dtype: Any) -> torch.dtype:
    """The ``torch.dtype`` of a name, a torch dtype or a NumPy dtype. The larger unsigned integers become signed ones.

    >>> to_torch("float32"), to_torch(float), to_torch("int"), to_torch("uint32")
    (torch.float32, torch.float32, torch.int32, torch.int64)
    """
    if isinstance(dtype, torch.dtype):
        return dtype
    if isinstance(dtype, np.dtype):  # NumPy's dtypes equal Python's types, but say their size
        return to_torch(dtype.name)
    if dtype in (float, "float"):
        return torch.float32
    if dtype in (int, "int"):
        return torch.int32
    if dtype is bool:
        return torch.bool
    if isinstance(dtype, str) and dtype in HELD_BY:
        return HELD_BY[dtype]
    try:
        return HELD_BY[np.dtype(dtype).name]
    except (TypeError, KeyError):
        of_texts = 'TextVectorization or StringLookup on the texts, before a model that begins with dtype="int64"'
        raise DtypeError(
            f"{dtype!r} is not a dtype that tensors can have.",
            expected=", ".join(BY_NAME),
            hint=of_texts if dtype in ("string", str) else 'dtype="float32"',
        ) from None


def name_of(dtype: torch.dtype) -> str:
    """``torch.float32`` -> ``"float32"``."""
    return BY_DTYPE.get(dtype) or str(dtype).removeprefix("torch.")
