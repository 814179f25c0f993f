"""Weights of classes: of the loss in training, as in Keras, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lamina

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 3)).astype("float32")
K = RANDOM.integers(0, 4, 24)
KERNEL, BIAS = RANDOM.normal(size=(3, 4)).astype("float32"), RANDOM.normal(size=4).astype("float32")
TABLE = {0: 5.0, 2: 0.5}


def build(framework: object, one_hot: bool) -> object:
    """The same model in Lamina or Keras."""
    inputs = framework.Input((3,))
    model = framework.Model(inputs, framework.layers.Dense(4, activation="softmax")(inputs))
    model.set_weights([KERNEL, BIAS])
    loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("one_hot", [False, True], ids=["numbers", "one-hot"])
def test_training_is_weighted_as_in_keras_and_validation_is_not(one_hot: bool) -> None:
    import keras

    y = np.eye(4, dtype="float32")[K] if one_hot else K
    options = {
        "class_weight": TABLE,
        "validation_data": (X, y),
        "shuffle": False,
        "batch_size": 7,
        "epochs": 2,
        "verbose": 0,
    }
    ours, theirs = build(lamina, one_hot), build(keras, one_hot)
    expected = theirs.fit(X, y, **options).history
    history = ours.fit(X, y, **options).history
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_evaluate_is_the_last_validation_exactly() -> None:
    model = build(lamina, False)
    history = model.fit(X, K, class_weight=TABLE, validation_data=(X, K), batch_size=7, verbose=0).history
    scores = model.evaluate(X, K, batch_size=7, verbose=0, return_dict=True)
    assert scores == {name: history[f"val_{name}"][-1] for name in scores}


def test_a_batch_is_weighted_when_it_is_trained_on() -> None:
    model = build(lamina, False)
    plain = model.test_on_batch(X, K)["loss"]
    values = -np.log(model.predict(X, verbose=0)[np.arange(24), K])
    weights = np.array([TABLE.get(int(k), 1.0) for k in K])
    np.testing.assert_allclose(plain, values.mean(), rtol=1e-5)
    np.testing.assert_allclose(
        model.train_on_batch(X, K, class_weight=TABLE)["loss"], (values * weights).mean(), rtol=1e-5
    )


@pytest.mark.parametrize("table", [{0: 5.0, 2: 0.5}, {0: 5.0, 3: 0.5}, {0: 5.0, 9: 0.5}])
def test_a_class_that_is_not_in_the_table_has_weight_1(table: dict[int, float]) -> None:
    from lamina.training.class_weights import ClassWeights

    numbers = torch.tensor([-7, -1, 0, 1, 2, 3, 4, 8, 9, 10, 1000])
    expected = torch.tensor([table.get(int(number), 1.0) for number in numbers])
    for shape in ((11,), (11, 1)):
        assert torch.equal(ClassWeights(table).of(numbers.reshape(shape), table, torch.Size([11, 4])), expected)


def test_weights_of_classes_of_a_single_output_go_by_0_and_1() -> None:
    from lamina.training.class_weights import ClassWeights

    table = {0: 2.0, 1: 3.0}
    target = torch.tensor([[0.0], [1.0], [2.0]])
    assert ClassWeights(table).of(target, table, torch.Size([3, 1])).tolist() == [2.0, 3.0, 1.0]
