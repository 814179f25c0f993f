"""What runs at the end of a backward pass, once for all gradients: PyTorch has public hooks for single tensors only."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .symbols import Symbol, found

SYMBOLS = (
    Symbol(
        "torch.autograd.Variable._execution_engine",
        "no train_step of one's own on several processes, and no layers on parts of their weights: NotImplementedError",
    ),
)


def at_end(work: Callable[[], None]) -> None:
    """Have this called when the backward pass that runs now is over. To be called within a gradient hook.

    Raises:
        NotImplementedError: this PyTorch has no such place.
    """
    engine = found("torch.autograd.Variable._execution_engine")
    if engine is None:
        raise NotImplementedError(f"PyTorch {torch.__version__} does not tell the end of a backward pass.")
    engine.queue_callback(work)
