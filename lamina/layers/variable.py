"""Variable: a weight that answers to both worlds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lamina import ops
from lamina._torch import dispatch, tracing
from lamina.argument_kinds import as_flag
from lamina.arrays import as_array, as_tensor
from lamina.graph import ArgumentError, ArgumentTypeError, ShapeError
from lamina.one_line import of_tensor, one_line
from lamina.stateless import value_now
from lamina.users_traceback import at_users_line

from .first_values import given_or_made
from .name_scopes import scoped
from .variable_operators import array_function, array_ufunc, logical, number, reflected, rounded, with_arrays
from .weight_facts import Change, WeightFacts

_AGGREGATIONS = ("none", "mean", "sum", "only_first_replica")
_SYNCHRONIZATIONS = ("none", "on_read", "on_write", "auto")


def _fact(name: str, check: Callable[[str, Any], Any] | None = None) -> Any:
    """An attribute that is one of the weight's facts, and can be set."""

    def read(weight: Variable) -> Any:
        return getattr(weight.facts, name)

    def write(weight: Variable, value: Any) -> None:
        setattr(weight.facts, name, value if check is None else check(name, value))

    return property(read, write)


def _function(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise ArgumentError(
            f"The {name} of a weight is a function of it, or None.",
            got=repr(value),
            hint=f"lamina.{name}s.get({value!r})",
        )
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ArgumentTypeError(f"{name} is True or False.", got=repr(value))
    return value


def _one_of(what: str, word: str | None, words: tuple[str, ...]) -> str:
    word = "none" if word is None else word
    if word not in words:
        raise ArgumentError(f"There is no such {what} of a variable.", got=repr(word), expected=", ".join(words))
    return word


def _checked_name(name: Any) -> str:
    name = name or "variable"
    if not isinstance(name, str) or "/" in name:
        raise ArgumentError("The name of a variable is a string without '/'.", got=repr(name))
    return name


class Variable(torch.Tensor):
    """A tensor that keeps its values: an ``nn.Parameter`` with Keras' ``path``, ``assign``, ``numpy()``, ``value``.

    A layer that gets it as an attribute registers it: trainable ones as parameters, others (moving averages, counters)
    as buffers (``is_buffer``).

    Args:
        initializer: values (a tensor, which stays the memory that it is; an array; numbers), or an initializer, its
            name or a function of shape and dtype.
        shape: what an initializer makes.
        dtype: name or ``torch.dtype``; that of the values by default, ``lamina.config.floatx()`` for an initializer.
        trainable: whether gradients are computed and the optimizer may change it; whole numbers and bools never train.
        autocast: under a mixed policy ``call`` sees it in the compute dtype; False: as it is.
        aggregation, synchronization: Keras' words for several devices; kept, and without effect on one.
        name: its own name, without "/"; "variable" by default.
        requires_grad: PyTorch's word for ``trainable``: a parameter also if it is False.
        path, regularizer, constraint, facts: what is known of a layer's weight.

    Computing with it gives plain tensors. Also arrays and lists are operands; ``&``, ``|`` and ``^`` are logical, as in
    Keras.

    Raises:
        ArgumentError: no values, an initializer without a shape, or a name or word that cannot be.
        ShapeError: values of another shape.

    >>> v = Variable([1.0, 2.0], name="bias")
    >>> v.assign_add([1.0, 1.0])
    tensor([2., 3.])
    >>> v.numpy(), Variable("ones", shape=(2, 3)).shape
    (array([2., 3.], dtype=float32), torch.Size([2, 3]))
    """

    # What nn.Parameter has: results of operations are plain tensors.
    __torch_function__ = torch.nn.Parameter.__torch_function__

    # Values are set when a tensor is made; a subclass has no other place for them.
    def __new__(
        cls,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        *,
        requires_grad: bool | None = None,
        path: str | None = None,
        regularizer: Change | None = None,
        constraint: Change | None = None,
        facts: WeightFacts | None = None,
    ) -> Variable:
        if isinstance(shape, bool):  # PyTorch's tools call the class of a parameter with (data, requires_grad)
            shape, requires_grad = None, shape
        if facts is not None and requires_grad is not None:  # a layer's, whose values are there
            return cls.of_layer(initializer, requires_grad, facts)
        name = _checked_name(name)
        value = given_or_made(initializer, shape, dtype, name)
        can_train = value.is_floating_point() or value.is_complex()
        trained = requires_grad if requires_grad is not None else bool(trainable) and can_train
        if facts is None:
            facts = WeightFacts(name, path or scoped(name), regularizer, constraint, bool(autocast))
            facts.is_buffer = requires_grad is None and not trained
            facts.aggregation = _one_of("aggregation", aggregation, _AGGREGATIONS)
            facts.synchronization = _one_of("synchronization", synchronization, _SYNCHRONIZATIONS)
        return cls.of_layer(value, trained, facts)

    @classmethod
    def of_layer(cls, value: torch.Tensor, requires_grad: bool, facts: WeightFacts) -> Variable:
        """One of which all is known, on the memory of its values."""
        if type(value) is not torch.Tensor or value.requires_grad:
            value = value.detach().as_subclass(torch.Tensor)
        made: Variable = torch.nn.Parameter.__new__(cls, value, requires_grad)
        made.facts = facts
        return made

    __repr__ = one_line(of_tensor)  # type: ignore[assignment]  # PyTorch's takes a word of its own

    facts: WeightFacts
    # What is known of the weight is a record that the layer keeps too, by the weight's name.
    path: Any = _fact("path")
    regularizer: Any = _fact("regularizer", _function)
    constraint: Any = _fact("constraint", _function)
    autocast: Any = _fact("autocast")
    is_buffer: Any = _fact("is_buffer")
    aggregation: Any = _fact("aggregation")
    synchronization: Any = _fact("synchronization")
    overwrite_with_gradient: Any = _fact("overwrite_with_gradient", _truth)

    __add__, __sub__, __mul__, __truediv__ = map(with_arrays, ("add", "sub", "mul", "truediv"))
    __floordiv__, __mod__, __matmul__ = map(with_arrays, ("floordiv", "mod", "matmul"))
    __pow__ = with_arrays("pow")
    __radd__, __rsub__, __rmul__, __rtruediv__ = map(reflected, ("add", "sub", "mul", "truediv"))
    __rfloordiv__, __rmod__, __rpow__, __rmatmul__ = map(reflected, ("floordiv", "mod", "pow", "matmul"))
    __lt__, __le__, __gt__, __ge__ = map(with_arrays, ("lt", "le", "gt", "ge"))
    __eq__, __ne__, __hash__ = with_arrays("eq"), with_arrays("ne"), torch.Tensor.__hash__  # type: ignore[assignment]  # several hints in PyTorch
    __and__, __or__, __xor__ = map(logical, (ops.logical_and, ops.logical_or, ops.logical_xor))
    __rand__, __ror__ = logical(ops.logical_and, True), logical(ops.logical_or, True)
    __rxor__ = logical(ops.logical_xor, True)
    __array_ufunc__, __array_function__, __round__ = array_ufunc, array_function, rounded
    __float__, __int__ = number(float), number(int)

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
    @at_users_line
    def trainable(self, value: bool) -> None:
        self.requires_grad_(as_flag(value, f"The weight {self.facts.name!r}: trainable"))

    @property
    def value(self) -> torch.Tensor:
        """The tensor itself; in a `StatelessScope` the one that stands for it."""
        return value_now(self)

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """A copy of the values as an array on the host, without gradients; bfloat16 as float32.

        As in Keras the array is the reader's own: what training does to the weight afterwards does not reach it.

        ``detach().numpy()`` shares the weight's memory, as PyTorch's does.

        Args:
            force: as for any tensor of PyTorch, which gives up gradients and the device only if it is True; here both
                are given up anyway.
        """
        array = as_array(self)
        return array if self.is_detached else array.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def assign(self, value: Any) -> torch.Tensor:
        """Overwrite the values in place, from an array, a tensor or numbers of the same shape; returns these.

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
            return new
        with torch.no_grad():
            self.copy_(new)
        return new

    def assign_add(self, value: Any) -> torch.Tensor:
        """Add to the values in place; returns the sum."""
        return self.assign(torch.add(self.detach(), as_tensor(value, self.dtype, self.device)))

    def assign_sub(self, value: Any) -> torch.Tensor:
        """Subtract from the values in place; returns the difference."""
        return self.assign(torch.sub(self.detach(), as_tensor(value, self.dtype, self.device)))

    def described(self) -> dict[str, Any]:
        """What is known of it besides the values."""
        facts = ("name", "path", "regularizer", "constraint", "autocast", "is_buffer")
        return {fact: getattr(self.facts, fact) for fact in facts}

    def with_value(self, value: torch.Tensor) -> Variable:
        """The same weight with another value, of which the same is known."""
        return Variable(value, requires_grad=self.requires_grad, facts=self.facts)

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
        return Variable(data, requires_grad=requires_grad, facts=known)
    return torch.nn.Parameter(data, requires_grad) if known else data


def become_variable(weight: Any, facts: WeightFacts) -> None:
    """Give a plain ``nn.Parameter`` that stands for a weight the weight's facts; the object stays the same."""
    if type(weight) is torch.nn.Parameter or (type(weight) is Variable and "facts" not in weight.__dict__):
        become: Any = weight
        become.__class__, become.facts = Variable, facts
