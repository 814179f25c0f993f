"""`LearningRate`: the number that reading `optimizer.learning_rate` gives."""

from __future__ import annotations

from typing import Any

import numpy as np


class LearningRate(float):
    """A float that, as Keras' variable, can be assigned to: ``optimizer.learning_rate.assign(0.01)``.

    >>> from lamina.optimizers import SGD
    >>> sgd = SGD(0.5)
    >>> sgd.learning_rate.assign(0.25)
    >>> sgd.learning_rate, float(sgd.learning_rate), sgd.learning_rate.numpy()
    (0.25, 0.25, array(0.25))
    """

    # Whose learning rate it is. A float takes no second argument, so `learning_rate_of` sets it.
    optimizer: Any

    def assign(self, value: Any) -> None:
        """Set the optimizer's learning rate."""
        self.optimizer.learning_rate = value

    def numpy(self) -> np.ndarray[Any, Any]:
        """The number as an array without axes."""
        return np.asarray(float(self))

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy, in logs or a file, is the number: it would otherwise drag the optimizer along.
        return float, (float(self),)


def learning_rate_of(optimizer: Any, value: float) -> LearningRate:
    """`value` as the learning rate of `optimizer`."""
    rate = LearningRate(value)
    rate.optimizer = optimizer
    return rate
