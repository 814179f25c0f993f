"""What stands for a regularizer of the user's that was not at hand when a file was read."""

from __future__ import annotations

from torch import Tensor

from lamina.registry import Absent

from .base import Regularizer


class AbsentRegularizer(Absent, Regularizer):
    """Adds nothing to the loss.

    >>> import torch
    >>> AbsentRegularizer({"class_name": "Mine", "config": {}})(torch.ones(2))
    tensor(0.)
    """

    def __call__(self, x: Tensor) -> Tensor:
        return x.new_zeros(())
