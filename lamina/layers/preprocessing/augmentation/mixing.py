"""MixUp, CutMix: pictures mixed with others of their batch, and their labels as well."""

from __future__ import annotations

from typing import Any

import torch

from lamina._torch import gamma
from lamina.graph import DtypeError
from lamina.layers.arguments import number

from . import factors
from .base import Parameters, RandomPictureLayer, per_picture
from .boxes import Size
from .chosen import blended
from .rectangles import drawn_span, inside


def beta(alpha: torch.Tensor, source: torch.Generator | None) -> torch.Tensor:
    """Numbers from 0 to 1 of Beta distributions whose two parameters are the same."""
    first, second = gamma.standard(alpha, source), gamma.standard(alpha, source)
    total = first + second
    # Tiny parameters make numbers that vanish: then one of the two ends is as likely as the other.
    coin = torch.rand(total.shape, generator=source, dtype=total.dtype, device=total.device).round()
    return torch.where(total > 0, first / torch.where(total > 0, total, 1.0), coin)


class Mixing(RandomPictureLayer):
    """Base: what a picture is mixed with, and how its label is."""

    by_themselves = False

    def partners(self, x: torch.Tensor) -> torch.Tensor:
        """(B,): which picture of the batch each is mixed with; each is taken once."""
        return torch.randperm(x.shape[0], generator=self.random.on(x.device), device=x.device)

    def call(self, data: Any, training: bool | None = None) -> Any:
        if isinstance(data, dict) and "labels" in data and not data["labels"].is_floating_point():
            data = {**data, "labels": self._as_shares(data["labels"])}
        return super().call(data, training)

    def _as_shares(self, labels: torch.Tensor) -> torch.Tensor:
        if labels.ndim < 2:
            raise DtypeError(
                f"{self.label} mixes labels, and whole numbers are names of classes.",
                got=f"{labels.dtype} of shape {tuple(labels.shape)}",
                expected="shares of each class, (B, K)",
                hint="ops.one_hot(labels, classes) before it",
            )
        return labels.to(self._torch_dtype)

    def on_labels(self, labels: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        weight = torch.as_tensor(parameters["mix_weight"], dtype=labels.dtype, device=labels.device)
        weight = weight.reshape(-1, *[1] * (labels.ndim - 1))
        return weight * labels + (1 - weight) * labels[parameters["permutation_order"]]


class MixUp(Mixing):
    """Each picture becomes `w x + (1 - w) y`, with a weight w of its own and another picture y (Zhang et al. 2018).

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. In a dict "labels", which are shares of classes
    (B, K), and "segmentation_masks" are mixed alike, as floats; a picture gets the "bounding_boxes" of both.

    Args:
        alpha: w is drawn from Beta(alpha, alpha): near 0 pictures hardly mix.
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.
        DtypeError: labels that are whole numbers, one for each picture.

    >>> MixUp()({"images": torch.zeros(4, 8, 8, 3), "labels": torch.eye(4)})["labels"].sum(1)
    tensor([1., 1., 1., 1.])
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.alpha = number(self, "alpha", alpha, 1e-6)

    def draw(self, x: torch.Tensor) -> Parameters:
        precise = torch.promote_types(x.dtype, torch.float32)
        alpha = torch.full((x.shape[0],), float(self.alpha), dtype=precise, device=x.device)
        return {"mix_weight": beta(alpha, self.random.on(x.device)), "permutation_order": self.partners(x)}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        weight = per_picture(torch.as_tensor(parameters["mix_weight"], dtype=x.dtype, device=x.device))
        return torch.lerp(x[parameters["permutation_order"]], x, weight)

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self.on_images(masks.to(self._torch_dtype), parameters)

    def _changed_boxes(self, given: Any, parameters: Parameters, size: Size) -> Any:
        boxes, labels = given["boxes"], given["labels"]
        if boxes.ndim == 2:  # one picture, mixed with itself
            return given
        order = torch.as_tensor(parameters["permutation_order"])
        return {**given, "boxes": torch.cat((boxes, boxes[order]), 1), "labels": torch.cat((labels, labels[order]), 1)}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class CutMix(Mixing):
    """Puts into each picture a rectangle of another one, at the same place (Yun et al. 2019).

    Input (B, H, W, C), with channels before height and width if `data_format="channels_first"`; output of the same
    shape in the layer's dtype. One picture (H, W, C) stays as it is, and in inference all do. In a dict
    "segmentation_masks" get the same rectangle, and "labels", which are shares of classes (B, K), are mixed by its
    area; "bounding_boxes" are refused.

    Args:
        factor: (lower, upper), from 0 to 1, of a number a; f is (0, f). The part of the picture that stays is drawn
            from Beta(a, a).
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.
        DtypeError: labels that are whole numbers, one for each picture.
        StructureError: boxes.

    >>> CutMix()({"images": torch.zeros(4, 8, 8, 3), "labels": torch.eye(4)})["labels"].sum(1)
    tensor([1., 1., 1., 1.])
    """

    refuses_boxes = True

    def __init__(
        self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factors.factor_range(self, "factor", factor, 0, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        height, width = self._size(x)
        stays = beta(self.uniform(x, self.factor) + 1e-6, self.random.on(x.device))
        part, places = (1 - stays).sqrt(), self.uniform(x, (0, 1), 2)
        across, down = drawn_span(width, part, places[:, 0]), drawn_span(height, part, places[:, 1])
        area = (across[1] - across[0]) * (down[1] - down[0])
        return {
            "permutation_order": self.partners(x),
            "batch_masks": inside(x, across, down, self._channels == -1),
            "mix_weight": 1 - area / (width * height),
        }

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return blended(x, x[parameters["permutation_order"]], torch.as_tensor(parameters["batch_masks"]))

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        same_rectangle = torch.as_tensor(parameters["batch_masks"]).narrow(self._channels, 0, 1)
        return torch.where(same_rectangle, masks[parameters["permutation_order"]], masks)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
