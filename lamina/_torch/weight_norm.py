"""The kernel that `torch.nn.utils.parametrizations.weight_norm` calls: a direction with lengths."""

from __future__ import annotations

from torch import Tensor

from .symbols import Symbol, found

SYMBOLS = (Symbol("torch.ops.aten._weight_norm.default", "its formula, which rounds otherwise"),)


def _by_formula(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    axes = [axis for axis in range(v.dim()) if axis != dim % v.dim()] if dim != -1 else list(range(v.dim()))
    return v * (g / v.pow(2).sum(axes, keepdim=True).sqrt())


# (directions, lengths, the axis that has one length each; -1: one length in all) -> weights
scaled = found("torch.ops.aten._weight_norm.default") or _by_formula
