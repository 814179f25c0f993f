"""Changes of which each picture takes one: what RandAugment and AugMix share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from . import factors
from .base import Parameters, RandomPictureLayer
from .boxes import Size
from .brightness import RandomBrightness
from .colour import RandomInRange
from .contrast import RandomContrast
from .greys import RandomColorDegeneration
from .histograms import AutoContrast, Equalization
from .levels import RandomPosterization, Solarization
from .rotation import RandomRotation
from .sharpness import RandomSharpness
from .shear import RandomShear
from .translation import RandomTranslation

# A step: for some changes, by number, the pictures that take it and its parameters.
Step = list[tuple[int, torch.Tensor, Parameters]]
Change = Callable[[Any, torch.Tensor, Parameters], torch.Tensor]


class Chooser(RandomInRange):
    """Base of layers in which each picture takes changes of its own, of a strength that one factor says.

    Args:
        factor: (lower, upper) of the strength, from 0 to 1; f is (0, f).
        interpolation: of the changes that move pixels.
    """

    by_themselves = False

    def __init__(self, *, factor: Any, interpolation: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.factor_range(self, "factor", factor, 0, 1)
        self.interpolation = factors.interpolation(self, interpolation)

    def make_changes(self, colours: bool = True) -> list[Any]:
        """The changes to choose from, drawing from this layer's generator; without `colours` seven of eleven."""
        f, moved = self.factor, {"interpolation": self.interpolation}
        valued = {"value_range": self.value_range}
        bits = max(1, int(8 * f[1]))
        changes: list[tuple[Any, dict[str, Any]]] = [
            (RandomShear, {"x_factor": f, "y_factor": f, **moved}),
            (RandomTranslation, {"height_factor": f, "width_factor": f, **moved}),
            (RandomRotation, {"factor": f, **moved}),
            (RandomPosterization, {"factor": bits, **valued}),
            (Solarization, {"addition_factor": f, "threshold_factor": f, **valued}),
            (AutoContrast, valued),
            (Equalization, valued),
        ]
        if colours:
            kinds = (RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness)
            changes += [(kind, {"factor": f, **valued}) for kind in kinds]
        shared = {"data_format": self.data_format, "dtype": self.dtype_policy}
        made = [kind(**arguments, **shared) for kind, arguments in changes]
        for change in made:
            if isinstance(change, RandomPictureLayer):
                change.random = self.random
        return made

    def chosen(self, x: torch.Tensor, count: int) -> torch.Tensor:
        """(B,): a number below `count` for each picture."""
        return (self.uniform(x, (0, 1)) * count).long().clamp_(max=count - 1)

    def draw_step(self, x: torch.Tensor, changes: list[Any], choice: torch.Tensor) -> Step:
        """For each change the pictures that take it, and parameters for these alone; one that none takes is left out.

        Under `torch.compile`, which must not count, all pictures get parameters for every change.
        """
        if torch.compiler.is_compiling():
            return [(number, choice == number, change.draw(x)) for number, change in enumerate(changes)]
        step = []
        for number in torch.unique(choice).tolist():
            if number < len(changes):
                rows = torch.nonzero(choice == number).flatten()
                step.append((number, rows, changes[number].draw(x[: len(rows)])))
        return step

    def taken(self, x: torch.Tensor, changes: list[Any], step: Step, change: Change) -> torch.Tensor:
        """`x` with what `change(layer, rows of x, parameters)` makes of the rows that a step names, written into it."""
        for number, rows, parameters in step:
            if rows.dtype == torch.bool:
                x = torch.where(rows.reshape(-1, *[1] * (x.ndim - 1)), change(changes[number], x, parameters), x)
            elif len(rows) == len(x):
                x = change(changes[number], x, parameters)
            else:
                x = x.index_copy_(0, rows, change(changes[number], x[rows], parameters).to(x.dtype))
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "interpolation": self.interpolation}


def change_images(layer: Any, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    changed: torch.Tensor = layer.applied(x, parameters)
    return changed


def change_masks(layer: Any, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    changed: torch.Tensor = layer.on_masks(masks, parameters)
    return changed


def change_boxes(size: Size) -> Change:
    def change(layer: Any, boxes: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        changed: torch.Tensor = layer.on_boxes(boxes, parameters, size)
        return changed

    return change
