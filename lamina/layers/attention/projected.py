"""ProjectedAttention: attention between learned projections, in heads; what its two layers share.

Letters: B batch, T query positions, S key and value positions, D features, H heads of the query, G heads of key and
value, K key_dim, V value_dim.
"""

from __future__ import annotations

import math
from string import ascii_lowercase
from typing import Any

import torch
import torch.nn.functional as F

from lamina import regularizers
from lamina.graph import ShapeError
from lamina.layers.arguments import fraction, optional_seed, refuse, whole
from lamina.layers.base import Layer
from lamina.layers.core.einsum_dense import EinsumDense
from lamina.layers.geometry import Shape
from lamina.layers.mask_shapes import check_mask
from lamina.layers.parts import run_part
from lamina.layers.regularization.source import RandomSource
from lamina.layers.weight_options import keep_weight_options, weight_options_config
from lamina.ops.attention import kernels

from .keras_names import KerasNames
from .multi_head_masks import causal, given_mask, joint_mask, key_side, query_side, window


class ProjectedAttention(KerasNames, Layer):
    """Base: `softmax(q @ k.mT / sqrt(K)) @ v` of projections in heads, and a projection that joins the heads.

    A subclass makes the projections in `build` by `add_projections`, and says which axes are attended over.
    """

    casts_parts = True
    mixed_axes: tuple[int, ...]
    made_shape: tuple[int, ...] | None = None
    """Axes of the output in place of the query's features."""
    repeats = 1
    """How many heads of the query share one of key and value: H / G."""

    def __init__(
        self,
        key_dim: int,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_options: tuple[Any, Any, Any],
        bias_options: tuple[Any, Any, Any],
        projection_activity_regularizer: Any,
        use_gate: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._scale = 1 / math.sqrt(key_dim)
        self.dropout = fraction(self, "dropout", dropout)
        self.use_bias = bool(use_bias)
        self.sliding_window = None if sliding_window is None else whole(self, "sliding_window", sliding_window)
        if flash_attention is not None and not isinstance(flash_attention, bool):
            raise refuse(self, "flash_attention", flash_attention, "True, False or None")
        self.flash_attention = flash_attention
        if flash_attention and self.dropout > 0:
            raise refuse(
                self, "flash_attention", True, "dropout=0, which the flash kernel needs", "flash_attention=None"
            )
        keep_weight_options(self, "kernel", *kernel_options)
        keep_weight_options(self, "bias", *bias_options)
        self.projection_activity_regularizer = regularizers.get(projection_activity_regularizer)
        self.use_gate = bool(use_gate)
        self.seed = optional_seed(self, seed)
        self.random = RandomSource(seed)
        self.supports_masking = True

    # -- weights

    def add_projections(
        self,
        shapes: tuple[Shape, Shape, Shape],
        query_heads: tuple[int, int],
        key_heads: tuple[int, int],
        value_heads: tuple[int, int],
        gathered: tuple[int, int],
    ) -> None:
        """Make the layers `query`, `key`, `value`, perhaps `gate`, and `attention_output`.

        Args:
            shapes: of query, value and key.
            query_heads, key_heads, value_heads: (heads, width of each).
            gathered: the same of what attention gives.
        """
        query_shape, value_shape, key_shape = shapes
        self.query = self._projection("query", query_shape, query_heads)
        self.key = self._projection("key", key_shape, key_heads)
        if self.use_gate:
            self.gate = self._projection("gate", query_shape, gathered, activation="sigmoid")
        self.value = self._projection("value", value_shape, value_heads)
        heads_shape = (*query_shape[:-1], *gathered)
        made = self.made_shape or (query_shape[-1],)
        self.attention_output = self._projection("attention_output", heads_shape, made, summed=2)  # type: ignore[arg-type]

    def _projection(
        self, name: str, input_shape: Shape, made: tuple[int, ...], summed: int = 1, activation: Any = None
    ) -> EinsumDense:
        """A linear map of the last `summed` axes of the input to the axes `made`."""
        kept = len(input_shape) - summed
        letters = ascii_lowercase[: kept + summed + len(made)]
        lead, inner, new = letters[:kept], letters[kept : kept + summed], letters[kept + summed :]
        options: dict[str, Any] = {"activity_regularizer": self.projection_activity_regularizer}
        for weight in ("kernel", "bias"):
            options[f"{weight}_initializer"] = getattr(self, f"{weight}_initializer")
            options[f"{weight}_regularizer"] = getattr(self, f"{weight}_regularizer")
            options[f"{weight}_constraint"] = getattr(self, f"{weight}_constraint")
        layer = EinsumDense(
            f"{lead}{inner},{inner}{new}->{lead}{new}",
            output_shape=(*(None,) * (kept - 1), *made),
            activation=activation,
            bias_axes=new if self.use_bias else None,
            dtype=self.policy_for(name),
            name=name,
            **options,
        )
        layer._build_once(input_shape)
        return layer

    # -- the call

    several_results = "return_attention_scores=True in the call, which gives (output, scores)"

    def call(
        self,
        query: torch.Tensor,
        value: torch.Tensor,
        key: torch.Tensor | None = None,
        query_mask: torch.Tensor | None = None,
        value_mask: torch.Tensor | None = None,
        key_mask: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        if return_attention_scores and self.flash_attention:
            hint = "flash_attention=None"
            raise refuse(self, "return_attention_scores", True, "False: the flash kernel never makes the scores", hint)
        axes = self.mixed_axes
        query_sizes, key_sizes = [query.shape[a] for a in axes], [value.shape[a] for a in axes]
        if query_mask is not None or value_mask is not None or key_mask is not None:
            for given, x in ((query_mask, query), (value_mask, value), (key_mask, value if key is None else key)):
                if given is not None:
                    check_mask(self, given, x.shape[:-1], x)
        if attention_mask is not None:  # of all that is before the positions only the batch is known
            lead = attention_mask.shape[: max(attention_mask.dim() - 2 * len(axes), 0)]
            over = (*query.shape[: len(lead[:1])], *lead[1:], *query_sizes, *key_sizes)
            check_mask(self, attention_mask, over, query, "attention_mask")
        mask = joint_mask([
            query_side(query_mask, axes),
            key_side(value_mask, axes),
            key_side(key_mask, axes),
            given_mask(attention_mask, query.dim() - len(axes) + 2, query_sizes, key_sizes),
        ])  # fmt: skip
        q, k, v = self._project(query, value, value if key is None else key)
        positions = q.shape[-2], k.shape[-2]
        if self.sliding_window is not None:
            mask = joint_mask([mask, window(*positions, self.sliding_window, q.device)])
        is_causal, own = bool(use_causal_mask) and mask is None, self.has_own_attention()
        by_hand = return_attention_scores or (training and self.dropout > 0 and self.seed is not None)
        if use_causal_mask and (by_hand or own or not is_causal):
            mask, is_causal = joint_mask([mask, causal(*positions, q.device)]), False
        scores: Any = None
        if own:
            asked = query_sizes, key_sizes, training, return_attention_scores
            gathered, scores = self.own_attention(q, k, v, mask, *asked)
        elif by_hand:
            gathered, scores = self._by_hand(q, k, v, mask, training)
            scores = scores.unflatten(-1, key_sizes).unflatten(-1 - len(axes), query_sizes)
        else:
            gathered = self._by_kernel(q, k, v, mask, is_causal, training)
        if not own:
            gathered = self._from_heads(gathered, query_sizes)
        if self.use_gate:
            gathered = gathered * run_part(self.gate, query)
        output = run_part(self.attention_output, gathered)
        return (output, scores) if return_attention_scores else output

    def _project(
        self, query: torch.Tensor, value: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, H, T, K), (B, G, S, K), (B, G, S, V)."""
        return (
            self._to_heads(run_part(self.query, query)),
            self._to_heads(run_part(self.key, key)),
            self._to_heads(run_part(self.value, value)),
        )

    def _to_heads(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T axes, H, K) -> (B, H, T, K); axes that attention does not mix stay beside the batch."""
        if x.dim() == 4:
            return x.transpose(1, 2) if self.mixed_axes == (1,) else x
        axes = self.mixed_axes
        rest = [axis for axis in range(x.dim() - 2) if axis not in axes]
        return x.permute(*rest, -2, *axes, -1).flatten(len(rest) + 1, -2)

    def _from_heads(self, x: torch.Tensor, sizes: list[int]) -> torch.Tensor:
        """(B, H, T, V) -> (B, T axes, H, V)."""
        if len(sizes) == 1 and x.dim() == 4:
            return x.transpose(1, 2)
        x = x.unflatten(-2, sizes)
        axes = self.mixed_axes
        rest = [axis for axis in range(x.dim() - 2) if axis not in axes]
        order = [*rest, x.dim() - 2, *axes, x.dim() - 1]
        return x.permute([order.index(axis) for axis in range(x.dim())])

    def _by_kernel(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        mask: torch.Tensor | None,
        is_causal: bool,
        training: bool,
    ) -> torch.Tensor:
        """One call of PyTorch's attention."""
        if mask is not None and self.dropout == 0:
            # Keras adds a large negative number without dropout, and sets zeros with it: they differ for a position
            # that may see nothing, which gets the mean of all values in the first case and nothing in the second.
            hidden = 0.7 * torch.finfo(q.dtype).min
            mask = torch.zeros_like(mask, dtype=q.dtype).masked_fill(mask.logical_not(), hidden)
        rate = self.dropout if training else 0.0
        with kernels(self.flash_attention or None):
            return F.scaled_dot_product_attention(
                q, k, v, mask, rate, is_causal=is_causal, scale=self._scale, enable_gqa=self.repeats > 1
            )

    def _by_hand(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None, training: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same step by step, for those who read the scores or seed the dropout."""
        if k.shape[-3] != q.shape[-3]:
            k, v = (x.repeat_interleave(self.repeats, dim=-3) for x in (k, v))
        scores = (q * self._scale) @ k.mT
        if mask is None:
            weights = scores.softmax(-1)
        else:
            hidden = -3e4 if scores.dtype == torch.float16 else -1e9
            weights = torch.where(mask, torch.where(mask, scores, hidden).softmax(-1), 0.0)
        dropped = weights
        if training and self.dropout > 0:
            kept = torch.empty_like(weights).bernoulli_(1 - self.dropout, generator=self.random.on(weights.device))
            dropped = weights * kept / (1 - self.dropout) if self.dropout < 1 else weights * kept
        return dropped @ v, weights

    # -- shapes

    def compute_output_shape(  # type: ignore[override]  # a shape for each of its inputs
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        key_shape = value_shape if key_shape is None else key_shape
        if not all(isinstance(shape, (tuple, list)) for shape in (query_shape, value_shape, key_shape)):
            raise ShapeError(
                f"{self.label} needs the shapes of query and value, each by itself.",
                got=f"{query_shape}, {value_shape}, {key_shape}",
                expected="(B, T, D), (B, S, D)",
            )
        if (
            len(query_shape) < 3
            or len(query_shape) != len(value_shape)
            or tuple(value_shape[1:-1]) != tuple(key_shape[1:-1])
        ):
            raise ShapeError(
                f"{self.label} cannot take these inputs.",
                got=f"query {tuple(query_shape)}, value {tuple(value_shape)}, key {tuple(key_shape)}",
                expected="query (B, T, D), value (B, S, D) and key (B, S, D)",
            )
        if self.built:
            self._refuse_other_widths(query_shape, value_shape, key_shape)
        return (*query_shape[:-1], *(self.made_shape or query_shape[-1:]))

    def _refuse_other_widths(self, *shapes: Shape) -> None:
        names, parts = ("query", "value", "key"), (self.query, self.value, self.key)
        part: Any
        for name, shape, part in zip(names, shapes, parts, strict=True):
            if not isinstance(part, EinsumDense):  # an adapter, which knows itself what it takes
                continue
            width = part.kernel.shape[0]
            if shape[-1] is not None and shape[-1] != width:
                raise ShapeError(
                    f"{self.label} cannot take this {name}.",
                    got=str(tuple(shape)),
                    expected=f"(..., {width}), the width it was built for",
                    hint=f"Dense({width}) before it, or a new layer",
                )

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = self._facts.signature.bind_partial(*args, **kwargs).arguments
        return None if given.get("return_attention_scores") else super().output_example(args, kwargs)

    def options_config(self) -> dict[str, Any]:
        """The options that both layers have, as `get_config` gives them."""
        return {
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "sliding_window": self.sliding_window,
            "flash_attention": self.flash_attention,
            **weight_options_config(self, "kernel", "bias"),
            "activity_regularizer": regularizers.serialize(self.projection_activity_regularizer),
            "seed": self.seed,
        }
