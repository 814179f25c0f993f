"""Variable: a weight that answers to both worlds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lamina._torch import dispatch, tracing
from lamina.arrays import as_tensor
from lamina.graph import ShapeError

from .weight_facts import WeightFacts


def _fact(name: str) -> Any:
    """An attribute that is one of the weight's facts, and can be set."""

    def read(weight: Variable) -> Any:
        return getattr(weight.facts, name)

    def write(weight: Variable, value: Any) -> None:
        setattr(weight.facts, name, value)

    return property(read, write)


class Variable(torch.Tensor):
    """An ``nn.Parameter`` with Keras' names for things: ``path``, ``assign``, ``numpy()``, ``value``.

    Trainable weights are registered as parameters of their layer, others (moving averages, counters) as buffers
    (``is_buffer``).

    >>> v = Variable(torch.zeros(2), name="bias")
    >>> v.assign([1.0, 2.0])
    >>> v.numpy()
    array([1., 2.], dtype=float32)
    """

    # What nn.Parameter has: results of operations are plain tensors.
    __torch_function__ = torch.nn.Parameter.__torch_function__

    # Values are set when a tensor is made; a subclass has no other place for them.
    def __new__(cls, data: torch.Tensor, requires_grad: bool = True, **_: Any) -> Variable:
        made: Variable = torch.nn.Parameter.__new__(cls, data.detach().as_subclass(torch.Tensor), requires_grad)
        return made

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
        is_buffer: bool = False,
        facts: WeightFacts | None = None,
    ) -> None:
        self.facts = facts or WeightFacts(name, path or name, regularizer, constraint, autocast, is_buffer)

    # What is known of the weight is a record that the layer keeps too, by the weight's name.
    path: Any = _fact("path")
    regularizer: Any = _fact("regularizer")
    constraint: Any = _fact("constraint")
    autocast: Any = _fact("autocast")
    is_buffer: Any = _fact("is_buffer")

    @property
    def _is_param(self) -> bool:
        """What PyTorch asks where it means ``isinstance(weight, nn.Parameter)``.

        A buffer is none: exported programs and modules that are handed one keep it as a buffer. It says yes only to
        what sees operations, since the one that checks the first run of compiled code takes no other subclasses.
        """
        facts = self.__dict__.get("facts")
        if facts is None:  # from `detach`: only if PyTorch has made a parameter of it
            return bool(self.__dict__.get("_is_made_param"))
        return not facts.is_buffer or (dispatch.may_refuse() and not tracing.is_exporting())

    @_is_param.setter
    def _is_param(self, value: bool) -> None:
        self.__dict__["_is_made_param"] = value

    @property
    def name(self) -> str:
        """The weight's own name, e.g. ``kernel``."""
        return self.facts.name

    @property
    def weight_name(self) -> str:
        """The same; PyTorch's tensors have a ``name`` of their own."""
        return self.facts.name

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

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The values as an array on the host, without gradients.

        Args:
            force: as for any tensor of PyTorch, which gives up gradients and the device only if it is True; here both
                are given up anyway.
        """
        return torch.Tensor.numpy(self.detach(), force=True)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def assign(self, value: Any) -> None:
        """Overwrite the values in place, from an array, a tensor or numbers of the same shape.

        Raises:
            ShapeError: another shape came.
        """
        new = as_tensor(value, self.dtype, self.device)
        if new.shape != self.shape:
            raise ShapeError(
                f"The weight {self.path!r} cannot take these values.",
                got=f"shape {tuple(new.shape)}",
                expected=f"shape {tuple(self.shape)}",
            )
        if not self.requires_grad:  # not under `no_grad`: an exporter cannot write a region down that has no result
            self.copy_(new.detach())
            return
        with torch.no_grad():
            self.copy_(new)

    def assign_add(self, value: Any) -> None:
        self.assign(self.detach() + as_tensor(value, self.dtype, self.device))

    def assign_sub(self, value: Any) -> None:
        self.assign(self.detach() - as_tensor(value, self.dtype, self.device))

    def described(self) -> dict[str, Any]:
        """What is known of it besides the values."""
        facts = ("name", "path", "regularizer", "constraint", "autocast", "is_buffer")
        return {fact: getattr(self.facts, fact) for fact in facts}

    def with_value(self, value: torch.Tensor) -> Variable:
        """The same weight with another value, of which the same is known."""
        return Variable(value, self.requires_grad, facts=self.facts)

    def stand_in(self) -> Variable:
        """The same variable without storage, for trying a layer on shapes alone."""
        return self.with_value(torch.empty_like(self, device="meta"))

    def detach(self) -> Variable:
        """The same values and memory without gradients, of which no layer knows anything.

        It is a `Variable`, since ``nn.Parameter(weight)``, which parametrizations call, asks that of a kind of
        parameter; where it is stored, copied or assigned to a layer it is a plain tensor.
        """
        return torch.Tensor.detach(self).as_subclass(Variable)

    @property
    def is_detached(self) -> bool:
        """Whether it comes from `detach` and has become nobody's parameter."""
        return not (self._is_param or "facts" in self.__dict__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            data = self.data.as_subclass(torch.Tensor).clone(memory_format=torch.preserve_format)
            memo[id(self)] = _rebuild(data, self.requires_grad, copy.deepcopy(self._known, memo))
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        data = self.data.as_subclass(torch.Tensor)
        return data.__reduce_ex__(protocol) if self.is_detached else (_rebuild, (data, self.requires_grad, self._known))

    @property
    def _known(self) -> WeightFacts | bool:
        """The facts; without them, whether it is a parameter."""
        return self.__dict__.get("facts") or not self.is_detached


def _rebuild(data: torch.Tensor, requires_grad: bool, known: WeightFacts | bool) -> torch.Tensor:
    if isinstance(known, WeightFacts):
        return Variable(data, requires_grad, facts=known)
    return torch.nn.Parameter(data, requires_grad) if known else data


def become_variable(weight: Any, facts: WeightFacts) -> None:
    """Give a plain ``nn.Parameter`` that stands for a weight the weight's facts; the object stays the same."""
    if type(weight) is torch.nn.Parameter or (type(weight) is Variable and "facts" not in weight.__dict__):
        become: Any = weight
        become.__class__, become.facts = Variable, facts
