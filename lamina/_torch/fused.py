"""PyTorch's fused optimizers: one kernel for a whole step of a list of parameters."""

from __future__ import annotations

import torch

from .symbols import Symbol, found

SYMBOLS = (
    *(
        Symbol(f"torch._fused_{name}_", "the same formula in several calls (lamina._torch.foreach)")
        for name in ("adagrad", "adam", "adamw", "sgd")
    ),
    Symbol("torch._C._dispatch_has_kernel_for_dispatch_key", "no fused kernel is used"),
)

adagrad_ = found("torch._fused_adagrad_")
adam_ = found("torch._fused_adam_")
adamw_ = found("torch._fused_adamw_")
sgd_ = found("torch._fused_sgd_")

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
