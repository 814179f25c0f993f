"""Correlations of targets and predictions along an axis: whether they move together, whatever their scale."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lamina.config import epsilon
from lamina.graph.errors import ArgumentError
from lamina.losses.shapes import paired
from lamina.users_traceback import at_users_line

from .measure import Measure


@at_users_line
def pearson_correlation(y_true: Any, y_pred: Any, axis: int | tuple[int, ...] = -1) -> Tensor:
    """cov(y_true, y_pred) / (std(y_true) * std(y_pred)) along `axis`, from -1 to 1; NaN where one is constant.

    Args:
        y_true: targets, (B, ...).
        y_pred: predictions, (B, ...).
        axis: axis or axes whose values are compared; 0 compares the samples of a batch.

    Raises:
        ShapeError: the shapes do not pair.
        ArgumentError: there is only one value along `axis`.

    >>> pearson_correlation([[0.0, 1.0, 0.5]], [[0.5, 2.5, 1.5]])
    tensor([1.0000])
    """
    true, pred, _ = _centred(y_true, y_pred, axis, "pearson_correlation")
    # Scaled before they are multiplied: the squares of small deviations would vanish.
    return (true / _deviation(true, axis) * (pred / _deviation(pred, axis))).mean(axis)


@at_users_line
def concordance_correlation(y_true: Any, y_pred: Any, axis: int | tuple[int, ...] = -1) -> Tensor:
    """2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))² + 1e-7) along `axis`.

    From -1 to 1, which only predictions equal to the targets reach.

    Args:
        y_true: targets, (B, ...).
        y_pred: predictions, (B, ...).
        axis: axis or axes whose values are compared; 0 compares the samples of a batch.

    Raises:
        ShapeError: the shapes do not pair.
        ArgumentError: there is only one value along `axis`.

    >>> concordance_correlation([[0.0, 1.0, 0.5]], [[0.0, 0.5, 0.25]])
    tensor([0.6154])
    """
    true, pred, apart = _centred(y_true, y_pred, axis, "concordance_correlation")
    spread = true.square().mean(axis) + pred.square().mean(axis)
    return 2.0 * (true * pred).mean(axis) / (spread + apart.square() + epsilon())


def _centred(y_true: Any, y_pred: Any, axis: int | tuple[int, ...], what: str) -> tuple[Tensor, Tensor, Tensor]:
    """Both less their means, and the difference of the means."""
    y_true, y_pred = paired(y_true, y_pred, what)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    # A last batch of one is no mistake of the user's, though it has nothing to compare: NaN, as in Keras.
    if all(y_pred.shape[i] == 1 for i in axes) and not any(i % y_pred.ndim == 0 for i in axes):
        raise ArgumentError(
            f"{what} compares several values, but there is only one along its axis.",
            got=f"predictions {tuple(y_pred.shape)}, axis={axis!r}",
            expected="at least two values along the axis",
            hint="axis=0 compares the samples of a batch",
        )
    means = y_true.mean(axis, keepdim=True), y_pred.mean(axis, keepdim=True)
    return y_true - means[0], y_pred - means[1], (means[0] - means[1]).mean(axis)


def _deviation(centred: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    return centred.square().mean(axis, keepdim=True).sqrt()


class PearsonCorrelation(Measure):
    """Mean of cov(y_true, y_pred) / (std(y_true) * std(y_pred)) along `axis`: 1 for a rising straight line, -1 falling.

    Args:
        axis: axis or axes whose values are compared. The default compares the columns of each sample; axis=0 the
            samples of each batch.

    >>> PearsonCorrelation()([[0.0, 1.0, 0.5], [1.0, 1.0, 0.2]], [[0.1, 0.9, 0.5], [1.0, 0.9, 0.2]])
    tensor(0.9967)
    """

    direction = "up"

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int | tuple[int, ...] = -1
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(Measure):
    """Mean of 2 cov / (var + var + (difference of means)²) along `axis`: 1 only where predictions equal targets.

    Args:
        axis: axis or axes whose values are compared. The default compares the columns of each sample; axis=0 the
            samples of each batch.

    >>> ConcordanceCorrelation()([[0.0, 1.0, 0.5], [1.0, 1.0, 0.2]], [[0.1, 0.9, 0.5], [1.0, 0.9, 0.2]])
    tensor(0.9816)
    """

    direction = "up"

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int | tuple[int, ...] = -1
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
