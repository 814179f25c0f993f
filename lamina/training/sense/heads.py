"""Head: what an output ends with, as far as the graph tells: a softmax, a sigmoid, a plain weighted sum, ..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from lamina import layers
from lamina.graph import Node, SymbolicTensor
from lamina.layers import Layer
from lamina.operations import OPERATIONS

# What only arranges values anew.
_ARRANGING_LAYERS = (layers.Flatten, layers.Reshape, layers.Identity, layers.Permute)
_ARRANGING = frozenset(
    "reshape view flatten squeeze unsqueeze to float double half bfloat16 permute transpose swapaxes movedim "
    "contiguous clone identity".split()
)
_WEIGHTED = (
    layers.Dense, layers.EinsumDense, layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv1DTranspose,
    layers.Conv2DTranspose, layers.Conv3DTranspose, layers.SeparableConv1D, layers.SeparableConv2D,
)  # fmt: skip
_MODULES: dict[type, str] = {
    torch.nn.Softmax: "softmax", torch.nn.Sigmoid: "sigmoid", torch.nn.LogSoftmax: "log_softmax",
    torch.nn.ReLU: "relu", torch.nn.Tanh: "tanh", torch.nn.Linear: "linear", torch.nn.Conv1d: "linear",
    torch.nn.Conv2d: "linear", torch.nn.Conv3d: "linear",
}  # fmt: skip
_BELOW_ZERO: dict[type, str] = {layers.LeakyReLU: "leaky_relu", layers.PReLU: "leaky_relu", layers.ELU: "elu"}
_KINDS = frozenset(
    "softmax sigmoid log_softmax linear relu relu6 leaky_relu elu selu gelu silu swish mish tanh".split()
)


@dataclass(frozen=True)
class Head:
    """The last thing that makes the values of an output.

    Attributes:
        kind: "softmax", "sigmoid", "log_softmax", "linear" (of a layer with weights), "relu", "tanh", ...
        node: the call that makes them; where it was called is ``node.source``.
        classes: size of the axis that a softmax goes along; None where unknown.
        axis: that axis, from 0 on, where nothing arranges the values anew after it; else None.
    """

    kind: str
    node: Node
    classes: int | None = None
    axis: int | None = None

    def __str__(self) -> str:
        what = "no activation" if self.kind == "linear" else f"a {self.kind}"
        return f"{what} ({self.node.label}, {self.node.source})"


def head_of(tensor: Any) -> Head | None:
    """The head of an output; None where the graph does not tell: a function or a layer of the user's, arithmetic, ...

    >>> from lamina.layers import Dense, Input
    >>> head_of(Dense(3, activation="softmax")(Input((4,)))).kind
    'softmax'
    """
    last = made_by(tensor)
    kind = _kind(last.node.op) if last is not None else ""
    if last is None or kind not in _KINDS:
        return None
    if kind != "softmax":
        return Head(kind, last.node)
    axis = _axis(last.node, last)
    classes = None if axis is None else last.shape[axis]
    as_declared = len(last.shape) == len(tensor.shape) and not _is_arranging(tensor.node.op)
    return Head(kind, last.node, classes, axis if as_declared else None)


def made_by(tensor: Any) -> SymbolicTensor | None:
    """The tensor of which an output is an arrangement: what makes it is more than that, and no model."""
    while isinstance(tensor, SymbolicTensor):
        node, op = tensor.node, tensor.node.op
        inner = _graph_within(op)
        if _is_arranging(op):
            tensor = node.args[0] if node.args else None
        elif inner is not None:
            tensor = inner.outputs[tensor.index]
        else:
            return tensor
    return None


def _graph_within(op: Any) -> Any:
    """That of a model among the calls; None for anything else."""
    return op.graph if isinstance(op, Layer) and getattr(op, "is_drawn", False) else None


def _is_arranging(op: Any) -> bool:
    if isinstance(op, Layer):
        plain = isinstance(op, layers.Activation) and _name(op.activation) == "linear"
        return plain or type(op) in _ARRANGING_LAYERS
    return _function(op) in _ARRANGING


def _kind(op: Any) -> str:
    if isinstance(op, layers.TimeDistributed):
        op = op.layer
    if not isinstance(op, Layer):
        return _function(op)
    if type(op) is layers.TorchModule:
        return _of_module(op.module)
    if type(op) is layers.Softmax:
        return "softmax"
    if type(op) is layers.ReLU:
        return "leaky_relu" if op.negative_slope else "relu"
    if type(op) in _BELOW_ZERO:
        return _BELOW_ZERO[type(op)]
    if type(op) is layers.Activation:
        return _name(op.activation)
    if type(op) in _WEIGHTED and (_name(op.activation) != "linear" or not _is_limited(op)):
        return _name(op.activation)
    return ""


def _of_module(module: torch.nn.Module) -> str:
    while type(module) is torch.nn.Sequential and len(module):
        module = module[-1]
    return _MODULES.get(type(module), "")


def _is_limited(layer: Any) -> bool:
    """Whether a constraint may keep a weighted sum within [0, 1], as that of shares does."""
    return any(getattr(layer, name, None) is not None for name in ("kernel_constraint", "depthwise_constraint"))


def _function(op: Any) -> str:
    return OPERATIONS.of(op).name or getattr(op, "__name__", "")


def _name(activation: Any) -> str:
    if activation is None:
        return "linear"
    if isinstance(activation, Layer):
        return _kind(activation)
    return _function(activation)


def _axis(node: Node, tensor: SymbolicTensor) -> int | None:
    named = node.kwargs.get("dim", node.kwargs.get("axis"))
    given = node.args[1] if len(node.args) > 1 else named
    axis = getattr(node.op, "axis", -1) if isinstance(node.op, Layer) else given
    axis = -1 if axis is None else axis
    rank = len(tensor.shape)
    return axis % rank if isinstance(axis, int) and -rank <= axis < rank else None
