"""What Keras' attention layers call their parts and settings, for subclasses that were written for Keras."""

from __future__ import annotations

from typing import Any

import torch

from lamina.arrays import as_tensor

from .multi_head_masks import causal, given_mask, joint_mask


class Called:
    """An attribute by another name; what is set under that name itself goes first."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __set_name__(self, owner: type, name: str) -> None:
        self.own = name

    def __get__(self, layer: Any, kind: Any = None) -> Any:
        if layer is None:
            return self
        own = layer._modules.get(self.own)  # `self._query_dense = EinsumDense(...)` in a subclass's `build`
        return own if own is not None else getattr(layer, self.name)


class KerasNames:
    """The names, and the step between the projections.

    >>> from lamina.layers import MultiHeadAttention
    >>> layer = MultiHeadAttention(2, 4)
    >>> layer.build((None, 5, 8), (None, 5, 8))
    >>> layer.query_dense is layer.query, layer._key_dense is layer.key, layer._num_heads
    (True, True, 2)
    """

    query_dense, _query_dense = Called("query"), Called("query")
    key_dense, _key_dense = Called("key"), Called("key")
    value_dense, _value_dense = Called("value"), Called("value")
    output_dense, _output_dense = Called("attention_output"), Called("attention_output")
    _gate_dense = Called("gate")
    _num_heads, _key_dim, _value_dim = Called("num_heads"), Called("key_dim"), Called("value_dim")
    _dropout, _use_bias = Called("dropout"), Called("use_bias")
    _sliding_window, _flash_attention = Called("sliding_window"), Called("flash_attention")

    asks_for_scores = True
    """Whether Keras' layer asks `_compute_attention` for the scores, in its sixth argument."""

    mixed_axes: tuple[int, ...]
    repeats: int
    _to_heads: Any
    _from_heads: Any
    _by_hand: Any
    _by_kernel: Any

    def _compute_attention(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """From projections, (B, T, H, K), (B, S, H, K) and (B, S, H, V): (B, T, H, V), and the softmax if asked for."""
        query, key, value = (as_tensor(x) for x in (query, key, value))
        attention_mask = None if attention_mask is None else as_tensor(attention_mask)
        axes = self.mixed_axes
        query_sizes, key_sizes = [query.shape[a] for a in axes], [key.shape[a] for a in axes]
        mask = given_mask(attention_mask, query.dim() - len(axes) + 1, query_sizes, key_sizes)
        q, k, v = (self._to_heads(x) for x in (query, key, value))
        if use_causal_mask:
            mask = joint_mask([mask, causal(q.shape[-2], k.shape[-2], q.device)])
        if not return_attention_scores:
            gathered = self._by_kernel(q, k, v, mask, False, bool(training))
            return self._from_heads(gathered, query_sizes), None
        gathered, scores = self._by_hand(q, k, v, mask, bool(training))
        scores = scores.unflatten(-1, key_sizes).unflatten(-1 - len(axes), query_sizes)
        return self._from_heads(gathered, query_sizes), scores

    @classmethod
    def has_own_attention(cls) -> bool:
        """Whether a subclass has its own `_compute_attention`, as Keras' documentation invites it to."""
        return cls._compute_attention is not KerasNames._compute_attention

    def own_attention(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        mask: torch.Tensor | None,
        query_sizes: list[int],
        key_sizes: list[int],
        training: bool,
        scores: bool,
    ) -> Any:
        """What a subclass gives for (B, H, T, K), (B, G, S, K), (B, G, S, V); its method is called as by Keras.

        The mask, (B, 1, T, S) or with fewer axes, holds everything, the causal one too: (B, T, S) for the subclass.
        """
        if k.shape[-3] != q.shape[-3]:
            k, v = (x.repeat_interleave(self.repeats, dim=-3) for x in (k, v))
        if mask is not None:
            mask = mask.expand(*mask.shape[:-2], q.shape[-2], k.shape[-2])
            mask = mask.squeeze(-3) if mask.dim() == q.dim() and mask.shape[-3] == 1 else mask
            mask = mask.unsqueeze(0) if mask.dim() == 2 else mask
            mask = mask.unflatten(-1, key_sizes).unflatten(-1 - len(key_sizes), query_sizes)
        parts = self._from_heads(q, query_sizes), self._from_heads(k, key_sizes), self._from_heads(v, key_sizes)
        asked = (scores,) if self.asks_for_scores else ()
        return self._compute_attention(*parts, mask, training, *asked)
