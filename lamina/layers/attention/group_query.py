"""GroupQueryAttention: several heads of the query share one head of key and value (Ainslie et al. 2023).

Letters: B batch, T query positions, S key and value positions, D features, H heads of the query, G heads of key and
value, K head_dim.
"""

from __future__ import annotations

from typing import Any

from lamina.graph import ShapeError
from lamina.layers.arguments import refuse, whole
from lamina.layers.geometry import Shape

from .projected import ProjectedAttention


class GroupQueryAttention(ProjectedAttention):
    """For each head h of the query `softmax(q[h] @ k[g].mT / sqrt(K)) @ v[g]` with g = h // (H / G), then a projection.

    With G = H this is `MultiHeadAttention`; with G = 1 all heads read the same keys and values (multi-query). Keys and
    values, which a decoder keeps, are H / G times smaller than there.

    `layer(query (B, T, D), value (B, S, D), key=None)` gives (B, T, D); with `return_attention_scores` a pair with the
    softmax (B, H, T, S). The value serves as key where none is given. Masks in the call: `query_mask` (B, T),
    `value_mask` and `key_mask` (B, S), `attention_mask` (B, T, S), `use_causal_mask`, as in `MultiHeadAttention`.

    Weights: `query/kernel` (D, H, K), `query/bias` (H, K); `key/kernel` (D, G, K), `key/bias` (G, K), the same for
    `value`; `attention_output/kernel` (H, K, D), `attention_output/bias` (D,).

    Args:
        head_dim: K, width of each head.
        num_query_heads: H.
        num_key_value_heads: G, a divisor of H.
        dropout: fraction of the softmax that drops in training.
        use_bias: add biases to the projections.
        sliding_window: t sees only those s with |t - s| < sliding_window.
        flash_attention: True for PyTorch's flash kernel or an error; by default PyTorch chooses.
        kernel_initializer, bias_initializer: how the weights of each projection start.
        kernel_regularizer, bias_regularizer: penalties, for each projection.
        activity_regularizer: penalty of what each projection gives, and of the output.
        kernel_constraint, bias_constraint: applied after each step of the optimizer.
        use_gate: multiply what the heads gather by a further projection of the query, through a sigmoid.
        seed: own random numbers for dropout.

    Raises:
        ArgumentError: a size that is not a positive integer, G does not divide H, or `flash_attention` with dropout or
            scores.
        ShapeError: an input without three axes, or value and key differ in their positions.

    Reference: Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
    2023.

    >>> x = torch.zeros(2, 5, 16)
    >>> GroupQueryAttention(head_dim=4, num_query_heads=8, num_key_value_heads=2)(x, x).shape
    torch.Size([2, 5, 16])
    """

    mixed_axes = (1,)

    asks_for_scores = False

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
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
        self.head_dim = whole(self, "head_dim", head_dim)
        self.num_query_heads = whole(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = whole(self, "num_key_value_heads", num_key_value_heads)
        if self.num_query_heads % self.num_key_value_heads:
            expected = f"a divisor of num_query_heads={num_query_heads}"
            raise refuse(self, "num_key_value_heads", num_key_value_heads, expected)
        super().__init__(
            self.head_dim,
            dropout,
            use_bias,
            sliding_window,
            flash_attention,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
            activity_regularizer,
            use_gate,
            seed,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.repeats = self.num_query_heads // self.num_key_value_heads

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        self.compute_output_shape(query_shape, value_shape, key_shape)
        heads = (self.num_query_heads, self.head_dim)
        shared = (self.num_key_value_heads, self.head_dim)
        self.add_projections(
            (query_shape, value_shape, key_shape or value_shape), heads, shared, shared, gathered=heads
        )

    def compute_output_shape(  # type: ignore[override]  # a shape for each of its inputs
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        if len(query_shape) != 3:
            raise ShapeError(
                f"{self.label} cannot take this query.",
                got=str(tuple(query_shape)),
                expected="query (B, T, D), value (B, S, D) and key (B, S, D)",
                hint="MultiHeadAttention, which mixes any axes",
            )
        return super().compute_output_shape(query_shape, value_shape, key_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
            **self.options_config(),
        }
