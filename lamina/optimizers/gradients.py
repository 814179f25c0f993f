"""What is done to gradients before they are applied: clipping. Nothing here changes the tensors that it is given."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina._torch import foreach
from lamina._torch.sharding import whole


def clip_by_value(grads: list[Tensor], limit: float) -> list[Tensor]:
    """Every element brought into [-limit, limit]."""
    clipped: list[Tensor] = foreach.clamp_max(grads, limit)
    foreach.clamp_min_(clipped, -limit)
    return clipped


def clip_by_norm(grads: list[Tensor], limit: float) -> list[Tensor]:
    """Each tensor scaled down so that its Euclidean norm is at most `limit`."""
    norms = torch.stack(foreach.norm(grads))
    clipped: list[Tensor] = foreach.mul(grads, list((limit / norms.clamp(min=limit)).unbind()))
    return clipped


def global_scale(lists: list[list[Tensor]], limit: float) -> Tensor:
    """The factor, a scalar, that brings the Euclidean norm of all tensors together down to at most `limit`.

    It is nan if any gradient is inf or nan: a step that went wrong is seen, not hidden.
    """
    device = lists[0][0].device
    norms = [whole(torch.stack(foreach.norm(grads))).to(device, torch.float32) for grads in lists]
    norm = torch.linalg.vector_norm(torch.cat(norms))
    result: Tensor = (limit / norm).clamp(max=1.0) + (norm - norm)
    return result
