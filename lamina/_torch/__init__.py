"""What Lamina uses of PyTorch that is not public: all of it, and nowhere else (tests/test_architecture.py).

Each file tells one idea. It names its `SYMBOLS`, binds each once, when it is imported, and where a version lacks it,
puts in its place what public PyTorch can do. So a new PyTorch is looked into here and nowhere else. They are reached as
attributes of these files (``foreach.add_(...)``), never imported by name, so that tests can take one away.
"""

from __future__ import annotations

from . import (
    attributes,
    backward,
    ctc,
    dispatch,
    foreach,
    fused,
    gamma,
    loops,
    modules,
    onednn,
    sharding,
    stores,
    tracing,
    transforms,
    weight_norm,
)
from .symbols import Symbol

__all__ = [
    "ATTRIBUTES",
    "SYMBOLS",
    "Symbol",
    "attributes",
    "backward",
    "ctc",
    "dispatch",
    "foreach",
    "fused",
    "gamma",
    "loops",
    "modules",
    "onednn",
    "sharding",
    "stores",
    "tracing",
    "transforms",
    "weight_norm",
]

ATTRIBUTES = modules.ATTRIBUTES
"""Attributes of modules and tensors that are used all over the library: name -> (owner, for what)."""

SYMBOLS: tuple[Symbol, ...] = (
    *attributes.SYMBOLS,
    *backward.SYMBOLS,
    *ctc.SYMBOLS,
    *dispatch.SYMBOLS,
    *foreach.SYMBOLS,
    *fused.SYMBOLS,
    *gamma.SYMBOLS,
    *loops.SYMBOLS,
    *modules.SYMBOLS,
    *onednn.SYMBOLS,
    *sharding.SYMBOLS,
    *stores.SYMBOLS,
    *tracing.SYMBOLS,
    *transforms.SYMBOLS,
    *weight_norm.SYMBOLS,
)
"""Every function and class of PyTorch that is not public and that Lamina uses."""
