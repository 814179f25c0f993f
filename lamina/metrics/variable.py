"""`MetricVariable`: a tensor that a metric adds to, wherever its data are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lamina.arrays import as_tensor
from lamina.graph.errors import ArgumentError
from lamina.one_line import of_tensor, one_line

AGGREGATIONS = ("sum", "mean", "max", "min")


def checked_aggregation(given: str, path: str) -> str:
    """The word itself, if it is one of `AGGREGATIONS`."""
    if given not in AGGREGATIONS:
        raise ArgumentError(
            f"aggregation= of the variable {path!r} says what the values of several processes are together.",
            got=repr(given),
            expected="one of " + ", ".join(map(repr, AGGREGATIONS)),
        )
    return given


class MetricVariable(Tensor):
    """A tensor with Keras' `assign`, `assign_add` and `assign_sub`, that moves to the device of what it is given.

    It starts on the CPU; the first value from a GPU takes it there, and it stays. Nothing is read back from a device.
    Computing with it gives plain tensors.

    >>> total = MetricVariable.holding(torch.zeros(()))
    >>> _ = total.assign_add(2.0)
    >>> total * 3
    tensor(6.)
    """

    name: str | None = None  # PyTorch's own is always None
    path: str | None = None
    """The metric's name and its own, ``"loss/total"``."""
    aggregation = "sum"
    """What the values of several processes are together."""
    __torch_function__ = torch.nn.Parameter.__torch_function__  # that of tensors which compute as plain ones

    __repr__ = one_line(of_tensor)  # type: ignore[assignment]  # PyTorch's takes a word of its own

    @staticmethod
    def holding(value: Tensor) -> MetricVariable:
        """A variable with this first value. It can be changed later even if made in inference mode."""
        with torch.inference_mode(False):
            return value.detach().clone().as_subclass(MetricVariable)

    def to_device_of(self, value: Tensor) -> None:
        """Move to where `value` is."""
        if value.device != self.device:
            with torch.inference_mode(False):
                self.data = self.data.to(value.device)

    def assign(self, value: Any) -> MetricVariable:
        """Take over `value`; returns the variable."""
        with torch.no_grad():
            self.copy_(self._operand(value))
        return self

    def assign_add(self, value: Any) -> MetricVariable:
        """Add `value` in place; returns the variable."""
        value = self._operand(value)
        if not torch.is_grad_enabled():  # as in every metric of ours; to turn off what is off takes 3 us of 22
            self._change(self.add_, value, 1)
        else:
            with torch.no_grad():
                self._change(self.add_, value, 1)
        return self

    def assign_sub(self, value: Any) -> MetricVariable:
        """Subtract `value` in place; returns the variable."""
        with torch.no_grad():
            self._change(self.sub_, self._operand(value), -1)
        return self

    def _change(self, change: Callable[[Any], Any], value: Any, sign: int) -> None:
        """Add or subtract in place; a result of another dtype than the variable's is cast, as in Keras."""
        try:
            change(value)
        except RuntimeError:
            if not isinstance(value, Tensor) or torch.can_cast(value.dtype, self.dtype):
                raise
            self.copy_(self.detach() + sign * value)

    def hold(self, value: Tensor) -> None:
        """Become a copy of `value`, of its shape too; the device and the dtype stay."""
        with torch.inference_mode(False):
            self.data = value.detach().to(self.device, self.dtype, copy=True)

    @property
    def value(self) -> Tensor:
        """A copy as a plain tensor."""
        return self.detach().clone()

    def _operand(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            # A host scalar joins a computation on any device; anything else decides where the variable lives.
            if value.device.type != "cpu" or self.device.type == "cpu":
                self.to_device_of(value)
            return value.detach()
        return as_tensor(value, self.dtype, self.device)

    def __deepcopy__(self, memo: dict[int, Any]) -> MetricVariable:
        memo[id(self)] = copied = MetricVariable.holding(self)
        copied.name, copied.path, copied.aggregation = self.name, self.path, self.aggregation
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return MetricVariable.holding, (self.value,)
