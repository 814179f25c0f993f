"""RandomPerspective: pictures seen from aside."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import fraction
from lamina.ops.image.warps import homography

from . import factors
from .base import Parameters
from .boxes import Size
from .chosen import Rows, changed_where
from .warp import Warp

_NAMES = ("apply_perspective", "start_points", "end_points")


class RandomPerspective(Warp):
    """Moves the corners of each picture to places of their own, straight lines staying straight.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. A dict of "images", "bounding_boxes" and
    "segmentation_masks" is moved together, a box becoming the one around its corners; "labels" stay.

    A corner (x, y), counted from the upper left one, goes to (x (1 + u), y (1 + v)) with u and v uniform between
    -scale / 2 and scale / 2; so the upper left one stays.

    Args:
        factor: (lower, upper), from 0 to 1, of the probability that a picture is moved; f is (0, f).
        scale: how far corners move, from 0 to 1.
        interpolation: "bilinear" or "nearest"; masks are always "nearest".
        fill_value: what lies beyond the picture.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomPerspective(scale=0.3)(torch.zeros(2, 8, 8, 3)).shape
    torch.Size([2, 8, 8, 3])
    """

    perspective = True

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode="constant",
            interpolation=interpolation,
            fill_value=fill_value,
            seed=seed,
            data_format=data_format,
            **kwargs,
        )
        self.factor = factors.probability(self, "factor", factor)
        self.scale = fraction(self, "scale", scale)

    def draw(self, x: torch.Tensor) -> Parameters:
        height, width = self._size(x)
        applied = self.happens(x, self.factor)
        moved = self.uniform(x, (-0.5 * self.scale, 0.5 * self.scale), 4, 2)
        far = torch.tensor([max(width - 1, 1), max(height - 1, 1)], dtype=moved.dtype, device=moved.device)
        unit = torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=moved.dtype, device=moved.device)
        corners = (unit * far).expand(x.shape[0], 4, 2)
        return {"apply_perspective": applied, "start_points": corners, "end_points": corners * (1 + moved)}

    def matrix(self, parameters: Parameters, size: Size) -> torch.Tensor:
        found = homography(parameters["start_points"], parameters["end_points"])
        same = torch.tensor([1.0, 0, 0, 0, 1, 0, 0, 0], dtype=found.dtype, device=found.device)
        return torch.where(parameters["apply_perspective"].unsqueeze(1), found, same)

    def _warped(self, x: torch.Tensor, parameters: Parameters, interpolation: str) -> torch.Tensor:
        def moved(some: torch.Tensor, rows: Rows) -> torch.Tensor:
            own = {name: rows.of(torch.as_tensor(parameters[name])) for name in _NAMES}
            return super(RandomPerspective, self)._warped(some, own, interpolation)

        return changed_where(torch.as_tensor(parameters["apply_perspective"]), x, moved)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "factor": self.factor, "scale": self.scale}
        del config["fill_mode"]
        return config
