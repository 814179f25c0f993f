"""Which masks end with a call, in the graph of a model that was read from a file of Keras'.

There an operation passes on no mask, and `MultiHeadAttention` takes the masks off the very tensors that it is called
on, so that whatever reads these later finds none. A nested model in which that happens does it to its own inputs.
Nodes and symbolic tensors are those of `lamina.graph`, which asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

_TAKEN_FROM = ("query", "value", "key")
_GIVE_THEIR_ARGUMENT = (
    "Identity", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout",
    "GaussianDropout", "GaussianNoise", "ActivityRegularization",
)  # fmt: skip
"""Keras' layers of these names return the very tensor that they are given, where they are not training."""


def end_masks(node: Any, results: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """End what ended with the call of a node, where the same is drawn on these arguments, with these results.

    Args:
        node: one with ``ends_masks``.
        results, args, kwargs: what is drawn now, symbolic tensors at the leaves.
    """
    if isinstance(node.op, torch.nn.Module):
        for result in results:
            result.node.ends_masks = type(result.node.op) is type(node.op)  # a clone, but no body laid open
        ended = list(_taken_off(node.op, args, kwargs))
    else:
        for result in results:
            result.node.ends_masks = True
        ended = results
    for tensor in ended:
        tensor.node.masks[tensor.index] = None


def takes_masks_off(graph: Any) -> bool:
    """Whether a layer within the graph takes masks off the graph's own inputs."""
    return any(_inputs_taken(graph))


def _taken_off(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Any]:
    """The symbolic tensors among a layer's arguments whose masks it takes off."""
    graph = getattr(op, "graph", None)
    if graph is None:
        given = [*args[: len(_TAKEN_FROM)], *(kwargs.get(name) for name in _TAKEN_FROM)]
    else:
        inputs = op._drawn.binding.match(args[0] if args else kwargs["inputs"])
        given = [tensor for tensor, taken in zip(inputs, _inputs_taken(graph), strict=True) if taken]
    for tensor in given:
        while getattr(tensor, "node", None) is not None:
            yield tensor
            tensor = _same(tensor.node)


def _same(node: Any) -> Any:
    """What a call was given, where it gives back the very same tensor in Keras, else None."""
    name = type(node.op).__name__
    if name in _GIVE_THEIR_ARGUMENT or (name == "Activation" and node.op.get_config()["activation"] == "linear"):
        return node.inputs[0]
    return None


def _inputs_taken(graph: Any) -> list[bool]:
    taken: set[Any] = set()
    for node in graph.nodes:
        if node.ends_masks and isinstance(node.op, torch.nn.Module):
            taken |= {(id(tensor.node), tensor.index) for tensor in _taken_off(node.op, node.args, node.kwargs)}
    return [(id(tensor.node), tensor.index) in taken for tensor in graph.inputs]
