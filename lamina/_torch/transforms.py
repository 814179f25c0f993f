"""Which of PyTorch's function transforms are at work: `vmap`, forward mode, gradients of gradients."""

from __future__ import annotations

from typing import Any

from torch.autograd import forward_ad
from torch.compiler import is_compiling

from .symbols import Symbol, found

_UNKNOWN = (
    "recurrent layers and attention run PyTorch's kernels under every transform, so PyTorch refuses `vmap` over LSTM "
    "and GRU, and forward mode over both and attention; LSTM and GRU with `use_cudnn=False` go on working"
)
_INSIDE = (
    "a layer whose first call is under a transform makes its weights there: PyTorch refuses that under `vmap`, and "
    "under `grad` and `jvp` they are of no use afterwards; `layer.build(shape)` before it"
)
SYMBOLS = (
    Symbol("torch._C._functorch.get_interpreter_stack", _UNKNOWN),
    Symbol("torch.autograd.forward_ad._current_level", _UNKNOWN),
    Symbol("torch._C._functorch.pop_dynamic_layer_stack", _INSIDE),
    Symbol("torch._C._functorch.push_dynamic_layer_stack", _INSIDE),
)

_stack = found("torch._C._functorch.get_interpreter_stack")
_has_levels = found("torch.autograd.forward_ad._current_level") is not None
_pop = found("torch._C._functorch.pop_dynamic_layer_stack")
_push = found("torch._C._functorch.push_dynamic_layer_stack")


def _working() -> list[str]:
    """The transforms, outermost first: "Vmap", "Grad", "Jvp", "Functionalize"."""
    # The compiler's tracer cannot read it.
    found_stack = None if _stack is None or is_compiling() else _stack()
    working = [str(one.key()).rpartition(".")[2] for one in found_stack] if found_stack else []
    if _has_levels and forward_ad._current_level >= 0 and not is_compiling():
        working.append("Jvp")
    return working


def at_work() -> bool:
    """Whether any of them is."""
    if is_compiling():
        return False
    return bool(_stack is not None and _stack()) or (_has_levels and forward_ad._current_level >= 0)


def beyond_kernels() -> bool:
    """Whether more is asked than one gradient, which is all that PyTorch's kernels for whole sequences have: `vmap`,
    derivatives that are carried along (`jvp`, `jacfwd`, `hessian`, `dual_level`), gradients of gradients."""
    working = _working()
    return bool(working) and ("Jvp" in working or "Vmap" in working or working.count("Grad") > 1)


def set_aside() -> list[Any]:
    """End all transforms in this thread until `put_back`: what is made meanwhile is a plain tensor that stays.

    Returns:
        What `put_back` takes; empty where nothing is at work.
    """
    if _stack is None or _pop is None or _push is None or is_compiling():
        return []
    return [_pop() for _ in _stack() or ()]


def put_back(saved: list[Any]) -> None:
    """Have the transforms go on that `set_aside` has ended."""
    while saved:
        _push(saved.pop())
