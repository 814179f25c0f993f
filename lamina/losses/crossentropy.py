"""Cross-entropies: binary, categorical (one-hot targets) and sparse (class numbers).

C classes along `axis`, by default the last. With ``from_logits=True`` they run on PyTorch's fused functions, are exact
for any logit and cheaper; on probabilities these are clipped to [e, 1 - e] first, e being
`lamina.config.epsilon()`, 1e-7.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lamina.config import epsilon
from lamina.graph.errors import ArgumentError, ShapeError
from lamina.users_traceback import at_users_line

from .base import Loss
from .shapes import as_tensor, device_of, paired
from .targets import check_class_numbers

# A class number that no data uses: PyTorch would otherwise skip targets of -100 without a word.
_IGNORE_NOTHING = -(2**31)


@at_users_line
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Mean along `axis` of -y log(p) - (1 - y) log(1 - p): (B, ..., F) -> (B, ...).

    Args:
        y_true: targets in [0, 1], (B, ..., F).
        y_pred: probabilities in [0, 1], or logits, (B, ..., F).
        from_logits: `y_pred` holds logits: p = sigmoid(y_pred).
        label_smoothing: in [0, 1]; targets become y * (1 - s) + s/2.
        axis: the axis averaged over.

    >>> binary_crossentropy([[1.0]], [[0.5]])
    tensor([0.6931])
    """
    return _binary(y_true, y_pred, from_logits, label_smoothing, "none", "binary_crossentropy").mean(axis)


def _binary(y_true: Any, y_pred: Any, from_logits: bool, smoothing: float, reduction: str, what: str) -> Tensor:
    y_true, y_pred = paired(
        y_true,
        y_pred,
        what,
        "one unit (or one per label) in the last layer; several classes "
        "that exclude each other want categorical_crossentropy or sparse_categorical_crossentropy",
    )
    if smoothing:
        y_true = y_true * (1.0 - smoothing) + 0.5 * smoothing
    if from_logits:
        return F.binary_cross_entropy_with_logits(y_pred, y_true, reduction=reduction)
    return binary_from_probabilities(y_true, y_pred, reduction)


def binary_from_probabilities(y_true: Tensor, y_pred: Tensor, reduction: str) -> Tensor:
    """-y log(p) - (1 - y) log(1 - p), with p clipped to [1e-7, 1 - 1e-7]; NaN for NaN.

    PyTorch's function asserts that p is in [0, 1], which NaN is not: weights that have become NaN would end in a
    RuntimeError, on a GPU in the end of the process, before any callback could see a loss. It asks the same of y, which
    noise on the labels of a discriminator takes a little beyond 1.
    """
    p = y_pred.clamp(epsilon(), 1.0 - epsilon())
    if not isinstance(p, Tensor) or p.device.type == "cpu":
        try:
            return F.binary_cross_entropy(p, y_true, reduction=reduction)
        except RuntimeError:
            if not p.isnan().any() and not ((y_true < 0) | (y_true > 1)).any():
                raise
    losses = -torch.lerp((-p).log1p(), p.log(), y_true)
    return losses.mean() if reduction == "mean" else losses


