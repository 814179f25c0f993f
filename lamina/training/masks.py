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
    drawn = getattr(model, "_drawn", None)
    if drawn is not None and drawn.is_bare:  # a graph without masks at its outputs
        return [None] * len(flat)
    masks = [real_mask(leaf) for leaf in flat]
    if model.graph is not None and model.jit_compile:
        made = model.compute_mask(x)
        masks = list(made) if isinstance(made, (list, tuple)) else [made] * len(flat)
    return masks
