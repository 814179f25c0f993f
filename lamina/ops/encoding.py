"""Classes as numbers, classes as rows, and how far a prediction is from them."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.config import epsilon
from lamina.graph import ArgumentError, ShapeError
from lamina.graph.dtypes import to_torch

from .one_node import one_node, one_node_of
from .operands import floating, ordered, placed, tensor


@one_node_of(numbers=("num_classes",))
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 at the index that `x` names along a new axis, 0 elsewhere; all 0 for an index that is none.

    Args:
        x: integers of any shape.
        num_classes: the new axis' size.
        axis: its place in the result.
        dtype: of the result; float32 by default.
        sparse: only False.

    Raises:
        ArgumentError: a sparse result is asked for.

    >>> one_hot([0, 2, -1], 3)
    tensor([[1., 0., 0.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    if sparse:
        raise ArgumentError("ops.one_hot makes dense tensors only.", got="sparse=True")
    x = tensor(x)
    axis = axis + x.ndim + 1 if axis < 0 else axis
    classes = torch.arange(num_classes, device=x.device).reshape(-1, *[1] * (x.ndim - axis))
    return (x.unsqueeze(axis) == classes).to(to_torch(dtype or torch.float32))


@one_node_of(numbers=("num_classes",))
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any
) -> Any:
    """1 at every class that is among a row's labels, 0 elsewhere.

    Args:
        inputs: integers, (B, L, ...) or (L,); the labels lie along the second axis, or the only one. Others than
            classes are passed over.
        num_classes: the number of classes, C.
        axis: where the result, (B, ..., C) or (C,), has its classes.
        dtype: of the result; float32 by default.
        sparse: only False.
        **kwargs: `num_tokens`, an old name of `num_classes`.

    Raises:
        ArgumentError: a sparse result is asked for, or no `num_classes` is given.

    >>> multi_hot([[0, 2], [1, 1]], 3)
    tensor([[1., 0., 1.],
            [0., 1., 0.]])
    """
    classes = kwargs.pop("num_tokens", num_classes) if num_classes is None else num_classes
    if classes is None or kwargs:
        raise ArgumentError(
            "ops.multi_hot needs the number of classes.", got=f"{kwargs or None}", expected="num_classes=, and no more"
        )
    inputs = tensor(inputs)
    hot = one_hot(inputs, classes, dtype=dtype, sparse=sparse).amax(1 if inputs.ndim > 1 else 0)
    return hot.movedim(-1, axis)


@one_node
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """`-target * log(p) - (1 - target) * log(1 - p)`, position by position.

    Args:
        target: 0 or 1, or between; any shape.
        output: the probabilities p, of the same shape; or logits, whose sigmoid is p.
        from_logits: whether it is logits.

    Raises:
        ShapeError: two shapes.

    >>> binary_crossentropy([1.0, 0.0], [0.5, 0.9])
    tensor([0.6931, 2.3026])
    """
    target, output = _alike("binary_crossentropy", target, output)
    if from_logits:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")
    p = output.clamp(epsilon(), 1 - epsilon())
    try:
        return F.binary_cross_entropy(p, target, reduction="none")
    except RuntimeError:  # it refuses targets beyond 0 and 1, and NaN
        return -torch.lerp((-p).log1p(), p.log(), target)


@one_node
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """`-sum(target * log(p))` over the axis of classes.

    Args:
        target: probabilities of the classes, or one-hot; any shape.
        output: p up to a factor, of the same shape; or logits, whose softmax is p.
        from_logits: whether it is logits.
        axis: the classes.

    Raises:
        ShapeError: two shapes.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    tensor([0.6931])
    """
    target, output = _alike("categorical_crossentropy", target, output)
    return -torch.sum(target * _log_probabilities(output, from_logits, axis), axis)


@one_node
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """`-log(p)` of the target class.

    Args:
        target: integers, of the output's shape without the axis of classes, or with size 1 there.
        output: p of each class, up to a factor; or logits, whose softmax is p.
        from_logits: whether it is logits.
        axis: the classes.

    Raises:
        ShapeError: the shapes do not match.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
    tensor([0.6931])
    """
    target, output = placed(target, output)
    output = ordered(floating(output))
    axis = axis % output.ndim
    if target.ndim == output.ndim and target.shape[axis] == 1:
        target = target.squeeze(axis)
    rest = output.shape[:axis] + output.shape[axis + 1 :]
    if target.shape != rest:
        raise ShapeError(
            "ops.sparse_categorical_crossentropy: the target has not the output's shape without the classes.",
            got=f"target {tuple(target.shape)}, output {tuple(output.shape)}, classes along axis {axis}",
            expected=f"target {tuple(rest)}",
        )
    log_p = _log_probabilities(output, from_logits, axis)
    chosen = torch.take_along_dim(log_p, target.long().unsqueeze(axis), axis)
    return -chosen.squeeze(axis)


def _log_probabilities(output: torch.Tensor, from_logits: bool, axis: int) -> torch.Tensor:
    if from_logits:
        return F.log_softmax(output, axis)
    return torch.log((output / output.sum(axis, keepdim=True)).clamp(epsilon(), 1 - epsilon()))


def _alike(name: str, target: Any, output: Any) -> tuple[torch.Tensor, torch.Tensor]:
    target, output = (ordered(floating(x)) for x in placed(target, output))
    if target.shape != output.shape:
        raise ShapeError(
            f"ops.{name}: target and output have different shapes.",
            got=f"target {tuple(target.shape)}, output {tuple(output.shape)}",
        )
    return target.to(output.dtype), output
