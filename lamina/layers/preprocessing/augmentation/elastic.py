"""RandomElasticTransform: pictures kneaded."""

from __future__ import annotations

from typing import Any

import torch

from lamina.ops.image.quick import sampled

from . import factors
from .base import Parameters, per_picture
from .bells import smoothed
from .chosen import Rows, changed_where
from .colour import RandomInRange


class RandomElasticTransform(RandomInRange):
    """Takes each pixel from a random place nearby, neighbours from neighbouring places (Simard et al. 2003).

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype, cut off at the ends of `value_range`. In inference it does nothing. In a dict
    "images" and "segmentation_masks" are kneaded together, "labels" stay, and "bounding_boxes" are refused.

    With a strength s of each picture's own, the displacement is normal noise of deviation 0.05 s min(H, W), smoothed by
    a Gaussian of the same deviation in pixels, times 0.1 s max(H, W).

    Args:
        factor: (lower, upper), from 0 to 1, of the probability that a picture is kneaded; f is (0, f).
        scale: (lower, upper) of s, from 0 to 1; f is (0, f).
        interpolation: "bilinear" or "nearest"; masks are always "nearest".
        fill_mode: what lies beyond the picture: "reflect" (d c b a | a b c d | d c b a), "mirror" (d c b | a b c d | c
            b a), "wrap", "nearest" or "constant".
        fill_value: for "constant".
        value_range: the least and the largest value.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.
        StructureError: boxes.

    >>> RandomElasticTransform()(torch.zeros(2, 8, 8, 3)).shape
    torch.Size([2, 8, 8, 3])
    """

    scales_by_range = False
    refuses_boxes = True

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, data_format=data_format, **kwargs)
        self.factor = factors.probability(self, "factor", factor)
        self.scale = factors.factor_range(self, "scale", scale, 0, 1)
        self.interpolation = factors.interpolation(self, interpolation)
        self.fill_mode = factors.fill_mode(self, fill_mode, ("mirror",))
        self.fill_value = factors.fill_value(self, fill_value)

    def draw(self, x: torch.Tensor) -> Parameters:
        height, width = self._size(x)
        applied, strength = self.happens(x, self.factor), self.uniform(x, self.scale)
        noise = torch.randn(
            (x.shape[0], 2, height, width),
            generator=self.random.on(x.device),
            dtype=strength.dtype,
            device=x.device,
        )
        sigma = 0.05 * min(height, width) * strength
        reach = int(6 * 0.05 * min(height, width) * self.scale[1]) | 1
        moves = smoothed(noise * per_picture(sigma), reach, (sigma, sigma), own_reach=True)
        return {"apply_transform": applied, "moves": moves * per_picture(0.1 * max(height, width) * strength)}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self.clipped(self._kneaded(x, parameters, self.interpolation))

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._kneaded(masks, parameters, "nearest")

    def _kneaded(self, x: torch.Tensor, parameters: Parameters, interpolation: str) -> torch.Tensor:
        last = self._channels == -1

        def moved(some: torch.Tensor, pick: Rows) -> torch.Tensor:
            down, across = pick.of(parameters["moves"]).unbind(1)
            rows = torch.arange(down.shape[1], dtype=down.dtype, device=x.device).unsqueeze(1)
            columns = torch.arange(down.shape[2], dtype=down.dtype, device=x.device)
            planes = some.permute(0, 3, 1, 2) if last else some
            planes = sampled(planes, rows + down, columns + across, interpolation, self.fill_mode, self.fill_value)
            return planes.permute(0, 2, 3, 1) if last else planes

        return changed_where(parameters["apply_transform"], x, moved)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
        }
