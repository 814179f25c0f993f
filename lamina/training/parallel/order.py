"""Order: one order of rows for all processes, that of the first one's generators."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from lamina.processes import World
from lamina.training import generators


class Order:
    """Brings the random generators of the processes together for the order of a pass, and apart for its batches.

    Args:
        world: all of them.
        place: which part of each batch is this one's; processes that hold one copy of a model draw alike.
    """

    def __init__(self, world: World, place: int) -> None:
        self.world, self.place = world, place

    def together(self, own: list[torch.Generator]) -> None:
        """Before a pass draws its order: every generator as on the first process, those of the data too."""
        state = (generators.capture()[:3], generators.states_of(own)) if self.world.is_first else None
        (python, numbers, host), kept = self.world.from_first(state)
        if not self.world.is_first:
            _set(python, numbers, host)
            generators.set_states(own, kept)

    def apart(self) -> None:
        """After that: what layers and augmentations draw for the rows of one process is not what others draw.

        The first process goes on as one alone would.
        """
        if self.place:
            drawn = int(torch.empty((), dtype=torch.int64, device="cpu").random_())
            torch.manual_seed((drawn + self.place * 0x9E3779B97F4A7C15) % 2**63)


def _set(python: Any, numbers: Any, host: torch.Tensor) -> None:
    random.setstate(python)
    np.random.set_state(numbers)
    torch.set_rng_state(host)
