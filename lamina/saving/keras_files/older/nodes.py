"""The calls of layers as Keras 1 and 2 wrote them: lists of ``[layer, number of the call, result, arguments by name]``.

A call by tf.keras may hold such lists at any depth, and ``["_CONSTANT_VALUE", -1, value, ...]`` for what is no tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, NamedTuple

from lamina.layers import RNN, Bidirectional
from lamina.saving.errors import LoadingError

from .versions import TF_KINDS

_CONSTANT = "_CONSTANT_VALUE"
_MAX_DEPTH = 50


class OldNode(NamedTuple):
    """The first argument of a call, and those by name."""

    args: Any
    kwargs: dict[str, Any]


def is_of_tf(class_name: str) -> bool:
    """Whether a layer is a function of TensorFlow's."""
    return class_name in TF_KINDS


def read_old_node(node: list[Any], names: Container[str], reference: Callable[[list[Any]], Any], where: str) -> OldNode:
    """The arguments of a call, with what ``reference`` makes of each ``[layer, call, result]``.

    Raises:
        LoadingError: something else than that.
    """
    kwargs: dict[str, Any] = {}

    def read(item: Any, depth: int = 0) -> Any:
        if isinstance(item, dict) and depth < _MAX_DEPTH:
            return {key: read(part, depth + 1) for key, part in item.items()}
        if type(item) is not list or depth >= _MAX_DEPTH:
            raise LoadingError(f"{where} is malformed.", got=f"{item!r}"[:80], expected="[layer, call, result]")
        if not item or not isinstance(item[0], str):
            return [read(part, depth + 1) for part in item]
        if len(item) not in (3, 4):
            raise LoadingError(f"{where} is malformed.", got=f"{item!r}"[:80], expected="[layer, call, result]")
        if len(item) == 4 and isinstance(item[3], dict):
            kwargs.update(item[3])
        constant = item[0] == _CONSTANT and _CONSTANT not in names
        return item[2] if constant else reference(item[:3])

    return OldNode(read(node), kwargs)


def with_states(layer: Any, args: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a recurrent layer: Keras 2 put its first states behind the sequence, in one list."""
    if not isinstance(layer, (RNN, Bidirectional)) or not (args and isinstance(args[0], list) and len(args[0]) > 1):
        return args, kwargs
    sequences, *states = args[0]
    if kwargs.get("initial_state") is not None:
        return [sequences, *args[1:]], kwargs
    return [sequences, *args[1:]], {**kwargs, "initial_state": states}
