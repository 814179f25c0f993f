"""RandomGaussianBlur: pictures out of focus."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import refuse, wholes
from lamina.ops.image.frame import computable

from . import factors
from .base import Parameters
from .bells import smoothed
from .chosen import Rows, changed_where
from .colour import RandomInRange


class RandomGaussianBlur(RandomInRange):
    """Smooths each picture by a Gaussian of its own.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype, cut off at the ends of `value_range`. Beyond the border all is 0, so that edges
    darken. In inference it does nothing. In a dict "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        factor: (lower, upper), from 0 to 1, of the probability that a picture is blurred; f is (0, f).
        kernel_size: of the window in pixels, odd; one number, or (width, height).
        sigma: (lower, upper) of the deviation in pixels, along width and height each, from 0 to 1; f is (0, f).
        value_range: the least and the largest value.
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomGaussianBlur(kernel_size=5)(torch.zeros(2, 8, 8, 3)).shape
    torch.Size([2, 8, 8, 3])
    """

    scales_by_range = False

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = factors.probability(self, "factor", factor)
        self.kernel_size = wholes(self, "kernel_size", kernel_size, 2)
        if not all(size % 2 for size in self.kernel_size):
            raise refuse(self, "kernel_size", kernel_size, "an odd number, or two")
        self.sigma = factors.factor_range(self, "sigma", sigma, 0, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"should_apply_blur": self.happens(x, self.factor), "blur_factor": self.uniform(x, self.sigma, 2) + 1e-6}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        last = self._channels == -1
        sigmas = torch.as_tensor(parameters["blur_factor"], device=x.device).expand(x.shape[0], 2)
        size = (self.kernel_size[0], self.kernel_size[1])

        def blurred(some: torch.Tensor, rows: Rows) -> torch.Tensor:
            across, down = rows.of(sigmas).unbind(1)
            planes = computable(some.permute(0, 3, 1, 2) if last else some, halves=False)
            smooth = smoothed(planes, size, (across, down)).to(x.dtype)
            return smooth.permute(0, 2, 3, 1) if last else smooth

        return self.clipped(changed_where(torch.as_tensor(parameters["should_apply_blur"]), x, blurred))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "kernel_size": self.kernel_size,
            "sigma": self.sigma,
        }
