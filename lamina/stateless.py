"""Calls that change no variable: values are given, and new ones come back. Keras' `StatelessScope` and its kin."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from lamina.arrays import as_tensor
from lamina.graph import ArgumentError, tree

# What is asked of a variable itself, whatever its value.
_OWN = frozenset(getattr(torch.Tensor, name).__get__ for name in ("requires_grad", "is_leaf", "grad"))


class _Now(threading.local):
    scopes: tuple[StatelessScope, ...] = ()


_now = _Now()


def value_now(variable: torch.Tensor) -> torch.Tensor:
    """The variable, or what stands for it in the scope of now."""
    return _now.scopes[-1].value_of(variable) if _now.scopes else variable


class StatelessScope(TorchFunctionMode):
    """A context in which variables have other values, and what is written into them goes to these.

    Weights of layers, `Variable` and the variables of metrics, all that has ``assign``, are read and written in the
    scope; they are as before afterwards. It holds for its own thread.

    Args:
        state_mapping: pairs of a variable and the value that it has within. The value is not changed either.
        collect_losses: whether `losses` gets what `add_loss` is given.
        initialize_variables: Keras' word; variables have their values when they are made.

    Attributes:
        losses: given to `add_loss` of the scope.

    Raises:
        ArgumentError: what is no variable among the pairs.

    >>> v = lamina.Variable([1.0, 2.0])
    >>> with StatelessScope() as scope:
    ...     _ = v.assign([3.0, 4.0])
    ...     inside = v.numpy()
    >>> inside, v.numpy()
    (array([3., 4.], dtype=float32), array([1., 2.], dtype=float32))
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Any, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        super().__init__()
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list[Any] = []
        # id of a variable -> the variable, its value, and the value's version when that was its own; None: was given.
        self._values: dict[int, tuple[Any, torch.Tensor, int | None]] = {}
        for variable, value in state_mapping or ():
            self.add_update((variable, value))

    def __enter__(self) -> StatelessScope:
        _now.scopes = (*_now.scopes, self)
        return super().__enter__()  # type: ignore[no-any-return, no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        _now.scopes = _now.scopes[:-1]

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _OWN or getattr(func, "__name__", "") == "__set__":
            return func(*args, **(kwargs or {}))
        args, kwargs = tree.map_leaves(self._current, (args, kwargs or {}))
        return func(*args, **kwargs)

    def _current(self, leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or not hasattr(type(leaf), "assign"):
            return leaf
        found = self._values.get(id(leaf))
        if found is None:
            value = leaf.clone()  # with a gradient to the variable itself
            found = self._values[id(leaf)] = leaf, value, value._version
        return found[1]

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Give a variable a value: `update` is the pair of both."""
        variable, value = update
        if not isinstance(variable, torch.Tensor) or not hasattr(type(variable), "assign"):
            raise ArgumentError("A StatelessScope gives values to variables.", got=f"a {type(variable).__name__}")
        made = as_tensor(value, variable.dtype, variable.device)
        self._values[id(variable)] = variable, made.clone(), None

    def get_current_value(self, variable: Any) -> torch.Tensor | None:
        """The value that a variable was given within the scope; None for one that was given none."""
        found = self._values.get(id(variable))
        return None if found is None or found[1]._version == found[2] else found[1]

    def value_of(self, variable: Any) -> torch.Tensor:
        """What the variable is within the scope, given or not."""
        return self._current(variable)  # type: ignore[no-any-return]

    def add_loss(self, loss: Any) -> None:
        """Add to `losses`."""
        self.losses.append(loss)


def scope_of(variables: Sequence[Any], values: Sequence[Any], what: str) -> StatelessScope:
    """A scope in which these variables have these values.

    Raises:
        ArgumentError: another number of values.
    """
    return StatelessScope(paired(variables, values, what))


def paired(variables: Sequence[Any], values: Sequence[Any], what: str) -> list[tuple[Any, Any]]:
    """Each variable with its value.

    Raises:
        ArgumentError: another number of values.
    """
    variables, values = list(variables), list(values)
    if len(variables) != len(values):
        raise ArgumentError(
            f"{what} has a value for each variable.", got=f"{len(values)} values for {len(variables)} variables"
        )
    return list(zip(variables, values, strict=True))
