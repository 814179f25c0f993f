"""PyTorch's fused optimizers: one kernel for a whole step of a list of parameters.

The kernels write into the parameters without counting it (``tensor._version``), as every other write of PyTorch's is
counted. Autograd would not see that a value it has kept is gone, and folded weights would stay as they were: so it is
counted here, in 1 us.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

import torch
from torch.autograd.graph import increment_version

from .symbols import Symbol, found

SYMBOLS = (
    *(
        Symbol(f"torch._fused_{name}_", "the same formula in several calls (lamina._torch.foreach)")
        for name in ("adagrad", "adam", "adamw", "sgd")
    ),
    Symbol("torch._C._dispatch_has_kernel_for_dispatch_key", "no fused kernel is used"),
)


def _counted(name: str) -> Any:
    kernel = found(name)
    if kernel is None:
        return None

    @wraps(kernel)
    def step(parameters: Sequence[torch.Tensor], *others: Any, **options: Any) -> None:
        kernel(parameters, *others, **options)
        increment_version(parameters)

    return step


adagrad_ = _counted("torch._fused_adagrad_")
adam_ = _counted("torch._fused_adam_")
adamw_ = _counted("torch._fused_adamw_")
sgd_ = _counted("torch._fused_sgd_")

_KERNELS = {"adagrad": (adagrad_,), "adam": (adam_, adamw_), "sgd": (sgd_,)}
_has_kernel = found("torch._C._dispatch_has_kernel_for_dispatch_key")


def runs_on(kernel: str, device: torch.device) -> bool:
    """Whether this PyTorch has the fused kernel ("adagrad", "adam", "sgd") for this kind of device.

    >>> runs_on("adam", torch.device("cpu"))
    True
    """
    if _has_kernel is None or None in _KERNELS[kernel]:
        return False
    return bool(_has_kernel(f"aten::_fused_{kernel}_", device.type.upper()))
