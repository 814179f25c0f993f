"""The circle loss: embeddings of one class come close, those of different classes move apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lamina.graph.errors import ShapeError
from lamina.users_traceback import at_users_line

from .base import Loss
from .shapes import as_tensor, device_of


@at_users_line
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """softplus(logsumexp(gamma * a_p * (d_p - m)) + logsumexp(gamma * a_n * (1 - m - d_n))): (B, F) -> (B,).

    d is the cosine distance 1 - <x, r>, at least 0, of an embedding x to each reference r; those of the same class
    (d_p) weigh a_p = max(m + d_p, 0), the others (d_n) a_n = max(1 + m - d_n, 0), m being `margin`.

    Args:
        y_true: class numbers, (B,) or (B, 1).
        y_pred: embeddings of length 1, (B, F).
        ref_labels: class numbers of the references, (R,) or (R, 1); None: those of the batch.
        ref_embeddings: embeddings of length 1 of the references, (R, F); None: those of the batch.
        remove_diagonal: the i-th reference is no partner of the i-th sample, which would be itself.
        gamma: scale, > 0.
        margin: m, from 0 to 1.

    Returns:
        Losses, (B,); 0 for a sample without a partner or without a stranger.

    Raises:
        ShapeError: not one class number for each embedding.

    >>> circle([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], gamma=2)
    tensor([0.5459, 1.2842, 0.0000])
    """
    y_pred = as_tensor(y_pred)
    others = y_pred if ref_embeddings is None else as_tensor(ref_embeddings, device_of(y_pred)).to(y_pred.dtype)
    labels = _labels(y_true, y_pred, "targets")
    other_labels = labels if ref_labels is None else _labels(ref_labels, others, "ref_labels")
    partners = labels.unsqueeze(1) == other_labels.unsqueeze(0)
    strangers = ~partners
    if remove_diagonal:
        partners = partners & ~torch.eye(*partners.shape, dtype=torch.bool, device=partners.device)
    distance = (1.0 - y_pred @ others.T).clamp(min=0.0)
    near = gamma * (margin + distance).relu() * (distance - margin)
    far = gamma * (1.0 + margin - distance).relu() * (1.0 - margin - distance)
    return F.softplus(_logsumexp(near, partners) + _logsumexp(far, strangers))


def _logsumexp(x: Tensor, where: Tensor) -> Tensor:
    return torch.where(where, x, -torch.inf).logsumexp(1)


def _labels(labels: Any, embeddings: Tensor, what: str) -> Tensor:
    labels = as_tensor(labels, device_of(embeddings))
    if labels.ndim == 2 and labels.shape[-1] == 1:
        labels = labels.squeeze(-1)
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
        raise ShapeError(
            "circle takes one class number for each embedding.",
            got=f"{what} {tuple(labels.shape)}, embeddings {tuple(embeddings.shape)}",
            expected="class numbers (B,) or (B, 1), embeddings (B, F)",
        )
    result: Tensor = labels.long()
    return result


class Circle(Loss):
    """Circle loss of embeddings and class numbers; `circle` has the formula. Samples with a loss of 0 do not count.

    Args:
        gamma: scale of the similarities, > 0.
        margin: how far apart classes are to be, from 0 to 1.
        remove_diagonal: a sample is no partner of itself.

    The embeddings have length 1: let the model end with Dense, without activation, and UnitNormalization.

    >>> Circle(gamma=2.0)([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    tensor(0.9150)
    """

    integer_targets = True
    takes = "labels"

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return circle(y_true, y_pred, None, None, self.remove_diagonal, self.gamma, self.margin)

    def valid_mask(self, y_true: Tensor, values: Tensor) -> Tensor | None:
        return values > 0

    def get_config(self) -> dict[str, Any]:
        own = {"gamma": self.gamma, "margin": self.margin, "remove_diagonal": self.remove_diagonal}
        return {**super().get_config(), **own}
