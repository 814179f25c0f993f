"""Texts in a graph: PyTorch has no tensors of them, so an `Input` of texts is one of their fingerprints, int64.

A fingerprint (FarmHash's, 64 bits) tells texts apart but for a chance of n^2 / 2^65 among n of them. A model turns the
texts that it is given into these, and layers that look texts up go by them, on any device and in exported programs.
Layers that read what stands in a text (`reads_whole_texts`) are given its bytes instead, see `whole_texts`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError, GraphError, Symbolic, tree

from .hashes import hashes
from .whole_texts import as_bytes, is_packed, packed, unpacked


def fingerprints(texts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The fingerprint of each text, int64.

    >>> fingerprints(np.array(["a", "b"])).dtype
    dtype('int64')
    """
    return hashes(texts).view(np.int64)


def fingerprints_in(inputs: torch.Tensor) -> torch.Tensor:
    """Fingerprints, also where the same `Input` goes to a reader of whole texts."""
    if not is_packed(inputs):
        return inputs
    texts = np.array([text.decode() for text in unpacked(inputs).ravel().tolist()], dtype=str)
    return torch.from_numpy(fingerprints(texts).reshape(inputs.shape[:-1])).to(inputs.device)


def whole_texts(value: Any) -> Any:
    """The bytes of texts in the place of an array, series or list of them, a tensor of uint8; other data as it is."""
    texts = None if isinstance(value, Symbolic) else as_bytes(value)
    return value if texts is None else packed(texts)


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
    whole = {id(tensor.node) for tensor in graph.inputs if readers_of(graph, tensor)}
    for node in graph.nodes:
        layer = node.op
        if isinstance(layer, torch.nn.Module):
            if getattr(layer, "takes_texts", False) or hasattr(layer, "graph"):
                continue
            refused = any(are_texts(s) for s in node.inputs)
        else:  # a function that gives fingerprints another shape; that of whole texts is another one
            refused = any(id(s.node) in whole for s in node.inputs)
        if refused:
            raise GraphError(
                f"{node.label} cannot take texts.",
                got='an Input(dtype="string")' + (", which TextVectorization reads too" if whole else ""),
                expected="TextVectorization, StringLookup, Hashing or HashedCrossing next to it",
                where=str(node.source),
            )


def readers_of(graph: Any, tensor: Any) -> list[Any]:
    """The results, in a graph and in models within, of the layers that read the whole texts of this `Input`.

    Empty for one of fingerprints, and of numbers.
    """
    found: list[Any] = []
    waiting = [(graph, tensor)]
    while waiting:
        within, source = waiting.pop()
        if not getattr(source.node.op, "holds_texts", False):
            continue
        for node in within.nodes:
            if not any(s.node is source.node for s in node.inputs):
                continue
            inner = getattr(node.op, "graph", None)
            if getattr(node.op, "reads_whole_texts", False):
                found += node.outputs
            elif inner is not None:
                given = list(tree.leaves((node.args, node.kwargs)))
                pairs = zip(given, inner.inputs, strict=False)
                waiting += [(inner, own) for one, own in pairs if getattr(one, "node", None) is source.node]
    return found


def behind_readers(graph: Any) -> list[Any]:
    """The inputs of a graph, and in the place of one whose whole texts are read what the reader gives: texts left out.

    Raises:
        ArgumentError: several layers read one of them.
    """
    found = []
    for tensor, name in zip(graph.inputs, graph.input_names, strict=True):
        readers = readers_of(graph, tensor)
        if len(readers) > 1:
            raise ArgumentError(
                f"What stands in the place of the texts {name!r} is more than one tensor.",
                got=f"{len(readers)} layers that read them",
                hint="an Input for each, in a model that is called on what these layers give",
            )
        found.append(readers[0] if readers else tensor)
    return found


class TextReader:
    """What an `Input` takes whose whole texts are read: texts, their bytes, or what the one reader of them gives.

    Args:
        results: the symbolic results of those that read it.
        shape: of the `Input`.
    """

    def __init__(self, results: list[Any], shape: tuple[int | None, ...]) -> None:
        self.result = results[0] if len(results) == 1 else None
        self.shape = shape

    @property
    def otherwise(self) -> str:
        """What may come in the place of texts, for messages."""
        return "" if self.result is None else f"; or what {self.result.node.label} gives, {self.result.shape}"

    def fit(self, value: torch.Tensor) -> torch.Tensor | None:
        """The bytes of texts (N,) in the shape of the `Input`, (N, 1), or the other way round; what its reader gives,
        as it is; None for what can be neither."""
        if not is_packed(value):
            due = None if self.result is None else self.result.shape
            return value if due is not None and _fits(value.shape, due) else None
        shape = tuple(value.shape[:-1])
        if len(shape) == len(self.shape) - 1 and self.shape[-1] == 1:
            value = value.unsqueeze(-2)
        elif len(shape) == len(self.shape) + 1 and shape[-1] == 1:
            value = value.squeeze(-2)
        return value if _fits(value.shape[:-1], self.shape) else None


def _fits(shape: Any, due: tuple[int | None, ...]) -> bool:
    return len(shape) == len(due) and all(size in (n, None) for n, size in zip(shape, due, strict=True))
