"""What is allowed and makes no sense is told of once, at a line of the user's, with what to try. Right code is silent.

Warnings are errors in all tests, so each test here in which none is expected shows that there is none.
"""

from __future__ import annotations

import copy
import re
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import lamina
from lamina import Input, Model, Sequential, layers, losses, ops
from lamina.callbacks import TerminateOnNaN
from lamina.graph import ArgumentError, ShapeError
from lamina.layers.captured import captured
from lamina.losses import BinaryCrossentropy
from lamina.optimizers import SGD, Adam

RNG = np.random.default_rng(0)
X = RNG.random((48, 4)).astype("float32")
CLASSES = np.arange(48) % 3
ANSWERS = (CLASSES > 0).astype("float32")[:, None]
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
LOGITS = losses.SparseCategoricalCrossentropy(from_logits=True)
BINARY_LOGITS = losses.BinaryCrossentropy(from_logits=True)


def drawn(head):
    x = Input((4,), name="x")
    return Model(x, head(layers.Dense(8, activation="tanh")(x)))


def fitted(model, y, loss, **options):
    model.compile(SGD(0.01), loss)
    model.fit(X, y, verbose=0, batch_size=16, **options)
    return model


def told(run):
    """The texts of the warnings that something gives; each is at a line of this file."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        run()
    assert all(warning.filename == __file__ for warning in seen), [warning.filename for warning in seen]
    return [str(warning.message) for warning in seen]


class Own(Model):
    def __init__(self, head):
        super().__init__()
        self.body, self.head = layers.Dense(8), head

    def call(self, x):
        return self.head(self.body(x))


# ---- losses and heads ----------------------------------------------------------------------------------------------

TWICE = "taken twice"
NO_PROBABILITIES = "takes probabilities"
MISFITS = {
    "softmax in Dense": (layers.Dense(3, activation="softmax"), CLASSES, LOGITS, TWICE),
    "softmax as a layer": (lambda h: layers.Softmax()(layers.Dense(3)(h)), CLASSES, LOGITS, TWICE),
    "softmax as Activation": (lambda h: layers.Activation("softmax")(layers.Dense(3)(h)), CLASSES, LOGITS, TWICE),
    "torch.softmax": (lambda h: torch.softmax(layers.Dense(3)(h), -1), CLASSES, LOGITS, TWICE),
    "ops.softmax": (lambda h: ops.softmax(layers.Dense(3)(h)), CLASSES, LOGITS, TWICE),
    "a method": (lambda h: layers.Dense(3)(h).softmax(-1), CLASSES, nn.CrossEntropyLoss(), TWICE),
    "nn.Softmax": (lambda h: layers.TorchModule(nn.Softmax(1))(layers.Dense(3)(h)), CLASSES, LOGITS, TWICE),
    "one-hot": (
        layers.Dense(3, activation="softmax"), ONE_HOT, losses.CategoricalCrossentropy(from_logits=True), TWICE,
    ),
    "cast and reshaped": (
        lambda h: layers.Reshape((3,))(torch.softmax(layers.Dense(3)(h), -1).float()), CLASSES, LOGITS, TWICE,
    ),
    "in a model within": (
        lambda h: Sequential([Input((8,)), layers.Dense(3), layers.Softmax()])(h), CLASSES, LOGITS, TWICE,
    ),
    "sigmoid in Dense": (layers.Dense(1, activation="sigmoid"), ANSWERS, BINARY_LOGITS, TWICE),
    "ops.sigmoid": (lambda h: ops.sigmoid(layers.Dense(1)(h)), ANSWERS, BINARY_LOGITS, TWICE),
    "torch.sigmoid": (lambda h: torch.sigmoid(layers.Dense(1)(h)), ANSWERS, nn.BCEWithLogitsLoss(), TWICE),
    "linear, by name": (layers.Dense(3), CLASSES, "sparse_categorical_crossentropy", NO_PROBABILITIES),
    "linear, an object": (layers.Dense(1), ANSWERS, losses.BinaryCrossentropy(), NO_PROBABILITIES),
    "linear, a shorthand": (layers.Dense(3), CLASSES, "crossentropy", NO_PROBABILITIES),
    "linear, focal": (layers.Dense(1), ANSWERS, "binary_focal_crossentropy", NO_PROBABILITIES),
    "linear, divergence": (layers.Dense(3), ONE_HOT, "kl_divergence", NO_PROBABILITIES),
    "relu in Dense": (layers.Dense(1, activation="relu"), ANSWERS, "bce", NO_PROBABILITIES),
    "relu as a layer": (lambda h: layers.ReLU()(layers.Dense(3)(h)), ONE_HOT, "categorical_crossentropy",
                        NO_PROBABILITIES),
    "tanh": (lambda h: torch.tanh(layers.Dense(1)(h)), ANSWERS, "bce", NO_PROBABILITIES),
    "in time": (lambda h: layers.TimeDistributed(layers.Dense(1))(h[:, None]), ANSWERS[:, None], "bce",
                NO_PROBABILITIES),
    "no log": (layers.Dense(3, activation="softmax"), CLASSES, nn.NLLLoss(), "logarithms"),
    "one unit": (layers.Dense(1, activation="softmax"), ANSWERS, "bce", "a single unit"),
    "one unit, any loss": (lambda h: layers.Softmax()(layers.Dense(1)(h)), ANSWERS, "mse", "a single unit"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_a_loss_that_does_not_fit_the_head_is_told_of_once(case):
    head, y, loss, text = MISFITS[case]
    model = drawn(head)

    def twice():
        fitted(model, y, loss)
        model.fit(X, y, verbose=0)
        model.evaluate(X, y, verbose=0)

    (message,) = [m for m in told(twice) if "cannot change" not in m]
    assert text in message
    assert "Try " in message
    assert re.search(r"test_sense\.py:\d+\)", message), "the call that made the output"


def test_a_model_without_a_graph_is_told_by_what_it_returns():
    (message,) = told(lambda: fitted(Own(layers.Dense(3, activation="softmax")), CLASSES, LOGITS))
    assert TWICE in message
    (message,) = told(lambda: fitted(Own(layers.Dense(3)), CLASSES, "sparse_categorical_crossentropy"))
    assert NO_PROBABILITIES in message


def test_each_output_is_looked_at_and_compile_begins_anew():
    x = Input((4,))
    model = Model(x, [layers.Dense(3, name="a")(x), layers.Dense(3, name="b", activation="softmax")(x)])
    both = [CLASSES, CLASSES]
    messages = told(lambda: fitted(model, both, [losses.SparseCategoricalCrossentropy(), LOGITS]))
    assert [NO_PROBABILITIES in messages[0], TWICE in messages[1]] == [True, True]
    assert "'a'" in messages[0]
    assert "'b'" in messages[1]
    assert len(told(lambda: fitted(model, both, [losses.SparseCategoricalCrossentropy(), LOGITS]))) == 2


RIGHT = {
    "softmax": (layers.Dense(3, activation="softmax"), CLASSES, "sparse_categorical_crossentropy"),
    "logits": (layers.Dense(3), CLASSES, LOGITS),
    "logits, of torch": (layers.Dense(3), CLASSES, nn.CrossEntropyLoss()),
    "log_softmax": (lambda h: torch.log_softmax(layers.Dense(3)(h), 1), CLASSES, nn.NLLLoss()),
    "log_softmax as logits": (layers.Dense(3, activation="log_softmax"), CLASSES, LOGITS),
    "sigmoid": (layers.Dense(1, activation="sigmoid"), ANSWERS, "bce"),
    "several answers": (layers.Dense(3, activation="sigmoid"), ONE_HOT, "bce"),
    "sigmoid of classes": (layers.Dense(3, activation="sigmoid"), ONE_HOT, "categorical_crossentropy"),
    "mse on sigmoid": (layers.Dense(1, activation="sigmoid"), ANSWERS, "mse"),
    "mse on softmax": (layers.Dense(3, activation="softmax"), ONE_HOT, "mse"),
    "quantities": (layers.Dense(1), X[:, :1], "mse"),
    "counts": (layers.Dense(1, activation="exponential"), ANSWERS, "poisson"),
    "counts, softplus": (layers.Dense(1, activation="softplus"), ANSWERS, "poisson"),
    "hinge on a sum": (layers.Dense(1), ANSWERS * 2 - 1, "hinge"),
    "own loss on logits": (layers.Dense(1), ANSWERS, lambda t, p: nn.functional.softplus(p - t).mean()),
    "a mixture of shares": (
        lambda h: torch.softmax(layers.Dense(3)(h), -1) * 0.5 + torch.softmax(layers.Dense(3)(h), -1) * 0.5,
        CLASSES, "sparse_categorical_crossentropy",
    ),
    "shares by hand": (
        lambda h: (e := ops.exp(layers.Dense(3)(h))) / ops.sum(e, -1, keepdims=True), CLASSES,
        "sparse_categorical_crossentropy",
    ),
    "weights that are shares": (
        lambda h: layers.Dense(1, use_bias=False, kernel_constraint="non_neg")(ops.sigmoid(h)), ANSWERS, "bce",
    ),
    "clipped": (lambda h: ops.clip(layers.Dense(1)(h) * 0.01 + 0.5, 0.01, 0.99), ANSWERS, "bce"),
    "hard sigmoid": (layers.Dense(1, activation="hard_sigmoid"), ANSWERS, "bce"),
    "a layer of one's own": (Own(layers.Dense(1, activation="sigmoid")), ANSWERS, "bce"),
    "a softmax before a layer": (
        lambda h: layers.Dense(3)(layers.Dense(5, activation="softmax")(h)), CLASSES, LOGITS,
    ),
    "a mask of tokens": (
        lambda h: layers.Dense(3, activation="softmax")(h)[:, None], CLASSES[:, None],
        losses.SparseCategoricalCrossentropy(ignore_class=0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_right_code_is_silent(case):
    head, y, loss = RIGHT[case]
    fitted(drawn(head), y, loss)


def test_right_models_without_a_graph_are_silent():
    fitted(Own(layers.Dense(3, activation="softmax")), CLASSES, "sparse_categorical_crossentropy")
    fitted(Own(layers.Dense(3)), CLASSES, LOGITS)
    fitted(Own(layers.Dense(1, activation="sigmoid")), ANSWERS, "bce")


def test_a_frozen_body_a_distilled_student_and_an_autoencoder_are_silent():
    body = Sequential([Input((4,)), layers.Dense(8, activation="relu")])
    body.trainable = False
    x = Input((4,))
    fitted(Model(x, layers.Dense(3, activation="softmax")(body(x, training=False))), CLASSES, "crossentropy")
    student = drawn(lambda h: ops.softmax(layers.Dense(3)(h) / 4.0))  # its temperature
    fitted(student, ONE_HOT, "kl_divergence")
    code = layers.Dense(2, activation="relu")(x)
    fitted(Model(x, layers.Dense(4, activation="sigmoid")(code)), X, "mse")
    fitted(Model(x, layers.Dense(4, activation="sigmoid")(code)), X, "bce")


def test_a_generator_against_a_discriminator_is_silent():
    class Gan(Model):
        def __init__(self):
            super().__init__()
            self.made, self.judged = layers.Dense(4), layers.Dense(1)
            self.loss_of = losses.BinaryCrossentropy(from_logits=True)

        def compile(self, rates):
            super().compile()
            self.both = [SGD(rate) for rate in rates]

        def call(self, x):
            return self.judged(self.made(x))

        def train_step(self, data):
            for part, answer, optimizer in ((self.judged, 0.0, self.both[0]), (self.made, 1.0, self.both[1])):
                judged = self(data)
                loss = self.loss_of(torch.full_like(judged, answer), judged)
                optimizer.apply(list(torch.autograd.grad(loss, part.trainable_weights)), part.trainable_weights)
            return {"loss": loss}

    model = Gan()
    model(X)
    model.compile((0.1, 0.1))
    model.fit(X, verbose=0, epochs=2)


# ---- a loss that cannot change --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss",
    [lambda t, p: p.mean() * 0 + 3, lambda t, p: (p.round() - t - 0.3).square().mean(), lambda t, p: p.sign() + 3],
    ids=["times zero", "rounded", "a sign"],
)
def test_a_loss_that_cannot_change_is_told_of(loss):
    (message,) = told(lambda: fitted(drawn(layers.Dense(1)), ANSWERS, loss, epochs=3))
    assert "cannot change" in message
    assert "Try " in message


def test_a_loss_that_is_zero_may_be_right():
    fitted(drawn(layers.Dense(1)), ANSWERS, lambda t, p: torch.relu(p - 100).mean())


def test_frozen_parts_and_unused_weights_are_silent():
    model = drawn(layers.Dense(1))
    model.layers[1].trainable = False
    fitted(model, ANSWERS, "mse")


# ---- numbers below zero ----------------------------------------------------------------------------------------------


def test_a_learning_rate_below_zero_is_told_of():
    (message,) = told(lambda: Adam(-0.01))
    assert "Try 0.01" in message
    rate = SGD(0.1)
    assert len(told(lambda: setattr(rate, "learning_rate", -1.0))) == 1
    SGD(0.0)


def test_a_learning_rate_that_is_a_text_is_refused():
    with pytest.raises(lamina.ArgumentError, match=r"A learning rate is a number(.|\n)*'0.1'"):
        SGD("0.1")


class FillsIn(layers.Layer):
    def call(self, x):
        return ops.nan_to_num(x)


def nested(x):
    inner = Input((4,))
    return Model(inner, torch.nan_to_num(inner))(x)


FILLS = [FillsIn(), layers.Lambda(lambda x: ops.nan_to_num(x)), nested, lambda x: ops.where(x > 0, x, 0.0)]


@pytest.mark.parametrize("fills", FILLS)
def test_who_fills_in_what_is_missing_reads_no_warning(fills):
    x = X.copy()
    x[5, 2] = np.nan
    given = Input((4,))
    model = Model(given, layers.Dense(1)(fills(given)))
    model.compile(SGD(0.01), "mse")
    history = model.fit(x, ANSWERS, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    model.evaluate(x, ANSWERS, verbose=0)


def test_a_layer_that_does_not_is_told_of_with_the_row():
    class Doubles(layers.Layer):
        def call(self, x):
            return x * 2

    x = X.copy()
    x[5, 2] = np.nan
    given = Input((4,), name="x")
    model = Model(given, layers.Dense(1)(Doubles()(given)))
    (message,) = told(lambda: [model.compile(SGD(0.01), "mse"), model.fit(x, ANSWERS, verbose=0)])
    assert re.search(r"The loss is NaN from step \d.*'x' holds NaN, first in row 5", message)


# ---- what is not finite ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value, word", [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")])
def test_an_input_that_is_not_finite_is_found_before_the_first_step(value, word):
    x = X.copy()
    x[5, 2] = value
    model = drawn(layers.Dense(1))
    model.compile(SGD(0.01), "mse")
    first, later = told(lambda: model.fit(x, ANSWERS, verbose=0, epochs=2, batch_size=48))
    assert f"'x' holds {word}" in first
    assert "row 5" in first
    assert "First was the data: x of this batch" in later


def test_of_a_long_array_the_first_rows_are_looked_at():
    x = np.zeros((200_000, 40), "float32")
    x[7, 3] = np.nan
    model = Sequential([Input((40,)), layers.Dense(1)])
    model.compile(SGD(0.0), "mse")
    messages = told(lambda: model.fit(x, np.zeros((200_000, 1)), verbose=0, batch_size=100_000))
    assert "row 7" in messages[0]
    assert int(re.search(r"of the (\d+) rows looked at", messages[0])[1]) < 100_000


def test_a_model_that_asks_for_such_values_is_left_alone():
    x = X.copy()
    x[5, 2] = np.nan
    y = Input((4,))
    model = Model(y, layers.Dense(1)(torch.nan_to_num(y)))
    model.compile(SGD(0.01), "mse")
    model.fit(x, ANSWERS, verbose=0)


def test_dicts_generators_and_models_without_a_graph_are_looked_at_too():
    x = X.copy()
    x[0, 0] = np.nan
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model([a, b], layers.Dense(1)(layers.add([a, b])))
    model.compile(SGD(0.01), "mse")
    assert "'b' holds NaN" in told(lambda: model.fit({"a": X, "b": x}, ANSWERS, verbose=0))[0]
    model = Own(layers.Dense(1))
    model.compile(SGD(0.01), "mse")
    assert "'x' holds NaN" in told(lambda: model.fit(iter([(x, ANSWERS)]), verbose=0))[0]


def broken_later(k):
    for i in range(6):
        x = X.copy()
        x[0, 0] = np.nan if i == k else 0
        yield x, ANSWERS


FIRST = {
    "data": (lambda: drawn(layers.Dense(1)), "mse", 0.01, r"step 4 of epoch 1(.|\n)*the data: x of this batch"),
    "weights": (lambda: drawn(layers.Dense(1)), "mse", 1e25, r"the weights: '\w+/\w+' was not finite"),
    "loss": (lambda: drawn(layers.Dense(1)), lambda t, p: (p - 100).log().mean(), 0.01, "step 1 .*First was the loss"),
    "model": (lambda: drawn(lambda h: torch.log(layers.Dense(1)(h) - 100)), "mse", 0.01, "First was the model"),
}


@pytest.mark.parametrize("what", FIRST)
def test_the_first_loss_that_is_no_number_says_what_was_broken_first(what):
    make, loss, rate, text = FIRST[what]
    model = make()
    model.compile(SGD(rate), loss)
    data = partial(broken_later, 3) if what == "data" else partial(broken_later, -1)
    (message,) = told(lambda: model.fit(data, verbose=0, epochs=5))
    assert re.search(text, message), message
    assert "output" in message
    assert "TerminateOnNaN" in message


def test_the_output_of_several_that_is_broken_is_named():
    x = Input((4,))
    model = Model(x, [layers.Dense(1, name="fine")(x), torch.log(layers.Dense(1)(x) - 100)])
    (message,) = told(lambda: fitted(model, [ANSWERS, ANSWERS], "mse"))
    assert "output 'log'" in message


def test_a_training_step_of_ones_own_is_told_when_its_loss_is_fetched():
    class Broken(Own):
        def train_step(self, data):
            return {"loss": torch.tensor(float("nan"))}

    model = Broken(layers.Dense(1))
    (message,) = told(lambda: fitted(model, ANSWERS, "mse", epochs=2))
    assert "epoch 1" in message


def test_terminate_on_nan_ends_the_training():
    model = drawn(layers.Dense(1))
    model.compile(SGD(0.01), lambda t, p: (p - 100).log().mean())
    with pytest.warns(UserWarning, match="First was the loss"):
        history = model.fit(X, ANSWERS, verbose=0, epochs=5, callbacks=[TerminateOnNaN()])
    assert len(history.history["loss"]) == 1


@pytest.mark.parametrize("value, word", [(np.inf, "infinite values"), (np.nan, "NaN"), (-np.inf, "infinite values")])
@pytest.mark.parametrize("make", [lambda: drawn(layers.Dense(1)), lambda: Own(layers.Dense(1))], ids=["drawn", "own"])
@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy"])
def test_targets_that_are_not_finite_are_warned_of_where_the_callback_is_there_for_them(make, value, word, loss):
    answers = (ANSWERS > 0).astype("float32")
    answers[20] = value
    callback = TerminateOnNaN(raise_error=True)
    model = make()
    model.compile(SGD(0.0), loss if loss == "mse" else BinaryCrossentropy(from_logits=True))

    def trained():
        with pytest.raises(RuntimeError, match="batch 2"):
            model.fit(X, answers, verbose=0, batch_size=8, shuffle=False, callbacks=[[callback]])

    assert f"hold {word}, first in row 20" in told(trained)[0]
    with pytest.raises(ArgumentError, match="not finite"):  # without it they are a mistake
        model.fit(X, answers, verbose=0)
    with pytest.raises(ShapeError, match="do not pair"):  # their shape counts
        model.fit(X, np.full((len(X), 3), np.inf), verbose=0, callbacks=[callback])


# ---- parts that are none ---------------------------------------------------------------------------------------------


class MakesAnew(layers.Layer):
    def call(self, x):
        return layers.Dense(3)(x)


class Keeps(layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = None
        self.listed = []

    def call(self, x):
        if self.dense is None:
            self.dense = layers.Dense(4)
        if not self.listed:
            for _ in range(3):
                self.listed.append(layers.Dense(4))
                x = self.listed[-1](x)
            return x
        x = self.dense(x)
        for dense in self.listed:
            x = dense(x)
        return x


class MakesWeightless(layers.Layer):
    def call(self, x):
        return layers.Activation("relu")(layers.Dropout(0.1)(layers.Flatten()(x)))


def test_a_layer_made_in_each_call_is_told_of_once():
    layer = MakesAnew()
    (message,) = told(lambda: [layer(torch.ones(2, 4)) for _ in range(4)])
    assert 'Dense "dense" is made anew in each call of MakesAnew' in message
    assert "self.dense = Dense(...) in __init__" in message
    model = drawn(lambda h: layers.Dense(1)(MakesAnew()(h)))
    assert len(told(lambda: fitted(model, ANSWERS, "mse", epochs=2))) == 1
    copy.deepcopy(model)


@pytest.mark.parametrize("kind", [Keeps, MakesWeightless])
def test_what_a_call_keeps_or_what_has_no_weights_is_silent(kind):
    layer = kind()
    for _ in range(4):
        layer(torch.ones(2, 4))
    fitted(drawn(lambda h: layers.Dense(1)(kind()(layers.Dense(4)(h)))), ANSWERS, "mse", epochs=2)


GLOBAL = nn.Parameter(torch.ones(4))


def by_closure():
    own = nn.Parameter(torch.ones(4))
    return layers.Lambda(lambda x: x * own), own


def by_variable():
    own = lamina.Variable(np.ones(4, "float32"))
    return layers.Lambda(lambda x: x * own), own


def by_arguments():
    own = nn.Parameter(torch.ones(4))
    return layers.Lambda(lambda x, w: x * w, arguments={"w": own}), own


def by_partial():
    own = nn.Parameter(torch.ones(4))
    return layers.Lambda(partial(lambda x, w: x * w, w=own)), own


def by_default():
    own = nn.Parameter(torch.ones(4))
    return layers.Lambda(lambda x, w=own: x * w), own


def by_list():
    own = nn.Parameter(torch.ones(4))
    kept = [own]
    return layers.Lambda(lambda x: x * kept[0]), own


def by_global():
    return layers.Lambda(lambda x: x * GLOBAL), GLOBAL


CAPTURES = [by_closure, by_variable, by_arguments, by_partial, by_default, by_list, by_global]


@pytest.mark.parametrize("make", CAPTURES)
def test_a_parameter_that_a_lambda_captures_is_its_own(make):
    layer, own = make()
    model = Sequential([Input((4,)), layer, layers.Dense(1)])
    before = own.detach().clone()
    assert any(weight is own for weight in model.trainable_weights)
    assert len([key for key in model.state_dict() if key.startswith("lambda.")]) == 1
    fitted(model, ANSWERS, "mse")
    assert not torch.equal(own.detach(), before)
    twin = copy.deepcopy(model)
    kept = [value for _, value in captured(twin.layers[0].function)] + list(twin.layers[0].arguments.values())
    used = [leaf for value in kept for leaf in (value if isinstance(value, list) else [value])]
    assert any(weight is leaf for weight in twin.weights for leaf in used), "what its own function uses"
    assert len(twin.weights) == 3


def test_captured_parameters_are_saved(tmp_path):
    layer, own = by_closure()
    model = Sequential([Input((4,)), layer, layers.Dense(1)])
    model.save_weights(tmp_path / "w.lamina")
    with torch.no_grad():
        own.zero_()
    model.load_weights(tmp_path / "w.lamina")
    assert own.detach().tolist() == [1, 1, 1, 1]


def test_an_attribute_that_is_called_like_a_global_is_not_captured():
    layer = layers.Lambda(lambda x: x + x.GLOBAL if hasattr(x, "GLOBAL") else x)
    assert layer.weights == []


def test_what_a_layer_has_already_is_not_taken_from_it():
    class Scales(layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight((4,), "ones", name="scale")
            self.scaled = layers.Lambda(lambda x: x * self.scale)

        def call(self, x):
            return self.scaled(x)

    model = Sequential([Input((4,)), Scales(), layers.Dense(1)])
    assert len(model.weights) == 3
    fitted(model, ANSWERS, "mse")


def test_a_layer_that_a_lambda_calls_is_told_of():
    inner = layers.Dense(4)
    model = Sequential([Input((4,)), layers.Lambda(lambda x: inner(x)), layers.Dense(1)])
    (message,) = told(lambda: fitted(model, ANSWERS, "mse", epochs=2))
    assert "'inner', which has 2 weights" in message
    inner.trainable = False
    fitted(model, ANSWERS, "mse")


def test_floats_with_fractions_in_an_embedding_are_told_of_once():
    layer = layers.Embedding(10, 3)
    (message,) = told(lambda: [layer(np.array([[1.5, 2.0]])) for _ in range(3)])
    assert "such as 1.5" in message
    layers.Embedding(10, 3)(np.array([[1.0, 2.0]]))
    ids = Input((4,))  # floats by default, as much Keras code has it
    model = Model(ids, layers.Dense(1)(layers.Flatten()(layers.Embedding(10, 3)(ids))))
    model.compile(SGD(0.01), "mse")
    model.fit(RNG.integers(0, 9, (48, 4)), ANSWERS, verbose=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dropout(1.5),
        lambda: layers.SpatialDropout2D(2),
        lambda: layers.GaussianDropout(1.5),
        lambda: layers.AlphaDropout(-0.1),
        lambda: layers.MultiHeadAttention(1, 2, dropout=1.5),
        lambda: layers.LSTM(2, recurrent_dropout=1.5),
    ],
)
def test_a_dropout_beyond_one_is_refused(make):
    with pytest.raises(lamina.ArgumentError, match="a number from 0 to 1"):
        make()


# ---- negative weights of rows


def test_negative_sample_weights_are_told_of_once():
    model = drawn(layers.Dense(3, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    weights = np.ones(48)
    weights[5] = -2
    with pytest.warns(UserWarning, match=r"holds -2 in row 5: below 0") as told:
        model.fit(X, CLASSES, sample_weight=weights, verbose=0)
    assert len(told) == 1
    model.fit(X, CLASSES, sample_weight=weights, verbose=0)
    model.fit(X, CLASSES, sample_weight=CLASSES > 0, verbose=0)
