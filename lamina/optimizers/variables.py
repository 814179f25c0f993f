"""An optimizer's state as Keras shows it: a list of variables that can be assigned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lamina.arrays import as_array, as_tensor
from lamina.graph.errors import ArgumentError, ArgumentTypeError, ShapeError

_NUMBERS = ("iterations", "learning_rate")  # which the optimizer keeps as numbers of Python's


class StateVariable(Tensor):
    """A tensor of an optimizer's state, on its memory, with Keras' `name`, `value`, `numpy` and `assign`.

    >>> from lamina.optimizers import SGD
    >>> sgd = SGD(0.5)
    >>> sgd.variables[1].assign(0.25)
    >>> float(sgd.learning_rate), sgd.variables[1].key
    (0.25, 'learning_rate')
    """

    # What nn.Parameter has: results of operations are plain tensors.
    __torch_function__ = torch.nn.Parameter.__torch_function__

    optimizer: Any
    key: str
    """Its name in the optimizer's `state_dict`."""

    @property
    def path(self) -> str:
        """Keras' name of it: ``"adam/iteration"``, ``"adam/dense_kernel_momentum"``."""
        return path_of(self.optimizer, self.key)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def value(self) -> Tensor:
        """The tensor itself."""
        return self.as_subclass(Tensor)

    def numpy(self, *, force: bool = False) -> Any:
        """The values as an array, which is a copy."""
        return as_array(self).copy()

    @torch.no_grad()
    def assign(self, value: Any) -> None:
        """Set the state.

        Raises:
            ShapeError: another shape.
        """
        value = as_tensor(value, self.dtype, self.device)
        if value.shape != self.shape:
            got, due = str(tuple(value.shape)), str(tuple(self.shape))
            raise ShapeError(f"State {self.key!r} of an optimizer has another shape.", got=got, expected=due)
        self.copy_(value)
        owner, name = self.optimizer, self.key
        while "/" in name and name.rpartition("/")[2] in _NUMBERS:  # those of optimizers within optimizers
            place, _, name = name.partition("/")
            owner = owner.inner_optimizer if place == "inner" else owner.optimizers[int(place)]
        if name == "iterations":
            owner._iterations = int(value)
        elif name == "learning_rate":
            owner.learning_rate = float(value)


def path_of(optimizer: Any, key: str) -> str:
    """Keras' name of a state: the optimizer, the weight with its layers, the word for what is kept of it.

    Args:
        key: its name in the optimizer's `state_dict`.
    """
    number, _, slot = key.partition("/")
    parameters = getattr(optimizer, "_parameters", None) or ()
    if slot and number.isdigit() and int(number) < len(parameters):
        weight = getattr(parameters[int(number)], "path", None) or number
        word = f"{weight.replace('/', '_')}_{slot}"
    else:
        word = "iteration" if key == "iterations" else key.replace("/", "_")
    return f"{getattr(optimizer, 'name', 'optimizer')}/{word}"


def variables_of(optimizer: Any) -> list[StateVariable]:
    """All state, in the order of `state_dict`. Of weights that train, it is made here if no step has made it."""
    if optimizer.built:
        optimizer._prepare([p if p.requires_grad else None for p in optimizer._parameters])
    return [_variable(optimizer, key, tensor) for key, tensor in optimizer.state_dict().items()]


def _variable(optimizer: Any, key: str, tensor: Tensor) -> StateVariable:
    made = tensor.detach().as_subclass(StateVariable)
    made.optimizer, made.key = optimizer, key
    return made


def set_all(optimizer: Any, values: Sequence[Any]) -> None:
    """Assign each of the state's variables.

    Raises:
        ArgumentError: the optimizer is not built, or has another number of them. ShapeError: another shape.
    """
    if not optimizer.built:
        raise ArgumentError(
            f"Optimizer {optimizer.name!r} has no state yet.", got="set_weights before build", hint="build(parameters)"
        )
    own = variables_of(optimizer)
    if not isinstance(values, Sequence):
        raise ArgumentTypeError(
            f"Optimizer {optimizer.name!r} takes a list of arrays as its weights.",
            got=f"{values!r:.60} of type {type(values).__name__}",
            expected=f"{len(own)} arrays, in the order of `variables`",
        )
    if len(own) != len(values):
        raise ArgumentError(
            f"Optimizer {optimizer.name!r} has another number of variables.",
            got=f"{len(values)} values",
            expected=f"{len(own)}: {', '.join(variable.key for variable in own[:6])}",
        )
    for variable, value in zip(own, values, strict=True):
        variable.assign(value)
