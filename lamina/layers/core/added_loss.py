"""AddedLoss: a scalar of the graph that training minimises, as a node of the graph."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.base import Layer


class AddedLoss(Layer):
    """Passes its first argument on and adds its second, a tensor of losses, to what training minimises.

    ``model.add_loss(tensor)`` on a symbolic tensor puts one behind the first output, so that the term is drawn, saved,
    cloned and nested like anything else. The output keeps its name.

    Input: anything, and a tensor of any shape, whose mean counts. Output: the first input.

    >>> AddedLoss()(torch.ones(2), torch.tensor(3.0))
    tensor([1., 1.])
    """

    passes_on = True
    adds_losses = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.autocast = False

    @property
    def loss_name(self) -> str | None:
        """What the term is logged as: the name that the user gave, if any."""
        return None if self.auto_named else self.name

    def call(self, inputs: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
        self.add_loss(loss.mean() if loss.ndim else loss)
        return inputs

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return args[0]
