"""Seeds one after another for an initializer: from a `lamina.random.SeedGenerator`, or as the config of one tells."""

from __future__ import annotations

import operator
import random
from typing import Any

import numpy as np

from lamina.graph.errors import ArgumentError

_NAME = "SeedGenerator"


class Seeds:
    """What a `SeedGenerator` is to an initializer, made of the config of one: it begins where that one began.

    >>> Seeds({"seed": 7}).next()
    [7, 0]
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        seed = config.get("seed")
        self._state = [random.randint(1, 10**9) if seed is None else operator.index(seed), 0]
        if self._state[0] < 0:
            raise TypeError("a SeedGenerator has no seed below 0")

    def next(self) -> list[int]:
        """(seed, draws so far), which counts this one from now on."""
        before = list(self._state)
        self._state[1] += 1
        return before

    def get_config(self) -> dict[str, Any]:
        """The config that it was made of."""
        return self._config


def seed_of(owner: object, seed: Any) -> Any:
    """A seed as an initializer keeps it: an integer, None, or what has `next()`: seeds one after another.

    Args:
        seed: one of those, or the config of a `SeedGenerator`, as `seed_config` or Keras write it.

    Raises:
        ArgumentError: something else.
    """
    # Told by what it can: the room of SeedGenerator lies above this one.
    if seed is None or (callable(getattr(seed, "next", None)) and hasattr(seed, "get_config")):
        return seed
    try:
        if isinstance(seed, dict) and seed.get("class_name") == _NAME and isinstance(seed.get("config"), dict):
            return Seeds(seed["config"])
        return operator.index(seed)
    except TypeError:
        raise ArgumentError(
            f"{type(owner).__name__} cannot use this seed.",
            got=repr(seed),
            expected="an integer, a lamina.random.SeedGenerator, or None",
        ) from None


def seed_config(seed: Any) -> Any:
    """What `seed_of` gave, as JSON types."""
    return seed if seed is None or isinstance(seed, int) else {"class_name": _NAME, "config": seed.get_config()}


def next_number(seed: Any) -> int:
    """A number for `torch.Generator`; another one each time, where the seed goes on. Neighbours are unrelated."""
    if isinstance(seed, int):
        return seed
    pair = [int(part) for part in seed.next()]
    return int(np.random.SeedSequence(pair).generate_state(1, np.uint64)[0])
