"""RandomShear: pictures pushed aside, further with each row or column."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import plain

from . import factors
from .base import Parameters
from .boxes import Size
from .warp import Warp, affine


class RandomShear(Warp):
    """Pixel (x, y) of each picture becomes that at (x + a y, y + b x), with numbers a and b of its own.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. A dict of "images", "bounding_boxes" and
    "segmentation_masks" is sheared together, a box becoming the one around its corners; "labels" stay.

    Args:
        x_factor: (lower, upper) of a, from 0 to 1; f is (-f, f). The signs of a and b change together with probability
            1/2.
        y_factor: of b.
        interpolation: "bilinear" or "nearest"; masks are always "nearest".
        fill_mode: what lies beyond the picture: "reflect" (d c b a | a b c d | d c b a), "wrap", "nearest" or
            "constant".
        fill_value: for "constant".
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomShear(0.3, 0.3)(torch.zeros(2, 8, 8, 3)).shape
    torch.Size([2, 8, 8, 3])
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            seed=seed,
            data_format=data_format,
            **kwargs,
        )
        self.x_factor = self._range("x_factor", x_factor)
        self.y_factor = self._range("y_factor", y_factor)

    def _range(self, name: str, value: Any) -> factors.Range:
        """A config holds (-f, f) for the f that was given, so two numbers may be negative."""
        two = isinstance(plain(value), (list, tuple))
        lower, upper = factors.factor_range(self, name, value, -1 if two else 0, 1)
        return (lower, upper) if two else (-upper, upper)

    def draw(self, x: torch.Tensor) -> Parameters:
        sign = torch.where(self.uniform(x, (0, 1), 1) > 0.5, -1.0, 1.0)
        across, down = self.uniform(x, self.x_factor, 1), self.uniform(x, self.y_factor, 1)
        return {"shear_factor": torch.cat((across, down), 1) * sign}

    def matrix(self, parameters: Parameters, size: Size) -> torch.Tensor:
        across, down = torch.as_tensor(parameters["shear_factor"]).unbind(1)
        one = torch.ones_like(across)
        return affine(one, across, None, down, one, None)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "x_factor": self.x_factor, "y_factor": self.y_factor}
