"""HashedCrossing: several features as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import DtypeError, ShapeError, Symbolic, tree
from lamina.layers.geometry import Shape
from lamina.users_traceback import at_users_line

from .hash_operators import cross_buckets
from .hashed_bins import HashedBins
from .hashes import crossed
from .text_inputs import are_texts, fingerprints_in
from .texts import texts_in


class HashedCrossing(HashedBins):
    """One bin for what stands in several features together: `hash(features) % num_bins`.

    Input: a list of two or more features of one shape, (B,), (B, 1) or (), each of texts or whole numbers as in
    `Hashing`. Output for "int" of the same shape, for "one_hot" (B, num_bins).

    Args:
        num_bins: how many bins.
        output_mode: "int" or "one_hot".
        sparse: Keras' argument for other engines; only False.
        name, dtype: as in any layer.

    Raises:
        ArgumentError: an argument cannot be.
        DtypeError: a feature is of floats.
        ShapeError: fewer than two features, or their shapes cannot be.

    >>> HashedCrossing(num_bins=5)([["A", "B", "A"], np.array([101, 101, 102])])
    tensor([1, 4, 3])
    """

    takes_texts = True

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_bins, output_mode, sparse, ("int", "one_hot"), name=name, dtype=dtype, **kwargs)

    @at_users_line
    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        features = list(inputs) if isinstance(inputs, (list, tuple)) else inputs
        if any(isinstance(leaf, Symbolic) and are_texts(leaf) for leaf in tree.leaves(inputs)):
            self._takes_fingerprints = True
        texts = [texts_in(self, feature) for feature in features] if isinstance(features, list) else [None]
        if all(text is None for text in texts):
            return super().__call__(features, *args, **kwargs)
        columns = [_column(feature) if text is None else text for feature, text in zip(features, texts, strict=True)]
        self.compute_output_shape([column.shape for column in columns])
        self._refuse_floats(columns)
        return self.of_texts(crossed(columns, self.num_bins))

    _takes_fingerprints = False
    """True: it was drawn on texts."""

    def _refuse_floats(self, columns: list[Any]) -> None:
        for column in columns:
            kind = column.dtype
            if kind.is_floating_point if isinstance(kind, torch.dtype) else kind.kind == "f":
                raise DtypeError(
                    f"{self.label} cannot cross floats.",
                    got=str(kind),
                    expected="whole numbers or texts",
                    hint="Discretization before it",
                )

    def call(self, inputs: list[torch.Tensor]) -> torch.Tensor:
        self._refuse_floats(inputs)
        if self._takes_fingerprints:
            inputs = [fingerprints_in(feature) for feature in inputs]
        return self.encoded(cross_buckets([feature.to(torch.int64) for feature in inputs], self.num_bins))

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._refuse_floats(list(tree.leaves((args, kwargs))))
        return super().output_example(args, kwargs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = [tuple(shape) for shape in input_shape] if isinstance(input_shape, list) else []
        first = shapes[0] if shapes else ()
        if len(shapes) < 2 or any(shape != first for shape in shapes) or len(first) > 2 or first[1:] not in ((), (1,)):
            raise ShapeError(
                f"{self.label} cannot take these features.",
                got=str(shapes or input_shape),
                expected="a list of two or more of one shape, (B,), (B, 1) or ()",
            )
        return self.result_shape(first)


def _column(feature: Any) -> np.ndarray[Any, Any]:
    return feature.detach().cpu().numpy() if isinstance(feature, torch.Tensor) else np.asarray(feature)
