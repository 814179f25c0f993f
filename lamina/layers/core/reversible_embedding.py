"""ReversibleEmbedding: an Embedding that also goes from vectors back to scores for each integer."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph.dtypes import name_of, to_torch
from lamina.graph.infer import Array
from lamina.layers.arguments import number
from lamina.layers.geometry import Shape, shape_error
from lamina.layers.weight_options import weight_options

from .embedding import Embedding


class ReversibleEmbedding(Embedding):
    """An `Embedding`; called with `reverse=True`, the projection `inputs @ embeddings.T` to a score for each id.

    Input (...) of ids and output (..., output_dim); reversed, input (..., output_dim) and output (..., input_dim).
    Weights: `embeddings` (input_dim, output_dim), and without `tie_weights` `reverse_embeddings` (output_dim,
    input_dim). Language models use it as their first and last layer.

    Args:
        input_dim: how many different ids there are.
        output_dim: length of each vector.
        tie_weights: the way back uses the transposed `embeddings`; else a matrix of its own.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: as in `Embedding`; a matrix of its own
            for the way back has the same initializer.
        mask_zero: id 0 is padding; the output's mask is False there. The way back has no mask.
        reverse_dtype: dtype of the way back; the layer's compute dtype by default.
        logit_soft_cap: scores become `cap * tanh(scores / cap)`, which keeps them within -cap..cap.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: reversed, the input's last axis is not `output_dim`.

    References: Press and Wolf, "Using the Output Embedding to Improve Language Models", 2016.

    >>> embedding = ReversibleEmbedding(100, 16)
    >>> hidden = embedding(torch.tensor([[4, 20, 7]]))
    >>> embedding(hidden, reverse=True).shape
    torch.Size([1, 3, 100])
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.tie_weights = bool(tie_weights)
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        self.reverse_dtype = None if reverse_dtype is None else name_of(to_torch(reverse_dtype))
        self.logit_soft_cap = (
            None if logit_soft_cap is None else number(self, "logit_soft_cap", logit_soft_cap, minimum=1e-30)
        )
        self._reverse_dtype = self._torch_dtype if reverse_dtype is None else to_torch(reverse_dtype)

    def dtype_changed(self) -> None:
        if self.reverse_dtype is None:
            self._reverse_dtype = self._torch_dtype

    def build(self, input_shape: Shape = (None,)) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            initializer = weight_options(self, "embeddings")["initializer"]
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight(shape, initializer, name="reverse_embeddings")

    def run_mixed(self, inputs: torch.Tensor, reverse: bool = False) -> Any:
        # The way back is a product as large as any, so under a mixed policy it is not computed in full precision.
        return self.run(inputs, reverse=True) if reverse else super().run_mixed(inputs)

    def call(self, inputs: torch.Tensor, reverse: bool = False) -> torch.Tensor:
        if not reverse:
            return super().call(inputs)
        kernel = self.embeddings.mT if self.tie_weights else self.reverse_embeddings
        scores = inputs.to(self._reverse_dtype) @ kernel.to(self._reverse_dtype)
        cap = self.logit_soft_cap
        return scores if cap is None else torch.tanh(scores / cap) * cap

    def compute_output_shape(self, input_shape: Shape, reverse: bool = False) -> Shape:
        if not reverse:
            return super().compute_output_shape(input_shape)
        if not input_shape or input_shape[-1] not in (None, self.output_dim):
            raise shape_error(self, input_shape, f"(..., {self.output_dim}) on the way back, where reverse=True")
        return (*input_shape[:-1], self.input_dim)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = self._facts.signature.bind_partial(*args, **kwargs).arguments
        inputs, reverse = given["inputs"], given.get("reverse", False)
        dtype = self._reverse_dtype if reverse else self._torch_dtype
        shape: Any = self.compute_output_shape(tuple(inputs.shape), reverse)
        return Array(shape, dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if inputs.dtype.is_floating_point:  # vectors on their way back
            return None
        return super().compute_mask(inputs, mask)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }
