"""Mixed precision by Keras' names: weights in float32, computation in a dtype half as wide.

    lamina.mixed_precision.set_global_policy("mixed_bfloat16")

Layers made from then on compute in bfloat16, keep float32 weights, and give bfloat16. Normalizations, losses and
metrics compute in float32; a last softmax is best given ``dtype="float32"``. float16 ranges from 6e-8 to 65504, and
small gradients would vanish in it: under "mixed_float16" ``compile`` multiplies the loss by a large factor that follows
the gradients (`LossScaleOptimizer`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lamina.config import dtype_policy, set_dtype_policy
from lamina.dtype_policies import DTypePolicy
from lamina.optimizers import LossScaleOptimizer
from lamina.public_names import names_of

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "needs_loss_scaling",
    "set_dtype_policy",
    "set_global_policy",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy


def needs_loss_scaling(model: torch.nn.Module) -> bool:
    """Whether a layer of the model computes in float16 on float32 weights, so that gradients could vanish.

    >>> x = lamina.Input((4,))
    >>> needs_loss_scaling(lamina.Model(x, lamina.layers.Dense(2, dtype="mixed_float16")(x)))
    True
    >>> needs_loss_scaling(lamina.Model(x, lamina.layers.Dense(2, dtype="mixed_bfloat16")(x)))
    False
    """
    return any(_is_float16(part) for part in model.modules())


def _is_float16(part: Any) -> bool:
    return getattr(part, "_mixed", False) and part.compute_dtype == "float16" and not part.is_input
