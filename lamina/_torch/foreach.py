"""One call for a list of tensors: PyTorch's ``_foreach_*``, else a loop over the list.

On a GPU one kernel does the work of the list; on a CPU the loop is PyTorch's own. Each function is bound when this file
is imported, so a call costs what it costs in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .sharding import is_sharded
from .symbols import Symbol, found

_NAMES = (
    "abs add add_ addcdiv_ addcmul_ clamp_max clamp_min_ copy_ div div_ lerp_ maximum_ mul mul_ norm pow sign_ sqrt "
    "sqrt_ sub sub_ zero_"
).split()

SYMBOLS = tuple(Symbol(f"torch._foreach_{name}", f"a loop: `Tensor.{name}` of each") for name in _NAMES)


def _loop(name: str) -> Callable[..., list[Tensor]]:
    """The function of that name as a loop: what is a list goes along with the tensors, the rest is for each."""
    method = _maximum_ if name == "maximum_" else _norm if name == "norm" else getattr(Tensor, name)

    def run(tensors: Any, *others: Any, **options: Any) -> list[Tensor]:
        return [
            method(tensor, *(other[i] if isinstance(other, (list, tuple)) else other for other in others), **options)
            for i, tensor in enumerate(tensors)
        ]

    return run


def _maximum_(tensor: Tensor, other: Tensor) -> Tensor:
    return torch.maximum(tensor, other, out=tensor)


def _norm(tensor: Tensor, order: float = 2) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(tensor, order)
    return length


def _bound(name: str) -> Callable[..., Any]:
    return found(f"torch._foreach_{name}") or _loop(name)


abs = _bound("abs")
add, add_ = _bound("add"), _bound("add_")
addcdiv_, addcmul_ = _bound("addcdiv_"), _bound("addcmul_")
clamp_max, clamp_min_ = _bound("clamp_max"), _bound("clamp_min_")
_copy_ = _bound("copy_")
div, div_ = _bound("div"), _bound("div_")
lerp_ = _bound("lerp_")
maximum_ = _bound("maximum_")
mul, mul_ = _bound("mul"), _bound("mul_")
norm = _bound("norm")
pow = _bound("pow")
sign_ = _bound("sign_")
sqrt, sqrt_ = _bound("sqrt"), _bound("sqrt_")
sub, sub_ = _bound("sub"), _bound("sub_")
zero_ = _bound("zero_")


def copy_(tensors: Any, sources: Any) -> None:
    """Copy each of the sources into its tensor; for `DTensor`s PyTorch knows no such call of a list."""
    if tensors and is_sharded(tensors[0]):
        for tensor, source in zip(tensors, sources, strict=True):
            tensor.copy_(source)
    else:
        _copy_(tensors, sources)
