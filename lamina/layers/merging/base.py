"""What all layers share that make one tensor of several: their input is a list, and their masks come as a list."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch

from lamina.graph import ShapeError, StructureError, tree
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape
from lamina.sizes.questions import Array


class Merge(Layer):
    """Base of the merging layers: a list of tensors in, one tensor out.

    A subclass says `at_least` and `at_most` how many tensors it takes, computes in `call`, and gives the result's shape
    in `merged_shape`.
    """

    at_least = 1
    at_most: int | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def merged_shape(self, shapes: list[Shape]) -> Shape:
        """The output's shape; raises ShapeError where the inputs do not fit each other."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self.merged_shape(self._listed(input_shape))

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        example = super().output_example(args, kwargs)
        dtypes = [leaf.dtype for leaf in tree.leaves((args, kwargs)) if hasattr(leaf, "dtype")]
        return Array(example.shape, self.merged_dtype(reduce(torch.promote_types, dtypes)))

    def merged_dtype(self, common: torch.dtype) -> torch.dtype:
        """Dtype of the result of tensors whose common dtype is this."""
        return common

    def _listed(self, input_shape: Any) -> list[Shape]:
        """One shape per input; raises StructureError unless a list of enough tensors came."""
        is_list = isinstance(input_shape, (list, tuple)) and all(isinstance(s, (list, tuple)) for s in input_shape)
        count = len(input_shape) if is_list else 0
        if not is_list or count < self.at_least or (self.at_most is not None and count > self.at_most):
            few, many = self.at_least, self.at_most
            due = f"{few}" if few == many else f"at least {few}" if many is None else f"{few} to {many}"
            raise StructureError(
                f"{self.label} takes a list of {due} tensor{'s' if (many or few) > 1 else ''}.",
                got=f"{count} tensors in a list" if is_list else f"one tensor of shape {input_shape}",
                hint=f"{type(self).__name__}()([a, b])",
            )
        return [tuple(shape) for shape in input_shape]

    def misfit(self, index: int, shapes: Sequence[Shape], expected: str, hint: str | None = None) -> ShapeError:
        """The error that names the input which does not fit those before it; the caller raises it."""
        listed = "\n".join(f"{shape}   input {i}" for i, shape in enumerate(shapes))
        return ShapeError(f"{self.label} cannot merge input {index}.", got=listed, expected=expected, hint=hint)


def check_masks(layer: Any, inputs: Any, mask: Any) -> None:
    """Refuse masks that are not a list with one for each of a list of inputs.

    Raises:
        StructureError: no lists, or lists of different lengths.
    """
    lists = isinstance(inputs, (list, tuple)) and isinstance(mask, (list, tuple))
    if not lists or len(inputs) != len(mask):
        got = " and ".join(f"{len(x)}" if isinstance(x, (list, tuple)) else type(x).__name__ for x in (inputs, mask))
        raise StructureError(
            f"{layer.label} takes a list of tensors and a list with a mask, or None, for each.",
            got=f"inputs and masks: {got}",
            expected="two lists of one length",
        )
