"""RandomZoom: pictures made larger or smaller around their middle."""

from __future__ import annotations

from typing import Any

import torch

from . import factors
from .base import Parameters
from .boxes import Size
from .warp import Warp, affine


class RandomZoom(Warp):
    """Shows more or less of each picture, around its middle, by a factor of its own along each axis.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. A dict of "images", "bounding_boxes" and
    "segmentation_masks" is zoomed together; "labels" stay.

    Args:
        height_factor: (lower, upper), above -1 to 1: how much more of the height is seen; 0.2 makes things smaller,
            -0.2 larger; f is (-f, f).
        width_factor: of the width; None keeps the aspect ratio.
        fill_mode: what lies beyond the picture: "reflect" (d c b a | a b c d | d c b a), "wrap", "nearest" or
            "constant".
        interpolation: "bilinear" or "nearest"; masks are always "nearest".
        seed: own random numbers; None uses PyTorch's global generator.
        fill_value: for "constant".
        data_format: "channels_last" (default) or "channels_first".
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomZoom((-0.5, -0.5), interpolation="nearest")(torch.arange(4.0).reshape(1, 4, 1)).flatten()
    tensor([1., 1., 2., 2.])
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
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
        self.height_factor, self.width_factor = factors.as_given(height_factor), factors.as_given(width_factor)
        self._height = factors.factor_range(self, "height_factor", self.height_factor, -1, 1, both_ends=False)
        self._width = None
        if self.width_factor is not None:
            self._width = factors.factor_range(self, "width_factor", self.width_factor, -1, 1, both_ends=False)

    def draw(self, x: torch.Tensor) -> Parameters:
        height = self.uniform(x, (1 + self._height[0], 1 + self._height[1]), 1)
        width = height if self._width is None else self.uniform(x, (1 + self._width[0], 1 + self._width[1]), 1)
        return {"height_zoom": height, "width_zoom": width}

    def matrix(self, parameters: Parameters, size: Size) -> torch.Tensor:
        down, across = (torch.as_tensor(parameters[f"{name}_zoom"]).reshape(-1) for name in ("height", "width"))
        return affine(across, None, (1 - across) * ((size[1] - 1) / 2), None, down, (1 - down) * ((size[0] - 1) / 2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height_factor": self.height_factor, "width_factor": self.width_factor}
