"""oneDNN's kernels on CPUs: an LSTM's layer with its gradient, and a convolution with what follows it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from .symbols import Symbol, found

_LOOP = "a loop over time steps: ten times as long"
_APART = "convolution, sum and activation one after the other"
SYMBOLS = (
    Symbol("torch.ops.aten.mkldnn_rnn_layer.default", _LOOP),
    Symbol("torch.ops.aten.mkldnn_rnn_layer_backward.default", _LOOP),
    Symbol("torch.ops.mkldnn._convolution_pointwise.default", _APART),
    Symbol("torch.ops.mkldnn._convolution_pointwise.binary", _APART),
    Symbol("torch.ops.mkldnn._convolution_pointwise_.binary", _APART),
    Symbol("torch.ops.mkldnn._reorder_convolution_weight.default", _APART),
    Symbol("torch.ops.aten.relu.default._schema", "none of these kernels is used: their arguments cannot be compared"),
)

_WINDOW = "Tensor W, Tensor? B, int[] padding, int[] stride, int[] dilation, int groups, str"
_SUM = "binary_attr, Scalar? alpha, str? unary_attr, Scalar?[] unary_scalars, str? unary_algorithm"
_STATES = "Tensor weight0, Tensor weight1, Tensor weight2, Tensor weight3, Tensor hx_, Tensor cx_"
_SHAPE = "int mode, int hidden_size, int num_layers, bool has_biases"
_CONVOLUTIONS = {
    "torch.ops.mkldnn._convolution_pointwise.default": (f"Tensor X, {_WINDOW} attr, Scalar?[] scalars, str? algorithm"),
    "torch.ops.mkldnn._convolution_pointwise.binary": f"Tensor X, Tensor other, {_WINDOW} {_SUM}",
    "torch.ops.mkldnn._convolution_pointwise_.binary": f"Tensor(a!) other, Tensor X, {_WINDOW} {_SUM}",
    "torch.ops.mkldnn._reorder_convolution_weight.default": (
        "Tensor self, int[2] padding=0, int[2] stride=1, int[2] dilation=1, int groups=1, int[]? input_size=None"
    ),
}
_RNN = {
    "torch.ops.aten.mkldnn_rnn_layer.default": (
        f"Tensor input, {_STATES}, bool reverse, int[] batch_sizes, {_SHAPE}, bool bidirectional, bool batch_first, "
        "bool train"
    ),
    "torch.ops.aten.mkldnn_rnn_layer_backward.default": (
        "Tensor input, Tensor weight1, Tensor weight2, Tensor weight3, Tensor weight4, Tensor hx_, Tensor cx_tmp, "
        "Tensor output, Tensor hy_, Tensor cy_, Tensor? grad_output, Tensor? grad_hy, Tensor? grad_cy, bool reverse, "
        f"{_SHAPE}, bool train, bool bidirectional, int[] batch_sizes, bool batch_first, Tensor workspace"
    ),
}


class Convolutions(NamedTuple):
    """Operators of PyTorch: `change(conv(x))`, `change(conv(x) + other)`, that into `other`; and packing."""

    alone: Any
    plus: Any
    into: Any
    pack: Any


class RnnLayer(NamedTuple):
    """Operators of PyTorch: a layer over all time steps, with what its gradient needs, and that gradient."""

    forward: Any
    backward: Any


def convolutions() -> Convolutions | None:
    """PyTorch's fused convolutions on CPUs; None where this build has none, or has them with other arguments."""
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return None
    kernels = _fitting(_CONVOLUTIONS)
    return Convolutions(*kernels) if kernels else None


def _fitting(wanted: dict[str, str]) -> list[Any] | None:
    """The operators of these paths if all are there and take these arguments."""
    kernels = [found(path) for path in wanted]
    # Like the operators themselves not part of PyTorch's public interface: without it nothing is known of them.
    schemas = [getattr(kernel, "_schema", None) for kernel in kernels]
    fits = (f"({text})" in str(schema) for schema, text in zip(schemas, wanted.values(), strict=True))
    return kernels if all(fits) else None


def _rnn_layer() -> RnnLayer | None:
    kernels = _fitting(_RNN) if torch.backends.mkldnn.is_available() else None
    return RnnLayer(*kernels) if kernels else None


# None where this build has no such kernels, or has them with other arguments. Bound once: it is used at every step.
rnn_layer = _rnn_layer()
