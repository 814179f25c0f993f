"""What layers share that change colours: the range of values of the pictures, which is looked at once."""

from __future__ import annotations

from typing import Any

import torch

from lamina._torch import transforms
from lamina.graph.source import warn
from lamina.layers.arguments import CHANNELS_LAST
from lamina.layers.geometry import Shape, shape_error
from lamina.probing import probing

from . import factors
from .base import Parameters, PictureLayer, RandomPictureLayer


class InRange(PictureLayer):
    """Base of layers whose pictures hold values in `value_range`.

    Args:
        value_range: the least and the largest value.
    """

    scales_by_range = True
    """True: numbers are scaled by the range, so pictures of another range come out wrong."""
    colours: tuple[int, ...] | None = None
    """How many channels there may be; None is any number."""

    def __init__(self, *, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = factors.value_range(self, value_range)
        self._has_looked = False

    def _changed(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        unseen = torch.compiler.is_compiling() or probing() or x.is_meta or transforms.at_work()
        if not (self._has_looked or unseen):
            self._has_looked = True
            if x.numel():
                check_values(self, x, self.value_range)
        return super()._changed(x, parameters)

    def clipped(self, x: torch.Tensor) -> torch.Tensor:
        """Values cut off at the ends of the range."""
        return x.clamp(self.value_range[0], self.value_range[1])

    def to_range(self, x: torch.Tensor, high: float) -> torch.Tensor:
        """Values of the layer's range as values from 0 to `high`."""
        low, top = self.value_range
        if (low, top) == (0, high):
            return x
        return x * high if (low, top) == (0, 1) else (x - low) / (top - low) * high

    def from_range(self, x: torch.Tensor, high: float) -> torch.Tensor:
        """The reverse of `to_range`."""
        low, top = self.value_range
        return x if (low, top) == (0, high) else x / high * (top - low) + low

    def check_channels(self, input_shape: Shape) -> None:
        channels = input_shape[-1 if self.data_format == CHANNELS_LAST else -3]
        if self.colours is not None and channels is not None and channels not in self.colours:
            raise shape_error(self, input_shape, f"{' or '.join(map(str, self.colours))} channels")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value_range": self.value_range}


class RandomInRange(InRange, RandomPictureLayer):
    """Base of layers that draw random numbers and whose pictures hold values in `value_range`."""


def check_values(layer: Any, x: torch.Tensor, value_range: list[float]) -> None:
    """Warn where the values of pictures do not fit a range that numbers are scaled by."""
    if not layer.scales_by_range:
        return
    low, high = value_range
    least, most = (float(end) for end in torch.aminmax(x.detach()))
    slack = 0.02 * (high - low)
    if least < low - slack or most > high + slack:
        said = "lie outside of it"
    elif high > 2 and low >= 0 and 0 < most <= 1 and bool((x != x.round()).any()):
        said = "fill a small part of it"
    else:
        return
    warn(
        f"{layer.label} was made for values in value_range=({low:g}, {high:g}); those of these pictures, "
        f"{least:g} to {most:g}, {said}. Write value_range=({_nice(least, most)}) or scale the pictures."
    )


def _nice(least: float, most: float) -> str:
    if least >= 0:
        return "0, 1" if most <= 1 else "0, 255"
    return "-1, 1" if least >= -1 and most <= 1 else f"{least:g}, {most:g}"
