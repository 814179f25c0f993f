"""What a layer says of itself in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.graph import Symbolic, tree
from lamina.one_line import named, quietly, settings

from .inferred import map_shapes
from .last_call import built_shapes

_SHAPES = 4  # of a layer with many inputs or outputs
# What most layers take, and what says little of them.
_LEFT_OUT = (
    "inputs outputs layers trainable layer backward_layer module cell weights autocast data_format arguments".split()
)
_ENDS = ("initializer", "regularizer", "constraint")


def layer_said(layer: Any) -> str:
    """``Dense "hidden": (None, 8) → (None, 4), 36 parameters``.

    The shapes are those of the last call that was drawn, else those that it was built for; a layer of which none are
    known says what it was made with. What is not built says so.
    """
    if "_parameters" not in vars(layer):
        return f"{type(layer).__name__}, before super().__init__()"
    shapes = quietly(lambda: _graph_shapes(layer)) or quietly(lambda: _call_shapes(layer))
    shapes = shapes or quietly(lambda: _built_shapes(layer))
    told = [] if shapes else quietly(lambda: _told(layer), [])
    within = None if shapes else quietly(lambda: _within(layer))
    policy = quietly(lambda: layer.dtype_policy.name)
    return named(
        layer,
        shapes,
        *told,
        within,
        quietly(lambda: _count(layer)),
        quietly(lambda: _weights(layer)),
        f"dtype={policy}" if isinstance(policy, str) and policy != "float32" else None,
    )


def _told(layer: Any) -> list[str]:
    told = settings(layer, ask=False, leave_out=_LEFT_OUT)
    return [text for text in told if not text.partition("=")[0].endswith(_ENDS) and text != "activation=linear"]


def _graph_shapes(layer: Any) -> str | None:
    drawn = getattr(layer, "_drawn", None)
    if drawn is None:
        return None
    return f"{_shapes(drawn.graph.input_structure)} → {_shapes(drawn.graph.output_structure)}"


def _call_shapes(layer: Any) -> str | None:
    nodes = layer._calls()
    if not nodes:
        return None
    node = nodes[-1]
    given = node.args if len(node.args) != 1 else node.args[0]
    given = given if node.args else dict(node.kwargs)
    way = f"{_shapes(given)} → {_shapes(node.output)}" if node.inputs else _shapes(node.output)
    return f"{way} in {len(nodes)} calls" if len(nodes) > 1 else way


def _built_shapes(layer: Any) -> str | None:
    """What it was built for, with any batch, and what it makes of that where a rule of Lamina's tells."""
    known = built_shapes(layer, batch=False)
    if known is not None:
        return " → ".join(map(_shapes, known))
    built_for = layer._built_for
    if not built_for or any(shape is None for shape in built_for):
        return None
    given = map_shapes(lambda shape: (None, *shape[1:]) if len(shape) > 1 else shape, list(built_for))
    return f"built for {_shapes(given[0] if len(given) == 1 else given)}"


def _shapes(structure: Any) -> str:
    """The shapes of what is symbolic in a structure, or that are in it, nested as it is."""
    if isinstance(structure, Mapping):
        return _joined("{", [f"{key}: {_shapes(value)}" for key, value in structure.items() if _has(value)], "}")
    if _is_shape(structure):
        return str(tuple(structure))
    if isinstance(structure, (list, tuple)):
        parts = [_shapes(value) for value in structure if _has(value)]
        return parts[0] if len(parts) == 1 else _joined("[", parts, "]")
    shape = getattr(structure, "shape", None)
    return "number" if shape is None else str(tuple(shape))


def _joined(begin: str, parts: list[str], end: str) -> str:
    more = [f"… {len(parts) - _SHAPES} more"] if len(parts) > _SHAPES else []
    return begin + ", ".join([*parts[:_SHAPES], *more]) + end


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(n is None or type(n) is int for n in value)


def _has(value: Any) -> bool:
    return _is_shape(value) or any(isinstance(leaf, Symbolic) for leaf in tree.leaves(value)) or _has_shapes(value)


def _has_shapes(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(map(_has, value))


def _within(layer: Any) -> str | None:
    """What a wrapper is about."""
    held = layer._modules
    part = next((held[name] for name in ("layer", "forward_layer", "module") if held.get(name) is not None), None)
    return None if part is None else f"of {type(part).__name__}"


def _count(layer: Any) -> str | None:
    """How many layers a model has."""
    if not hasattr(layer, "_drawn"):
        return None
    known = layer.__dict__.get("_layers")
    number = len(known if isinstance(known, list) else layer.layers)
    return f"{number} layer{'s' * (number != 1)}"


def _weights(layer: Any) -> str | None:
    """The number of parameters, whether they are frozen, or that there are none yet."""
    built = layer.built
    weights = layer.weights
    number = sum(weight.numel() for weight in weights)
    if not built and not number:
        return "unbuilt"
    if not number:
        return None
    words = f"{number:,} parameter{'s' * (number != 1)}"
    words += "" if built or not hasattr(layer, "_drawn") else ", in part unbuilt"
    return f"{words}, frozen" if not layer.trainable else words
