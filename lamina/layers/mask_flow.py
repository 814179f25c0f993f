"""How masks travel: as edges of the graph while building, as an attribute of real tensors outside of graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import Node, Symbolic, SymbolicTensor, tree
from lamina.graph.source import warn
from lamina.mask_uses import ENDED, is_on_purpose

from .signature import CallFacts


def real_mask(tensor: Any) -> torch.Tensor | None:
    """The mask that an earlier layer left on a real tensor."""
    return getattr(tensor, "_keras_mask", None)


def fill_masks(facts: CallFacts, args: tuple[Any, ...], kwargs: dict[str, Any], mask_of: Callable[[Any], Any]) -> None:
    """Give each mask argument of a call that the user left out the mask of the argument it belongs to."""
    if not facts.masks:
        return
    if not facts.due_masks and all(mask_of(leaf) is None for leaf in tree.leaves((args, kwargs))):
        return  # as in most models
    given = facts.signature.bind_partial(*args, **{k: v for k, v in kwargs.items() if k in facts.signature.parameters})
    for name, owner in facts.masks:
        if given.arguments.get(name) is not None or owner not in given.arguments:
            continue
        masks = tree.map_leaves(mask_of, given.arguments[owner])
        if any(mask is not None for mask in tree.leaves(masks)):
            kwargs[name] = masks
        elif name in facts.due_masks and name not in given.arguments:
            kwargs[name] = None


def _first(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, Any]:
    """The name of a call's first argument and what it was given there, by place or by name."""
    name = next(iter(layer._facts.signature.parameters), "inputs")
    return name, args[0] if args else kwargs.get(name)


def _previous(first: tuple[str, Any], kwargs: dict[str, Any], mask_of: Callable[[Any], Any]) -> Any:
    """The mask that the call was given as ``mask``, else those that the first argument brings, else its own by name."""
    name, value = first
    given = kwargs.get("mask")
    if given is not None:
        return given
    if type(value) in (SymbolicTensor, torch.Tensor):
        brought = mask_of(value)
        some = brought is not None
    else:
        brought = tree.map_leaves(mask_of, value)
        some = any(mask is not None for mask in tree.leaves(brought))
    return brought if some else kwargs.get(f"{name}_mask", brought)


def draw_masks(layer: Any, node: Node) -> None:
    """Find the masks of a layer's symbolic results: ``compute_mask`` runs on symbolic tensors and so is drawn."""
    first = _first(layer, node.args, node.kwargs)
    previous = _previous(first, node.kwargs, lambda leaf: getattr(leaf, "mask", None))
    some = any(mask is not None for mask in tree.leaves(previous))
    makes = layer._makes_masks and not _is_only_code(layer)
    if not some and not makes:
        return
    if not some:
        previous = None
    if not makes and not layer.supports_masking:
        if not layer._facts.masks and not is_on_purpose(node):
            warn(f"{layer.label} ({node.source}) {ENDED}. A layer that keeps positions says supports_masking = True.")
        return
    masks = layer.compute_mask(first[1], previous)
    flat = list(masks) if isinstance(masks, (list, tuple)) else [masks]
    for i, mask in enumerate(flat[: len(node.specs)]):
        if isinstance(mask, Symbolic):
            node.masks[i] = mask


def _is_only_code(layer: Any) -> bool:
    """Whether it is a model without a graph, and without a ``compute_mask`` of its class's: nobody knows its masks."""
    return getattr(layer, "graph", layer) is None and str(type(layer).compute_mask.__module__).startswith("lamina.")


def set_real_mask(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
    """Leave the output's mask on the output, so that the next layer called outside of a graph finds it."""
    if not (layer._makes_masks or layer.supports_masking):
        return
    first = _first(layer, args, kwargs)
    if first[1] is None:
        return
    previous = _previous(first, kwargs, real_mask)
    if all(mask is None for mask in tree.leaves(previous)):
        if not layer._begins_masks:
            return
        previous = None
    masks = layer.compute_mask(first[1], previous)
    flat = list(masks) if isinstance(masks, (list, tuple)) else [masks]
    for mask, tensor in zip(flat, tree.leaves(output), strict=False):
        if isinstance(mask, torch.Tensor) and isinstance(tensor, torch.Tensor):
            tensor._keras_mask = mask  # type: ignore[attr-defined]
