"""Where new weights live: the place that the user says, else the accelerator where there is one.

In this order: `with lamina.device(...)`; PyTorch's own `with torch.device(...)` and `torch.set_default_device`; the
accelerator; the CPU. It is looked at when a weight is made, never while a model runs, and no accelerator is touched
before that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch.utils._device import DeviceContext

from lamina.graph.errors import ArgumentError

__all__ = ["accelerator", "current_device", "device", "parse_device"]

_CHOSEN: ContextVar[torch.device | None] = ContextVar("lamina_device", default=None)


@contextlib.contextmanager
def device(name: Any) -> Iterator[torch.device]:
    """Within, new weights are made on this device, whatever accelerator there is.

    Args:
        name: "cpu"; "gpu" or "gpu:1", the accelerator of whatever kind; PyTorch's names ("cuda:0", "mps"); or a
            `torch.device`.

    Data follow the weights: `fit` and a layer that is called on arrays bring theirs. Tensors stay where they are, as
    everywhere in PyTorch.

    Raises:
        ArgumentError: no such device, or no accelerator where one is asked for.

    >>> with device("cpu"):
    ...     layer = lamina.layers.Dense(2)
    ...     layer.build((None, 3))
    >>> layer.kernel.device
    device(type='cpu')
    """
    token = _CHOSEN.set(parse_device(name))
    try:
        yield current_device()
    finally:
        _CHOSEN.reset(token)


def parse_device(name: Any) -> torch.device:
    """The `torch.device` of a name as Keras or PyTorch writes it.

    >>> parse_device("cpu"), parse_device("CPU:0")
    (device(type='cpu'), device(type='cpu', index=0))
    """
    if isinstance(name, torch.device):
        return name
    kind, _, index = name.lower().partition(":") if isinstance(name, str) else ("", "", "")
    if kind == "gpu":
        found = accelerator()
        if found is None:
            raise ArgumentError("This machine has no accelerator.", got=repr(name), expected='"cpu"')
        kind = found.type
    try:
        return torch.device(f"{kind}:{index}" if index else kind)
    except RuntimeError as error:
        raise ArgumentError(
            "There is no such device.",
            got=repr(name),
            expected='"cpu", "gpu", "gpu:1", or a torch.device',
            hint=str(error).splitlines()[0],
        ) from error


def accelerator() -> torch.device | None:
    """The accelerator that PyTorch finds, or None."""
    return torch.accelerator.current_accelerator(check_available=True)


def current_device() -> torch.device:
    """Where a weight would be made now.

    >>> with torch.device("cpu"):
    ...     current_device()
    device(type='cpu')
    """
    return _CHOSEN.get() or _device_of_torch() or accelerator() or torch.device("cpu")


def _device_of_torch() -> torch.device | None:
    """What the user told PyTorch, or None: ``torch.get_default_device()`` does not tell "cpu" from nothing said.

    "meta" is passed over: it is how a layer is tried on shapes alone, and its weights are real meanwhile.
    """
    for mode in reversed(torch.overrides._get_current_function_mode_stack()):
        if isinstance(mode, DeviceContext) and mode.device.type != "meta":
            return mode.device
    return None
