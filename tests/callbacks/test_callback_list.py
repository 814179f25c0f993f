"""CallbackList, LambdaCallback, ProgbarLogger, TerminateOnNaN, and how fit treats callbacks of one's own."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError
from lamina.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    ProgbarLogger,
    TerminateOnNaN,
)
from lamina.callbacks.base import HOOKS
from lamina.callbacks.direction import rises, rises_by_name
from tests.callbacks.fakes import FakeModel


class Watch(Callback):
    """Notes every call of a hook."""

    def __init__(self, notes, name=""):
        super().__init__()
        self.notes, self.name = notes, name
        for hook in HOOKS:
            setattr(self, hook, lambda *arguments, hook=hook: notes.append(f"{name}{hook}"))


def network():
    x = lamina.Input((2,))
    model = lamina.Model(x, lamina.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    return model


X, Y = torch.ones(6, 2), torch.ones(6, 1)


def test_what_fit_evaluate_and_predict_call():
    notes = []
    model = network()
    model.fit(X, Y, batch_size=3, epochs=1, verbose=0, validation_data=(X[:1], Y[:1]), callbacks=Watch(notes))
    step = ["on_train_batch_begin", "on_batch_begin", "on_train_batch_end", "on_batch_end"]
    test = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    assert notes == ["on_train_begin", "on_epoch_begin", *step, *step, *test, "on_epoch_end", "on_train_end"]
    notes.clear()
    model.evaluate(X, Y, batch_size=6, verbose=0, callbacks=[Watch(notes)])
    assert notes == test
    notes.clear()
    model.predict(X, batch_size=6, verbose=0, callbacks=[Watch(notes)])
    assert notes == [hook.replace("test", "predict") for hook in test]


def test_a_loop_of_ones_own():
    notes = []
    calls = CallbackList([Watch(notes)])
    calls.append(Watch(notes, "second "))
    calls.on_train_batch_end(0, {"loss": 1.0})
    assert notes == ["on_train_batch_end", "second on_train_batch_end", "on_batch_end", "second on_batch_end"]
    for hook in HOOKS:
        notes.clear()
        getattr(calls, hook)(*([0] if "batch" in hook or "epoch" in hook else []))
        assert notes[:2] == [hook, f"second {hook}"]


def test_what_a_callback_adds_to_the_logs_the_next_one_sees():
    seen = {}
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(gap=0.5))
    calls = CallbackList([add, LambdaCallback(on_epoch_end=lambda epoch, logs: seen.update(logs))])
    calls.on_epoch_end(0, {"loss": 1.0})
    assert seen == {"loss": 1.0, "gap": 0.5}


def test_nested_lists_defaults_and_parameters():
    own, model = History(), FakeModel()
    calls = CallbackList([[own], (LambdaCallback(),), None], add_history=True, add_progbar=True, model=model, epochs=4)
    assert [type(c).__name__ for c in calls.callbacks] == ["History", "LambdaCallback", "ProgbarLogger"]
    calls.append(TerminateOnNaN())
    assert all(c.model is model and c.params == {"epochs": 4} for c in calls.callbacks)
    assert [type(c).__name__ for c in CallbackList(calls).callbacks] == [type(c).__name__ for c in calls.callbacks]
    assert not CallbackList().callbacks


@pytest.mark.parametrize(
    "wrong, hint", [(EarlyStopping, r"try +EarlyStopping\(...\)"), (print, "objects of"), ("x", "objects of")]
)
def test_what_is_no_callback_is_refused(wrong, hint):
    with pytest.raises(ArgumentError, match=rf"(?s)something that is no callback.*{hint}"):
        network().fit(X, Y, verbose=0, callbacks=[wrong])


def test_who_listens():
    class Own(Callback):
        def on_epoch_end(self, epoch, logs=None):
            """Listens."""

    calls = CallbackList([Own(), LambdaCallback(on_train_begin=print)])
    assert calls.listens("on_epoch_end")
    assert calls.listens("on_test_end", "on_train_begin")
    assert not calls.listens("on_train_batch_end", "on_batch_end")


def test_the_end_of_training_reaches_every_callback():
    notes = []

    def fail(logs):
        notes.append("failed")
        raise ValueError("the first one fails")

    calls = CallbackList([LambdaCallback(on_train_end=fail), Watch(notes)])
    with pytest.raises(ValueError, match="the first one fails"):
        calls.on_train_end()
    assert notes == ["failed", "on_train_end"]


def test_a_callback_keeps_its_model_as_in_keras():
    early, own = EarlyStopping(), LambdaCallback(on_epoch_end=print)
    calls = CallbackList([early, own], model=FakeModel())
    model = calls.model
    del calls
    gc.collect()
    assert early.model is model
    assert own.model is model
    early.set_model(None)
    assert early.model is None


def test_a_history_keeps_no_model_since_its_model_keeps_it():
    model = FakeModel()
    model.history = History()
    model.history.set_model(model)
    history, alive = model.history, weakref.ref(model)
    assert history.model is model
    gc.disable()
    try:
        del model
        assert alive() is None
    finally:
        gc.enable()
    assert history.model is None


@pytest.mark.parametrize(
    "arguments, text",
    [({"on_epoch_middle": print}, "no hook 'on_epoch_middle'"), ({"on_epoch_end": 3}, "on_epoch_end=. is a function")],
)
def test_lambda_callbacks_are_checked(arguments, text):
    with pytest.raises(ArgumentError, match=text):
        LambdaCallback(**arguments)


def test_lambda_callbacks_take_keras_six_by_position_and_others_by_name():
    notes = []
    six = [lambda *a, i=i: notes.append((i, *a)) for i in range(6)]
    callback = LambdaCallback(*six, on_test_end=lambda logs: notes.append(("test", logs)))
    calls = CallbackList(callback)
    calls.on_epoch_begin(1)
    calls.on_epoch_end(1, {"loss": 2.0})
    calls.on_train_begin()
    calls.on_train_end()
    calls.on_train_batch_begin(3)
    calls.on_train_batch_end(3, {"loss": 1.0})
    calls.on_test_end({"loss": 0.5})
    due = [(0, 1, {}), (1, 1, {"loss": 2.0}), (2, {}), (3, {}), (4, 3, {}), (5, 3, {"loss": 1.0})]
    assert notes == [*due, ("test", {"loss": 0.5})]


# ---- TerminateOnNaN ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_a_loss_that_is_no_number_ends_the_training_with_that_batch(bad, capsys):
    model, callback = FakeModel(), TerminateOnNaN()
    callback.set_model(model)
    callback.on_train_batch_end(0, {"loss": 1.0})
    assert not model.stop_training
    callback.on_train_batch_end(1, {"loss": bad})
    assert model.stop_training
    assert capsys.readouterr().out.startswith("Batch 1: the loss is ")
    with pytest.raises(RuntimeError, match="at batch 1: training cannot go on"):
        TerminateOnNaN(raise_error=True).on_train_batch_end(1, {"loss": bad})


def test_it_ends_fit_at_once():
    model = network()
    x = X.clone()
    x[3] = float("inf")
    seen = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    with pytest.warns(UserWarning, match="infinite values, first in row 3"):
        model.fit(x, Y, batch_size=1, epochs=5, shuffle=False, verbose=0, callbacks=[watch, TerminateOnNaN()])
    assert seen == [0, 1, 2, 3]


# ---- ProgbarLogger -------------------------------------------------------------------------------------------------


def test_one_line_per_epoch_and_only_one(capsys):
    network().fit(X, Y, batch_size=3, epochs=2, validation_data=(X, Y), callbacks=[ProgbarLogger()])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch 2/2 - 2 steps - ")
    assert " - loss: " in lines[1]
    assert " - val_loss: " in lines[1]


@pytest.mark.parametrize("verbose, lines", [(0, 0), (1, 2)])
def test_by_itself_it_shows_evaluation_and_prediction(capsys, verbose, lines):
    calls = CallbackList(add_progbar=True, verbose=verbose, steps=4)
    assert calls.shows_progress
    calls.on_test_begin()
    calls.on_test_end({"loss": 0.0001, "name": "x"})
    calls.on_predict_begin()
    calls.on_predict_end({})
    out = capsys.readouterr().out.splitlines()
    assert out == ["Evaluation - 4 steps - 0.0s - loss: 1.00e-04 - name: x", "Prediction - 4 steps - 0.0s"][:lines]


def test_a_broken_stream_ends_no_training(monkeypatch, logged):
    class Broken:
        def write(self, text):
            raise OSError("gone")

        def flush(self):
            raise OSError("gone")

    monkeypatch.setattr("sys.stdout", Broken())
    calls = CallbackList(add_progbar=True, verbose=1, epochs=1)
    calls.on_epoch_begin(0)
    calls.on_epoch_end(0, {"loss": 1.0})
    assert "loss: 1.0000" in "\n".join(logged)


# ---- which way is better ---------------------------------------------------------------------------------------------


class Named:
    def __init__(self, name, direction):
        self.name, self.direction = name, direction


@pytest.mark.parametrize(
    "name, due",
    [
        ("val_loss", False),
        ("loss", False),
        ("accuracy_head_loss", False),
        ("val_price_mae", False),
        ("categorical_accuracy", True),
        ("acc", True),
        ("val_top5_acc", True),
        ("f1_score", True),
        ("val_precision_at_recall", True),
        ("false_positives", False),
        ("true_positives", True),
        ("cosine_similarity", True),
        ("kl_divergence", False),
        ("size", None),
        ("lossy", None),
    ],
)
def test_names_that_tell(name, due):
    assert rises_by_name(name) is due
    assert rises(name, []) is due


def test_metrics_tell_before_names_do():
    metrics = [Named("auc", "down"), Named("pr_auc", "up"), Named("size", "up"), Named("mae", None)]
    due = {
        "val_auc": False,
        "pr_auc": True,
        "val_head_pr_auc": True,
        "head_auc": False,
        "head_auc_1": False,
        "val_size": True,
        "mae": False,
        "loss": False,
    }
    assert {name: rises(name, metrics) for name in due} == due


def test_the_metric_of_a_model_tells():
    class Ripeness(lamina.metrics.MeanSquaredError):
        direction = "up"

    x = lamina.Input((2,))
    model = lamina.Model(x, lamina.layers.Dense(1, name="y")(x))
    model.compile("sgd", "mse", metrics=[Ripeness(name="ripeness")])
    stop = EarlyStopping("val_ripeness", patience=99)
    model.fit(X, Y, epochs=3, verbose=0, validation_data=(X, 3 * Y), callbacks=[stop])
    assert stop.best == max(model.history.history["val_ripeness"])
    assert stop.best != min(model.history.history["val_ripeness"])


def test_a_name_that_is_like_no_hook_is_an_attribute() -> None:
    """As in Keras; what is like a hook's name is refused."""
    assert lamina.callbacks.LambdaCallback(custom_method=print).custom_method is print  # type: ignore[attr-defined]
    with pytest.raises(lamina.ArgumentError, match="no hook 'epoch_end'"):
        lamina.callbacks.LambdaCallback(epoch_end=print)


def test_errors_of_numbers_and_shapes_say_what_to_try() -> None:
    with pytest.raises(lamina.ArgumentError, match=r"rate=0\.5, if 50 is in percent"):
        lamina.layers.Dropout(50)
    model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(1)])
    with pytest.raises(lamina.ShapeError, match=r"Input\(\(5,\)\) if the data are right"):
        model.predict(np.zeros((2, 5), "float32"), verbose=0)
    with pytest.raises(lamina.ShapeError, match="initial_state= with 2 tensors"):
        lamina.layers.LSTM(4)(np.zeros((2, 5, 3), "float32"), initial_state=[np.zeros((2, 4), "float32")])
