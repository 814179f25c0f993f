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


class NotDrawnError(ArgumentError, AttributeError):
    """An attribute of the graph is asked for, of what is no part of one: ``hasattr`` says so too."""

    __module__ = "lamina"


def remember(layer: Any, node: Node) -> None:
    """Keep a weak reference to a call of this layer."""
    layer.called_by.append(weakref.ref(node))
    if len(layer.called_by) >= layer._forget_at:  # at doubling sizes, so that a long list is not walked at every call
        kept = [ref for ref in layer.called_by if ref() is not None]
        layer.__dict__.update(called_by=kept, _forget_at=max(32, 2 * len(kept)))


def forget(layer: Any, before: int) -> None:
    """Drop the calls that were drawn since that number was the last: they are no calls of the user's."""
    nodes = [(ref, ref()) for ref in layer.called_by]
    layer.__dict__["called_by"] = [ref for ref, node in nodes if node is not None and node.number <= before]


def drawn_call(layer: Any, what: str, index: int = 0) -> Node:
    """The call of that number, of those that still are part of a graph.

    Raises:
        NotDrawnError: there is none.
    """
    calls: list[Node] = layer._calls()
    if not calls:
        raise NotDrawnError(f"{layer.label} has no {what}: it was never called on a symbolic tensor.", hint="layer(x)")
    if not -len(calls) <= index < len(calls):
        raise ArgumentError(f"{layer.label} has no {what} {index}.", got=f"{len(calls)} calls on symbolic tensors")
    return calls[index]


def not_drawn(model: Any, what: str) -> NotDrawnError:
    """The error of a model that has no graph, or has none yet."""
    if "_chain" in vars(model):  # of a Sequential, which waits for its first input
        why, hint = "it is not built yet", "Input(shape) as its first entry, or model.build((None, ...))"
    else:
        why, hint = "it is defined by its call(), not by a graph", "x = Input(shape); Model(x, model(x))"
    return NotDrawnError(f"{model.label} has no {what}: {why}.", hint=hint)


def get_output_at(layer: Any, node_index: int) -> Any:
    """What the layer's call of that number returned: symbolic tensors."""
    return drawn_call(layer, "output", node_index).output


def get_input_at(layer: Any, node_index: int) -> Any:
    """What the layer's call of that number was given as its first argument."""
    return drawn_call(layer, "input", node_index).args[0]


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
