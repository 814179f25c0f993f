"""Which of PyTorch's function transforms are at work: `vmap`, forward mode, gradients of gradients."""

from __future__ import annotations

import torch

from .symbols import Symbol, found

_UNKNOWN = (
    "recurrent layers and attention run PyTorch's kernels under every transform, so PyTorch refuses `vmap` over LSTM "
    "and GRU, and forward mode over both and attention; LSTM and GRU with `use_cudnn=False` go on working"
)
SYMBOLS = (
    Symbol("torch._C._functorch.get_interpreter_stack", _UNKNOWN),
    Symbol("torch.autograd.forward_ad._current_level", _UNKNOWN),
)

_stack = found("torch._C._functorch.get_interpreter_stack")
_has_levels = found("torch.autograd.forward_ad._current_level") is not None


def _working() -> list[str]:
    """The transforms, outermost first: "Vmap", "Grad", "Jvp", "Functionalize"."""
    if _stack is None or torch.compiler.is_compiling():  # the compiler's tracer cannot read it
        return []
    return [str(one.key()).rpartition(".")[2] for one in _stack() or ()]


def forward_mode() -> bool:
    """Whether derivatives are carried along: `torch.func.jvp`, `jacfwd`, `hessian`, `forward_ad.dual_level`."""
    if torch.compiler.is_compiling():
        return False
    return "Jvp" in _working() or (_has_levels and torch.autograd.forward_ad._current_level >= 0)


def beyond_kernels() -> bool:
    """Whether more is asked than one gradient, which is all that PyTorch's kernels for whole sequences have."""
    return forward_mode() or "Vmap" in (working := _working()) or working.count("Grad") > 1
