"""What a file has no word for is refused while saving: by name, with the user's line, and with what to do instead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError, Model, layers
from lamina.layers import Dense, Input, Layer
from lamina.saving import SavingError

HERE = Path(__file__).name


class Needs(Layer):
    def __init__(self, units: int, rate: float, *, mode: str = "a") -> None:
        super().__init__()

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


class Forgets(Needs):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": 3, "speed": 4}


class Holds(Layer):
    def __init__(self, value: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = value

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value": self.value}


class NoDict(Needs):
    def get_config(self) -> Any:
        raise NotImplementedError


class Subclassed(Model):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.dense = Dense(units)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


def refused(model: Model, tmp_path: Path) -> str:
    with pytest.raises((SavingError, ArgumentError)) as caught:
        model.save(tmp_path / "m.lamina")
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


def refused_config(model: Model, tmp_path: Path) -> str:
    """A text holds configs only; a file may hold what was traced instead."""
    with pytest.raises((SavingError, ArgumentError)) as caught:
        model.to_json()
    return str(caught.value)


def drawn(layer: Any) -> Model:
    x = Input((4,))
    return Model(x, layer(x))


def test_a_layer_whose_config_misses_arguments(tmp_path: Path) -> None:
    text = refused_config(drawn(Needs(1, 0.5)), tmp_path)
    assert 'Needs "needs" cannot be saved: its get_config() does not give what Needs.__init__ takes' in text
    assert "also 'units', 'rate'" in text
    assert '{**super().get_config(), "units": self.units, "rate": self.rate}' in text
    assert HERE in text


def test_a_layer_whose_config_holds_what_its_class_does_not_take(tmp_path: Path) -> None:
    text = refused_config(drawn(Forgets(1, 0.5)), tmp_path)
    assert "also 'rate'; not 'speed'" in text


def test_a_layer_that_has_no_config(tmp_path: Path) -> None:
    assert "its get_config() gives no dict" in refused_config(drawn(NoDict(1, 0.5)), tmp_path)


@pytest.mark.parametrize(
    "value,hint",
    (
        (torch.ones(2), "value.tolist()"),
        (np.ones(2), "value.tolist()"),
        (torch.tanh, "lamina.activations.serialize"),
        ({1, 2}, "plain numbers"),
        (b"code", "plain numbers"),
        ({"deep": [(lambda: 0,)]}, "lamina.activations.serialize"),
    ),
)
def test_a_config_that_holds_more_than_data(tmp_path: Path, value: Any, hint: str) -> None:
    text = refused_config(drawn(Holds(value)), tmp_path)
    assert 'Holds "holds" cannot be saved: its get_config() holds more than data' in text
    assert hint in text
    assert HERE in text


def test_a_bare_module(tmp_path: Path) -> None:
    text = refused_config(drawn(layers.TorchModule(torch.nn.Linear(4, 2))), tmp_path)
    assert "also 'module'" in text
    assert "a Layer that makes the module in __init__" in text
    assert "save_weights" in text


def test_a_lambda_with_code_of_the_users(tmp_path: Path) -> None:
    text = refused_config(drawn(layers.Lambda(lambda x: x * 2)), tmp_path)
    assert 'Lambda "lambda" cannot be saved: its function is code of yours' in text
    assert HERE in text


def test_an_activation_without_a_name(tmp_path: Path) -> None:
    text = refused_config(drawn(Dense(2, activation=lambda x: x * 2)), tmp_path)
    assert "activation" in text
    assert "cannot be saved" in text
    assert HERE in text


def test_a_function_that_has_no_public_name(tmp_path: Path) -> None:
    x = Input((4,))
    text = refused(Model(x, torch.ops.aten.relu(x)), tmp_path)
    assert "The node 'relu' cannot be saved: it calls a function that a file has no word for" in text
    assert "a subclass of Layer whose call() calls it" in text
    assert HERE in text


class Applies(Layer):
    def call(self, inputs: Any, how: Any) -> Any:
        return how(inputs)


def test_an_argument_that_is_code(tmp_path: Path) -> None:
    x = Input((4,))
    model = Model(x, Applies(name="applies")(x, how=lambda v: v * 2))
    text = refused(model, tmp_path)
    assert 'Applies "applies" cannot be saved: what it does cannot be traced' in text
    assert "was called with <function test_an_argument_that_is_code" in text
    assert HERE in text
    with lamina.saving.custom_object_scope({"Applies": Applies}):
        text = refused(model, tmp_path)
    assert "The node 'applies' cannot be saved: a file has no word for an argument" in text
    assert HERE in text


def test_the_refusal_names_the_innermost_line(tmp_path: Path) -> None:
    inner = drawn(Needs(1, 0.5))
    line = inner.graph.nodes[-1].source.line
    assert f"{HERE}:{line}" in refused_config(drawn(drawn(inner)), tmp_path)


def test_a_structure_that_is_no_plain_one(tmp_path: Path) -> None:
    class Pair(tuple):
        _fields = ("a", "b")

        def __new__(cls, a: Any, b: Any) -> Any:
            return super().__new__(cls, (a, b))

    x = Input((4,))
    assert "The outputs of the model have a structure" in refused(Model(x, Pair(x + 1, x + 2)), tmp_path)


def test_a_subclassed_model_without_its_arguments(tmp_path: Path) -> None:
    model = Subclassed(3)
    model(torch.ones(1, 4))
    text = refused_config(model, tmp_path)
    assert 'Subclassed "subclassed" cannot be saved' in text
    assert "also 'units'" in text
    model.save_weights(tmp_path / "w.safetensors")  # as the hint says


def test_state_that_is_no_tensor(tmp_path: Path) -> None:
    class Extra(Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

        def get_extra_state(self) -> Any:
            return {"when": 1}

    assert "The state 'extra._extra_state' is no tensor" in refused(drawn(Extra()), tmp_path)


def test_a_weight_that_is_not_dense(tmp_path: Path) -> None:
    class Sparse(Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.register_buffer("table", torch.eye(3).to_sparse())

        def call(self, inputs: Any) -> Any:
            return inputs

    text = refused(drawn(Sparse()), tmp_path)
    assert "its weight 'table' is torch.sparse_coo" in text
    assert "torch.sparse_coo" in text


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    model = drawn(Dense(2))
    with pytest.raises(SavingError, match=r"\*\.lamina, \*\.keras, \*\.h5, \*\.hdf5"):
        model.save(tmp_path / "m.zip")
    with pytest.raises(SavingError, match="There is no folder"):
        model.save(tmp_path / "nowhere" / "m.lamina")
    with pytest.raises(SavingError, match=r"\*\.keras, \*\.weights\.h5, \*\.h5, \*\.hdf5, \*\.safetensors"):
        model.save_weights(tmp_path / "m.bin")
    model.save(tmp_path / "m.lamina")
    before = (tmp_path / "m.lamina").stat()
    with pytest.raises(SavingError, match="There is a file already"):
        model.save(tmp_path / "m.lamina", overwrite=False)
    assert (tmp_path / "m.lamina").stat() == before
    assert os.listdir(tmp_path) == ["m.lamina"]


def test_weights_that_are_not_there_yet(tmp_path: Path) -> None:
    with pytest.raises(SavingError, match="has no weights yet"):
        Subclassed(2).save_weights(tmp_path / "w.safetensors")
