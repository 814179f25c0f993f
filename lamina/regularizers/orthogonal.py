"""A penalty on vectors of a matrix that point the same way."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.arrays import takes_arrays
from lamina.graph.errors import ArgumentError, ShapeError

from .base import Regularizer, checked_factor


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean of `|cos(a, b)|` over all pairs of different rows (or columns) of a matrix.

    Args:
        factor: at least 0.
        mode: "rows" or "columns", the vectors that are compared.

    Raises:
        ArgumentError: an argument has none of these values.
        ShapeError: when called on what is not a matrix.

    >>> OrthogonalRegularizer(factor=0.5)(torch.tensor([[1.0, 0.0], [2.0, 0.0]]))
    tensor(0.5000)
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = checked_factor(factor, "factor", default=0.01)
        if mode not in ("rows", "columns"):
            headline = "OrthogonalRegularizer cannot use this mode."
            raise ArgumentError(headline, got=f"mode={mode!r}", expected='"rows" or "columns"')
        self.mode = mode

    @takes_arrays
    def __call__(self, inputs: Tensor) -> Tensor:
        """Penalty of `inputs`, a matrix."""
        if inputs.ndim != 2:
            raise ShapeError(
                "OrthogonalRegularizer takes matrices only.", got=str(tuple(inputs.shape)), expected="two axes"
            )
        vectors = F.normalize(inputs if self.mode == "rows" else inputs.T, dim=1)
        count = vectors.shape[0]
        pairs = max(1, count * (count - 1) // 2)
        cosines = torch.triu(vectors @ vectors.T, diagonal=1)
        return self.factor / pairs * torch.sum(torch.abs(cosines))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"factor": self.factor, "mode": self.mode}
