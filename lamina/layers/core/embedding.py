"""Embedding: a trained vector for each integer."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lamina._torch import dispatch
from lamina.arrays import takes_arrays
from lamina.graph import LaminaError
from lamina.graph.source import caller, warn
from lamina.layers.arguments import refuse, whole
from lamina.layers.geometry import Shape
from lamina.layers.low_rank import Adapted, LowRank
from lamina.layers.weight_options import keep_weight_options, weight_options, weight_options_config
from lamina.probing import probing


class IdError(LaminaError, IndexError):
    """A number that stands for something which a layer does not have."""

    __module__ = "lamina"


class Embedding(LowRank):
    """`embeddings[ids]`: row i of a trained matrix for each id i.

    Input (...) of ids, each in [0, input_dim), of any integer dtype (floats are cut to integers); output
    (..., output_dim). Weight: `embeddings` (input_dim, output_dim).

    Args:
        input_dim: how many different ids there are.
        output_dim: length of each vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: how the matrix starts, what it costs,
            where it may lie.
        mask_zero: id 0 is padding; the output's mask is False there.
        weights: first values of the matrix, (input_dim, output_dim).
        lora_rank, lora_alpha: freeze the matrix and train low-rank adapters beside it; see `enable_lora`.

    Raises:
        ArgumentError: `input_dim` or `output_dim` is not a positive integer.
        IdError, an IndexError: an id lies outside [0, input_dim) (on a CPU; a GPU stops with an assertion of its own).

    >>> Embedding(1000, 64)(torch.tensor([[4, 20, 7]])).shape
    torch.Size([1, 3, 64])
    """

    refuses_complex = True

    # Under a mixed policy the rows are cast after they are picked, not the whole matrix before.
    full_precision = True
    builds_for_any_rank = True
    adapted = "embeddings"
    embeddings = Adapted()
    _has_seen_floats = False

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("input_length", None) is not None:
            warn("Embedding finds the length of its input by itself: drop input_length.")
        super().__init__(lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs)
        self.input_dim = whole(self, "input_dim", input_dim)
        self.output_dim = whole(self, "output_dim", output_dim)
        keep_weight_options(self, "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        self.mask_zero = bool(mask_zero)
        self.supports_masking = self._begins_masks = self.mask_zero
        # A float id above 2**24 would lose its last digits on the way through the layer's dtype.
        self.autocast = False
        if weights is not None:
            self._build_once((None,))
            given = weights[0] if isinstance(weights, (list, tuple)) and len(weights) == 1 else weights
            shape = (self.input_dim, self.output_dim)
            if tuple(np.shape(given)) != shape:
                raise refuse(self, "weights", weights, f"an array of shape {shape}, or a list of one")
            self.embeddings.assign(given)

    def build(self, input_shape: Shape = (None,)) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim), name="embeddings", **weight_options(self, "embeddings")
        )
        self.begin_adapters()

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.dtype is not torch.int64 and inputs.dtype is not torch.int32:
            ids = inputs.to(torch.int64)
            if not self._has_seen_floats and inputs.is_floating_point():
                self._tell_of_fractions(inputs, ids)
            inputs = ids
        try:
            if not self.lora_enabled:
                return F.embedding(inputs, self.embeddings)
            down, up = self.adapters()  # of the rows alone, not of the whole matrix
            rows = F.embedding(inputs, self.base_weight())
            wide = torch.promote_types(rows.dtype, torch.float32)
            added = F.embedding(inputs, down).to(wide) @ up.to(wide) * self.lora_scale
            return rows + added.to(rows.dtype)
        except IndexError as error:
            raise self._no_such_id(inputs) from error

    def _tell_of_fractions(self, given: torch.Tensor, ids: torch.Tensor) -> None:
        """Warn, of the first values, where floats are no ids. Keras code gives ids as floats, which is as good."""
        if torch.compiler.is_compiling() or dispatch.may_refuse() or probing() or given.device.type != "cpu":
            return
        self.__dict__["_has_seen_floats"] = True
        broken = given != ids
        if broken.any():
            warnings.warn_explicit(
                f"{self.label} looks up ids, and is given floats with fractions, such as "
                f"{given[broken][0].item():.4g}: they are cut to whole numbers. Try Dense(...) for "
                "quantities; Discretization(...) or a lookup layer before it for what is to be ids.",
                UserWarning,
                *caller(),
            )

    def _no_such_id(self, ids: torch.Tensor) -> IdError:
        outside = ids[(ids < 0) | (ids >= self.input_dim)]
        return IdError(
            f"{self.label} got an id that it has no vector for.",
            got=f"{int(outside[0])}, the first of {outside.numel()} such ids",
            expected=f"ids in [0, {self.input_dim}), from input_dim={self.input_dim}",
            hint="input_dim = largest id + 1, or map unknown words to one id",
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    @takes_arrays
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return torch.ne(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            **weight_options_config(self, "embeddings"),
            "mask_zero": self.mask_zero,
        }
