"""Hashes of whole numbers as single operators of PyTorch, so that a graph or `torch.compile` holds them as they are.

They run on the CPU, wherever the numbers lie.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .hashes import buckets, crossed


def hash_buckets(values: Tensor, count: int, salt: list[int]) -> Tensor:
    """`hashes.buckets` of a tensor of whole numbers; an empty `salt` is none."""
    result: Tensor = torch.ops.lamina.hash_buckets(values, count, salt)
    return result


def cross_buckets(columns: list[Tensor], count: int) -> Tensor:
    """`hashes.crossed` of tensors of whole numbers."""
    result: Tensor = torch.ops.lamina.cross_buckets(columns, count)
    return result


def _hash_buckets(values: Tensor, count: int, salt: list[int]) -> Tensor:
    return torch.from_numpy(buckets(values.cpu().numpy(), count, salt or None)).to(values.device)


def _cross_buckets(columns: list[Tensor], count: int) -> Tensor:
    return torch.from_numpy(crossed([column.cpu().numpy() for column in columns], count)).to(columns[0].device)


def _operators() -> torch.library.Library:
    """Make the operators known to PyTorch; they live as long as what is returned."""
    library = torch.library.Library("lamina", "FRAGMENT")
    library.define("hash_buckets(Tensor values, int count, int[] salt) -> Tensor")
    library.impl("hash_buckets", _hash_buckets, "CompositeExplicitAutograd")
    library.impl("hash_buckets", lambda values, count, salt: torch.empty_like(values, dtype=torch.int64), "Meta")
    library.define("cross_buckets(Tensor[] columns, int count) -> Tensor")
    library.impl("cross_buckets", _cross_buckets, "CompositeExplicitAutograd")
    library.impl("cross_buckets", lambda columns, count: torch.empty_like(columns[0], dtype=torch.int64), "Meta")
    return library


_LIBRARY = _operators()
