"""MultiHeadAttention: several heads, each with its own projections ("Attention is all you need").

Letters: B batch, T query positions, S key and value positions, D features, H heads, K key_dim, V value_dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamina.layers.arguments import axes as axes_argument
from lamina.layers.arguments import axis_sizes, refuse, whole
from lamina.layers.geometry import Shape

from .projected import ProjectedAttention


class MultiHeadAttention(ProjectedAttention):
    """For each head `softmax(q @ k.mT / sqrt(key_dim)) @ v` of projections q, k, v; one more projection joins them.

    `layer(query (B, T, D), value (B, S, D), key=None)` gives (B, T, D), or (B, T, *output_shape); with
    `return_attention_scores` a pair with the softmax (B, H, T, S). The value serves as key where none is given.

    Call arguments: `query_mask` (B, T), `value_mask` and `key_mask` (B, S), False where a position is padding (masks
    that travel with the tensors are filled in); `attention_mask` (B, T, S), True where t may see s;
    `use_causal_mask`: t sees s <= t.

    Weights: `query/kernel` (D, H, K), `query/bias` (H, K), the same for `key`; `value/kernel` (D, H, V), `value/bias`
    (H, V); `attention_output/kernel` (H, V, D), `attention_output/bias` (D,).

    Args:
        num_heads: H.
        key_dim: K, width of each head's query and key.
        value_dim: V, width of each head's value; `key_dim` by default.
        dropout: fraction of the softmax that drops in training.
        use_bias: add biases to the projections.
        output_shape: axes of the output in place of the query's D.
        attention_axes: the axes that attention mixes; all but the batch and the features by default.
        sliding_window: t sees only those s with |t - s| < sliding_window.
        flash_attention: True for PyTorch's flash kernel or an error; by default PyTorch chooses.
        kernel_initializer, bias_initializer: how the weights of each projection start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties, for each projection.
        kernel_constraint, bias_constraint: applied after each step of the optimizer.
        use_gate: multiply what the heads gather by a further projection of the query, through a sigmoid.
        seed: own random numbers for dropout.

    Raises:
        ArgumentError: a size that is not a positive integer, or `flash_attention` with dropout or scores.
        ShapeError: value and key differ in their positions.

    >>> x = torch.zeros(2, 5, 16)
    >>> MultiHeadAttention(num_heads=4, key_dim=4)(x, x).shape
    torch.Size([2, 5, 16])
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.num_heads = whole(self, "num_heads", num_heads)
        self.key_dim = whole(self, "key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else whole(self, "value_dim", value_dim)
        super().__init__(
            self.key_dim,
            dropout,
            use_bias,
            sliding_window,
            flash_attention,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
            activity_regularizer,
            use_gate,
            seed,
            **kwargs,
        )
        self.made_shape = self._made_shape(output_shape)
        self.attention_axes = self._attention_axes(attention_axes)

    def _made_shape(self, given: Any) -> tuple[int, ...] | None:
        if given is None or given == ():
            return None
        return tuple(size for size in axis_sizes(self, "output_shape", given) if size is not None)

    def _attention_axes(self, given: Any) -> tuple[int, ...] | None:
        if given is None:
            return None
        given = axes_argument(self, "attention_axes", given)
        return (given,) if isinstance(given, int) else tuple(given)

    # -- weights

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        self.compute_output_shape(query_shape, value_shape, key_shape)
        rank = len(query_shape)
        given = self.attention_axes or tuple(range(1, rank - 1))
        self.mixed_axes = tuple(axis + rank if axis < 0 else axis for axis in given)
        if not all(1 <= axis <= rank - 2 for axis in self.mixed_axes):
            expected = f"axes from 1 to {rank - 2}, between the batch and the features"
            raise refuse(self, "attention_axes", given, expected)
        head, value_head = (self.num_heads, self.key_dim), (self.num_heads, self.value_dim)
        shapes = (query_shape, value_shape, key_shape or value_shape)
        self.add_projections(shapes, head, head, value_head, gathered=value_head)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_shape": None if self.made_shape is None else tuple(self.made_shape),
            "attention_axes": None if self.attention_axes is None else tuple(self.attention_axes),
            **self.options_config(),
        }
