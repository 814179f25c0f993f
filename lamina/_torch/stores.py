"""The key-value store by which the processes of a group have met: PyTorch has no public way to it."""

from __future__ import annotations

from typing import Any

import torch

from .symbols import Symbol, found

SYMBOLS = (
    Symbol(
        "torch.distributed.distributed_c10d._get_default_store",
        "no saving while several processes run, and a lost process is not named: NotImplementedError",
    ),
)


def store_of_group() -> Any:
    """It answers as long as the process lives that keeps it, also when processes no longer reach each other.

    Raises:
        NotImplementedError: this PyTorch gives none.
    """
    store_of_default = found("torch.distributed.distributed_c10d._get_default_store")
    if store_of_default is None:
        raise NotImplementedError(f"PyTorch {torch.__version__} does not give the store of a process group.")
    return store_of_default()
