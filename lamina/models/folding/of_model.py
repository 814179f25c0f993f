"""The programs in fewer steps that a model may run instead of its own, as long as they hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.compiler import is_compiling

from lamina._torch import modules
from lamina.program import Program

from .fold import Folding
from .joining import Joining


def folded(model: Any, afresh: bool = False) -> Callable[[Any], Any] | None:
    """The model for inference only, with fewer steps; None where there is nothing to gain and ``model(x)`` serves.

    `BatchNormalization` goes into the weights of the convolution or `Dense` before it, sums and activations run in
    the memory of their inputs; see `lamina.models.folding`. The result is that of ``model(x, training=False)`` to
    rounding. To be called under ``torch.inference_mode()`` or ``torch.no_grad()``, and asked for anew before each
    use: weights that have changed since are folded again.

    Args:
        afresh: look at the values of the weights, too: what was written through ``weight.data`` PyTorch does not count.

    >>> from lamina import Model
    >>> from lamina.layers import BatchNormalization, Conv2D, Input
    >>> x = Input((8, 8, 3))
    >>> model = Model(x, BatchNormalization()(Conv2D(4, 3)(x)))
    >>> with torch.inference_mode():
    ...     model._folded_form()(torch.ones(1, 8, 8, 3)).shape
    torch.Size([1, 6, 6, 4])
    """
    if model._drawn is None or not model._drawn.can_fold:
        return None
    program = _for_inference(model, afresh)
    return partial(_run_folded, model, program) if program is not None else None


def joined(model: Any) -> Callable[[Any], Any] | None:
    """The model in fewer steps, as ``fit`` runs it; None where there is nothing to gain and ``model(x)`` serves.

    A convolution, the normalization, sum and rectifier after it become one step that computes what they do, to the
    last bit; see `lamina.models.folding.joining`. Each layer is in the mode that its flag says.
    """
    return partial(_run_joined, model) if _for_training(model) is not None else None


def _run_folded(model: Any, program: Program, inputs: Any) -> Any:
    for part in model._losing or ():
        part._losses = []
    return _run(model, program, inputs)


def _run_joined(model: Any, inputs: Any) -> Any:
    joining = model._drawn.joining
    if joining is None or joining.program is None:  # since a layer was exchanged, in the middle of an epoch
        return model(inputs)
    return _run(model, joining.program, inputs)


def _run(model: Any, program: Program, inputs: Any) -> Any:
    if is_compiling():  # which is to see the program alone
        return program.run(*model._drawn.binding(inputs))
    return model._run(program, inputs)


def _for_inference(model: Any, afresh: bool) -> Program | None:
    if not may_rewrite(model):
        return None
    drawn = model._drawn
    if drawn.folding is None or not drawn.folding.holds():
        drawn.folding = Folding(drawn.graph, afresh)
    elif not (drawn.folding.holds_values() if afresh else drawn.folding.is_current()):
        drawn.folding.fold(afresh)
    return drawn.folding.program  # type: ignore[no-any-return]


def _for_training(model: Any) -> Program | None:
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
