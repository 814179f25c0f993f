"""A plain ``torch.optim`` optimizer in the place of one of Lamina's."""

from __future__ import annotations

from typing import Any

from lamina._torch import modules


class TorchOptimizer:
    """Lets ``fit`` drive an optimizer of PyTorch's, which holds its own parameters and reads their ``.grad``."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer

    @property
    def learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = value

    def apply(self, grads: list[Any], parameters: list[Any]) -> None:
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()  # type: ignore[no-any-return]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state)
        if state["state"]:
            modules.note_steps(self.optimizer)
