"""A Sequential without an Input opens no axis that a layer of the user's makes its weights from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamina
from lamina import layers, ops

X = np.ones((2, 5, 6), "float32")


class Flat(layers.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flatten, self.dense = layers.Flatten(), layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.dense(self.flatten(x))


class Turned(layers.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.dense(ops.transpose(x, (0, 2, 1)))


class Holding(layers.Layer):
    def __init__(self, *chain: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.within = lamina.Sequential(chain)

    def call(self, x: Any) -> Any:
        return self.within(x)


class Whole(lamina.Model):
    def __init__(self) -> None:
        super().__init__()
        self.within = lamina.Sequential([Flat(), layers.Dense(2)])

    def call(self, x: Any) -> Any:
        return self.within(x)


def convolved() -> Any:
    return Holding(layers.Conv1D(4, 3), layers.Flatten(), layers.Dense(3))


CHAINS: dict[str, Callable[[], list[Any]]] = {
    "flat": lambda: [Flat()],
    "turned": lambda: [Turned(), layers.Flatten()],
    "holding": lambda: [Holding(Flat())],
    "convolved": lambda: [layers.Dropout(0.1), convolved()],
    "a model": lambda: [Whole()],
    "a Sequential": lambda: [layers.Permute((2, 1)), lamina.Sequential([Turned()]), layers.Flatten()],
}
WAYS: dict[str, Callable[[Any], Any]] = {
    "fit": lambda model: (model.compile("sgd", "mse"), model.fit(X, np.ones((2, 1)), verbose=0)),
    "call": lambda model: model(X),
    "symbolic": lambda model: model(lamina.Input((5, 6))),
    "build": lambda model: model.build((None, 5, 6)),
}


@pytest.mark.quick_cases(5)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CHAINS)
def test_weights_from_another_axis_than_the_last(name: str, way: str) -> None:
    model = lamina.Sequential([*CHAINS[name](), layers.Dense(1)])
    WAYS[way](model)
    assert model(X).shape == (2, 1)


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("name", CHAINS)
def test_within_time_distributed(name: str) -> None:
    model = lamina.Sequential([layers.TimeDistributed(lamina.Sequential(CHAINS[name]())), layers.Flatten()])
    assert model(np.ones((2, 4, 5, 6), "float32")).shape[0] == 2


def test_what_goes_with_any_size_stays_open() -> None:
    class Along(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = lamina.Sequential([Along(), layers.GlobalAveragePooling1D()])
    model(X)
    assert model(np.ones((2, 7, 6), "float32")).shape == (2, 3)
