"""Layers, models and functions of the user's: saved by name, loaded with what the caller hands over, never imported."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import lamina
from lamina import Model, Sequential, layers
from lamina.layers import Dense, Input, Layer
from lamina.models import load_model
from lamina.saving import LoadingError

ROOT = Path(__file__).resolve().parents[2]


class Scale(Layer):
    def __init__(self, factor: float, shape: Any = (1,), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor, self.shape = factor, shape

    def build(self, input_shape: Any) -> None:
        self.weight = self.add_weight((input_shape[-1],), initializer="uniform", name="weight")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.weight * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "shape": self.shape}


def double(x: torch.Tensor) -> torch.Tensor:
    return x * 2


class Half(lamina.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> torch.Tensor:
        return torch.full(tuple(shape), 0.5, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {}


class Plain(Layer):
    """Has arguments of its own only: neither name nor trainable, as many people write it."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.inner = Dense(units)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.inner(inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Twin(Model):
    """A subclassed model, without a graph."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.branches = [Dense(units), Dense(units, activation="relu")]

    def call(self, inputs: dict[str, Any], training: bool = False) -> torch.Tensor:
        return self.branches[0](inputs["a"]) + self.branches[1](inputs["b"][0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class CustomStep(Model):
    """A drawn model whose class adds methods only."""

    def double_call(self, x: torch.Tensor) -> torch.Tensor:
        return self(x) * 2


def test_a_custom_layer_comes_back_in_another_process(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = Input((4,))
    scale = Scale(0.5, shape=(2, 3), trainable=False)
    model = Model(x, Dense(2)(scale(scale(x))))
    model.save(tmp_path / "m.lamina")
    program = f"""
import sys, torch
from typing import Any
from lamina.layers import Layer
from lamina.models import load_model

