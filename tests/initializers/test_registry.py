"""The registry: by which names an object is found, what it becomes as data, and what is refused."""

from __future__ import annotations

import math
import re
from typing import Any

import keras
import pytest
import torch

from lamina import activations, initializers
from lamina.graph import ArgumentError
from lamina.initializers import Constant, Initializer
from lamina.registry import Registry


class MeanSquare:
    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def get_config(self) -> dict[str, Any]:
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MeanSquare:
        return cls(**config)


def mean_square(x: float) -> float:
    return x * x


def cosine(x: float) -> float:
    return math.cos(x)


@pytest.fixture
def registry() -> Registry:
    return Registry("loss", {"MeanSquare": MeanSquare}, {"mean_square": mean_square}, {"ms": "mean_square"})


class Doubled(Initializer):
    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, shape, dtype=None):
        return torch.full(shape, 2 * self.value, dtype=dtype)

    def get_config(self):
        return {"value": self.value}


def test_names(registry):
    assert registry.get("mean_square") is registry.get("ms") is registry.get("meansquare") is mean_square
    assert isinstance(registry.get("MeanSquare"), MeanSquare)
    assert isinstance(registry.get(MeanSquare), MeanSquare)
    assert registry.get(None) is None
    assert registry.get(cosine) is cosine
    mine = MeanSquare(2.0)
    assert registry.get(mine) is mine


def test_round_trips(registry):
    assert registry.serialize(mean_square) == "mean_square"
    assert registry.deserialize("mean_square") is mean_square
    data = registry.serialize(MeanSquare(2.0))
    assert data == {"class_name": "MeanSquare", "config": {"weight": 2.0}}
    assert registry.get(data).weight == 2.0
    assert registry.serialize(None) is registry.deserialize(None) is None


def test_what_is_not_ours_comes_back_by_custom_objects_only(registry):
    data = registry.serialize(cosine)
    assert data == {"class_name": "function", "config": "cosine", "module": __name__}
    assert registry.deserialize(data, {"cosine": cosine}) is cosine
    with pytest.raises(ArgumentError, match=r"nothing is imported(.*\n)*.*custom_objects=\{\"cosine\": ...\}"):
        registry.deserialize(data)

    data = initializers.serialize(Doubled(3.0))
    assert data == {"class_name": "Doubled", "config": {"value": 3.0}, "module": __name__}
    assert initializers.get(data, {"Doubled": Doubled})((1,)).item() == 6.0
    with pytest.raises(ArgumentError, match='Unknown initializer "Doubled"'):
        initializers.get(data)
    assert initializers.get("cosine", {"cosine": cosine}) is cosine


def test_a_namesake_never_stands_in_for_one_of_yours():
    class Constant(Initializer):
        pass

    def relu(x):
        return x

    for package, obj in ((initializers, Constant()), (activations, relu)):
        data = package.serialize(obj)
        with pytest.raises(ArgumentError, match="of .*, and nothing is imported by its name"):
            package.deserialize(data)
    assert activations.deserialize(activations.serialize(relu), {"relu": relu}) is relu


def test_custom_objects_win_over_ours():
    assert activations.get("relu", {"relu": torch.cos}) is torch.cos


@pytest.mark.parametrize("name, near", [
    ("glorot_unifrom", "'GlorotUniform'"),
    ("Orthogonl", "'Orthogonal'"),
    ("hee_normal", "'HeNormal'"),
])  # fmt: skip
def test_unknown_name_lists_near_ones_and_no_others(name, near):
    with pytest.raises(ArgumentError, match=f'Unknown initializer "{name}"') as caught:
        initializers.get(name)
    assert near in caught.value.hint
    assert "custom_objects" in caught.value.hint
    assert len(re.findall("'\\w+'", caught.value.hint)) <= 3
    assert "VarianceScaling" not in str(caught.value)


def test_unknown_name_without_near_ones():
    with pytest.raises(ArgumentError, match="try +custom_objects"):
        activations.get("qqqqqqqq")


@pytest.mark.parametrize("config", [
    {"class_name": "system", "config": {"command": "true"}, "module": "os"},
    {"class_name": "os.system", "config": {}},
    {"class_name": "Initializer", "config": {}},
    {"class_name": "Constant", "config": {"value": 1.0}, "module": "evil.code"},
    {"class_name": "Constant", "config": {"value": 1.0}, "module": "kerasevil"},
    {"class_name": "function", "config": "eval", "module": "builtins"},
    {"class_name": "__import__", "config": {"name": "os"}, "module": "builtins"},
])  # fmt: skip
def test_what_is_not_in_the_registry_is_refused(config):
    with pytest.raises(ArgumentError, match="Unknown initializer"):
        initializers.deserialize(config)
    with pytest.raises(ArgumentError, match="Unknown initializer"):
        initializers.get(config)


@pytest.mark.parametrize("config", [
    {}, {"config": {}}, {"class_name": 3, "config": {}}, {"class_name": "Constant", "config": [1]}, 3,
])  # fmt: skip
def test_malformed_data_is_refused(config):
    with pytest.raises(ArgumentError, match="does not tell which initializer"):
        initializers.deserialize(config)


def test_wrong_arguments_are_told():
    with pytest.raises(ArgumentError, match=r"Constant cannot be made(.*\n)*.*no argument 'valeu'") as caught:
        initializers.deserialize({"class_name": "Constant", "config": {"valeu": 1.0}})
    assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(ArgumentError, match="Doubled misses 'value'"):
        initializers.get(Doubled)


@pytest.mark.parametrize("identifier", [3, [1.0], ("Zeros",)])
def test_other_things_are_refused(identifier):
    with pytest.raises(ArgumentError, match=f"cannot be used as initializer.\n.*{type(identifier).__name__}"):
        initializers.get(identifier)


@pytest.mark.parametrize("obj", [lambda x: x, Constant, 3])
def test_what_has_no_name_cannot_be_saved(obj):
    with pytest.raises(ArgumentError, match="cannot be saved"):
        initializers.serialize(obj)


def test_data_that_keras_wrote_is_understood():
    data = keras.saving.serialize_keras_object(keras.initializers.HeNormal(seed=3))
    assert data["module"] == "keras.initializers"
    assert initializers.get(data).get_config() == {"seed": 3, "input_axes": None, "output_axes": None}
    data = keras.saving.serialize_keras_object(keras.activations.gelu)
    assert data["class_name"] == "function"
    assert activations.get(data) is activations.gelu
