"""The calls of a layer that were drawn: the layer holds them weakly, since they hold the layer."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from lamina.graph import ArgumentError, LaminaError, Node

# Attributes that only what was drawn can answer.
_OF_THE_GRAPH = frozenset(
    ("input", "output", "inputs", "outputs", "input_names", "output_names", "input_shape", "output_shape")
)


def remember(layer: Any, node: Node) -> None:
    """Keep a weak reference to a call of this layer."""
    layer.called_by.append(weakref.ref(node))
    if len(layer.called_by) >= layer._forget_at:  # at doubling sizes, so that a long list is not walked at every call
        layer.called_by = [ref for ref in layer.called_by if ref() is not None]
        layer._forget_at = max(32, 2 * len(layer.called_by))


def drawn_call(layer: Any, what: str, index: int = 0) -> Node:
    """The call of that number, of those that still are part of a graph.

    Raises:
        ArgumentError: there is none.
    """
    calls: list[Node] = layer._calls()
    if not calls:
        raise ArgumentError(f"{layer.label} has no {what}: it was never called on a symbolic tensor.", hint="layer(x)")
    if not -len(calls) <= index < len(calls):
        raise ArgumentError(f"{layer.label} has no {what} {index}.", got=f"{len(calls)} calls on symbolic tensors")
    return calls[index]


def known_names(layer: Any, names: Iterable[str]) -> list[str]:
    """Those of a layer's attributes that it has by now: who looks at all of them meets no error.

    `torch.jit.trace` and `inspect.getmembers` look at all.
    """
    return [name for name in names if name not in _OF_THE_GRAPH or _answers(layer, name)]


def _answers(layer: Any, name: str) -> bool:
    try:
        getattr(layer, name)
    except (LaminaError, AttributeError):
        return False
    return True
