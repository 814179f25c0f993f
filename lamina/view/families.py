"""What sort of thing a layer is: the room of the house its class comes from."""

from __future__ import annotations

from typing import Any

from lamina.graph.operation import Operation

FAMILIES = (
    "input",
    "convolution",
    "core",
    "normalization",
    "activation",
    "merging",
    "pooling",
    "reshaping",
    "regularization",
    "rnn",
    "attention",
    "preprocessing",
    "function",
    "model",
    "custom",
)

_OURS = "lamina.layers."
_TORCH = "torch.nn.modules."
_OF_TORCH = {
    "conv": "convolution",
    "linear": "core",
    "sparse": "core",
    "batchnorm": "normalization",
    "normalization": "normalization",
    "instancenorm": "normalization",
    "pooling": "pooling",
    "adaptive": "core",
    "dropout": "regularization",
    "flatten": "reshaping",
    "fold": "reshaping",
    "padding": "reshaping",
    "pixelshuffle": "reshaping",
    "upsampling": "reshaping",
    "rnn": "rnn",
    "transformer": "attention",
}


def family_of(op: Any) -> str:
    """The family of a layer; that of a subclass is its base's, that of a wrapped ``nn.Module`` is the module's.

    >>> import torch
    >>> family_of(torch.nn.Linear(2, 3)), family_of(torch.tanh)
    ('core', 'function')
    """
    if isinstance(op, Operation) and op.is_input:
        return "input"
    if getattr(op, "graph", None) is not None:
        return "model"
    if not hasattr(op, "parameters"):
        return "function"
    for kind in type(op).__mro__:
        room = _room(kind)
        if room is not None:
            return family_of(op.module) if room == "wrapper" else room
    return "custom"


def _room(kind: type) -> str | None:
    if kind.__name__ == "MultiheadAttention":
        return "attention"
    if kind.__module__.startswith(_OURS):
        if kind.__name__ == "TorchModule":
            return "wrapper"
        room = kind.__module__.removeprefix(_OURS).partition(".")[0]
        return room if room in FAMILIES else None
    if kind.__module__.startswith(_TORCH):
        room = kind.__module__.removeprefix(_TORCH)
        return "activation" if room == "activation" else _OF_TORCH.get(room)
    return None
