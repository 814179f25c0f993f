"""Who may attend to whom: the masks of multi-head attention, joined into one.

Letters: B batch (and further axes that attention does not mix), H heads, T query positions, S key positions. The joint
mask lies over the scores (B, H, T, S), with size 1 where it does not differ.
"""

from __future__ import annotations

from functools import reduce

import torch


def joint_mask(parts: list[torch.Tensor | None]) -> torch.Tensor | None:
    """All masks that are there must hold; None where there is none."""
    present = [part for part in parts if part is not None]
    return reduce(torch.logical_and, present) if present else None


def query_side(mask: torch.Tensor | None, axes: tuple[int, ...]) -> torch.Tensor | None:
    """A mask (B, T axes) of the query's positions, over the scores: (B, 1, T, 1)."""
    return _positions(mask, axes).unsqueeze(-1).unsqueeze(-3) if mask is not None else None


def key_side(mask: torch.Tensor | None, axes: tuple[int, ...]) -> torch.Tensor | None:
    """A mask (B, S axes) of the keys' positions, over the scores: (B, 1, 1, S)."""
    return _positions(mask, axes).unsqueeze(-2).unsqueeze(-3) if mask is not None else None


def _positions(mask: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """(B, axes that are attended over, flattened)."""
    mask = mask.bool()
    rest = [axis for axis in range(mask.dim()) if axis not in axes]
    return mask.permute(*rest, *axes).flatten(len(rest))


def given_mask(
    mask: torch.Tensor | None, rank: int, query_sizes: list[int], key_sizes: list[int]
) -> torch.Tensor | None:
    """The user's mask (..., T axes, S axes), over the scores of `rank` axes: heads put in, T and S flattened."""
    if mask is None:
        return None
    mask = mask.bool()
    n = len(query_sizes)
    for _ in range(rank + 2 * n - 2 - mask.dim()):
        mask = mask.unsqueeze(-2 * n - 1)
    if n == 1:
        return mask
    lead = mask.shape[: -2 * n]
    return mask.expand(*lead, *query_sizes, *key_sizes).reshape(*lead, _product(query_sizes), _product(key_sizes))


def causal(queries: int, keys: int, device: torch.device) -> torch.Tensor:
    """(T, S): position t sees s <= t."""
    return torch.ones((queries, keys), dtype=torch.bool, device=device).tril()


def window(queries: int, keys: int, width: int, device: torch.device) -> torch.Tensor:
    """(T, S): position t sees those less than `width` away."""
    t, s = torch.arange(queries, device=device), torch.arange(keys, device=device)
    return (t.unsqueeze(1) - s.unsqueeze(0)).abs() < width


def _product(sizes: list[int]) -> int:
    return reduce(lambda a, b: a * b, sizes, 1)
