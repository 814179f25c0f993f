"""ContrastLimitedAdaptiveHistogramEqualization: values spread over the range, tile by tile."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import number, wholes

from .base import Parameters
from .colour import InRange

_LEVELS = 256


class ContrastLimitedAdaptiveHistogramEqualization(InRange):
    """Spreads the values of each channel of each picture by their ranks nearby, with a limit (CLAHE, Zuiderveld 1994).

    The picture is cut into tiles. In each, counts of 256 values are cut at a limit and what is cut is spread over all;
    a value becomes its rank by these counts. A pixel takes the ranks of the four tiles around it, weighted by how near
    their middles are.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. Nothing is random, and inference does the same. In a dict "labels",
    "bounding_boxes" and "segmentation_masks" stay.

    Args:
        value_range: the least and the largest value.
        clip_limit: how often a value may come, as a multiple of the mean count, rounded down to a whole number; 0 is
            without limit.
        tile_grid_size: (rows, columns) of tiles.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> ContrastLimitedAdaptiveHistogramEqualization()(torch.rand(2, 16, 16, 3) * 255).shape
    torch.Size([2, 16, 16, 3])
    """

    acts_always = True

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, **kwargs)
        self.clip_limit = number(self, "clip_limit", clip_limit, 0.0)
        self.tile_grid_size = wholes(self, "tile_grid_size", tile_grid_size, 2)

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        last = self._channels == -1
        planes = self.to_range(x.float().permute(0, 3, 1, 2) if last else x.float(), 255)
        height, width = planes.shape[2:]
        rows, columns = self.tile_grid_size
        tall, wide = -(-height // rows), -(-width // columns)
        levels = _padded(_padded(planes, 2, tall * rows), 3, wide * columns).to(torch.int64).clamp(0, _LEVELS - 1)
        ranks = self._ranks(levels, (rows, tall, columns, wide))
        level = levels[:, :, :height, :width]
        result: Any = 0.0
        (top, bottom, low), (left, right, far) = _around(height, tall, rows, x), _around(width, wide, columns, x)
        for row, weight in ((top, 1 - low), (bottom, low)):
            for column, share in ((left, 1 - far), (right, far)):
                place = (row.unsqueeze(1) * columns + column) * _LEVELS + level
                found = ranks.gather(2, place.flatten(2)).reshape(level.shape)
                result = result + weight.unsqueeze(1) * share * found
        spread: torch.Tensor = self.from_range(result, 255).to(x.dtype)
        return spread.permute(0, 2, 3, 1) if last else spread

    def _ranks(self, levels: torch.Tensor, grid: tuple[int, int, int, int]) -> torch.Tensor:
        """(B, C, tiles * 256): what each value becomes in each tile."""
        rows, tall, columns, wide = grid
        batch, channels = levels.shape[:2]
        tiles = levels.reshape(batch, channels, rows, tall, columns, wide).transpose(3, 4).flatten(4).flatten(2, 3)
        counts = torch.zeros((*tiles.shape[:3], _LEVELS), device=levels.device)
        counts.scatter_add_(3, tiles, torch.ones_like(tiles, dtype=counts.dtype))
        pixels = tall * wide
        if self.clip_limit > 0:
            cut = counts.clamp(max=int(self.clip_limit * pixels / _LEVELS))
            counts = cut + (counts - cut).sum(-1, keepdim=True) / _LEVELS
        below = counts.cumsum(-1)
        first = below.amin(-1, keepdim=True)
        left = pixels - first
        ranks = (below - first) * 255 / torch.where(left == 0, 1.0, left)
        return ranks.clamp(0, 255).flatten(2)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "clip_limit": self.clip_limit,
            "tile_grid_size": self.tile_grid_size,
        }


def _padded(planes: torch.Tensor, axis: int, size: int) -> torch.Tensor:
    """With more rows or columns at the end, those before them backwards."""
    n = planes.shape[axis]
    place = torch.arange(size, device=planes.device).remainder(2 * n)
    return planes if size == n else planes.index_select(axis, torch.minimum(place, 2 * n - 1 - place))


def _around(size: int, tile: int, count: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each position of an axis the tiles before and after it, and how far it is from the middle of the first."""
    place = (torch.arange(size, dtype=torch.float32, device=like.device) - tile / 2) / tile + 1
    before = place.floor()
    tiles = [(index.long() - 1).clamp(0, count - 1) for index in (before, before + 1)]
    return tiles[0], tiles[1], place - before
