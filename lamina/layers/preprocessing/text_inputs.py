"""Texts in a graph: PyTorch has no tensors of them, so an `Input` of texts is one of their fingerprints, int64.

A fingerprint (FarmHash's, 64 bits) tells texts apart but for a chance of n^2 / 2^65 among n of them. A model turns the
texts that it is given into these, and layers that look texts up go by them, on any device and in exported programs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import GraphError, Symbolic, tree

from .hashes import hashes


def fingerprints(texts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The fingerprint of each text, int64.

    >>> fingerprints(np.array(["a", "b"])).dtype
    dtype('int64')
    """
    return hashes(texts).view(np.int64)


def without_texts(value: Any) -> Any:
    """Fingerprints in the place of an array, series or list of texts; other data as it is."""
    if isinstance(value, (torch.Tensor, Symbolic)) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        leaves = list(tree.leaves(value))
        if not leaves or not all(isinstance(leaf, (str, bytes)) for leaf in leaves):
            return value
    array = np.asarray(value)
    if array.dtype.kind == "O" and all(isinstance(item, (str, bytes)) for item in array.flat):
        array = np.array(array.tolist())
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    return fingerprints(array) if array.dtype.kind == "U" else value


def are_texts(symbolic: Any) -> bool:
    """Whether a symbolic tensor holds texts: it is an `Input` of them, or such a one in another shape."""
    seen: set[Any] = set()
    stack = [symbolic.node]
    while stack:
        node = stack.pop()
        if getattr(node.op, "holds_texts", False):
            return True
        if node not in seen and not isinstance(node.op, torch.nn.Module):
            stack += [s.node for s in node.inputs if isinstance(s, Symbolic)]
        seen.add(node)
    return False


def unsigned_rest(values: torch.Tensor, count: int) -> torch.Tensor:
    """What is left of 64 bits, read as a number without a sign, divided by a count."""
    return (values % count + torch.where(values < 0, (1 << 64) % count, 0)) % count


def refuse_layers_of_numbers(graph: Any) -> None:
    """Raise GraphError if a layer that takes no texts is called on an `Input` of them."""
    for node in graph.nodes:
        layer = node.op
        if not isinstance(layer, torch.nn.Module) or getattr(layer, "takes_texts", False) or hasattr(layer, "graph"):
            continue
        if any(are_texts(s) for s in node.inputs):
            raise GraphError(
                f"{node.label} cannot take texts.",
                got='an Input(dtype="string")',
                expected="StringLookup, Hashing or HashedCrossing next to it",
                where=str(node.source),
            )