{inspect.getsource(Scale)}
model = load_model(sys.argv[1], custom_objects={{"Scale": Scale}})
scale = model.get_layer("scale")
print(type(scale) is Scale, scale.shape, scale.trainable, len(model.weights))
torch.save(model(torch.arange(8.).reshape(2, 4)), sys.argv[2])
"""
    command = [sys.executable, "-c", program, str(tmp_path / "m.lamina"), str(tmp_path / "y")]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stdout.split("\n")[0] == "True (2, 3) False 3"
    assert torch.equal(torch.load(tmp_path / "y"), model(torch.arange(8.0).reshape(2, 4)))


def test_without_its_class_a_custom_layer_is_what_was_traced_of_it(tmp_path: Path) -> None:
    x = Input((4,))
    model = Model(x, Scale(2)(x))
    model.save(tmp_path / "m.lamina")
    for custom_objects in (None, {"Scale2": Scale}, {"scale": Scale}):
        loaded = load_model(tmp_path / "m.lamina", custom_objects=custom_objects)
        assert loaded.get_layer("scale").label == 'Scale (traced) "scale"'
        assert torch.equal(loaded(torch.ones(2, 4)), model(torch.ones(2, 4)))
    with pytest.raises(LoadingError, match=r"'Scale' of the layer 'scale' .* no class is imported by name") as caught:
        lamina.models.model_from_json(model.to_json())
    assert 'custom_objects={"Scale": Scale}' in str(caught.value)
    with pytest.raises(LoadingError, match="'Scale' of the layer 'scale'.*\n.*no subclass of Layer"):
        load_model(tmp_path / "m.lamina", custom_objects={"Scale": print})


def test_a_name_of_ours_always_means_ours_and_one_of_the_users_always_theirs(tmp_path: Path) -> None:
    class Other(Plain):
        pass

    Other.__name__ = "Dense"
    x = Input((4,))
    model = Model(x, [Dense(2, name="ours")(x), Other(3)(x)])
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"Dense": Other})
    assert [type(layer) for layer in loaded.layers[1:]] == [type(layer) for layer in model.layers[1:]]
    assert [layer.label for layer in load_model(tmp_path / "m.lamina").layers[1:]] == [
        'Dense "ours"', 'Dense (traced) "dense"'
    ]  # fmt: skip


def test_functions_and_objects_of_the_users_within_our_layers(tmp_path: Path) -> None:
    x = Input((4,))
    y = layers.LSTM(3, activation=double, kernel_initializer=Half(), return_sequences=True)(
        Dense(4, double)(x)[:, None]
    )
    y = layers.RNN(layers.StackedRNNCells([layers.GRUCell(2, activation=double)]))(y)
    model = Model(x, y)
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"double": double, "Half": Half})
    assert torch.equal(loaded(torch.ones(2, 4)), model(torch.ones(2, 4)))
    assert isinstance(loaded.get_layer("lstm").kernel_initializer, Half)
    without = load_model(tmp_path / "m.lamina", custom_objects={"Half": Half})
    assert without.get_layer("lstm").label == 'LSTM (traced) "lstm"'
    assert torch.equal(without(torch.ones(2, 4)), model(torch.ones(2, 4)))


def test_a_class_without_the_usual_arguments_gets_them_back(tmp_path: Path) -> None:
    x = Input((4,))
    frozen = Plain(3)
    frozen.trainable = False
    model = Model(x, Plain(2)(frozen(x)))
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"Plain": Plain})
    assert list(loaded.state_dict()) == list(model.state_dict())
    assert [layer.trainable for layer in loaded.layers] == [layer.trainable for layer in model.layers]
    assert [p.requires_grad for p in loaded.parameters()] == [False, False, True, True]
    assert torch.equal(loaded(torch.ones(2, 4)), model(torch.ones(2, 4)))


def test_a_subclassed_model_is_built_as_it_was_first_called(tmp_path: Path) -> None:
    model = Twin(5)
    data = {"a": torch.ones(2, 4), "b": [torch.ones(2, 3)]}
    expected = model(data, training=True)
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"Twin": Twin})
    assert isinstance(loaded, Twin)
    assert torch.equal(loaded(data), expected)


def test_a_subclassed_model_that_was_never_called_has_no_weights_to_store(tmp_path: Path) -> None:
    Twin(5).save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"Twin": Twin})
    assert loaded.units == 5
    assert not loaded.weights


def test_a_subclassed_model_within_a_graph(tmp_path: Path) -> None:
    a, b = Input((4,)), Input((3,))
    twin = Twin()
    model = Model([a, b], twin({"a": a, "b": [b]}) + twin({"a": a * 2, "b": [b]}))
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"Twin": Twin})
    data = [torch.ones(2, 4), torch.ones(2, 3)]
    assert torch.equal(loaded(data), model(data))
    assert len(loaded.weights) == 4


def test_a_subclass_of_model_that_is_drawn_keeps_its_class(tmp_path: Path) -> None:
    class Chain(Sequential):
        pass

    x = Input((4,))
    model = CustomStep(x, Chain([Input((4,)), Dense(2)])(x))
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"CustomStep": CustomStep, "Chain": Chain})
    assert isinstance(loaded.layers[1], Chain)
    assert torch.equal(loaded.double_call(torch.ones(1, 4)), model.double_call(torch.ones(1, 4)))


def test_a_layer_that_is_built_for_a_tensor_of_the_users(tmp_path: Path) -> None:
    class Mix(Layer):
        def build(self, x_shape: Any, other_shape: Any) -> None:
            self.kernel = self.add_weight((x_shape[-1], other_shape[-1]), name="kernel")

        def call(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            return x @ self.kernel * other

    x = Input((4,))
    model = Model(x, Mix()(x, torch.ones(3)))
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"Mix": Mix})
    assert torch.equal(loaded(torch.ones(2, 4)), model(torch.ones(2, 4)))


def test_a_model_inside_a_wrapper(tmp_path: Path) -> None:
    x = Input((4,))
    inner = Model(x, Scale(3.0)(x))
    y = Input((5, 4))
    model = Model(y, layers.TimeDistributed(inner)(y))
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"Scale": Scale})
    assert torch.equal(loaded(torch.ones(1, 5, 4)), model(torch.ones(1, 5, 4)))


class Held(layers.Layer):
    """Its weights lie in lists, tuples and dicts, with names and without."""

    def build(self, input_shape: Any) -> None:
        size = (input_shape[-1],)
        self.listed = [self.add_weight(size, "random_normal") for _ in range(2)]
        self.paired = (self.add_weight(size, name="a"), self.add_weight(size, trainable=False, name="b"))
        self.named = {"deep": [self.add_weight(size, "random_normal", name="c")], "rest": 3.0}

    def call(self, x: torch.Tensor, training: bool = False) -> torch.Tensor:
        if training:
            self.paired[1].assign_add(torch.ones_like(self.paired[1]))
        first, second = self.listed
        return x * first + second * self.named["deep"][0] + self.paired[0] * self.paired[1] + self.named["rest"]


@pytest.mark.parametrize("suffix, at_hand", [(".lamina", True), (".lamina", False), (".keras", True), (".h5", True)])
def test_weights_in_lists_and_dicts_are_weights(suffix: str, at_hand: bool, tmp_path: Path) -> None:
    x = Input((3,))
    model = Model(x, layers.Dense(2)(Held()(Held()(x))))
    model.compile("sgd", "mse")
    data = torch.linspace(-1, 1, 12).reshape(4, 3)
    model.fit(data, torch.ones(4, 2), verbose=0, shuffle=False)
    held = [id(weight) for weight in model.layers[1].listed]
    model.save(tmp_path / f"m{suffix}")
    assert [id(weight) for weight in model.layers[1].listed] == held
    again = lamina.models.load_model(tmp_path / f"m{suffix}", custom_objects={"Held": Held} if at_hand else None)
    for _ in range(2):
        assert torch.equal(again(data), model(data))
        for each in (again, model):
            each.fit(data, torch.ones(4, 2), verbose=0, shuffle=False)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_function_that_is_not_at_hand_is_asked_for_in_full(suffix: str, tmp_path: Path) -> None:
    def doubled_and_bent(x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(2 * x)

    x = Input((3,))
    Model(x, Dense(2, activation=doubled_and_bent)(x)).save(tmp_path / f"m{suffix}")
    with pytest.raises(LoadingError) as raised:
        load_model(tmp_path / f"m{suffix}")
    assert 'custom_objects={"doubled_and_bent": ...}' in str(raised.value).splitlines()[-1]


class Endpoint(Layer):
    """A loss and a metric within a call, as in Keras' guides."""

    def __init__(self) -> None:
        super().__init__()
        self.accuracy = lamina.metrics.BinaryAccuracy(name="accuracy")

    def call(self, x: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        self.add_loss(((targets - x) ** 2).mean())
        self.accuracy.update_state(targets, x)
        return torch.sigmoid(x)


def test_a_metric_within_a_call_is_named(tmp_path: Path) -> None:
    x, y = Input((3,)), Input((3,))
    model = Model([x, y], Endpoint()(Dense(3)(x), y))
    with pytest.raises(lamina.saving.SavingError, match=r"keeps metrics \(accuracy\)"):
        model.save(tmp_path / "m.lamina")
    model.save(tmp_path / "m.keras")
    with lamina.saving.custom_object_scope({"Endpoint": Endpoint}):
        model.save(tmp_path / "m.lamina")
    for name in ("m.keras", "m.lamina"):
        again = load_model(tmp_path / name, custom_objects={"Endpoint": Endpoint})
        data = [torch.ones(2, 3), torch.zeros(2, 3)]
        assert torch.equal(again(data), model(data))
