"""The loops that ``torch.compile`` keeps in its graph. They load the compiler, so they are imported when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .symbols import Symbol

_WITHOUT = (
    "NotImplementedError while compiling: the graph of `torch.compile` ends there, and the loop runs in Python; "
    "`fullgraph=True` is refused"
)
SYMBOLS = (
    Symbol("torch._higher_order_ops.while_loop", _WITHOUT),
    Symbol("torch._higher_order_ops.scan", _WITHOUT),
)


def while_loop() -> Callable[..., Any]:
    """PyTorch's `while_loop(cond_fn, body_fn, carried)`.

    Raises:
        NotImplementedError: this PyTorch has none.
    """
    try:
        from torch._higher_order_ops.while_loop import while_loop
    except ImportError as error:
        raise _missing("while_loop") from error
    return while_loop


def scan() -> Callable[..., Any]:
    """PyTorch's `scan(combine_fn, init, xs, dim=, reverse=)`.

    Raises:
        NotImplementedError: this PyTorch has none.
    """
    try:
        from torch._higher_order_ops.scan import scan
    except ImportError as error:
        raise _missing("scan") from error
    return scan


def _missing(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"PyTorch {torch.__version__} has no {name} that torch.compile could keep in its graph. "
        "Compile without fullgraph=True: then the loop runs in Python."
    )
