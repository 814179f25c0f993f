"""A metric without its state: with values of its variables that are given, and what becomes of them given back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from lamina.stateless import scope_of


def stateless_update_state(self: Any, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Tensor]:
    """`update_state` on other values of the variables; returns what they become, and changes none.

    Args:
        metric_variables: a value for each of `variables`, in their order.
        *args, **kwargs: of `update_state`.

    Raises:
        ArgumentError: another number of values.

    >>> mean = lamina.metrics.Mean()
    >>> state = mean.stateless_update_state([torch.tensor(0.0), torch.tensor(0.0)], [1.0, 3.0])
    >>> mean.stateless_result(state), mean.result()
    (tensor(2.), tensor(0.))
    """
    scope = scope_of(self.variables, metric_variables, f"stateless_update_state of {self.name!r}: metric_variables")
    with scope:
        self.update_state(*args, **kwargs)
    return [scope.value_of(variable) for variable in self.variables]


def stateless_result(self: Any, metric_variables: Sequence[Any]) -> Any:
    """`result` for other values of the variables.

    Raises:
        ArgumentError: another number of values.
    """
    with scope_of(self.variables, metric_variables, f"stateless_result of {self.name!r}: metric_variables"):
        return self.result()


def stateless_reset_state(self: Any) -> list[Tensor]:
    """What the variables would be after `reset_state`; none is changed."""
    variables = self.variables
    scope = scope_of(variables, variables, f"stateless_reset_state of {self.name!r}: metric_variables")
    with scope:
        self.reset_state()
    return [scope.value_of(variable) for variable in variables]
