"""Which positions of a model's outputs count in losses and metrics: the masks that reach its outputs."""

from __future__ import annotations

from typing import Any

from lamina.layers.mask_flow import real_mask


def output_masks(model: Any, x: Any, flat: list[Any]) -> list[Any]:
    """One mask per output, True where a position counts; None where all do.

    Args:
        model: what was called.
        x: what it was called on.
        flat: what it returned, flat. Outside of ``torch.compile`` the masks ride on these tensors.
    """
    if getattr(model, "_bare", False):  # a graph without masks at its outputs
        return [None] * len(flat)
    masks = [real_mask(leaf) for leaf in flat]
    if model.graph is not None and model.jit_compile:
        drawn = model.compute_mask(x)
        masks = list(drawn) if isinstance(drawn, (list, tuple)) else [drawn] * len(flat)
    return masks
