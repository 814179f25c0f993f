"""Texts in data: PyTorch has no tensors of them, so layers that take texts are called on lists and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError, Symbolic, tree


def texts_in(layer: Any, inputs: Any, encoding: str = "utf-8") -> np.ndarray[Any, Any] | None:
    """The texts that a layer is called on, as an array of str; None for data without texts.

    Args:
        inputs: a text, lists of texts at any depth, or an array of str, bytes or objects; else there are none.
        encoding: of texts that are bytes.

    Raises:
        ArgumentError: texts beside other things, or lists of different lengths.
    """
    if isinstance(inputs, (Symbolic, torch.Tensor)):
        return None
    if hasattr(inputs, "__array__"):
        array = np.asarray(inputs)
        if array.dtype.kind == "U":
            return array
        if array.dtype.kind not in "OS":
            return None
        inputs = array.tolist()
    kinds = {type(leaf) for leaf in tree.leaves(inputs)}
    if not any(issubclass(kind, (str, bytes)) for kind in kinds):
        return None
    if not all(issubclass(kind, (str, bytes)) for kind in kinds):
        got = "texts beside " + ", ".join(sorted(kind.__name__ for kind in kinds if not issubclass(kind, (str, bytes))))
        raise _refused(layer, got)
    try:
        return np.array(
            tree.map_leaves(lambda text: text.decode(encoding) if isinstance(text, bytes) else text, inputs)
        )
    except ValueError as error:
        raise _refused(layer, "lists of different lengths") from error


def _refused(layer: Any, got: str) -> ArgumentError:
    return ArgumentError(
        f"{layer.label} cannot take these texts.",
        got=got,
        expected="texts alone, in lists of one length",
        hint="str(value) for what is none, and a text that stands for nothing",
    )
