"""Finds out on a CPU what would make Python wait for a GPU."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class NoWaiting(TorchDispatchMode):
    """Refuses the operations whose result Python, or the size of a tensor, depends on: on a GPU they wait for it."""

    WAITING = frozenset(
        "_local_scalar_dense is_nonzero equal nonzero masked_select bincount _unique2 unique_dim".split()
    )

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func).removeprefix("aten.").split(".")[0]
        by_mask = name in ("index", "index_put_") and any(i is not None and i.dtype == torch.bool for i in args[1])
        assert not by_mask, f"{name} by a mask"
        assert name not in self.WAITING, name
        return func(*args, **(kwargs or {}))
