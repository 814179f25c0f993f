"""Where new weights live, and how much of it: the place that the user says, else the accelerator where there is one.

In this order: `with lamina.device(...)`; PyTorch's own `with torch.device(...)` and `torch.set_default_device`; the
accelerator; the CPU. It is looked at when a weight is made, never while a model runs, and no accelerator is touched
before that.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch

from lamina._torch import modules
from lamina.graph.errors import ArgumentError
from lamina.probing import probes_around
from lamina.users_traceback import at_users_line

__all__ = [
    "accelerator",
    "current_device",
    "device",
    "limited_memory",
    "limited_tables",
    "memory_left",
    "memory_of_host",
    "parse_device",
    "take_memory",
    "take_tables",
]


@dataclass
class Memory:
    """What is left of a limit, in bytes, and whether something was refused because of it."""

    left: int
    refused: bool = False


_LEFT: ContextVar[Memory | None] = ContextVar("lamina_memory_left", default=None)
_TABLES: ContextVar[Memory | None] = ContextVar("lamina_tables_left", default=None)
_CHOSEN: ContextVar[torch.device | None] = ContextVar("lamina_device", default=None)


@at_users_line
def device(name: Any) -> contextlib.AbstractContextManager[torch.device]:
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
    return _within(parse_device(name))


@contextlib.contextmanager
def _within(chosen: torch.device) -> Iterator[torch.device]:
    token = _CHOSEN.set(chosen)
    try:
        yield current_device()
    finally:
        _CHOSEN.reset(token)


def limited_memory(limit: int) -> contextlib.AbstractContextManager[Memory]:
    """Within, making weights of more than this many bytes in all is refused: for configs that nobody vouches for.

    `from_config` and `model_from_json` have a limit of their own, 1 GiB, in whose place this one stands.

    >>> with limited_memory(100):
    ...     lamina.layers.Dense(1000).build((None, 1000))
    Traceback (most recent call last):
    lamina.ArgumentError: The weight 'kernel' of 'dense' takes more memory than there is.
      got       4000000 bytes
      expected  at most 100
      where     ...
      try       with lamina.saving.memory_budget(bytes): ..., where you trust what the sizes come from
    """
    return _limited(_LEFT, limit)


def limited_tables(limit: int) -> contextlib.AbstractContextManager[Memory]:
    """Within, layers make tables beside their weights of no more than this many bytes in all: while a file is read,
    whose weights are as large as the file, and whose tables may be of any size.

    >>> lookup = lamina.layers.IntegerLookup
    >>> with limited_tables(2**20):
    ...     lookup(vocabulary=[1], num_oov_indices=10**9)
    Traceback (most recent call last):
    lamina.ArgumentError: The tables of IntegerLookup "integer_lookup" take more memory than there is.
      got       40000000000 bytes
      expected  at most 1048576
      where     ...
      try       with lamina.saving.memory_budget(bytes): ..., where you trust what the sizes come from
    """
    return _limited(_TABLES, limit)


@contextlib.contextmanager
def _limited(what: ContextVar[Memory | None], limit: int) -> Iterator[Memory]:
    memory = Memory(limit)
    token = what.set(memory)
    try:
        yield memory
    finally:
        what.reset(token)


def take_memory(size: int, what: str) -> None:
    """Count a new weight against the limit, where there is one.

    Raises:
        ArgumentError: it does not fit any more.
    """
    _take(_LEFT.get(), size, f"{what} takes")


def take_tables(size: int, whose: str) -> None:
    """Count tables of a layer's against the limit, where there is one.

    Raises:
        ArgumentError: they do not fit any more.
    """
    tables = _TABLES.get()
    _take(_LEFT.get() if tables is None else tables, size, f"The tables of {whose} take")


def _take(memory: Memory | None, size: int, what: str) -> None:
    if memory is None:
        return
    if size > memory.left:
        memory.refused = True
        raise ArgumentError(
            f"{what} more memory than there is.",
            got=f"{size} bytes",
            expected=f"at most {memory.left}",
            hint="with lamina.saving.memory_budget(bytes): ..., where you trust what the sizes come from",
        )
    memory.left -= max(size, 0)  # a negative size, which whoever makes it refuses, gives nothing back


def memory_left() -> int | None:
    """Bytes that weights may still take within `limited_memory`; None outside of it."""
    memory = _LEFT.get()
    return None if memory is None else memory.left


def memory_of_host() -> int:
    """Bytes of memory that this machine has; a guess of 64 GiB where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 64 * 2**30


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
    """The accelerator that PyTorch finds, or None; of several processes on a machine each has its own."""
    found = torch.accelerator.current_accelerator(check_available=True)
    local = os.environ.get("LOCAL_RANK")
    if found is None or local is None or os.environ.get("WORLD_SIZE", "1") == "1" or found.type == "cpu":
        return found
    return torch.device(found.type, int(local) % max(torch.accelerator.device_count(), 1))


def current_device() -> torch.device:
    """Where a weight would be made now.

    >>> with torch.device("cpu"):
    ...     current_device()
    device(type='cpu')
    """
    return _CHOSEN.get() or modules.chosen_device(probes_around()) or accelerator() or torch.device("cpu")
