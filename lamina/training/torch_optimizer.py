"""A plain ``torch.optim`` optimizer in the place of one of Lamina's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lamina._torch import modules
from lamina.optimizers.older_names import OlderNames


class TorchOptimizer(OlderNames):
    """Lets ``fit`` drive an optimizer of PyTorch's, which holds its own parameters and reads their ``.grad``."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self._open: dict[str, Any] | None = None

    def build(self, parameters: Iterable[Any]) -> None:
        """Take the weights of a layer that came in another one's place into the group that this one's were in."""
        if self._open is None:
            return
        known = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
        self._open["params"] += [p for p in parameters if id(p) not in known and p.requires_grad]
        self._open = None

    def forget(self, parameters: Iterable[Any]) -> None:
        """Let go of weights that the model has no more, and of their state."""
        gone = {id(p) for p in parameters}
        for group in self.optimizer.param_groups:
            kept = [p for p in group["params"] if id(p) not in gone]
            if len(kept) < len(group["params"]):
                group["params"], self._open = kept, self._open or group
        for p in [p for p in self.optimizer.state if id(p) in gone]:
            del self.optimizer.state[p]

    def held(self) -> set[int]:
        """The ids of the tensors that it changes."""
        return {id(p) for group in self.optimizer.param_groups for p in group["params"]}

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
