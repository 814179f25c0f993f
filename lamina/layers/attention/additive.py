"""AdditiveAttention: one head that compares by a sum (Bahdanau's)."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.base import InputSpec
from lamina.layers.geometry import known_size

from .dot_product import Attention


class AdditiveAttention(Attention):
    """`softmax(sum(scale * tanh(query + key))) @ value`, summed over the features.

    Inputs, output and masks as in `Attention`. Weight: `scale` (D,).

    Args:
        use_scale: weigh the features by a trained vector; without it they count alike.
        dropout: fraction of the softmax that drops in training.

    >>> AdditiveAttention()([torch.zeros(2, 5, 8), torch.zeros(2, 7, 8)]).shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)
        features = known_size(self, self._listed(input_shape)[0], -1, "the features")
        compared = InputSpec(axes={-1: features})
        self.input_spec = [compared, None, compared] if len(input_shape) > 2 else compared
        self.scale = self.add_weight((features,), "glorot_uniform", name="scale") if self.use_scale else None

    def score(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        compared = torch.tanh(query.unsqueeze(-2) + key.unsqueeze(-3))
        return compared.sum(-1) if self.scale is None else compared @ self.scale

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["score_mode"]
        return config
