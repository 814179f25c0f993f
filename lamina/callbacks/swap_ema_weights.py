"""SwapEMAWeights: the averages of the weights stand in for them while the model is evaluated."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError

from .base import Callback, Logs
from .rates import optimizers_of


class SwapEMAWeights(Callback):
    """Puts the optimizer's moving averages of the weights into the model for evaluation and prediction.

    The weights in training are kept aside meanwhile, and put back exactly; the optimizer's averages are not touched, so
    a checkpoint written meanwhile holds them too. Weights that have had no gradient have no average and stay.

    Args:
        swap_on_epoch: also from the end of an epoch to the beginning of the next, so that callbacks that stand after
            this one, such as `ModelCheckpoint` and `EarlyStopping`, see the averages, which also stay in the model
            when training ends.

    Raises:
        ArgumentError: the optimizer was made without ``use_ema=True``.

    >>> from lamina.layers import Dense, Input
    >>> from lamina.models import Model
    >>> x = Input((1,))
    >>> model = Model(x, Dense(1)(x))
    >>> model.compile(lamina.optimizers.SGD(0.1, use_ema=True), "mse")
    >>> data = (torch.ones(8, 1), torch.ones(8, 1))
    >>> run = model.fit(*data, validation_data=data, epochs=2, verbose=0, callbacks=[SwapEMAWeights()])
    >>> sorted(run.history)
    ['loss', 'val_loss']
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        # Values of the model's parameters in training, by name, while averages stand in for them.
        self._aside: dict[str, torch.Tensor] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._aside = None
        self._averaging()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if not self.swap_on_epoch:  # an evaluation that was interrupted left them in
            self._put_back()
        self._aside = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._put_back()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._put_in()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._put_in()

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._put_back()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._put_in()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._put_back()

    @torch.no_grad()
    def _put_in(self) -> None:
        if self._aside is not None:
            return
        averages = {id(p): average for o in self._averaging() for p, average in _averages(o)}
        averaged = {name: p for name, p in self.model.named_parameters() if id(p) in averages}
        self._aside = {name: p.detach().clone() for name, p in averaged.items()}
        for p in averaged.values():
            p.copy_(averages[id(p)])

    @torch.no_grad()
    def _put_back(self) -> None:
        if self._aside is None:
            return
        parameters = dict(self.model.named_parameters())
        for name, value in self._aside.items():
            parameters[name].copy_(value)
        self._aside = None

    def _averaging(self) -> list[Any]:
        """The optimizers that keep averages."""
        optimizers = list(optimizers_of(self.model).values())
        averaging = [optimizer for optimizer in optimizers if getattr(optimizer, "use_ema", False)]
        if not averaging:
            raise ArgumentError(
                "SwapEMAWeights needs an optimizer that keeps averages of the weights.",
                got=", ".join(type(optimizer).__name__ for optimizer in optimizers) or "a model without an optimizer",
                hint="SGD(use_ema=True, ema_momentum=0.99)",
            )
        return averaging

    def state_dict(self) -> dict[str, Any]:
        return {"aside": self._aside}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._aside = state["aside"]


def _averages(optimizer: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pairs of a parameter and its average."""
    return [pair for group in optimizer._groups for pair in zip(group.parameters, group.slots["average"], strict=True)]
