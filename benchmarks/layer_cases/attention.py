"""Attention of a sequence to itself."""

import torch
import torch.nn.functional as F

from .case import Case, Floats, Tensors, as_list

SEQUENCES, PAIR = (Floats((8, 128, 256)),), (Floats((8, 128, 64)),) * 2
HEADS, WIDTH = 8, 256


def _attention(x: Tensors, w: Tensors) -> torch.Tensor:
    return torch.softmax(x[0] @ x[1].mT, -1) @ x[1]


def _additive(x: Tensors, w: Tensors) -> torch.Tensor:
    scores = (w[0] * torch.tanh(x[0].unsqueeze(2) + x[1].unsqueeze(1))).sum(-1)
    return torch.softmax(scores, -1) @ x[1]


def _projections(weights: Tensors) -> Tensors:
    """Kernels (in, heads, width of a head) as those of four linear layers, views."""
    held = []
    for kernel, bias in zip(weights[:6:2], weights[1:6:2], strict=True):
        held += [kernel.flatten(1).t(), bias.flatten()]
    return [*held, weights[6].flatten(0, 1).t(), weights[7]]


def _multi_head(x: Tensors, w: Tensors, causal: bool = False) -> torch.Tensor:
    queries, keys, values = (_heads(F.linear(x[0], w[i], w[i + 1]), WIDTH // HEADS) for i in (0, 2, 4))
    gathered = F.scaled_dot_product_attention(queries, keys, values, is_causal=causal)
    return F.linear(gathered.transpose(1, 2).flatten(2), w[6], w[7])


def _heads(x: torch.Tensor, width: int) -> torch.Tensor:
    return x.view(*x.shape[:2], -1, width).transpose(1, 2)


def _grouped(x: Tensors, w: Tensors) -> torch.Tensor:
    queries, keys, values = (_heads(F.linear(x[0], w[i], w[i + 1]), WIDTH // HEADS) for i in (0, 2, 4))
    gathered = F.scaled_dot_product_attention(queries, keys, values, enable_gqa=True)
    return F.linear(gathered.transpose(1, 2).flatten(2), w[6], w[7])


def _causal(inputs):
    return (inputs[0], inputs[0]), {"use_causal_mask": True}


CASES = [
    Case("MultiHeadAttention", "8x128x256, 8 heads", lambda L: L.MultiHeadAttention(HEADS, WIDTH // HEADS), SEQUENCES,
         _multi_head, lambda x: ((x[0], x[0]), {}), _projections),
    Case("MultiHeadAttention", "8x128x256, 8 heads, causal", lambda L: L.MultiHeadAttention(HEADS, WIDTH // HEADS),
         SEQUENCES, lambda x, w: _multi_head(x, w, causal=True), _causal, _projections),
    Case("GroupQueryAttention", "8x128x256, 8 heads, 2 of keys",
         lambda L: L.GroupQueryAttention(WIDTH // HEADS, HEADS, 2), SEQUENCES, _grouped,
         lambda x: ((x[0], x[0]), {}), _projections),
    Case("Attention", "8x128x64", lambda L: L.Attention(), PAIR, _attention, as_list),
    Case("AdditiveAttention", "8x128x64", lambda L: L.AdditiveAttention(), PAIR, _additive, as_list),
]  # fmt: skip
