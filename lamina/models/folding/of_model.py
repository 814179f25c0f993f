"""The programs in fewer steps that a model may run instead of its own, as long as they hold."""

from __future__ import annotations

from typing import Any

import torch

from lamina._torch import modules
from lamina.program import Program

from .fold import Folding, can_fold
from .joining import Joining


def program_for_inference(model: Any, afresh: bool) -> Program | None:
    """What `Model.folded` runs; None where there is nothing to gain."""
    if not may_rewrite(model):
        return None
    if model._folding is None or not model._folding.holds():
        model._folding = Folding(model.graph)
    elif afresh or not model._folding.is_current():
        model._folding.fold()
    return model._folding.program  # type: ignore[no-any-return]


def program_for_training(model: Any) -> Program | None:
    """What `Model.joined` runs; None where there is nothing to gain."""
    if not may_rewrite(model) or not model._bare:
        return None
    if model._joining is None or not model._joining.holds():
        model._joining = Joining(model.graph)
    return model._joining.program  # type: ignore[no-any-return]


def may_rewrite(model: Any) -> bool:
    """Whether a rewrite of the graph may gain something, and would do all that a call of the model does."""
    graph = model.graph
    if model._can_fold is None and graph is not None:
        model._can_fold = can_fold(graph)
    return bool(model._can_fold) and model.is_drawn and not _is_watched_or_cast()


def _is_watched_or_cast() -> bool:
    """Whether hooks of all modules are to see every layer, or autocast chooses dtypes: then layers run as they are."""
    autocast = torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
    return autocast or modules.any_global_hook()
