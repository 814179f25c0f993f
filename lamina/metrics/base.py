"""`Metric`: what every metric has."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from lamina import initializers
from lamina.config import floatx
from lamina.devices import take_memory
from lamina.graph.dtypes import name_of, to_torch
from lamina.graph.errors import ShapeError, StructureError
from lamina.naming import snake_case
from lamina.one_line import named_with_settings, one_line
from lamina.tracebacks import Doored
from lamina.users_traceback import at_users_line

from .held import variables_in
from .stateless import stateless_reset_state, stateless_result, stateless_update_state
from .variable import MetricVariable, checked_aggregation


class Metric(Doored):
    """Base of metrics. A subclass adds to its variables in `update_state` and makes a tensor of them in `result`.

    The variables are tensors on the device of the data. `update_state` never waits for that device; reading the result
    with ``float(metric.result())`` does. What is to survive in a checkpoint is made with `add_variable`.

    Args:
        dtype: of the variables, or a policy, whose compute dtype it is; None for `lamina.config.floatx()`, but at least
            float32.
        name: defaults to the class name in snake_case.

    >>> class Largest(Metric):
    ...     def __init__(self, name="largest", dtype=None):
    ...         super().__init__(dtype, name)
    ...         self.value = self.add_variable((), "zeros", name="value")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.value.assign(torch.maximum(self.value, (y_true - y_pred).abs().max()))
    ...     def result(self):
    ...         return self.value.clone()
    >>> Largest()(torch.zeros(2), torch.tensor([1.0, -3.0]))
    tensor(3.)
    """

    direction: str | None = None
    """"up" if more is better, "down" if less is, None if unknown: for callbacks that look for the best epoch."""

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        dtype = getattr(dtype, "compute_dtype", dtype)  # of a policy
        self._dtype = to_torch(dtype) if dtype else torch.promote_types(to_torch(floatx()), torch.float32)
        self._variables: dict[str, MetricVariable] = {}

    @property
    def dtype(self) -> str:
        """Name of the dtype of the variables."""
        return name_of(self._dtype)

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
        aggregation: str = "sum",
    ) -> MetricVariable:
        """A new variable, counted among `variables`.

        Args:
            shape: its shape.
            initializer: as for a layer's weight, or values; None for zeros. `reset_state` sets zeros in any case, as in
                Keras.
            dtype: None for that of the metric.
            name: its name in `state_dict`; a second one of a name gets a number.
            aggregation: what the values of several processes are together: their "sum", "mean", "max" or "min".

        Raises:
            ArgumentError: another aggregation.
        """
        given = "zeros" if initializer is None else initializer
        make: Any = initializers.get(given) if isinstance(given, (str, dict)) or callable(given) else lambda *_: given
        dtype = self._dtype if dtype is None else to_torch(dtype)
        take_memory(math.prod(shape) * dtype.itemsize, f"The variable {name or 'variable'!r} of {self.name!r}")
        variable = MetricVariable.holding(torch.as_tensor(make(tuple(shape), dtype), dtype=dtype, device="cpu"))
        key, count = name or "variable", 1
        while key in self._variables:
            key, count = f"{name or 'variable'}_{count}", count + 1
        variable.name, variable.path = key, f"{self.name}/{key}"
        variable.aggregation = checked_aggregation(aggregation, variable.path)
        self._variables[key] = variable
        return variable

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
        aggregation: str = "sum",
    ) -> MetricVariable:
        """Same as `add_variable`, a scalar by default."""
        return self.add_variable(shape, initializer, dtype, name, aggregation)

    @property
    def variables(self) -> list[MetricVariable]:
        """All variables: its own, then those of metrics that it holds as attributes, alone or in a list or dict."""
        inner = [variable for _, metric in _metrics_in(vars(self)) for variable in metric.variables]
        return [*self._own_variables().values(), *inner]

    def _own_variables(self) -> dict[str, Any]:
        """Those that it made, and any other ``Variable`` that it holds, by name."""
        return self._variables | variables_in(vars(self), self._variables)

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of every variable by its name, those of metrics inside as ``attribute.name``: the exact state.

        >>> from lamina.metrics import Mean
        >>> mean = Mean()
        >>> mean.update_state([1.0, 2.0])
        >>> mean.state_dict()
        {'total': tensor(3.), 'count': tensor(2.)}
        """
        state = {name: variable.value.detach().clone() for name, variable in self._own_variables().items()}
        for path, metric in _metrics_in(vars(self)):
            state |= {f"{path}.{name}": value for name, value in metric.state_dict().items()}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Reverse of `state_dict`.

        Raises:
            StructureError: other names than this metric has.
            ShapeError: a variable of another shape; one that was waiting for its first batch takes any.
        """
        own, variables = dict(state), self._own_variables()
        for path, metric in _metrics_in(vars(self)):
            inner = [name for name in own if name.startswith(f"{path}.")]
            metric.load_state_dict({name.removeprefix(f"{path}."): own.pop(name) for name in inner})
        if own.keys() != variables.keys():
            got, due = str(sorted(own)), str(sorted(variables))
            raise StructureError(f"This is not the state of the metric {self.name!r}.", got=got, expected=due)
        for name, variable in variables.items():
            value = torch.as_tensor(own[name])
            if value.shape != variable.shape and value.numel() and variable.numel():
                raise ShapeError(
                    f"The metric {self.name!r} was made with other arguments than the one whose state this is.",
                    got=f"{name} {tuple(value.shape)}",
                    expected=f"{name} {tuple(variable.shape)}",
                )
            if isinstance(variable, MetricVariable):
                variable.hold(value)
            else:
                variable.assign(value)

    def reset_state(self) -> None:
        """Start again from zero."""
        with torch.no_grad():
            for variable in self._own_variables().values():
                variable.zero_()
        for _, metric in _metrics_in(vars(self)):
            metric.reset_state()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """What the methods of a metric of ours raise ends at the line that calls them."""
        super().__init_subclass__(**kwargs)
        for name in ("update_state", "result"):
            method = vars(cls).get(name)
            if isinstance(method, FunctionType) and cls.__module__.startswith("lamina."):
                setattr(cls, name, at_users_line(method))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch into account: what a subclass writes."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(self, ...).")

    def result(self) -> Tensor:
        """The metric over everything since the last reset: what a subclass writes."""
        raise NotImplementedError(f"{type(self).__name__} must define result(self).")

    stateless_update_state, stateless_result = stateless_update_state, stateless_result
    stateless_reset_state = stateless_reset_state

    @at_users_line
    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as JSON types."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """Reverse of `get_config`."""
        return cls(**config)

    __repr__ = one_line(named_with_settings)


def _metrics_in(held: Mapping[str, Any]) -> Iterator[tuple[str, Metric]]:
    """Metrics among attributes, and in lists, tuples and dicts that are attributes, with their paths."""
    for name, value in held.items():
        if isinstance(value, Metric):
            yield name, value
        elif isinstance(value, (list, tuple)):
            yield from ((f"{name}.{i}", item) for i, item in enumerate(value) if isinstance(item, Metric))
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", item) for key, item in value.items() if isinstance(item, Metric))


def takes_mask(metric: Any) -> bool:
    """Whether `update_state` of a metric has an argument `mask`: all of ours do, a user's own may not.

    >>> from lamina.metrics import Mean, Precision
    >>> takes_mask(Precision()), takes_mask(Mean())
    (True, False)
    """
    return "mask" in inspect.signature(metric.update_state).parameters


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """numerator / denominator, and 0 where the denominator is 0."""
    return torch.where(denominator == 0, 0.0, numerator / torch.where(denominator == 0, 1.0, denominator))
