"""Which of PyTorch's function transforms are at work: `vmap`, forward mode, gradients of gradients."""

from __future__ import annotations

from torch.autograd import forward_ad
from torch.compiler import is_compiling

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
    # The compiler's tracer cannot read it.
    found_stack = None if _stack is None or is_compiling() else _stack()
    working = [str(one.key()).rpartition(".")[2] for one in found_stack] if found_stack else []
    if _has_levels and forward_ad._current_level >= 0 and not is_compiling():
        working.append("Jvp")
    return working


def beyond_kernels() -> bool:
    """Whether more is asked than one gradient, which is all that PyTorch's kernels for whole sequences have: `vmap`,
    derivatives that are carried along (`jvp`, `jacfwd`, `hessian`, `dual_level`), gradients of gradients."""
    working = _working()
    return bool(working) and ("Jvp" in working or "Vmap" in working or working.count("Grad") > 1)
