"""SeedGenerator: the state of a stream of random numbers, as a tensor that is saved with the model."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable
from typing import Any, Self

import torch

from lamina.graph import ArgumentError, Constant
from lamina.one_line import one_line


class SeedGenerator(Constant):
    """A source of seeds: each draw that is given it as `seed` gets another one, and the same code gets the same ones.

    Its state is a pair (seed, draws so far). It belongs to what holds it: as an attribute of a layer, or as the `seed`
    of a draw within a graph, it stands in the model's ``state_dict``, is copied, saved and resumed with it, and the
    same generator at several draws stays one. Layers do not count it among their weights.

    Args:
        seed: an integer, or None for one that Python's `random` draws, which `utils.set_random_seed` sets.
        name: for people.

    Raises:
        ArgumentError: the seed is neither.

    >>> seeds = SeedGenerator(7)
    >>> first, second = (lamina.random.normal((2,), seed=seeds) for _ in range(2))
    >>> torch.equal(first, second), torch.equal(first, lamina.random.normal((2,), seed=SeedGenerator(7)))
    (False, True)
    """

    value: torch.Tensor  # type: ignore[assignment]  # a buffer here, where a Constant may hold a parameter

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed = None if seed is None else whole_seed(seed)
        first = random.randint(1, 10**9) if self.seed is None else self.seed
        with torch.inference_mode(False):
            # Always on the host, where seeds are read: no draw waits for a device.
            super().__init__(torch.tensor([first, 0], dtype=torch.int64, device="cpu"))
        self.name = name or "seed_generator"

    @one_line
    def __repr__(self) -> str:
        seed, draws = self.value.tolist()
        return f"{type(self).__name__}: seed {seed}, {draws:,} draws made"

    @property
    def state(self) -> torch.Tensor:
        """(2,) int64: the seed, and the number of draws so far."""
        return self.value

    def next(self, ordered: bool = True) -> torch.Tensor:
        """The state as it is, (2,) int64, while the generator goes on to the next.

        Args:
            ordered: count the draws; False jumps through numbers below a million instead.

        >>> seeds = SeedGenerator(7)
        >>> seeds.next(), seeds.next()
        (tensor([7, 0]), tensor([7, 1]))
        """
        if ordered:
            return next_of(self.value)
        before = self.value.clone()
        self.value.copy_((before + 1) * 5387 % 933199)
        return before

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new generator, at its beginning, from what `get_config` gave."""
        return cls(**config)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        return self  # a model that moves leaves the state on the host


def next_of(state: torch.Tensor) -> torch.Tensor:
    """A copy of a state, which is then counted on in place."""
    before = state.clone()
    state[1] += 1
    return before


def whole_seed(seed: Any) -> int:
    """`seed` as an integer of 64 bits.

    Raises:
        ArgumentError: it is none.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if isinstance(seed, bool) or not 0 <= number < 2**63:
        raise ArgumentError(
            f"{seed!r} is no seed.", expected="an integer from 0 to 2**63 - 1, a SeedGenerator, or None"
        )
    return number
