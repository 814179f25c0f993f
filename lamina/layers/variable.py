"""Variable: a weight that answers to both worlds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lamina.graph import ShapeError


class Variable(torch.nn.Parameter):
    """An ``nn.Parameter`` with Keras' names for things: ``path``, ``assign``, ``numpy()``, ``value``.

    Trainable weights are registered as parameters of their layer, others (moving averages, counters) as buffers.

    >>> v = Variable(torch.zeros(2), name="bias")
    >>> v.assign([1.0, 2.0])
    >>> v.numpy()
    array([1., 2.], dtype=float32)
    """

    # nn.Parameter's own __new__ knows only data and requires_grad; a tensor subclass has no other place for more.
    def __new__(cls, data: torch.Tensor, requires_grad: bool = True, **_: Any) -> Variable:
        return super().__new__(cls, data.detach(), requires_grad)  # type: ignore[return-value]

    def __init__(
        self,
        data: torch.Tensor,
        requires_grad: bool = True,
        *,
        name: str = "variable",
        path: str | None = None,
        regularizer: Callable[[torch.Tensor], torch.Tensor] | None = None,
        constraint: Callable[[torch.Tensor], torch.Tensor] | None = None,
        autocast: bool = True,
    ) -> None:
        self.weight_name = name
        self.path = path or name
        self.regularizer = regularizer
        self.constraint = constraint
        self.autocast = autocast

    @property
    def name(self) -> str:  # type: ignore[override]
        """The weight's own name, e.g. ``kernel``."""
        return self.weight_name

    @property
    def trainable(self) -> bool:
        return self.requires_grad

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.requires_grad_(bool(value))

    @property
    def value(self) -> torch.Tensor:
        """The tensor itself."""
        return self

    def numpy(self) -> np.ndarray[Any, Any]:  # type: ignore[override]
        """The values as an array on the host, without gradients."""
        return torch.Tensor.numpy(self.detach().cpu())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def assign(self, value: Any) -> None:
        """Overwrite the values in place, from an array, a tensor or numbers of the same shape.

        Raises:
            ShapeError: another shape came.
        """
        new = torch.as_tensor(value, dtype=self.dtype, device=self.device)
        if new.shape != self.shape:
            raise ShapeError(
                f"The weight {self.path!r} cannot take these values.",
                got=f"shape {tuple(new.shape)}",
                expected=f"shape {tuple(self.shape)}",
            )
        with torch.no_grad():
            self.copy_(new)

    def assign_add(self, value: Any) -> None:
        self.assign(self.detach() + torch.as_tensor(value, dtype=self.dtype, device=self.device))

    def assign_sub(self, value: Any) -> None:
        self.assign(self.detach() - torch.as_tensor(value, dtype=self.dtype, device=self.device))

    def described(self) -> dict[str, Any]:
        """What a copy of it needs besides the values."""
        facts = ("path", "regularizer", "constraint", "autocast")
        return {"name": self.weight_name, **{fact: getattr(self, fact) for fact in facts}}

    def stand_in(self) -> Variable:
        """The same variable without storage, for trying a layer on shapes alone."""
        return Variable(torch.empty_like(self, device="meta"), self.requires_grad, **self.described())

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        if id(self) in memo:
            return memo[id(self)]
        data = self.data.clone(memory_format=torch.preserve_format)
        result = Variable(data, self.requires_grad, **copy.deepcopy(self.described(), memo))
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild, (self.data, self.requires_grad, self.described())


def _rebuild(data: torch.Tensor, requires_grad: bool, facts: dict[str, Any]) -> Variable:
    return Variable(data, requires_grad, **facts)


def stored_as(value: torch.Tensor, layout: tuple[int, ...] | None, any_order: bool) -> torch.Tensor:
    """The same logical tensor with its memory ordered by ``layout``, a permutation of its axes.

    A kernel that Keras writes (H, W, C, F) and PyTorch's kernels want as (F, C, H, W) in channels_last memory is stored
    once as the latter; both are then free views. ``any_order``: the values are drawn independently of their place, so
    the memory is merely read in another order, without a copy.
    """
    if layout is None:
        return value
    shape = [value.shape[axis] for axis in layout]
    inverse = [layout.index(axis) for axis in range(len(layout))]
    stored = value.contiguous().view(shape) if any_order else value.permute(layout).contiguous()
    return stored.permute(inverse)
