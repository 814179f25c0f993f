"""AugMix: each picture mixed with several changed ones of itself."""

from __future__ import annotations

from typing import Any

import torch

from lamina._torch import gamma
from lamina.layers.arguments import flag, number, whole

from .base import Parameters, per_picture
from .choices import Change, Chooser, change_images, change_masks
from .mixing import beta


class AugMix(Chooser):
    """Each picture x becomes `w x + (1 - w) (v1 a1 + v2 a2 + ...)`, the a's being x after a chain of changes (Hendrycks
    et al. 2020).

    Each picture draws w from Beta(alpha, alpha), the v's, which sum to 1, from Dirichlet(alpha), and for each step of
    each chain one change or none: those of `RandAugment`.

    Input (B, H, W, 3) or (H, W, 3), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype, cut off at the ends of `value_range`. In inference it does nothing. In a dict
    "segmentation_masks" are mixed alike, as floats; "labels" and "bounding_boxes" stay.

    Args:
        value_range: the least and the largest value.
        num_chains: how many changed pictures.
        chain_depth: steps of a chain.
        factor: (lower, upper) of the strength of the changes, from 0 to 1; f is (0, f).
        alpha: of both distributions; above 0.
        all_ops: False leaves out brightness, color degeneration, contrast and sharpness.
        interpolation: of the changes that move pixels: "bilinear" or "nearest".
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes, or not three channels.

    >>> AugMix((0, 1))(torch.zeros(2, 8, 8, 3)).shape
    torch.Size([2, 8, 8, 3])
    """

    colours = (3,)

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range=value_range,
            factor=factor,
            interpolation=interpolation,
            seed=seed,
            data_format=data_format,
            **kwargs,
        )
        self.num_chains = whole(self, "num_chains", num_chains)
        self.chain_depth = whole(self, "chain_depth", chain_depth)
        self.alpha = number(self, "alpha", alpha, 1e-6)
        self.all_ops = flag(self, "all_ops", all_ops)
        self._changes = self.make_changes(colours=self.all_ops)

    def draw(self, x: torch.Tensor) -> Parameters:
        source, precise = self.random.on(x.device), torch.promote_types(x.dtype, torch.float32)
        alpha = torch.full((x.shape[0], self.num_chains), float(self.alpha), dtype=precise, device=x.device)
        shares = gamma.standard(alpha, source)
        changes = list(self._changes)
        return {
            "chain_mixing_weights": shares / shares.sum(1, keepdim=True).clamp(min=torch.finfo(precise).tiny),
            "weight_sample": beta(alpha[:, 0], source),
            "chains": [
                [self.draw_step(x, changes, self.chosen(x, len(changes) + 1)) for _ in range(self.chain_depth)]
                for _ in range(self.num_chains)
            ],
        }

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self.clipped(self._mixture(x, parameters, change_images))

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._mixture(masks.to(self._torch_dtype), parameters, change_masks)

    def _mixture(self, x: torch.Tensor, parameters: Parameters, change: Change) -> torch.Tensor:
        mixed = torch.zeros_like(x)
        for chain, share in zip(parameters["chains"], parameters["chain_mixing_weights"].unbind(1), strict=True):
            changed = x.clone()
            for step in chain:
                changed = self.taken(changed, list(self._changes), step, change)
            mixed = mixed.addcmul_(changed, per_picture(share).to(x.dtype))
        return torch.lerp(mixed, x, per_picture(parameters["weight_sample"]).to(x.dtype))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_chains": self.num_chains,
            "chain_depth": self.chain_depth,
            "alpha": self.alpha,
            "all_ops": self.all_ops,
        }
