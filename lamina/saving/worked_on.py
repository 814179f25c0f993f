"""Whether a model has weights that are worth a file: it is built, or somebody has worked on them."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers import Layer

from .errors import SavingError

# A weight is written to once when it is made; from the second time on, somebody has worked on it.
_NEW = 1


def is_trained(model: Any) -> bool:
    """Whether a model has weights on which somebody has worked: by `fit`, by a loop of one's own, by hand."""
    weights = list(model.parameters())
    if weights and getattr(model, "_running", None) is not None:
        return True
    return any(map(_is_worked_on, weights))


def has_weights(model: Any) -> bool:
    """Whether a model has its weights.

    A model of code may never be called itself: a `train_step` of its own calls its parts, as a GAN's does. It has its
    weights when these are built, or trained.
    """
    if model.built or is_trained(model):
        return True
    parts = [part for part in model.modules() if isinstance(part, Layer) and part is not model]
    return bool(parts) and all(part.built for part in parts)


def refuse_without_weights(model: Any) -> None:
    """Raise unless the model has its weights.

    Raises:
        SavingError: the model has none, or not all of them, yet.
    """
    if not has_weights(model):
        raise SavingError(f"{model.label} has no weights yet.", hint="model(x) on data makes them")


def _is_worked_on(parameter: torch.Tensor) -> bool:
    try:
        return parameter.grad is not None or parameter._version > _NEW
    except RuntimeError:  # made in inference mode, which counts nothing
        return True
