"""Steps, losses, metrics and callbacks of the user's that return nothing, or are called by a name that nobody calls."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina
from lamina import Model, callbacks, layers
from lamina.callbacks import CallbackList

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


def model(**steps):
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    for name, step in steps.items():
        setattr(Own, name, step)
    own = Own()
    own.compile("sgd", "mse")
    return own


def test_a_step_that_returns_nothing_is_told_of_once():
    own = model(train_step=lambda self, data: None)
    with pytest.warns(UserWarning, match="train_step of Own.*returns nothing(.|\n)*return {") as seen:
        own.fit(X, Y, batch_size=2, epochs=2, verbose=0)
    assert [warning.filename for warning in seen] == [__file__]
    with pytest.warns(UserWarning, match="test_step of Own.*returns nothing"):
        model(test_step=lambda self, data: None).evaluate(X, Y, verbose=0)


@pytest.mark.parametrize(
    "results, got", [([1.0, 2.0], "list"), (0.5, "float"), (np.ones(2), r"ndarray of shape \(2,\)")]
)
def test_results_without_names_are_refused(results, got):
    with pytest.raises(lamina.LaminaError, match=rf"train_step of Own(.|\n)*got +{got}(.|\n)*try +return {{"):
        model(train_step=lambda self, data: results).fit(X, Y, verbose=0)
    with pytest.raises(TypeError, match=rf"test_step of Own(.|\n)*got +{got}"):
        model(test_step=lambda self, data: results).evaluate(X, Y, verbose=0)


def test_a_mapping_that_is_no_dict_is_taken():
    from types import MappingProxyType

    own = model(train_step=lambda self, data: MappingProxyType({"loss": 1.0}))
    assert own.fit(X, Y, verbose=0).history == {"loss": [1.0]}


@pytest.mark.parametrize("outputs", [None, "text", object()])
def test_a_prediction_that_is_nothing_is_refused(outputs):
    with pytest.raises(TypeError, match=r"predict_step of Own(.|\n)*try +return self\(x"):
        model(predict_step=lambda self, data: outputs).predict(X, verbose=0)


@pytest.mark.parametrize("loss, hint", [(None, "return"), (0.5, "torch or ops")])
def test_a_loss_that_is_no_tensor_is_refused(loss, hint):
    own = model(compute_loss=lambda self, x, y, y_pred, sample_weight=None: loss)
    for run in (own.fit, own.evaluate):
        with pytest.raises(TypeError, match=rf"compute_loss of Own(.|\n)*try +.*{hint}"):
            run(X, Y, verbose=0)


def test_a_metric_that_returns_nothing_is_refused():
    def size(y_true, y_pred):
        y_pred.abs()

    own = model()
    own.compile("sgd", "mse", metrics=[size])
    with pytest.raises(TypeError, match="The metric size gives no value(.|\n)*return"):
        own.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    "name, near",
    [
        ("on_epoch_ends", "on_epoch_end"),
        ("on_batch_ends", "on_batch_end"),
        ("on_train_start", "on_train_"),
        ("on_epochEnd", "on_epoch_end"),
    ],
)
def test_a_hook_that_is_misspelt_is_told_of(name, near):
    kind = type("Counts", (callbacks.Callback,), {name: lambda self, *args: None, "__module__": __name__})
    with pytest.warns(UserWarning, match=f"Counts.{name} is no hook(.|\n)*{near}") as seen:
        model().fit(X, Y, verbose=0, callbacks=[kind()])
    assert [warning.filename for warning in seen] == [__file__]


def test_a_method_that_another_calls_is_no_hook_misspelt():
    class Counts(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.on_improvement()

        def on_improvement(self):
            self.improved = True

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model().fit(X, Y, verbose=0, callbacks=[Counts(), Counts(), callbacks.TerminateOnNaN()])


def test_a_callback_that_is_given_twice_is_told_of():
    stop = callbacks.EarlyStopping("loss")
    with pytest.warns(UserWarning, match="The same EarlyStopping is given twice"):
        model().fit(X, Y, verbose=0, callbacks=[stop, [stop]])


def test_a_hook_that_takes_too_little_says_what_it_is_called_with():
    class Counts(callbacks.Callback):
        def on_epoch_end(self, logs=None):
            raise AssertionError

    with pytest.raises(TypeError, match=r"called with epoch and logs(.|\n)*try +def on_epoch_end\(self, epoch, logs"):
        model().fit(X, Y, verbose=0, callbacks=[Counts()])


def test_an_error_within_a_hook_stays_as_it_is():
    class Counts(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            len(3)

    with pytest.raises(TypeError, match=r"^object of type 'int' has no len"):
        model().fit(X, Y, verbose=0, callbacks=[Counts()])


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: callbacks.LambdaCallback(on_epoch_ends=print), "try +'on_epoch_end'"),
        (lambda: callbacks.EarlyStopping(monitor=["loss"]), "one EarlyStopping for each"),
        (lambda: CallbackList(lambda epoch, logs: None), "LambdaCallback"),
    ],
)
def test_what_is_no_hook_and_no_name_says_what_to_write(make, text):
    with pytest.raises(ValueError, match=text):
        make()
