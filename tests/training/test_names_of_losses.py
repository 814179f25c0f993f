"""What the losses of a model of code, whose outputs have no names, are called in the history: compared with Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import lamina

X, Y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
GIVEN: dict[str, Any] = {
    "aliases": lambda library: ["mse", "MAE"],
    "functions by name": lambda library: ["mean_squared_error", "log_cosh"],
    "a class by name": lambda library: ["MeanSquaredError", library.losses.mean_absolute_error],
    "objects": lambda library: [library.losses.MeanSquaredError(), library.losses.Huber(name="h")],
}


@pytest.mark.parametrize("kind", GIVEN)
def test_a_loss_is_called_as_it_was_given(kind: str) -> None:
    def keys(library: Any) -> list[str]:
        class Two(library.Model):  # type: ignore[misc, name-defined]  # a base that is chosen
            def __init__(self) -> None:
                super().__init__()
                self.first, self.second = library.layers.Dense(1), library.layers.Dense(1)

            def call(self, x: Any) -> Any:
                return self.first(x), self.second(x)

        model = Two()
        model.compile("sgd", GIVEN[kind](library))
        return sorted(model.fit(X, [Y, Y], validation_data=(X, [Y, Y]), verbose=0).history)

    assert keys(lamina) == keys(keras)
