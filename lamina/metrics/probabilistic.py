"""Cross-entropies, divergences and hinges as metrics: the losses of the same names as running means."""

from __future__ import annotations

from typing import Any

import torch

from lamina import losses
from lamina.losses.crossentropy import class_numbers
from lamina.losses.shapes import weight_for

from .measure import Measure


class BinaryCrossentropy(Measure):
    """Mean of -y log(p) - (1 - y) log(1 - p).

    >>> BinaryCrossentropy()([[1.0]], [[0.5]])
    tensor(0.6931)
    """

    direction = "down"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(Measure):
    """Mean of -sum over the classes of y * log(p), one-hot targets.

    >>> CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])
    tensor(0.6931)
    """

    direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        function = losses.categorical_crossentropy
        super().__init__(function, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(Measure):
    """Mean of -log(p[y]), targets that are class numbers; those equal to `ignore_class` do not count.

    >>> SparseCategoricalCrossentropy(ignore_class=-1)([1, -1], [[0.5, 0.5], [0.9, 0.1]])
    tensor(0.6931)
    """

    direction = "down"

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        function = losses.sparse_categorical_crossentropy
        super().__init__(function, name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)

    def update_state(  # type: ignore[override]  # of targets and predictions, where a Mean takes values
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> None:
        if self.ignore_class is not None:
            valid = class_numbers(y_true, y_pred, self.axis, self.name)[0] != self.ignore_class
            mask = valid if mask is None else valid & weight_for(mask, valid, "mask").to(torch.bool)
        super().update_state(y_true, y_pred, sample_weight, mask)


class KLDivergence(Measure):
    """Mean of sum(y_true * log(y_true / y_pred)).

    >>> KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])
    tensor(0.1438)
    """

    direction = "down"

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(Measure):
    """mean(y_pred - y_true * log(y_pred)).

    >>> Poisson()([[0.0, 2.0]], [[1.0, 1.0]])
    tensor(1.0000)
    """

    direction = "down"

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class Hinge(Measure):
    """mean(max(1 - y_true * y_pred, 0)), targets -1 or 1 (or 0 or 1).

    >>> Hinge()([[0.0, 1.0]], [[0.5, 0.5]])
    tensor(1.)
    """

    direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(Measure):
    """mean(max(1 - y_true * y_pred, 0)²), targets -1 or 1 (or 0 or 1).

    >>> SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.5]])
    tensor(1.2500)
    """

    direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(Measure):
    """Mean of max(best wrong score - right score + 1, 0), one-hot targets.

    >>> CategoricalHinge()([[0.0, 1.0]], [[0.75, 0.5]])
    tensor(1.2500)
    """

    direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
