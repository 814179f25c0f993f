"""Outputs whose last step does not go with what they are for: a softmax of a softmax, a dropout at the end, ..."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from lamina import layers, losses
from lamina.graph import SymbolicTensor
from lamina.layers import Layer

from .heads import Head, head_of, made_by
from .said import Said

_OF_CLASSES = (
    losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy, losses.CategoricalFocalCrossentropy,
)  # fmt: skip
_DROPS = (
    layers.Dropout, layers.AlphaDropout, layers.GaussianDropout, layers.SpatialDropout1D, layers.SpatialDropout2D,
    layers.SpatialDropout3D,
)  # fmt: skip
_OF_AMOUNTS = (losses.MeanSquaredError, losses.MeanAbsoluteError, losses.Huber, losses.LogCosh)
_OF_AMOUNTS_IN_TORCH = (
    nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss, F.mse_loss, F.l1_loss, F.huber_loss, F.smooth_l1_loss,
)  # fmt: skip
_REACH = {"softmax": (0.0, 1.0), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}
_BELOW_ZERO = frozenset("linear leaky_relu elu selu gelu silu swish mish tanh".split())
_MOST = 2**22  # values that are looked at
_MARGIN, _SHARE, _FEWEST = 0.05, 0.1, 16  # of the targets' values, of their number, and of values that tell something


def tell_of_endings(said: Said, graph: Any, terms: list[Any]) -> None:
    """Warn of ends that are wrong for any data.

    Args:
        terms: one for each output of the graph: ``name`` and ``loss``.
    """
    for tensor, term in zip(graph.outputs, terms, strict=True):
        if term.loss is not None:
            for text in _objections(tensor, term.loss):
                said.once(f"end {term.name} {text[:20]}", f"The output {term.name!r} ends with {text}")


def _objections(tensor: SymbolicTensor, loss: Any) -> Iterator[str]:
    last, head = made_by(tensor), head_of(tensor)
    if last is not None and isinstance(last.node.op, _DROPS):
        yield (
            f"{last.node.label} ({last.node.source}): in training a part of its predictions is 0. Try it before the "
            "last layer."
        )
    if head is not None and _is_plain(head.node.op) and head.kind in ("softmax", "sigmoid"):
        before = head_of(head.node.args[0]) if head.node.args else None
        if before is not None and before.kind == head.kind:
            yield f"{head} of {before}: its values lie close together, and little is learnt. Try one of them."
    if head is not None and head.axis is not None and type(loss) in _OF_CLASSES:
        axis = getattr(loss, "axis", -1) % len(tensor.shape)
        if head.axis != axis:
            yield (
                f"{head} along axis {head.axis}, but its loss {loss.name} has the classes along axis {axis}: those of "
                f"one example do not add up to 1. Try axis={axis - len(tensor.shape)} in the softmax."
            )
    if type(loss) is losses.CosineSimilarity and tensor.shape and tensor.shape[loss.axis] == 1:
        yield "a single unit, whose cosine is 1 or -1 whatever it is. Try 'mse', or several units."
    if type(loss) is losses.Poisson and head is not None and head.kind in _BELOW_ZERO:
        yield (
            f"{head}, and its loss {loss.name} takes the logarithm of what it predicts, which must be above 0. Try "
            "activation='softplus' or 'exponential' in the last layer."
        )


def _is_plain(op: Any) -> bool:
    """Whether it does nothing before its activation."""
    return not isinstance(op, Layer) or type(op) in (layers.Softmax, layers.Activation)


def tell_of_reach(said: Said, graph: Any, terms: list[Any], targets: list[Any]) -> None:
    """Warn of targets that an output cannot come near, such as amounts of 30 behind a sigmoid.

    Args:
        targets: of each output, (N, ...) or None, none of which is left out by a weight.
    """
    for tensor, term, target in zip(graph.outputs, terms, targets, strict=True):
        head = head_of(tensor) if _is_of_amounts(term.loss) else None
        if head is not None and head.kind in _REACH and isinstance(target, torch.Tensor):
            text = _beyond(head, target)
            if text:
                said.once(f"reach {term.name}", f"The output {term.name!r} ends with {head}{text}")


def _is_of_amounts(loss: Any) -> bool:
    if isinstance(loss, losses.TorchLoss):
        return (type(loss.fn) if isinstance(loss.fn, nn.Module) else loss.fn) in _OF_AMOUNTS_IN_TORCH
    return type(loss) in _OF_AMOUNTS


def _beyond(head: Head, target: torch.Tensor) -> str | None:
    if target.device.type != "cpu" or target.is_complex() or target.numel() < _FEWEST:
        return None
    low, high = _REACH[head.kind]
    part = target[: max(1, _MOST * len(target) // target.numel())]
    values = part.detach().double()
    share = ((values < low - _MARGIN) | (values > high + _MARGIN)).double().mean().item()
    if share <= _SHARE:
        return None
    least, most = (bound.item() for bound in values.aminmax())
    of = "its targets" if len(part) == len(target) else f"its first {len(part)} targets"
    reach = "0 or more" if high == math.inf else f"from {low:g} to {high:g}"
    return (
        f": its values are {reach}, but {share:.0%} of {of} lie beyond, which go from {least:.3g} to "
        f"{most:.3g}. Try a last layer without activation, or targets scaled to what it gives."
    )
