"""The numbers that reading `optimizer.learning_rate` and `optimizer.iterations` gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


class _AsVariable:
    """What Keras' variable has beside `assign`, for a number of Python's that belongs to an optimizer."""

    # A number takes no second argument, so `learning_rate_of` and `steps_of` set it.
    optimizer: Any
    real: Any
    """The plain number."""

    @property
    def value(self) -> torch.Tensor:
        """The number as a tensor without axes."""
        return torch.tensor(self.real)

    def numpy(self) -> np.ndarray[Any, Any]:
        """The number as an array without axes."""
        return np.asarray(self.real)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy, in logs or a file, is the number: it would otherwise drag the optimizer along.
        return type(self.real), (self.real,)


class LearningRate(_AsVariable, float):
    """A float that, as Keras' variable, can be assigned to: ``optimizer.learning_rate.assign(0.01)``.

    >>> from lamina.optimizers import SGD
    >>> sgd = SGD(0.5)
    >>> sgd.learning_rate.assign(0.25)
    >>> sgd.learning_rate, float(sgd.learning_rate), sgd.learning_rate.numpy()
    (0.25, 0.25, array(0.25))
    """

    def assign(self, value: Any) -> None:
        """Set the optimizer's learning rate."""
        self.optimizer.learning_rate = value


class Steps(_AsVariable, int):
    """The number of updates, as an int with what Keras' variable has.

    >>> from lamina.optimizers import SGD
    >>> sgd = SGD(0.5)
    >>> sgd.iterations.assign(3)
    >>> sgd.iterations, sgd.iterations.value, sgd.iterations.numpy()
    (3, tensor(3), array(3))
    """

    def assign(self, value: Any) -> None:
        """Set the number, by which schedules and corrections of bias go."""
        self.optimizer._iterations = int(value) * (self.optimizer.gradient_accumulation_steps or 1)


def steps_of(optimizer: Any, count: int) -> Steps:
    """`count` as the steps of `optimizer`."""
    steps = Steps(count)
    steps.optimizer = optimizer
    return steps


def learning_rate_of(optimizer: Any, value: float) -> LearningRate:
    """`value` as the learning rate of `optimizer`."""
    rate = LearningRate(value)
    rate.optimizer = optimizer
    return rate
