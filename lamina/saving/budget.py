"""How much memory a config may ask for, of which nobody knows where it comes from."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from lamina.devices import accelerator, current_device, device, limited_memory, limited_tables, memory_left
from lamina.graph import ArgumentError, LaminaError

from .errors import cut_quotes, not_too_deep
from .limits import limited_trials

# What `from_config` and `model_from_json` make without being asked for more.
BUDGET = 2**30
# What is made at once. A model with more weights is looked at first, without memory: it is drawn twice.
_AT_ONCE = 64 * 2**20
# Variables of metrics and tables of layers, which a file of some bytes may declare to be of any size.
OF_METRICS = 128 * 2**20

T = TypeVar("T")


@contextmanager
def memory_budget(limit: int) -> Iterator[None]:
    """Within, `from_config`, `model_from_json` and loading make weights and metrics of up to this many bytes in all.

    Without it that is 1 GiB of weights for a config that comes without them, and 128 MiB for metrics. The weights of a
    file need no budget: they are as large as the file.

    Args:
        limit: in bytes.

    Raises:
        ArgumentError: no number of bytes.

    >>> x = lamina.layers.Input((4,))
    >>> config = lamina.Model(x, lamina.layers.Dense(1000)(x)).get_config()
    >>> with memory_budget(16 * 2**30):
    ...     model = lamina.Model.from_config(config)
    >>> model.count_params()
    5000
    >>> with memory_budget(10_000):
    ...     try:
    ...         lamina.Model.from_config(config)
    ...     except lamina.saving.LoadingError as error:
    ...         print(error.headline)
    Node 1, 'dense', cannot be drawn again.
    """
    if type(limit) is not int or limit < 0:
        raise ArgumentError("A budget of memory is a number of bytes.", got=repr(limit)[:80], expected="an int from 0")
    with limited_memory(limit):
        yield


@contextmanager
def at_most(limit: int) -> Iterator[None]:
    """Within, what may be made: as much as is left of the caller's budget, or this."""
    left = memory_left()
    with limited_memory(limit if left is None else left):
        yield


@contextmanager
def without_weights() -> Iterator[None]:
    """Within, layers are made whose weights come from a file: these take no memory, and tables no more than metrics."""
    left = memory_left()
    with device("meta"), limited_tables(OF_METRICS if left is None else left):
        yield


def within_budget(where: str, make: Callable[[], T]) -> T:
    """A model from a config, after its weights have been found to fit: no memory is taken, and nothing initialized,
    for one that asks for too much.

    Raises:
        LoadingError: what ``make`` raises where memory is refused.
    """
    try:
        with not_too_deep(where), limited_trials():
            return _within_budget(make)
    except LaminaError as error:
        cut_quotes(error)
        raise


def _within_budget(make: Callable[[], T]) -> T:
    if current_device().type == "meta":
        return make()
    left = memory_left()
    limit = BUDGET if left is None else left
    seeds = _Seeds()
    with limited_memory(min(limit, _AT_ONCE)) as memory:
        try:
            return make()
        except Exception:
            if not memory.refused or limit <= _AT_ONCE:
                raise
    seeds.restore()
    with device("meta"), limited_memory(limit):
        make()
    seeds.restore()
    with limited_memory(limit):
        return make()


class _Seeds:
    """Where the generators of random numbers stand, so that a model that is drawn again gets the same."""

    def __init__(self) -> None:
        self._python, self._host = random.getstate(), torch.get_rng_state()
        found = accelerator()
        self._module: Any = None if found is None else torch.get_device_module(found)
        self._theirs = None if self._module is None else self._module.get_rng_state()

    def restore(self) -> None:
        random.setstate(self._python)
        torch.set_rng_state(self._host)
        if self._module is not None:
            self._module.set_rng_state(self._theirs)
