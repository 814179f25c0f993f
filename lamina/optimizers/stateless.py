"""An optimizer without its state: one step on values that are given, and what becomes of them given back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lamina.arrays import as_tensor
from lamina.graph import ArgumentError


def stateless_apply(
    self: Any, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
) -> tuple[list[Tensor], list[Tensor]]:
    """One step on other values of the parameters and of the optimizer's own state; changes none of its own.

    Args:
        optimizer_variables: a value for each of `variables`.
        grads: one for each parameter.
        trainable_variables: the values of the parameters, in the order of `build`.

    Returns:
        (values of the parameters after the step, those of the optimizer's variables).

    Raises:
        ArgumentError: it is not built, or another number of values.

    >>> sgd, weight = lamina.optimizers.SGD(0.5), lamina.Variable([1.0])
    >>> sgd.build([weight])
    >>> sgd.stateless_apply(sgd.variables, [torch.ones(1)], [weight])[0], weight.numpy()
    ([tensor([0.5000])], array([1.], dtype=float32))
    """
    if not self.built:
        raise ArgumentError(
            "stateless_apply needs a built optimizer.", hint="optimizer.build(model.trainable_variables)"
        )
    own = list(getattr(self, "inner_optimizer", self)._parameters)
    if not len(own) == len(list(trainable_variables)) == len(list(grads)):
        raise ArgumentError(
            "stateless_apply: one value and one gradient for each parameter.",
            got=f"{len(list(trainable_variables))} values, {len(list(grads))} gradients, {len(own)} parameters",
        )
    gradients = [None if grad is None else as_tensor(grad) for grad in grads]
    with torch.no_grad():
        work, stand_ins = _stand_in(self, own)
        for stand_in, value in zip(stand_ins, trainable_variables, strict=True):
            stand_in.copy_(as_tensor(value))
        names = _names(self, own, work, len(list(optimizer_variables)))
        work.load_state_dict({name: as_tensor(v) for name, v in zip(names, optimizer_variables, strict=True)})
        work.apply(gradients, stand_ins)
        after = [stand_in.detach().as_subclass(Tensor) for stand_in in stand_ins]
    return after, [variable.value for variable in work.variables]


def _stand_in(optimizer: Any, parameters: Sequence[Tensor]) -> tuple[Any, list[Tensor]]:
    """A copy of an optimizer, and its own copies of the parameters."""
    copies = [copy.deepcopy(parameter) for parameter in parameters]
    return copy.deepcopy(optimizer, {id(p): own for p, own in zip(parameters, copies, strict=True)}), copies


def _names(optimizer: Any, parameters: Sequence[Tensor], work: Any, count: int) -> list[str]:
    """The names of so many values of its variables."""
    names = list(work.state_dict())
    if count > len(names):  # it has made no step yet, but the values come from one
        stepped, copies = _stand_in(optimizer, parameters)
        stepped.apply([torch.zeros_like(parameter) for parameter in copies], copies)
        names = list(stepped.state_dict())
    elif count < len(names):
        names = [name for name in names if "/" not in name]  # those of the beginning
    if count != len(names):
        raise ArgumentError("stateless_apply: one value for each variable of the optimizer.", got=f"{count} values")
    return names
