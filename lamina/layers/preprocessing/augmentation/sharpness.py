"""RandomSharpness: pictures smoothed, or their edges made stronger."""

from __future__ import annotations

from typing import Any

import torch

from lamina.ops.image.frame import computable

from . import factors
from .base import Parameters
from .colour import RandomInRange


class RandomSharpness(RandomInRange):
    """Each picture x becomes `x + (1 - 2 f) (smooth - x)`, with an f of its own.

    The smooth picture is the mean of each pixel, weighted 5, and its eight neighbours, weighted 1, where beyond the
    border all is 0.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype, cut off at the ends of `value_range`. In inference it does nothing. In a dict
    "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        factor: (lower, upper) of f, from 0 (smooth) over 0.5 (as it was) to 1 (sharper); f is (0, f).
        value_range: the least and the largest value.
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomSharpness((0.5, 0.5))(torch.arange(4.0).reshape(2, 2, 1)).flatten()
    tensor([0., 1., 2., 3.])
    """

    scales_by_range = False

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = factors.factor_range(self, "factor", factor, 0, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"factor": self.uniform(x, self.factor)}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        rows = computable(x, halves=False)
        if self._channels == -1:
            rows = rows.flatten(2)  # an operation takes a whole row, and not three channels, at a time
        step = x.shape[-1] if self._channels == -1 else 1
        around = _with_neighbours(_with_neighbours(rows, rows.ndim - 1, step), rows.ndim - 2, 1)
        smooth = around.mul_(1 / 13).add_(rows, alpha=4 / 13)
        share = (1 - 2 * torch.as_tensor(parameters["factor"], device=x.device)).to(rows.dtype)
        sharp = torch.lerp(rows, smooth, share.reshape(-1, *[1] * (rows.ndim - 1)))
        return sharp.clamp_(*self.value_range).reshape(x.shape).to(x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def _with_neighbours(x: torch.Tensor, axis: int, step: int) -> torch.Tensor:
    """The sum of each value and those `step` places before and after it along an axis."""
    size = max(x.shape[axis] - step, 0)
    total = x.clone()
    total.narrow(axis, step, size).add_(x.narrow(axis, 0, size))
    total.narrow(axis, 0, size).add_(x.narrow(axis, step, size))
    return total
