"""What a person reads where an operation of a graph cannot compute with the values that it is given."""

from __future__ import annotations

from typing import Any

import torch

from lamina.frames import is_raised_by_user
from lamina.graph import ArgumentError
from lamina.layers import Layer
from lamina.layers.explained import OF_DTYPES, OF_SHAPES
from lamina.ops.linalg import matrix_error


class ValuesError(ArgumentError, RuntimeError):
    """An operation cannot compute with the values that it is given when a model runs. A `RuntimeError`, as PyTorch's.

    Its type in words of PyTorch's stays its cause.
    """

    __module__ = "lamina"


def tell_of_node(label: str, node: Any, given: list[Any], error: Exception) -> None:
    """Say in a note which call of a graph has failed; and in an error of ours what PyTorch says of its values.

    What a layer says, and what the user's code raises, stays as it is; what is said of shapes and dtypes a model tells
    in its own words.

    Args:
        label: the model.
        node: the call.
        given: what the model was called on.

    Raises:
        MatrixError: a matrix has no such factors, inverse or solution.
        ValuesError: another thing that PyTorch's function cannot do.
    """
    got = ", ".join(str(tuple(value.shape)) for value in given if isinstance(value, torch.Tensor))
    told: Exception | None = None
    if not isinstance(node.op, Layer) and not is_raised_by_user(error):
        told = _in_our_words(node, error)
    (told or error).add_note(f"while {label} ran {node.label}, {node.source}, on inputs of shape {got}")
    if told is not None:
        raise told from error


def _in_our_words(node: Any, error: Exception) -> Exception | None:
    if isinstance(error, torch.linalg.LinAlgError):  # type: ignore[attr-defined]  # not in its stubs
        return matrix_error(
            node.label, getattr(node.op, "__name__", "").removeprefix("linalg_"), error, str(node.source)
        )
    if type(error) is not RuntimeError or any(word in str(error) for word in (*OF_DTYPES, *OF_SHAPES)):
        return None
    said = str(error).strip().splitlines() or [""]
    return ValuesError(f"{node.label} cannot do this with these values.", got=said[0], where=str(node.source))
