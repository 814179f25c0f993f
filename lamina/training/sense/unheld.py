"""Tensors that need gradients and are no weights: a layer computes with them, and nobody trains or saves them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from lamina.layers import Layer
from lamina.layers.nested import found_in

from .said import Said

_TENSORS = (torch.Tensor,)
_LOOKED_INTO = (torch.Tensor, list, tuple, dict)
_NOT_OURS = ("lamina.", "torch.")


def tell_of_unheld(said: Said, model: torch.nn.Module, optimizer: Any) -> None:
    """Warn of tensors with ``requires_grad`` among the attributes of the user's layers that are no weights.

    Args:
        optimizer: one of PyTorch's may hold some of them, and trains those.
    """
    known = {id(weight) for weight in model.parameters()}
    if hasattr(optimizer, "held"):
        known |= optimizer.held()
    for module in model.modules():
        lost = [(name, tensor) for name, tensor in tensors_of(module) if id(tensor) not in known]
        if lost:
            name, tensor = lost[0]
            others = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            label = module.label if isinstance(module, Layer) else type(module).__name__
            shape = tuple(tensor.shape)
            said.once(
                f"unheld {label} {name}",
                f"{label} has a tensor that needs gradients and is no weight of it: self.{name}{others}, of shape "
                f"{shape}. It is not trained and not saved. Try self.add_weight({shape}) in build, "
                "torch.nn.Parameter(...) as an attribute, or torch.nn.ParameterList; detach() where it is to stay.",
            )


def tensors_of(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors that need gradients among the attributes of a module of the user's, as ``w`` or ``w[0]``."""
    if type(module).__module__.startswith(_NOT_OURS):
        return
    slots = ("_parameters", "_buffers", "_modules", "_losses")
    for attribute, value in list(vars(module).items()):
        if attribute in slots or not isinstance(value, _LOOKED_INTO):
            continue
        for path, tensor in found_in(value, _TENSORS, (attribute,)):
            if tensor.requires_grad and tensor.is_leaf:
                yield _spelled(path), tensor


def _spelled(path: tuple[Any, ...]) -> str:
    return str(path[0]) + "".join(f"[{key!r}]" for key in path[1:])
