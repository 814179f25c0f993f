"""How a model is to be trained may make no sense: sorted rows, a rate, an optimizer, a direction, a forgotten layer."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch

from lamina import ArgumentError, Input, Model, Sequential, callbacks, layers, optimizers

X = np.random.default_rng(0).random((60, 4)).astype("float32")
SORTED = np.repeat([0, 1, 2], 20)
MIXED = np.tile([0, 1, 2], 20)
SPARSE, ONE_HOT, BINARY = "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"


class Own(Model):
    def __init__(self, *unused, units=3, activation="softmax"):
        super().__init__()
        self.head, self.parts = layers.Dense(units, activation=activation), list(unused)

    def call(self, x):
        return self.head(x)


def drawn(units=3, activation="softmax"):
    return Sequential([Input((4,)), layers.Dense(units, activation=activation)])


def told(model, y=MIXED, loss=SPARSE, optimizer="sgd", **options):
    """What fitting twice warns of, each at a line of this file."""
    model.compile(optimizer, loss)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(2):
            model.fit(X, y, verbose=0, **options)
    assert {warning.filename for warning in seen} <= {__file__}
    return [str(warning.message) for warning in seen]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


NEW, ONE = r"\d+% of the \d+ last rows are of classes that no other row has \(", "last rows are of class 2, one of"
SPLITS = {
    "a class is new": (drawn, SORTED, SPARSE, 0.5, NEW),
    "one class is kept": (Own, SORTED, SPARSE, 0.2, ONE),
    "in a column, as floats": (drawn, SORTED[:, None].astype("float32"), SPARSE, 0.6, NEW),
    "one-hot": (Own, np.eye(3)[SORTED], ONE_HOT, 0.5, NEW),
    "a yes or no": (lambda: drawn(1, "sigmoid"), SORTED // 2, BINARY, 0.2, "are of class 1, one of"),
    "a loss of torch": (lambda: drawn(3, None), torch.tensor(SORTED), torch.nn.CrossEntropyLoss(), 0.5, NEW),
    "read-only": (drawn, read_only(SORTED), SPARSE, 0.5, NEW),
}


@pytest.mark.parametrize("case", SPLITS)
def test_sorted_rows_are_no_validation(case):
    make, y, loss, part, text = SPLITS[case]
    (message,) = told(make(), y, loss, validation_split=part)
    assert re.search(text, message), message
    assert "Try " in message


def test_rows_in_any_order_amounts_and_rare_classes_are_silent():
    rare = MIXED.copy()
    rare[-1] = 3
    assert not told(drawn(), MIXED, validation_split=0.2)
    assert not told(drawn(4), rare, validation_split=0.3)
    assert not told(drawn(1, None), np.arange(60.0), "mse", validation_split=0.2)
    assert not told(drawn(), np.eye(3)[SORTED], "mse", validation_split=0.2)
    assert not told(drawn(), SORTED)


def halved(rate):
    return optimizers.schedules.ExponentialDecay(rate, 10, 0.5)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda _: optimizers.Adam(1.0),
        lambda _: optimizers.RMSprop(halved(2.0)),
        lambda model: torch.optim.AdamW(model.parameters(), lr=10.0),
        lambda _: optimizers.LossScaleOptimizer(optimizers.Nadam(5.0)),
    ],
)
def test_a_rate_above_every_weight_is_told_of_once(optimizer):
    model = drawn()
    (message,) = told(model, optimizer=optimizer(model))
    assert "has a learning rate of" in message


@pytest.mark.parametrize("optimizer", [optimizers.SGD(1.0), optimizers.Adadelta(1.0), optimizers.Adam(0.5)])
def test_a_large_rate_that_may_be_right_is_silent(optimizer):
    assert not told(drawn(), optimizer=optimizer)


def test_an_optimizer_of_two_models_is_told_of():
    shared = optimizers.Adam(0.01)
    assert not told(drawn(), optimizer=shared)
    (message,) = told(drawn(), optimizer=shared)
    assert "none of the model's" in message


def test_an_optimizer_of_a_model_and_a_part_of_it_is_right():
    shared, x = optimizers.Adam(0.01), Input((4,))
    part = Model(x, layers.Dense(4)(x))
    whole = Model(x, layers.Dense(3, activation="softmax")(part(x)))
    assert not told(whole, optimizer=shared)
    assert not told(part, X, "mse", optimizer=shared)


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.used, self.unused = layers.Dense(3), layers.Dense(5)

    def call(self, x):
        return self.used(x)


@pytest.mark.parametrize(
    "model, names",
    [
        (lambda: Own(layers.Dense(4)), "training: parts_0 (Dense)."),
        (lambda: Own(Block(), layers.LSTM(3), Sequential([layers.Dense(3)])),
         "parts_0 (Block), parts_1 (LSTM), parts_2 (Sequential)."),
        (lambda: Sequential([Input((4,)), Block(), layers.Softmax()]), "block.unused (Dense)."),
    ],
)  # fmt: skip
def test_a_layer_that_no_call_uses_is_told_of(model, names):
    (message,) = told(model())
    assert names in message


def test_what_has_no_weights_to_train_may_be_left_out():
    frozen = layers.Dense(3, trainable=False)
    others = [layers.Dropout(0.5), layers.Concatenate(), layers.Flatten(), layers.Attention(), layers.RandomFlip()]
    assert not told(Own(*others, layers.Normalization(), Sequential([layers.RandomFlip()]), frozen))


@pytest.mark.parametrize(
    "callback, text",
    [
        (callbacks.EarlyStopping(mode="max"), "a smaller 'val_loss' is better"),
        (callbacks.ReduceLROnPlateau("val_loss", mode="max"), "mode='min'"),
        (callbacks.EarlyStopping("val_accuracy", mode="min"), "a larger 'val_accuracy' is better"),
    ],
)
def test_the_worst_taken_for_the_best_is_told_of(callback, text):
    model = drawn()
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    with pytest.warns(UserWarning, match=text):
        model.fit(X, MIXED, validation_split=0.2, verbose=0, callbacks=[callback])


def test_a_direction_that_is_right_or_unknown_is_silent():
    model = drawn()
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    right = [callbacks.EarlyStopping(mode="min"), callbacks.EarlyStopping("accuracy", mode="max")]
    callback = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(accuracy_drop=0.1))
    unknown = callbacks.EarlyStopping("accuracy_drop", mode="min")
    model.fit(X, MIXED, validation_split=0.2, verbose=0, callbacks=[callback, *right, unknown])


def test_a_text_that_counts_as_true_is_no_flag():
    model = drawn()
    for frozen in (layers.Dense(3), model, model.layers[0].kernel):
        for text in ("no", "False"):
            with pytest.raises(ArgumentError, match=r"trainable cannot be(.|\n)*try       trainable=False"):
                frozen.trainable = text
        frozen.trainable = np.False_
        assert not frozen.trainable
