"""A loss whose value cannot change: it has gradients, and all of them are 0."""

from __future__ import annotations

import torch

from .said import Said


def tell_of_no_gradient(said: Said, label: str, loss: torch.Tensor, gradients: list[torch.Tensor | None]) -> None:
    """Warn where no weight gets a gradient though there is something to be made smaller.

    Asked of the first step of an epoch, on a CPU: elsewhere to look is to wait.

    Args:
        label: the model.
        loss: of the step.
        gradients: of the weights that are trained.
    """
    if loss.device.type != "cpu" or said.has("no gradient", "head", "one unit"):
        return
    if any(_is_some(gradient) for gradient in gradients):
        said.is_learning = True
        return
    value = loss.item()
    if value == value and value not in (0.0, float("inf"), float("-inf")):
        said.once(
            "no gradient",
            f"The loss of {label} is {value:.4g} and cannot change: every gradient is 0. Try an output that is not the "
            "same whatever comes in (a softmax over one unit, a relu whose inputs are all below 0), and a loss that "
            "does not round or compare.",
            here=True,
        )


def _is_some(gradient: torch.Tensor | None) -> bool:
    if gradient is None:
        return False
    values = gradient.coalesce().values() if gradient.is_sparse else gradient
    return bool(values.any())
