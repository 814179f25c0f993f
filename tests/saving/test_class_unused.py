"""A class whose config does not make the layer: told of when the model is saved, and when it is given in vain."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.models import load_model

X = np.ones((3, 4), "float32")


class Misspelt(layers.Layer):
    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        return x * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fator": self.factor}


class Forgotten(Misspelt):
    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(factor, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return layers.Layer.get_config(self)


class Refusing(Forgotten):
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        raise ValueError("no")


class Right(Misspelt):
    def get_config(self) -> dict[str, Any]:
        return {**layers.Layer.get_config(self), "factor": self.factor}


def told(run: Any) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        result = run()
    return result, [str(warning.message) for warning in seen]


@pytest.mark.parametrize("kind", [Misspelt, Forgotten, Refusing])
def test_a_class_that_is_given_in_vain_is_told_of(kind: Any, tmp_path: Path) -> None:
    model = lamina.Sequential([layers.Input((4,)), kind(2.0), kind(3.0)])
    path = tmp_path / "m.lamina"
    _, (first, *_) = told(lambda: model.save(path))
    assert "what its get_config() gives does not make the same layer" in first
    loaded, (message,) = told(lambda: load_model(path, custom_objects={kind.__name__: kind}))
    assert f"its class {kind.__name__} is at hand" in message
    assert "get_config()" in message
    again, silent = told(lambda: load_model(path))
    assert not silent
    for one in (loaded, again):
        np.testing.assert_array_equal(one.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_class_that_is_used_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "m.lamina"
    lamina.Sequential([layers.Input((4,)), Right(2.0)]).save(path)
    assert isinstance(load_model(path, custom_objects={"Right": Right}).layers[0], Right)
