"""The training mode: a flag on each module, and, for the length of a call that asks for one, a mode of that call.

``layer.train()`` and `fit` set flags: they hold for everybody. ``layer(x, training=True)`` asks: that holds for what
the call calls, in its own thread, and no flag changes, so other threads may use the same layers meanwhile. A layer's
``training`` answers for both. PyTorch's own modules know flags only: they run as stand-ins with other flags.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lamina.graph.operation import Held
from lamina.probing import StandIns, parts_of


class _Asked(threading.local):
    mode: bool | None = None


_asked = _Asked()


def asked_mode() -> bool | None:
    """The mode that a call around this one asks for, in this thread; None where none does."""
    mode = _asked.mode
    # PyTorch's tracer reads flags, which it guards; `asking` sets them for it.
    return None if mode is None or torch.compiler.is_compiling() else mode


def _get(module: torch.nn.Module) -> bool:
    mode = _asked.mode
    if mode is None or torch.compiler.is_compiling():
        return module.__dict__["_training"]  # type: ignore[no-any-return]
    return mode


def _set(module: torch.nn.Module, value: bool) -> None:
    module.__dict__["_training"] = value


training_property = property(_get, _set, doc="Whether the layer is in training mode, now and in this thread.")


@contextmanager
def asking(module: torch.nn.Module, training: bool) -> Iterator[None]:
    """Within, in this thread, the module and all that it calls are in this mode."""
    if torch.compiler.is_compiling():
        with flags(module, training):
            yield
        return
    flipped = [part for part in parts_of(module) if part.training != training] if _has_compiled(module) else []
    before, _asked.mode = _asked.mode, training
    for part in flipped:
        part.training = training
    try:
        yield
    finally:
        _asked.mode = before
        for part in flipped:
            part.training = not training


@contextmanager
def flags(module: torch.nn.Module, training: bool) -> Iterator[None]:
    """Within, the flags of the module and all under it say this mode; their own come back afterwards."""
    changed = [part for part in module.modules() if part.training != training]
    for part in changed:
        part.training = training
    try:
        yield
    finally:
        for part in changed:
            part.training = not training


def run_foreign(layer: torch.nn.Module, run: Callable[[Any], Any]) -> Any:
    """``run(layer)``, with PyTorch's own modules right under it in the mode that is asked for.

    Where their flags say another one, stand-ins run, and what the call sets on them is kept.
    """
    mode = asked_mode()
    if mode is None or all(part is layer or part.training == mode for part in parts_of(layer, is_foreign)):
        return run(layer)
    stand_ins = StandIns(layer, is_foreign, {"training": mode})
    stand_ins.show_modules_to_hooks()
    try:
        return run(stand_ins.copy)
    finally:
        stand_ins.give_back()


def is_foreign(module: torch.nn.Module) -> bool:
    """Whether this is a module of PyTorch's or of the user's, and no layer: its flag is an attribute."""
    return "_training" not in module.__dict__ and not isinstance(module, Held)


def _has_compiled(module: torch.nn.Module) -> bool:
    """Whether code that PyTorch compiled lies within: it was made for flags, and looks at nothing else."""
    return any(part._compiled_call_impl is not None or "_orig_mod" in part._modules for part in parts_of(module))
