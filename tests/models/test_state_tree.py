"""`get_state_tree` and `set_state_tree`: nested dicts by Keras' paths; and two of Keras' words on layers."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError


def trained(library):
    model = library.Sequential([library.Input((3,)), library.layers.Dense(1, name="out")])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    return model


def shape_of(tree):
    return {k: shape_of(v) if isinstance(v, dict) else tuple(np.shape(v)) for k, v in sorted(tree.items())}


def test_the_tree_is_keras():
    ours, theirs = trained(lamina).get_state_tree(), trained(keras).get_state_tree(value_format="numpy_array")
    assert list(ours) == list(theirs)
    assert shape_of(ours["metrics_variables"]) == shape_of(theirs["metrics_variables"])
    assert set(shape_of(ours["optimizer_variables"]["adam"])) >= {"iteration", "learning_rate"}
    assert shape_of(ours["trainable_variables"]["out"]) == {"bias": (1,), "kernel": (3, 1)}


def test_a_state_goes_back_where_it_came_from():
    model, other = trained(lamina), trained(lamina)
    other.set_state_tree(model.get_state_tree())
    for mine, its in zip(model.weights, other.weights, strict=True):
        assert torch.equal(mine, its)
    after = [m.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, seed=1).history["loss"] for m in (model, other)]
    assert after[0] == after[1]
    assert all(torch.equal(a, b) for a, b in zip(model.weights, other.weights, strict=True))
    model.set_state_tree({"optimizer_variables": {"adam": {"learning_rate": 0.25}}})
    assert float(model.optimizer.learning_rate) == 0.25
    arrays = model.get_state_tree("numpy_array")
    assert isinstance(arrays["trainable_variables"]["out"]["kernel"], np.ndarray)


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda m: m.get_state_tree("text"), "no such format"),
        (lambda m: m.set_state_tree({"weights": {}}), "no such part"),
        (lambda m: m.set_state_tree({"trainable_variables": {"out": {"kernal": 1}}}), "kernal"),
        (lambda m: m.set_state_tree({"optimizer_variables": {"adam": {"learning_rate": [1.0]}}}), "another shape"),
    ],
)
def test_what_does_not_fit_is_named(wrong, words):
    with pytest.raises(lamina.LaminaError, match=words):
        wrong(trained(lamina))


def test_two_weights_of_one_path_are_refused():
    class Twins(lamina.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = lamina.layers.Dense(2, name="twin"), lamina.layers.Dense(2, name="twin")

        def call(self, x):
            return self.b(self.a(x))

    model = Twins()
    model(torch.ones(1, 2))
    with pytest.raises(ArgumentError, match="found twice"):
        model.get_state_tree()


def test_quantize_says_what_there_is():
    for owner in (trained(lamina), lamina.layers.Dense(2), lamina.layers.Embedding(3, 2)):
        with pytest.raises(ArgumentError, match=r"(?s)quantize\('int8'\).*torchao"):
            owner.quantize("int8")


def test_a_weight_by_keras_other_word():
    class Counts(lamina.Layer):
        def __init__(self):
            super().__init__()
            self.count = self.add_variable(shape=(), initializer="zeros", trainable=False)

    assert [w.shape for w in Counts().weights] == [()]


def test_variables_have_paths_as_keras_names_them() -> None:
    found = {}
    for library in (keras, lamina):
        x = library.Input((3,))
        model = library.Model(x, library.layers.Dense(1, name="out")(library.layers.Dense(2, name="first")(x)))
        model.compile(library.optimizers.Adam(name="mine"), "mse", metrics=["mae"])
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
        variables = [*model.optimizer.variables, *model.trainable_variables]
        found[library] = sorted(variable.path for variable in variables), sorted(v.name for v in variables)
        assert "loss/total" in [variable.path for variable in model.metrics_variables]
        assert [v.name for v in model.metrics_variables] == ["total", "count"] * 2
    assert found[lamina] == found[keras]


def test_what_is_listed_is_what_the_tree_holds() -> None:
    x = lamina.Input((3,))
    model = lamina.Model(x, lamina.layers.Dense(1, name="out")(x))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    state = model.get_state_tree()
    for part, variables in (
        ("optimizer_variables", model.optimizer.variables),
        ("metrics_variables", model.metrics_variables),
    ):
        for variable in variables:
            owner, name = variable.path.split("/")
            assert torch.equal(state[part][owner][name], variable.value)
    again = copy.deepcopy(model.metrics[0])
    assert [variable.path for variable in again.variables] == ["loss/total", "loss/count"]
