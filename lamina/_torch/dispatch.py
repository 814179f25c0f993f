"""Whether a tracer of PyTorch's sees every operation: ``make_fx``, ``FakeTensorMode`` and what is made of them."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import torch

from .symbols import Symbol, found

_UNSEEN = "such tracers are not noticed, so they refuse a model's weights: `torch.func.functional_call` with plain ones"
SYMBOLS = (
    Symbol("torch.utils._python_dispatch", f"(of it: `_is_in_torch_dispatch_mode`) {_UNSEEN}"),
    Symbol("torch._C._get_dispatch_mode", _UNSEEN),
    Symbol("torch._C._TorchDispatchModeKey", _UNSEEN),
    Symbol("torch._C._DisableTorchDispatch", "the tracers refuse the weights, as above"),
)

_modes: Any = found("torch.utils._python_dispatch")
if not hasattr(_modes, "_is_in_torch_dispatch_mode"):
    _modes = SimpleNamespace(_is_in_torch_dispatch_mode=False)


def may_refuse() -> bool:
    """Whether anything, in any thread, sees operations: asked before the longer question."""
    return _modes._is_in_torch_dispatch_mode  # type: ignore[no-any-return]


_mode_of = found("torch._C._get_dispatch_mode")
_keys = found("torch._C._TorchDispatchModeKey")
# The tracers that take no subclass of a tensor.
_STRICT = tuple(key for name in ("PROXY", "FAKE") if (key := getattr(_keys, name, None)) is not None)

unseen: Any = found("torch._C._DisableTorchDispatch") or contextlib.nullcontext
"""A context: within, in this thread, no tracer sees an operation."""


def refuses_subclasses() -> bool:
    """Whether, in this thread, a tracer is at work that takes plain tensors and parameters only.

    An export is not meant: it puts plain tensors in the weights' places by itself.
    """
    if _mode_of is None or torch.compiler.is_compiling():
        return False
    return any(_mode_of(key) is not None for key in _STRICT)
