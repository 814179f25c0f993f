"""Where layers that change pictures at random draw their numbers from."""

from __future__ import annotations

import torch
from torch.utils.data import get_worker_info

from lamina.layers.regularization.source import RandomSource


class PictureSource(RandomSource):
    """A `RandomSource` whose copies in the workers of a `DataLoader` draw other numbers than each other.

    A worker's generator begins from the layer's seed and the worker's, which differs between workers and epochs and
    hangs on `torch.manual_seed` alone. Tensors without storage are given the global generator.
    """

    def __init__(self, seed: int | None) -> None:
        super().__init__(seed)
        self._worker: tuple[int, torch.Generator] | None = None

    def on(self, device: torch.device) -> torch.Generator | None:
        if self.seed is None or device.type == "meta":
            return None
        worker = get_worker_info()
        if worker is None or torch.compiler.is_compiling():
            return super().on(device)
        if self._worker is None or self._worker[0] != worker.seed:
            mixed = (self.seed * 0x9E3779B97F4A7C15 + worker.seed) % 2**63
            self._worker = worker.seed, torch.Generator().manual_seed(mixed)
        return self._worker[1]


def precise_dtype(x: torch.Tensor) -> torch.dtype:
    """The dtype of numbers that are drawn for pictures: theirs, of at least 32 bits."""
    return torch.promote_types(x.dtype, torch.float32)


def uniform(source: RandomSource, like: torch.Tensor, bounds: tuple[float, float], *shape: int) -> torch.Tensor:
    """(B, *shape) numbers between two bounds for the B pictures of `like`, in at least 32 bits.

    >>> uniform(PictureSource(1), torch.zeros(2, 8, 8, 3), (3, 3), 1)
    tensor([[3.],
            [3.]])
    """
    low, high = bounds
    size = (like.shape[0], *shape)
    drawn = torch.rand(size, generator=source.on(like.device), dtype=precise_dtype(like), device=like.device)
    return drawn * (high - low) + low if (low, high) != (0, 1) else drawn
