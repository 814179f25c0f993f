"""RandomErasing: pictures with a rectangle missing."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina.layers.arguments import CHANNELS_LAST, number, plain, refuse

from . import factors
from .base import Parameters
from .chosen import blended, changed_where, may_look
from .colour import RandomInRange
from .rectangles import drawn_span, inside


class RandomErasing(RandomInRange):
    """Puts noise or a colour into a rectangle of each picture, at a place and of a size of its own.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. In a dict "labels", "bounding_boxes" and
    "segmentation_masks" stay.

    Args:
        factor: (lower, upper), from 0 to 1, of the probability that a picture is changed; f is (0, f).
        scale: (lower, upper) of the square of the rectangle's height as a part of the picture's, and of its width; f
            is (0, f).
        fill_value: the colour: a number or three; None is normal noise times the largest value, cut off at the ends of
            `value_range`.
        value_range: the least and the largest value.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> erased = RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=9)(torch.zeros(4, 4, 1))
    >>> int((erased == 9).sum()) >= 1
    True
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, data_format=data_format, **kwargs)
        self.factor = factors.probability(self, "factor", factor)
        self.scale = factors.factor_range(self, "scale", scale, 0, 1)
        self.fill_value = factors.as_given(fill_value)
        colours = self.fill_value if isinstance(self.fill_value, tuple) else (self.fill_value,)
        if isinstance(self.fill_value, tuple) and len(colours) != 3:
            raise refuse(self, "fill_value", fill_value, "None, a number, or three")
        if isinstance(self.fill_value, tuple):
            self.colours = (3,)
        for colour in colours:
            if colour is not None:
                number(self, "fill_value", plain(colour), -float("inf"))

    def draw(self, x: torch.Tensor) -> Parameters:
        height, width = self._size(x)
        drawn = self.uniform(x, (0, 1), 4)
        low, high = self.scale
        parts = (drawn[:, :2] * (high - low) + low).sqrt()
        ends = [
            *drawn_span(width, parts[:, 0], drawn[:, 2]),
            *drawn_span(height, parts[:, 1], drawn[:, 3]),
        ]
        return {"apply_erasing": self.happens(x, self.factor), "rectangles": torch.stack(ends, 1)}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        if "batch_masks" in parameters:  # as Keras has them
            filling = torch.as_tensor(parameters["fill_value"], dtype=x.dtype, device=x.device)
            return changed_where(
                torch.as_tensor(parameters["apply_erasing"]),
                x,
                lambda some, rows: blended(some, filling, rows.of(torch.as_tensor(parameters["batch_masks"]))),
            )
        return changed_where(
            parameters["apply_erasing"], x, lambda some, rows: self._erased(some, rows.of(parameters["rectangles"]))
        )

    def on_one(self, x: torch.Tensor) -> torch.Tensor:
        height, width = (x.shape[axis] for axis in self._axes)
        drawn, (low, high) = self.numbers(x, 4), self.scale
        if not self.happens_to_one(x, self.factor):
            return x
        wide, tall = (math.sqrt(part * (high - low) + low) for part in drawn[:2])
        spans = (drawn_span(width, wide, drawn[2]), drawn_span(height, tall, drawn[3]))
        return self._filled(x, *spans[0], *spans[1])

    def _filled(self, x: torch.Tensor, *ends: float) -> torch.Tensor:
        """One picture of three or four axes, its rectangle (left, right, top, bottom) filled."""
        left, right, top, bottom = map(math.ceil, ends)
        across = (slice(None),) if self._channels == -1 else ()
        place = (..., slice(top, bottom), slice(left, right), *across)
        result = x.clone()
        hole = result[place]
        if isinstance(self.fill_value, (int, float)):
            hole.fill_(min(max(self.fill_value, self.value_range[0]), self.value_range[1]))
        else:
            hole.copy_(self._filling(x, hole.shape))
        return result

    def _erased(self, x: torch.Tensor, rectangles: torch.Tensor) -> torch.Tensor:
        last = self._channels == -1
        if len(x) == 1 and may_look(x):
            return self._filled(x, *rectangles[0].tolist())
        left, right, top, bottom = rectangles.unbind(1)
        masks = inside(x, (left, right), (top, bottom), last)
        if self.fill_value is not None or not may_look(x):
            return blended(x, self._filling(x, x.shape), masks)
        # Of noise no more than is needed is drawn.
        count = int(masks.sum()) * (1 if last else x.shape[1])
        return x.masked_scatter(masks, self._filling(x, (count,)))

    def _filling(self, x: torch.Tensor, shape: Any) -> torch.Tensor:
        """The colour, or noise of this shape."""
        low, high = self.value_range
        if self.fill_value is not None:
            colour = torch.tensor(self.fill_value, dtype=x.dtype, device=x.device).clamp_(low, high)
            return colour if self.data_format == CHANNELS_LAST or not colour.ndim else colour.reshape(-1, 1, 1)
        noise = torch.randn(shape, generator=self.random.on(x.device), dtype=x.dtype, device=x.device)
        return noise.mul_(high).clamp_(low, high)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "scale": self.scale, "fill_value": self.fill_value}
