"""Building a model that is defined by its call: the call is tried on shapes, and the layers that it meets are built."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from lamina.graph import ArgumentError, SymbolicTensor
from lamina.graph.infer import Array, probe
from lamina.layers.base import Layer
from lamina.layers.inferred import map_shapes, search_for_shapes
from lamina.sizes.world import USUAL, example_shapes


def build_by_trying(model: Layer, input_shape: Any) -> Any:
    """Run the model's call on tensors without storage: floats, or whole numbers where it takes no floats.

    Returns:
        (args, kwargs) of the call.

    Raises:
        ArgumentError: it fails on both.
    """
    first: Exception | None = None
    for dtype in (model._torch_dtype, torch.int64):
        examples = map_shapes(lambda shape: example_shapes(shape)[0], input_shape)
        inputs = map_shapes(partial(Array, dtype=dtype), examples)
        try:
            probe(model, (inputs,), {}, method="launch")
        except Exception as error:  # noqa: BLE001  it is the user's code, which may raise anything
            first = first or error
        else:
            return (inputs,), {}
    assert first is not None

    def call(given: Any) -> Any:
        return probe(model, (given,), {}, method="launch")

    search, _ = search_for_shapes(model, call, input_shape, model._torch_dtype)
    raise ArgumentError(
        f"{model.label} cannot be built from shapes alone: its call fails on them.",
        got=f"build({input_shape}): {type(first).__name__}: {search.reworded(first, USUAL)}",
        expected="a call that takes one argument of this shape",
        hint="call the model on a batch of data: model(x)",
    ) from first


def without_values(leaf: Any) -> Any:
    """A tensor's shape and dtype, as a tensor without storage."""
    if isinstance(leaf, SymbolicTensor):
        leaf = leaf.example(0)
    return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta") if hasattr(leaf, "shape") else leaf
