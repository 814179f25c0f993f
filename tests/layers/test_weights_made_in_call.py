"""A weight that each call makes anew is told of once; one that is made once, in whatever way, is not."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import layers

X, Y = np.ones((20, 4), "float32"), np.ones((20, 1), "float32")


class Thrown(layers.Layer):
    def call(self, x: Any) -> Any:
        return x @ self.add_weight((4, 4), name="w")


class Attribute(layers.Layer):
    def call(self, x: Any) -> Any:
        self.w = self.add_weight((4, 4), name="w")
        return x @ self.w


class Loop(layers.Layer):
    def call(self, x: Any) -> Any:
        for _ in range(3):
            x = x @ self.add_weight((4, 4))
        return x


class Once(layers.Layer):
    def call(self, x: Any) -> Any:
        if not hasattr(self, "w"):
            self.w = self.add_weight((4, 4))
            for i in range(2):
                setattr(self, f"w{i}", self.add_weight((4, 4)))
            self.listed = [self.add_weight((4, 4)) for _ in range(3)]
        return x @ self.w @ self.w0 @ self.listed[2]


class Grows(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.table: dict[str, Any] = {}

    def call(self, x: Any) -> Any:
        if len(self.table) < 4:
            self.table[str(len(self.table))] = self.add_weight((4, 4), name="k")
        for w in self.table.values():
            x = x @ w
        return x


def told(run: Any) -> list[str]:
    """What is told of weights that are made anew; that such a weight has no gradient is told by others."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        run()
    messages = [str(warning.message) for warning in seen]
    return [message for message in messages if not message.startswith("No gradient comes to")]


def fitted(layer: Any) -> None:
    model = lamina.Sequential([layers.Input((4,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, verbose=0, batch_size=10)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", [Thrown, Attribute, Loop])
def test_a_weight_made_in_each_call_is_told_of_once(kind: Any, policy: str) -> None:
    before = lamina.mixed_precision.global_policy()
    lamina.mixed_precision.set_global_policy(policy)
    try:
        layer, x = kind(), torch.ones(2, 4)
        messages = told(lambda: [layer(x) for _ in range(3)])
        in_fit = told(lambda: fitted(kind()))
    finally:
        lamina.mixed_precision.set_global_policy(before)
    for (message,) in (messages, in_fit):
        assert f"{kind.__name__} " in message
        assert "anew in each call" in message
        assert "build()" in message
    copy.deepcopy(layer)
    pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", [Once, Grows])
def test_a_weight_that_is_kept_is_silent(kind: Any, policy: str) -> None:
    before = lamina.mixed_precision.global_policy()
    lamina.mixed_precision.set_global_policy(policy)
    try:
        layer = kind()
        assert not told(lambda: [layer(torch.ones(2, 4)) for _ in range(4)])
        assert not told(lambda: fitted(kind()))
    finally:
        lamina.mixed_precision.set_global_policy(before)
