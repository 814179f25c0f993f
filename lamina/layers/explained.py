"""What a person reads where a layer cannot compute with what it is called on: PyTorch's words are about matrices.

Asked only when something was raised: the usual call is not checked at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.arrays import as_tensor
from lamina.frames import is_raised_by_user
from lamina.graph import DtypeError, LaminaError, ShapeError, tree
from lamina.graph.dtypes import name_of
from lamina.probing import probing
from lamina.tree.cycles import refuse_loop
from lamina.users_line import place_of

from .shape_rules import check_by_rule, shapes_of
from .spec import check_inputs

# Words of PyTorch's that tell of which kind an error is.
OF_DTYPES = ("dtype", "scalar type", "data type", "not implemented for '")
OF_SHAPES = ("shape", "size", "dimension", "dim", "channels", "elements", "must match", "broadcast", "index")


class DeviceError(LaminaError, RuntimeError):
    """A layer's weights and what it is called on are on different devices."""

    __module__ = "lamina"


def explain(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> None:
    """Raise what says it in the layer's terms; do nothing where the error is the user's, says it, or is another one.

    Raises:
        ShapeError, DtypeError, DeviceError: the layer cannot take this input.
        StructureError: a list or a dict that holds itself.
    """
    if isinstance(error, RecursionError):
        refuse_loop([args, kwargs])
        return
    known = isinstance(error, (RuntimeError, ValueError, IndexError)) and not isinstance(
        error, (LaminaError, torch.OutOfMemoryError)
    )
    if not known or not type(layer).__module__.startswith("lamina.") or probing() or is_raised_by_user(error):
        return
    _refuse_other_device(layer, [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)])
    args, kwargs = tree.map_leaves(_as_tensor, (args, kwargs))
    tensors = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if not tensors:
        return
    check_inputs(layer, layer.input_spec, [t for t in tree.leaves(args[:1]) if isinstance(t, torch.Tensor)], _nowhere)
    _refuse_other_shape(layer, args)
    if getattr(layer, "graph", None) is None:  # whose inputs were looked at
        check_by_rule(layer, args, kwargs)
    _refuse_by_its_words(layer, tensors, error)


def _as_tensor(leaf: Any) -> Any:
    return as_tensor(leaf) if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fiub" else leaf


def _nowhere(tensor: Any) -> str:
    return ""


def _refuse_other_device(layer: Any, tensors: list[torch.Tensor]) -> None:
    weights = {str(weight.device) for weight in layer.parameters()}
    given = {str(tensor.device) for tensor in tensors}
    if (weights | given) <= weights or len(weights) != 1:
        return
    raise DeviceError(
        f"{layer.label} has its weights on another device than its input.",
        got=f"input on {', '.join(sorted(given))}, weights on {', '.join(weights)}",
        expected="one device for both",
        hint=f"x.to({next(iter(weights))!r}), or {type(layer).__name__.lower()}.to({next(iter(given - weights))!r})",
    )


def _refuse_other_shape(layer: Any, args: tuple[Any, ...]) -> None:
    """Against the shape that the layer has made its weights for: its rank, and the last axis."""
    before = layer._built_for[0] if layer._built_for else None
    given = shapes_of(args[0]) if args else None
    if not _is_shape(before) or not _is_shape(given) or not before or not given or None in (before[-1], given[-1]):
        return
    if len(before) != len(given) or before[-1] != given[-1]:
        raise ShapeError(
            f"{layer.label} cannot take this input.",
            got=str(given),
            expected=f"{(None, *before[1:])}, for which it has made its weights (None: any size)",
            hint="the layer was built for another shape: use a new layer here, or project to that width first",
        )


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(size, (int, type(None))) for size in value)


def _refuse_by_its_words(layer: Any, tensors: list[torch.Tensor], error: Exception) -> None:
    text = str(error).strip()
    kind: type[LaminaError]
    if any(word in text for word in OF_DTYPES):
        kind = DtypeError
    elif any(word in text for word in OF_SHAPES):
        kind = ShapeError
    else:
        return
    told = kind(
        f"{layer.label} cannot take this input.",
        got=", ".join(f"{tuple(t.shape)} {name_of(t.dtype)}" for t in tensors),
        expected=text.splitlines()[0],
        where=place_of(error),
    )
    for line in getattr(error, "__notes__", []):
        told.add_note(line)
    raise told
