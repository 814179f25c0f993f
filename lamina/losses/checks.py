"""Targets against the loss and the predictions they are for, once, before the first step.

What a loss takes (`Loss.takes`) is one of

* ``"numbers"``: a finite number for each prediction;
* ``"shares"``: a number in [0, 1] for each prediction;
* ``"answers"``: the same, each a yes-or-no question;
* ``"signs"``: -1 or 1 (or 0 or 1) for each prediction;
* ``"one_hot"``: a number in [0, 1] for each prediction, with several classes along ``axis``;
* ``"classes"``: a class number for each vector of classes along ``axis``;
* ``"labels"``: a whole number for each sample;
* ``"sequences"``: labels from 1, filled up with 0 (the CTC loss).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from lamina.graph.errors import ArgumentError, DtypeError, ShapeError

from .base import Loss
from .shapes import as_tensor
from .targets import check_class_numbers, check_finite, check_interval

Shape = Sequence[int | None]

_HINTS = {
    "answers": "for several classes: one unit per class, and sparse_categorical_crossentropy for class numbers or "
    "categorical_crossentropy for one-hot targets; for quantities: mean_squared_error",
    "one_hot": "one-hot targets, or probabilities of the classes; for class numbers sparse_categorical_crossentropy",
    "shares": "scale the targets, as images by 1 / 255; for quantities: mean_squared_error",
    "signs": "targets -1 and 1, or 0 and 1; for several classes: categorical_hinge with one-hot targets",
}
_INTERVALS = {"answers": (0.0, 1.0), "one_hot": (0.0, 1.0), "shares": (0.0, 1.0), "signs": (-1.0, 1.0)}


def check_targets(loss: Loss | None, y_true: Any, y_pred_shape: Shape, name: str = "output") -> None:
    """Refuse targets that `loss` cannot learn from, before anything has been trained on them.

    Values are looked at where they are on the host, in one pass over them; on a device only shapes are, since to look
    would be to wait. A loss of the user's own takes what it takes: only text and objects are refused.

    Args:
        loss: what the targets are for; None for no loss.
        y_true: targets, (N, ...): all of them, or a batch. A dict or list of several is left to the loss.
        y_pred_shape: shape of the predictions, the batch (whose size is not compared) first, None for an unknown axis.
        name: the output, for the message.

    Raises:
        DtypeError: text or objects.
        ShapeError: targets and predictions do not pair.
        ArgumentError: class numbers out of range or not whole, NaN, infinite values, values outside of the interval
            that the loss is made for, or a loss over classes with a single one.

    >>> from lamina.losses import SparseCategoricalCrossentropy
    >>> check_targets(SparseCategoricalCrossentropy(), np.array([3, 9]), (None, 10), "digit")
    """
    if loss is None or isinstance(y_true, dict):
        return
    whose = f"output {name!r} ({loss.name})"
    if not isinstance(y_true, Tensor):
        if isinstance(y_true, (list, tuple)) and any(isinstance(item, (Tensor, np.ndarray)) for item in y_true):
            return
        y_true = np.asarray(y_true)
        if y_true.dtype.kind in "OSUVMm":
            raise DtypeError(
                f"The targets of {whose} are no numbers.",
                got=f"dtype {y_true.dtype}, such as {y_true.flat[0]!r}" if y_true.size else f"dtype {y_true.dtype}",
                expected="numbers",
                hint="number the classes, as np.unique(y, return_inverse=True)[1] does; "
                "y.astype('float32') for numbers that are kept as objects",
            )
        y_true = as_tensor(y_true)
    takes = loss.takes
    if takes is None or y_true.is_complex():
        return
    _check_shapes(takes, tuple(y_true.shape), tuple(y_pred_shape), _argument(loss, "axis", -1), whose)
    if y_true.device.type == "cpu" and y_true.numel():
        _check_values(takes, loss, y_true, tuple(y_pred_shape), whose)


def _argument(loss: Any, name: str, default: Any) -> Any:
    """An argument of a loss, or of the function that it wraps."""
    return getattr(loss, "kwargs", {}).get(name, getattr(loss, name, default))


def _check_values(takes: str, loss: Loss, y_true: Tensor, y_pred_shape: Shape, whose: str) -> None:
    if takes in _INTERVALS:
        check_interval(y_true, *_INTERVALS[takes], whose, _HINTS[takes])
    elif takes == "numbers":
        if y_true.is_floating_point():
            check_finite(y_true, whose)
    elif takes == "labels":
        check_class_numbers(y_true.abs(), 2**62, None, whose)
    elif takes == "classes":
        classes = y_pred_shape[_argument(loss, "axis", -1)]
        if classes is not None:
            check_class_numbers(y_true, classes, _argument(loss, "ignore_class", None), whose)
    elif y_pred_shape[-1] is not None:
        check_class_numbers(y_true, y_pred_shape[-1], None, whose)
        _check_lengths(y_true, y_pred_shape[1], whose)


def _check_lengths(y_true: Tensor, steps: int | None, whose: str) -> None:
    """A sequence of labels that does not fit into the steps has an infinite loss. Equal neighbours need a blank."""
    between = (y_true[:, 1:] == y_true[:, :-1]) & (y_true[:, 1:] != 0)
    needed = (y_true != 0).sum(-1) + between.sum(-1)
    longest = int(needed.max())
    if steps is not None and longest > steps:
        raise ArgumentError(
            f"The targets of {whose} need more steps than the predictions have: the loss would be infinite.",
            got=f"labels that need {longest} steps, in row {int(needed.argmax())}",
            expected=f"at most {steps} steps, a blank between equal labels counted",
            hint="less pooling over time in the model, or shorter targets",
        )


def _check_shapes(takes: str, true: Shape, pred: Shape, axis: Any, whose: str) -> None:
    over_classes = takes in ("classes", "one_hot") and isinstance(axis, int) and -len(pred) <= axis < len(pred)
    if takes == "sequences":
        fits, expected, hint = len(true) == 2 and len(pred) == 3, "(B, L), filled up with 0, for logits (B, T, C)", None
    elif takes == "labels":
        fits, expected, hint = _match(_squeezed(true, 1), (None,)), "(B,) or (B, 1): a class number per sample", None
    elif over_classes:
        fits, expected, hint = _shapes_over_classes(takes, true, pred, axis, whose)
    else:
        fits, expected = _match(*_trimmed(true, pred)), _same_or_column(pred)
        hint = _HINTS["answers"] if takes == "answers" else "reshape the targets, or give the last layer as many units"
    if not fits and len(pred) > 2 and len(_squeezed(true, 1)) < len(pred) and len(true) <= 2:
        hint = "layers.Flatten() or GlobalAveragePooling before the last Dense, for one prediction per sample"
        hint += "; return_sequences=False after a recurrent layer" if len(pred) == 3 else ""
    if not fits:
        raise ShapeError(
            f"The targets of {whose} do not pair with its predictions.",
            got=f"targets {_text(true)}, predictions {_text(pred)}",
            expected=f"targets {expected}",
            hint=hint,
        )


def _shapes_over_classes(takes: str, true: Shape, pred: Shape, axis: int, whose: str) -> tuple[bool, str, str | None]:
    """Whether targets fit predictions of several classes, what is due, and what to try."""
    if pred[axis] == 1:
        raise ArgumentError(
            f"The loss of {whose} compares classes, but the predictions have only one: it would never change.",
            got=f"predictions {_text(pred)}, one unit along axis {axis}",
            expected="one unit per class, at least 2",
            hint="binary_crossentropy for one unit that answers yes or no; or one unit per class, with "
            "sparse_categorical_crossentropy for targets that are class numbers",
        )
    if takes == "one_hot":
        hint = "sparse_categorical_crossentropy for targets that are class numbers"
        return _match(true, pred), _text(pred), hint
    due = _without(pred, axis)
    hint = "categorical_crossentropy for one-hot targets" if _match(true, pred) else "reshape the targets"
    column = len(true) == len(pred) and true[axis] == 1
    fits = _match(_without(true, axis) if column else true, due)
    return fits, f"{_text(due)}: a class number for each vector of classes", hint


def _match(first: Shape, second: Shape) -> bool:
    """Whether two shapes are equal, but for the batch and unknown axes."""
    return len(first) == len(second) and all(
        a == b or a is None or b is None for a, b in zip(first[1:], second[1:], strict=True)
    )


def _trimmed(first: Shape, second: Shape) -> tuple[Shape, Shape]:
    """Both without a trailing axis of size 1 that only one of them has."""
    return _squeezed(first, len(second)), _squeezed(second, len(first))


def _squeezed(shape: Shape, rank: int) -> Shape:
    """`shape` without its last axis, if it has one more than `rank` and that is of size 1."""
    return shape[:-1] if len(shape) == rank + 1 and shape[-1] == 1 else shape


def _without(shape: Shape, axis: int) -> Shape:
    axis %= len(shape)
    return (*shape[:axis], *shape[axis + 1 :])


def _same_or_column(pred: Shape) -> str:
    shorter = f" or {_text(pred[:-1])}" if len(pred) > 1 and pred[-1] == 1 else ""
    return f"{_text(pred)}{shorter}; nothing is broadcast over the batch"


def _text(shape: Shape) -> str:
    """A shape as people write it, the batch as B.

    >>> _text((None, 3))
    '(B, 3)'
    """
    axes = ["B" if i == 0 else str(axis) for i, axis in enumerate(shape)]
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
