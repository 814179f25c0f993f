"""Changes that only some pictures of a batch go through: computed for these alone where that may be known."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lamina._torch import dispatch, transforms
from lamina.probing import probing

Change = Callable[[torch.Tensor, "Rows"], torch.Tensor]


class Rows:
    """Which pictures of a batch; `of` takes their parameters."""

    def __init__(self, rows: torch.Tensor | None) -> None:
        self.rows = rows

    def of(self, parameters: torch.Tensor) -> torch.Tensor:
        """The parameters (B, ...) of these pictures."""
        return parameters if self.rows is None else parameters.index_select(0, self.rows)


_ALL = Rows(None)


def may_look(x: torch.Tensor) -> bool:
    """Whether values may be read, which takes no time: on a CPU, and where nobody traces."""
    return (
        x.is_cpu
        and not torch.compiler.is_compiling()
        and not dispatch.may_refuse()
        and not probing()
        and not transforms.at_work()
    )


def changed_where(chosen: torch.Tensor, x: torch.Tensor, change: Change) -> torch.Tensor:
    """`x` with `change(pictures, rows)` in the place of the pictures that are chosen, (B,) bools."""
    if not may_look(x):
        return blended(x, change(x, _ALL), chosen.reshape(-1, 1, 1, 1))
    batch = x.shape[0]
    count = int(chosen if batch == 1 else chosen.sum())
    if not count:
        return x
    if count == batch:
        return change(x, _ALL)
    chosen = chosen.reshape(-1)
    result = torch.empty_like(x)
    # Each picture is written once; a copy of all of them first would take as long again.
    rest = torch.nonzero(~chosen).flatten()
    result.index_copy_(0, rest, x.index_select(0, rest))
    rows = torch.nonzero(chosen).flatten()
    return result.index_copy_(0, rows, change(x.index_select(0, rows), Rows(rows)).to(x.dtype))


def blended(x: torch.Tensor, other: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """`torch.where(mask, other, x)` for finite numbers, in a fifth of its time: weights of 0 and 1 are exact."""
    if not x.is_floating_point() or mask.dtype != torch.bool:
        return torch.where(mask, other, x)
    return torch.lerp(x, other.to(x.dtype), mask.to(x.dtype))


def tiled(values: torch.Tensor, x: torch.Tensor, last: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (B, 1, 1, C) of channels, and pictures, in shapes that spread along whole rows.

    With channels last, an operation would go through three numbers at a time; as (B, H, W C) it takes a row.
    """
    if not last:
        return values, x
    return values.expand(-1, 1, x.shape[2], -1).flatten(2), x.flatten(2)
