"""Attention: one head, without projections (Luong's).

Letters: B batch, T query positions, S value positions, D features.
"""

from __future__ import annotations

from typing import Any

import torch

from lamina.arrays import takes_lists_of_arrays
from lamina.graph import ShapeError, StructureError
from lamina.layers.arguments import choice, fraction, optional_seed
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape
from lamina.layers.mask_shapes import check_mask
from lamina.layers.regularization.source import RandomSource


class Attention(Layer):
    """`softmax(score(query, key)) @ value`, where `score` is `query @ key.mT`, times a trained `scale` if asked for.

    Input: a list of query (B, T, D), value (B, S, D) and, if it is not the value, key (B, S, D). Output (B, T, D),
    with `return_attention_scores` a pair with the softmax (B, T, S). Called with `use_causal_mask`, position t sees s
    <= t. Masks: of the query (B, T), where it is False the output is 0; of the value (B, S), where it is False
    nothing is seen.

    Args:
        use_scale: multiply the scores (for "concat": what goes into the tanh) by a trained number `scale`, first 1.
        score_mode: "dot", or "concat" for `w * sum(tanh(query + key))` with a trained number `concat_score_weight`.
        dropout: fraction of the softmax that drops in training.
        seed: own random numbers for dropout.

    Raises:
        ArgumentError: an unknown `score_mode`, or `dropout` is not in 0..1.
        StructureError: called on something else than a list of two or three tensors.
        ShapeError: their ranks, widths or numbers of positions do not fit.

    >>> Attention()([torch.zeros(2, 5, 8), torch.zeros(2, 7, 8)]).shape
    torch.Size([2, 5, 8])
    """

    casts_integers = True

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.use_scale = bool(use_scale)
        self.score_mode = choice(self, "score_mode", score_mode, ("dot", "concat"))
        self.dropout = fraction(self, "dropout", dropout)
        self.seed = optional_seed(self, seed)
        self.random = RandomSource(seed)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        is_concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight") if is_concat else None

    def score(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """(B, T, S): how much each position of the query wants each of the key."""
        if self.concat_score_weight is None:
            scores = query @ key.mT
            return scores if self.scale is None else scores * self.scale
        joined = query.unsqueeze(-2) + key.unsqueeze(-3)
        joined = joined if self.scale is None else self.scale * joined
        return self.concat_score_weight * torch.tanh(joined).sum(-1)

    several_results = "return_attention_scores=True in the call, which gives (output, scores)"

    def call(
        self,
        inputs: list[torch.Tensor],
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value = inputs[0], inputs[1]
        query_mask, value_mask = (mask[0], mask[1]) if mask is not None else (None, None)
        if query_mask is not None:
            check_mask(self, query_mask, query.shape[:-1], query, "mask of the query")
        if value_mask is not None:
            check_mask(self, value_mask, value.shape[:-1], value, "mask of the value")
        scores = self.score(query, inputs[2] if len(inputs) > 2 else value)
        seen = value_mask.bool().unsqueeze(-2) if value_mask is not None else None
        if use_causal_mask:
            causal = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            seen = causal if seen is None else seen & causal
        if seen is not None:
            # Subtracted, not set: a position that sees nothing still has a softmax, and no gradient becomes NaN.
            hidden = 65504.0 if scores.dtype == torch.float16 else 1e9
            scores = torch.where(seen, scores, scores - hidden)
        weights = scores.softmax(-1)
        if training and self.dropout > 0:
            kept = torch.empty_like(weights).bernoulli_(1 - self.dropout, generator=self.random.on(weights.device))
            weights = weights * kept / (1 - self.dropout) if self.dropout < 1 else weights * kept
        output = weights @ value
        if query_mask is not None:
            output = output.masked_fill(query_mask.bool().logical_not().unsqueeze(-1), 0)
        return (output, weights) if return_attention_scores else output

    only_passes_masks = True

    @takes_lists_of_arrays
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return mask[0] if mask is not None else None

    def compute_output_shape(self, input_shape: Any) -> Shape:
        query, value, *rest = self._listed(input_shape)
        key = rest[0] if rest else value
        named = {"query": query, "value": value, **({"key": key} if rest else {})}
        if any(len(shape) < 3 or len(shape) != len(query) for shape in named.values()):
            raise self._unfit(named, "query (B, T, D), value and key (B, S, D): at least 3 axes, and as many in each")
        if None not in (query[-1], key[-1]) and query[-1] != key[-1]:
            raise self._unfit(named, "query and key (or the value in its place) of one width, to be compared")
        if None not in (key[-2], value[-2]) and key[-2] != value[-2]:
            raise self._unfit(named, "as many positions in value as in key")
        return (*query[:-1], value[-1])

    def _unfit(self, named: dict[str, Shape], expected: str) -> ShapeError:
        got = ", ".join(f"{name} {tuple(shape)}" for name, shape in named.items())
        hint = "Dense on one of them, if the widths differ"
        return ShapeError(f"{self.label} cannot take this input.", got=got, expected=expected, hint=hint)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        example = super().output_example(args, kwargs)
        given = self._facts.signature.bind_partial(*args, **kwargs).arguments
        if not given.get("return_attention_scores"):
            return example
        query, key = given["inputs"][0], given["inputs"][-1]
        return example, type(example)((*query.shape[:-1], key.shape[-2]), example.dtype)

    def _listed(self, input_shape: Any) -> list[Shape]:
        is_list = isinstance(input_shape, (list, tuple)) and all(isinstance(s, (list, tuple)) for s in input_shape)
        if not is_list or not 2 <= len(input_shape) <= 3:
            kind = type(self).__name__
            raise StructureError(
                f"{self.label} takes a list: [query, value] or [query, value, key].",
                got=f"{len(input_shape)} tensors" if is_list else f"one tensor of shape {input_shape}",
                hint=f"{kind}()([x, x]) for attention of a sequence to itself",
            )
        return [tuple(shape) for shape in input_shape]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }
