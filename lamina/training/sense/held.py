"""Weights that an optimizer of PyTorch's does not hold: made for another model, or before this one was whole."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError

from .said import Said
from .unheld import tensors_of

_SHOWN = 4


def check_held(said: Said, model: Any, optimizer: Any) -> None:
    """Look whether a `TorchOptimizer` holds the weights of the model that are trained.

    It may hold some of them on purpose: a GAN's optimizer has the weights of one of the two models within. So models
    within that it holds nothing of are left alone, unless it holds weights that are none of the model's.

    Raises:
        ArgumentError: it holds none of them, and no other tensor of the model.
    """
    held = optimizer.held()
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    lost = [(name, weight) for name, weight in trained if id(weight) not in held]
    if not lost:
        return
    kind = type(optimizer.optimizer).__name__
    again = f"compile(torch.optim.{kind}(model.parameters(), ...)) with the optimizer made when the model is complete"
    others = {id(tensor) for part in model.modules() for _, tensor in tensors_of(part)}
    if len(lost) == len(trained) and not held & others:
        raise ArgumentError(
            f"The optimizer {kind} holds none of the {len(trained)} trainable weights of {model.label}: it would train "
            "nothing.",
            got=f"an optimizer of {len(held)} other tensors",
            expected=_named(lost),
            hint=again,
        )
    if held <= others | {id(weight) for weight in model.parameters()}:
        left = _of_models_left_out(model, held)
        lost = [(name, weight) for name, weight in lost if id(weight) not in left]
    if lost:
        said.once(
            "not held",
            f"The optimizer {kind} does not hold {len(lost)} of the {len(trained)} trainable weights of {model.label}: "
            f"{_named(lost)}. They stay as they are. Try {again}; trainable = False on their layers where that is "
            "meant.",
        )


def _named(weights: list[tuple[str, Any]]) -> str:
    more = f", ... ({len(weights)} in all)" if len(weights) > _SHOWN else ""
    return ", ".join(name.replace(".", "/") for name, _ in weights[:_SHOWN]) + more


def _of_models_left_out(model: torch.nn.Module, held: set[int]) -> set[int]:
    """The ids of the weights of the models within of which no weight is held."""
    within = [part for part in model.modules() if part is not model and hasattr(type(part), "fit")]
    groups = [{id(weight) for weight in part.parameters()} for part in within]
    return set().union(*(group for group in groups if not group & held))
