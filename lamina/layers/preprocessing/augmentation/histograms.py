"""AutoContrast, Equalization: values spread over the whole range."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import whole

from .base import Parameters
from .chosen import may_look, tiled
from .colour import InRange


class AutoContrast(InRange):
    """Stretches the values of each channel of each picture over the whole range: `(x - min) / (max - min)`.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. A channel of one value stays. Nothing is random, and inference does the same.
    In a dict "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        value_range: the least and the largest value.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> AutoContrast()(torch.tensor([[[50.0], [101.0], [152.0]]])).flatten()
    tensor([  0.0000, 127.5000, 255.0000])
    """

    acts_always = True

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(value_range=value_range, **kwargs)

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        # Along whole rows first: three channels at a time would take ten times as long.
        rows = x.flatten(2) if self._channels == -1 else x
        least, most = (self._end(rows, x, name) for name in ("amin", "amax"))
        flat = most == least
        low, high = self.value_range
        gain = (high - low) / (most - least).masked_fill_(flat, high - low)
        last = self._channels == -1
        (base, rows), (gain, _) = (tiled(values, x, last) for values in (least.masked_fill(flat, 0.0), gain))
        stretched = (rows - base).mul_(gain)  # the least value becomes 0 exactly
        if low:
            stretched.add_(tiled(torch.where(flat, 0.0, low), x, last)[0])
        return stretched.clamp_(low, high).reshape(x.shape)

    def _end(self, rows: torch.Tensor, x: torch.Tensor, name: str) -> torch.Tensor:
        """The least or the largest value of each channel, spread over pictures of the shape of `x`."""
        if self._channels != -1:
            return getattr(x, name)(self._axes, keepdim=True)  # type: ignore[no-any-return]
        columns = getattr(rows, name)(1).reshape(len(x), 1, x.shape[2], x.shape[3])
        return getattr(columns, name)(2, keepdim=True)  # type: ignore[no-any-return]


class Equalization(InRange):
    """Spreads the values of each channel so that every value is about as frequent: a value becomes its rank.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. The ranks are those in the whole batch, as Keras has it. In inference it does
    nothing. In a dict "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        value_range: the least and the largest value.
        bins: how many values are told apart.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> Equalization()(torch.tensor([[[10.0], [20.0], [200.0]]])).flatten()
    tensor([  0., 128., 255.])
    """

    by_themselves = False

    def __init__(
        self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, **kwargs)
        self.bins = whole(self, "bins", bins)

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        planes = [self._spread(plane) for plane in x.unbind(self._channels)]
        return torch.stack(planes, self._channels)

    def _spread(self, plane: torch.Tensor) -> torch.Tensor:
        """One channel (B, H, W) of all pictures."""
        values = self.to_range(plane, 255)
        steps = values if self.bins == 256 else values * ((self.bins - 1) / 255)
        place = steps.to(torch.int32).clamp_(0, self.bins - 1).flatten()
        counts = torch.bincount(place, minlength=self.bins) if may_look(plane) else _counted(place, self.bins)
        below = counts.cumsum(0)
        first = torch.where(below > 0, below, plane.numel()).amin()
        left = (plane.numel() - first).clamp(min=1)
        ranks = ((below - first) * 255 / left).round().clamp(0, 255).to(plane.dtype)
        spread = self.from_range(ranks, 255).index_select(0, place).reshape(plane.shape)
        flat = (counts > 0).sum() <= 1
        return (plane if flat else spread) if may_look(plane) else torch.where(flat, plane, spread)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins}


def _counted(place: torch.Tensor, bins: int) -> torch.Tensor:
    """How often each number comes, as `bincount` says it, whose size hangs on values where it is traced."""
    counts = torch.zeros(bins, dtype=torch.int64, device=place.device)
    return counts.scatter_add(0, place.long(), torch.ones_like(place, dtype=torch.int64))
