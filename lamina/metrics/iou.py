"""Intersection over union, for segmentation: a confusion matrix of classes, and what it says of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lamina.config import epsilon
from lamina.graph.errors import ArgumentError
from lamina.losses.shapes import as_tensor, same_shape

from .base import Metric
from .reduction import at_least_float32, counting
from .thresholds import wide


class IoU(Metric):
    """Mean over `target_class_ids` of TP / (TP + FP + FN), from 0 to 1; classes that have not been seen do not count.

    Args:
        num_classes: number of classes C. Targets and predictions outside [0, C) are left out.
        target_class_ids: the classes whose mean is taken.
        ignore_class: targets of this class do not count.
        sparse_y_true: targets are class numbers (B, ...), not one-hot (B, ..., C).
        sparse_y_pred: predictions are class numbers (B, ...), not scores (B, ..., C).
        axis: the axis of the classes, where they are not sparse.

    Raises:
        ArgumentError: a class that does not exist.

    >>> IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])
    tensor(0.3333)
    """

    direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype, name)
        # Before anything else that takes long where there are many classes: a file may not make a large one.
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")
        if not all(0 <= number < num_classes for number in target_class_ids):
            raise ArgumentError(
                f"{type(self).__name__} is asked for a class that does not exist.",
                got=f"target_class_ids={list(target_class_ids)}, num_classes={num_classes}",
                expected=f"numbers from 0 to {num_classes - 1}",
            )
        self.num_classes, self.target_class_ids, self.ignore_class = num_classes, list(target_class_ids), ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Take a batch into account.

        Args:
            y_true: class numbers (B, ...), or one-hot (B, ..., C).
            y_pred: class numbers (B, ...), or scores (B, ..., C).
            sample_weight: number, (B,), or the shape of the class numbers.
            mask: (B,), or the shape of the class numbers, True where one counts.
        """
        y_pred = as_tensor(y_pred)
        y_true = as_tensor(y_true, y_pred.device)
        if not (self.sparse_y_true or self.sparse_y_pred):
            y_true, y_pred = same_shape(y_true, y_pred, self.name)
        y_true = y_true if self.sparse_y_true else _largest(y_true, self.axis)
        y_pred = y_pred if self.sparse_y_pred else _largest(y_pred, self.axis)
        y_true, y_pred = same_shape(y_true.long(), y_pred.long(), self.name)
        known = (y_true >= 0) & (y_true < self.num_classes) & (y_pred >= 0) & (y_pred < self.num_classes)
        if self.ignore_class is not None:
            known &= y_true != self.ignore_class
        weight = counting(y_true, sample_weight, mask, self._dtype)
        # Not a selection of what is known: its size would have to be read from the device.
        counted = known.to(wide(y_pred.device))
        counted = counted if weight is None else counted * weight
        cells = torch.where(known, y_true * self.num_classes + y_pred, 0)
        matrix = torch.zeros(self.num_classes**2, dtype=counted.dtype, device=counted.device)
        matrix.index_add_(0, cells.flatten(), counted.flatten())
        self.total_cm.assign_add(matrix.reshape(self.num_classes, self.num_classes).to(self._dtype))

    def result(self) -> Tensor:
        hits = self.total_cm.diagonal()
        union = self.total_cm.sum(0) + self.total_cm.sum(1) - hits
        hits, union = (counts.float()[self.target_class_ids] for counts in (hits, union))
        seen = union > 1e-9
        return torch.where(seen, hits / (union + epsilon()), 0.0).sum() / (seen.sum() + epsilon())

    def get_config(self) -> dict[str, Any]:
        names = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class BinaryIoU(IoU):
    """Intersection over union of yes and no: predictions of at least `threshold` are class 1, others class 0.

    Args:
        target_class_ids: (0, 1) for the mean of both, (1,) for class 1 alone.
        threshold: 0.5 for probabilities, 0 for logits.

    >>> BinaryIoU(target_class_ids=[0, 1], threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
    tensor(0.3333)
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Take a batch into account: targets 0 or 1, and predictions, (B, ...); weights and mask (B,) or (B, ...)."""
        super().update_state(y_true, at_least_float32(as_tensor(y_pred)) >= self.threshold, sample_weight, mask)

    def get_config(self) -> dict[str, Any]:
        own = {"target_class_ids": self.target_class_ids, "threshold": self.threshold}
        return {**Metric.get_config(self), **own}


class MeanIoU(IoU):
    """Mean over all classes that have been seen of TP / (TP + FP + FN); arguments as for `IoU`.

    >>> MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])
    tensor(0.3333)
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(num_classes)
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "target_class_ids")


class OneHotIoU(IoU):
    """`IoU` for one-hot targets (B, ..., C), and scores (B, ..., C) unless `sparse_y_pred`.

    >>> OneHotIoU(num_classes=3, target_class_ids=[0, 2])([[0, 0, 1], [1, 0, 0]], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7]])
    tensor(0.2500)
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot targets (B, ..., C), and scores (B, ..., C) unless `sparse_y_pred`.

    >>> OneHotMeanIoU(num_classes=3)([[0, 0, 1], [1, 0, 0]], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7]])
    tensor(0.2500)
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")


def _largest(scores: Tensor, axis: int) -> Tensor:
    """Where the largest is; PyTorch finds none among booleans."""
    return (scores.byte() if scores.dtype == torch.bool else scores).argmax(axis)


def _without(config: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != name}