@at_users_line
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-sum over the classes of y * log(p): (B, ..., C) -> (B, ...).

    Args:
        y_true: one-hot targets or probabilities of the classes, (B, ..., C).
        y_pred: probabilities (divided by their sum along `axis`), or logits, (B, ..., C).
        from_logits: `y_pred` holds logits: p = softmax(y_pred).
        label_smoothing: in [0, 1]; targets become y * (1 - s) + s/C.
        axis: the axis of the classes.

    Raises:
        ArgumentError: there is only one class, so the loss would always be 0.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    tensor([0.6931])
    """
    y_true, y_pred = class_pair(y_true, y_pred, axis, "categorical_crossentropy")
    if from_logits:
        return _categorical_from_logits(y_true, y_pred, label_smoothing, axis, "none")
    return -(smoothed(y_true, label_smoothing, axis) * log_probabilities(y_pred, axis)).sum(axis)


def class_pair(y_true: Any, y_pred: Any, axis: int, what: str) -> tuple[Tensor, Tensor]:
    """One-hot targets and predictions of one shape, with more than one class along `axis`."""
    y_pred = as_tensor(y_pred)
    check_classes(y_pred, axis, what)
    return paired(y_true, y_pred, what, "targets that are class numbers want sparse_categorical_crossentropy")


def check_classes(y_pred: Tensor, axis: int, what: str) -> None:
    """ArgumentError where a loss over classes meets predictions with a single one (its value would be constant)."""
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise ArgumentError(f"The axis of {what} is a number.", got=f"axis={axis!r}", expected="an int, such as -1")
    if y_pred.ndim and y_pred.shape[axis] == 1:
        raise ArgumentError(
            f"{what} compares classes, but the predictions have only one: the loss would never change.",
            got=f"predictions {tuple(y_pred.shape)}, one unit along axis {axis}",
            expected="one unit per class, at least 2",
            hint="binary_crossentropy for one unit that answers yes or no; or one unit per class, with "
            "sparse_categorical_crossentropy for targets that are class numbers",
        )


def smoothed(y_true: Tensor, label_smoothing: float, axis: int) -> Tensor:
    """Targets moved by a share `label_smoothing` towards all classes being equally likely."""
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]


def probabilities(y_pred: Tensor, axis: int) -> Tensor:
    """`y_pred` divided by its sum along `axis`, clipped to [1e-7, 1 - 1e-7]."""
    return (y_pred / y_pred.sum(axis, keepdim=True)).clamp(epsilon(), 1.0 - epsilon())


def log_probabilities(y_pred: Tensor, axis: int) -> Tensor:
    """log of `probabilities`."""
    return probabilities(y_pred, axis).log()


def rows_of_classes(y_pred: Tensor, axis: int) -> Tensor:
    """(B, ..., C) as (B * ..., C), or as (B, C, ...) where that would need a copy: what `F.cross_entropy` takes."""
    last = _classes_last(y_pred, axis)
    if last.ndim <= 2:
        return last
    # A symbolic tensor has no memory to ask about yet; the axis moved is right for any.
    flat = isinstance(last, Tensor) and last.is_contiguous()
    return last.reshape(-1, last.shape[-1]) if flat else last.movedim(-1, 1)


def _classes_last(x: Tensor, axis: int) -> Tensor:
    return x if axis in (-1, x.ndim - 1) else x.movedim(axis, -1)


def _categorical_from_logits(y_true: Tensor, y_pred: Tensor, smoothing: float, axis: int, reduction: str) -> Tensor:
    rows = rows_of_classes(y_pred, axis)
    targets = _classes_last(y_true, axis)
    if targets.ndim > 2:
        targets = targets.movedim(-1, 1) if rows.ndim > 2 else targets.reshape(-1, targets.shape[-1])
    losses = F.cross_entropy(rows, targets, reduction=reduction, label_smoothing=smoothing)
    return losses if reduction != "none" else losses.reshape_as(y_pred.select(axis, 0))


def _without_axis(shape: torch.Size, axis: int) -> tuple[int, ...]:
    axis %= len(shape)
    return (*shape[:axis], *shape[axis + 1 :])


@at_users_line
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """-log(p[y]): the categorical cross-entropy for targets that are class numbers; (B, ..., C) -> (B, ...).

    Args:
        y_true: class numbers in [0, C), (B, ...) or (B, ..., 1), any integer dtype (or whole floats).
        y_pred: probabilities (divided by their sum along `axis`), or logits, (B, ..., C).
        from_logits: `y_pred` holds logits: p = softmax(y_pred).
        ignore_class: a class number, possibly outside [0, C), whose targets give a loss of 0.
        axis: the axis of the classes.

    Raises:
        ShapeError: the targets are not one class number for each vector of classes.
        ArgumentError: there is only one class, so the loss would always be 0.

    >>> sparse_categorical_crossentropy([1, 0], [[0.5, 0.5], [0.75, 0.25]])
    tensor([0.6931, 0.2877])
    """
    y_true, y_pred = class_numbers(y_true, y_pred, axis, "sparse_categorical_crossentropy")
    if not from_logits:
        return _sparse_from_probabilities(y_true, y_pred, ignore_class, axis)
    return _sparse_from_logits(y_true, y_pred, ignore_class, axis, "none").reshape_as(y_true)


def class_numbers(y_true: Any, y_pred: Any, axis: int, what: str) -> tuple[Tensor, Tensor]:
    """Class numbers as int64 (B, ...) for predictions (B, ..., C)."""
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, device_of(y_pred))
    shape = y_pred.shape
    # In training the shapes fit as they are, which two comparisons tell.
    if not (axis == -1 and shape and shape[-1] != 1 and y_true.shape == shape[:-1]):
        y_true = _fitted_class_numbers(y_true, y_pred, axis, what)
    if not y_pred.dtype.is_floating_point:
        y_pred = y_pred.to(torch.get_default_dtype())
    return y_true if y_true.dtype is torch.int64 else y_true.long(), y_pred


def _fitted_class_numbers(y_true: Tensor, y_pred: Tensor, axis: int, what: str) -> Tensor:
    check_classes(y_pred, axis, what)
    due = _without_axis(y_pred.shape, axis)
    fitted = y_true.squeeze(axis) if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1 else y_true
    if tuple(fitted.shape) != due:
        one_hot = y_true.shape == y_pred.shape
        raise ShapeError(
            f"{what} takes one class number for each vector of classes.",
            got=f"targets {tuple(y_true.shape)}, predictions {tuple(y_pred.shape)}",
            expected=f"targets {due}",
            hint="categorical_crossentropy for one-hot targets" if one_hot else "reshape the targets",
        )
    return fitted


def _sparse_from_logits(y_true: Tensor, y_pred: Tensor, ignore_class: int | None, axis: int, reduction: str) -> Tensor:
    rows = y_pred if y_pred.ndim == 2 and axis == -1 else rows_of_classes(y_pred, axis)
    targets = y_true.reshape(-1) if rows.ndim == 2 and y_true.ndim > 1 else y_true
    ignored = _IGNORE_NOTHING if ignore_class is None else ignore_class
    try:
        return F.cross_entropy(rows, targets, reduction=reduction, ignore_index=ignored)
    except (IndexError, RuntimeError):
        _explain(y_true, y_pred, ignore_class, axis)
        raise


def _explain(y_true: Tensor, y_pred: Tensor, ignore_class: int | None, axis: int) -> None:
    """Say in our words what PyTorch has refused, if it was a class number out of range."""
    if y_true.device.type == "cpu":
        check_class_numbers(y_true, y_pred.shape[axis], ignore_class, "sparse_categorical_crossentropy")


def _sparse_from_probabilities(y_true: Tensor, y_pred: Tensor, ignore_class: int | None, axis: int) -> Tensor:
    """Only the probability of the target is needed: take it first, so that clip and log touch one value per sample."""
    valid = None if ignore_class is None else y_true != ignore_class
    if valid is not None:
        y_true = torch.where(valid, y_true, 0)
    try:
        taken = y_pred.gather(axis, y_true.unsqueeze(axis)).squeeze(axis)
    except RuntimeError:
        _explain(y_true, y_pred, None, axis)
        raise
    losses = -(taken / y_pred.sum(axis)).clamp(epsilon(), 1.0 - epsilon()).log()
    return losses if valid is None else torch.where(valid, losses, 0.0)


class BinaryCrossentropy(Loss):
    """-y log(p) - (1 - y) log(1 - p), for one yes-or-no answer per unit.

    Args:
        from_logits: predictions are logits (a last layer without sigmoid): exact and faster.
        label_smoothing: in [0, 1]; targets become y * (1 - s) + s/2.
        axis: the axis averaged over first.

    >>> BinaryCrossentropy(from_logits=True)(torch.tensor([1, 0]), torch.tensor([[0.0], [0.0]]))
    tensor(0.6931)
    """

    takes = "answers"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)

    def batch_mean(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return _binary(y_true, y_pred, self.from_logits, self.label_smoothing, "mean", self.name)

    def get_config(self) -> dict[str, Any]:
        own = {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing, "axis": self.axis}
        return {**super().get_config(), **own}


class CategoricalCrossentropy(Loss):
    """-sum over the classes of y * log(p), for one-hot targets.

    Args:
        from_logits: predictions are logits (a last layer without softmax): exact and faster.
        label_smoothing: in [0, 1]; targets become y * (1 - s) + s/C.
        axis: the axis of the classes.

    >>> CategoricalCrossentropy()(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5]]))
    tensor(0.6931)
    """

    takes = "one_hot"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)

    def batch_mean(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if not self.from_logits:
            return super().batch_mean(y_true, y_pred)
        y_true, y_pred = class_pair(y_true, y_pred, self.axis, self.name)
        return _categorical_from_logits(y_true, y_pred, self.label_smoothing, self.axis, "mean")

    def get_config(self) -> dict[str, Any]:
        own = {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing, "axis": self.axis}
        return {**super().get_config(), **own}


class SparseCategoricalCrossentropy(Loss):
    """-log(p[y]), for targets that are class numbers.

    Args:
        from_logits: predictions are logits (a last layer without softmax): exact and faster.
        ignore_class: a class number, possibly outside [0, C), whose targets do not count, in the mean neither.
        axis: the axis of the classes.

    >>> SparseCategoricalCrossentropy()(torch.tensor([1, 0]), torch.tensor([[0.5, 0.5], [0.5, 0.5]]))
    tensor(0.6931)
    """

    integer_targets = True
    takes = "classes"

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def batch_mean(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if not self.from_logits or self.ignore_class is not None:
            return super().batch_mean(y_true, y_pred)
        y_true, y_pred = class_numbers(y_true, y_pred, self.axis, self.name)
        return _sparse_from_logits(y_true, y_pred, None, self.axis, "mean")

    def valid_mask(self, y_true: Tensor, values: Tensor) -> Tensor | None:
        return None if self.ignore_class is None else y_true.reshape(values.shape) != self.ignore_class

    def get_config(self) -> dict[str, Any]:
        own = {"from_logits": self.from_logits, "ignore_class": self.ignore_class, "axis": self.axis}
        return {**super().get_config(), **own}
