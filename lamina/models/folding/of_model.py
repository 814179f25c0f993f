"""The programs in fewer steps that a model may run instead of its own, as long as they hold."""

from __future__ import annotations

from typing import Any

import torch

from lamina._torch import modules
from lamina.program import Program

from .fold import Folding
from .joining import Joining


def program_for_inference(model: Any, afresh: bool) -> Program | None:
    """What `Model.folded` runs; None where there is nothing to gain."""
    if not may_rewrite(model):
        return None
    drawn = model._drawn
    if drawn.folding is None or not drawn.folding.holds():
        drawn.folding = Folding(drawn.graph)
    elif afresh or not drawn.folding.is_current():
        drawn.folding.fold()
    return drawn.folding.program  # type: ignore[no-any-return]


def program_for_training(model: Any) -> Program | None:
    """What `Model.joined` runs; None where there is nothing to gain."""
    if not may_rewrite(model) or not model._drawn.is_bare:
        return None
    drawn = model._drawn
    if drawn.joining is None or not drawn.joining.holds():
        drawn.joining = Joining(drawn.graph)
    return drawn.joining.program  # type: ignore[no-any-return]


def may_rewrite(model: Any) -> bool:
    """Whether a rewrite of the graph may gain something, and would do all that a call of the model does."""
    drawn = model._drawn if model.graph is not None else None
    return drawn is not None and drawn.can_fold and model.is_drawn and not _is_watched_or_cast()


def _is_watched_or_cast() -> bool:
    """Whether hooks of all modules are to see every layer, or autocast chooses dtypes: then layers run as they are."""
    autocast = torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
    return autocast or modules.any_global_hook()
