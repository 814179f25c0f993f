"""Where layers that draw random numbers draw them from."""

from __future__ import annotations

import torch


class RandomSource:
    """PyTorch's global generators, or with a seed a generator of the layer's own for each device it runs on.

    The own generators' states survive copying and pickling. Under `torch.compile`, which cannot carry them, the global
    generator draws, so there `torch.manual_seed` decides and not the layer's seed.

    >>> noise = [torch.rand(2, generator=RandomSource(7).on(torch.device("cpu"))) for _ in range(2)]
    >>> torch.equal(*noise)
    True
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.generators: dict[torch.device, torch.Generator] = {}

    def on(self, device: torch.device) -> torch.Generator | None:
        """The generator for tensors on this device; None stands for the global one."""
        if self.seed is None or torch.compiler.is_compiling():
            return None
        generator = self.generators.get(device)
        if generator is None:
            generator = self.generators[device] = torch.Generator(device)
            generator.manual_seed(self.seed)
        return generator
