"""What callbacks decide, epoch by epoch, on any sequence of numbers: the same as Keras'.

Numbers are multiples of 1/8: Keras compares in float32, Lamina in float64, and these are exact in both.
"""

from __future__ import annotations

import warnings

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina import callbacks
from tests.callbacks.fakes import FakeModel, play

numbers = st.integers(-12, 12).map(lambda n: n / 8)
sequences = st.lists(st.one_of(numbers, st.none()), max_size=14)
modes = st.sampled_from([("val_loss", "auto"), ("val_loss", "min"), ("score", "max")])
deltas = st.sampled_from([0, 0.125, -0.25, 0.5])


def epochs_of(monitor, values, first=0):
    """Epoch numbers and logs; None leaves the number out."""
    return [(first + i, {"loss": 1.0} | ({} if v is None else {monitor: v})) for i, v in enumerate(values)]


def traced(callback, epochs, names):
    """What the callback and its model are after each epoch. Warnings of missing numbers are not the question here."""
    model = FakeModel()
    trace = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for _ in play(callback, [(e, dict(logs)) for e, logs in epochs], model):
            trace.append((model.stop_training, model.optimizer.learning_rate, *(getattr(callback, n) for n in names)))
    return trace


@given(sequences, modes, deltas, st.integers(0, 3), st.integers(0, 3), st.one_of(st.none(), numbers), st.booleans())
def test_early_stopping(values, how, min_delta, patience, start, baseline, restores):
    monitor, mode = how
    arguments = {
        "monitor": monitor,
        "mode": mode,
        "min_delta": min_delta,
        "patience": patience,
        "start_from_epoch": start,
        "baseline": baseline,
        "restore_best_weights": restores,
    }
    names = ("wait", "best", "best_epoch", "stopped_epoch")
    epochs = epochs_of(monitor, values)
    ours = traced(callbacks.EarlyStopping(**arguments), epochs, names)
    assert ours == traced(keras.callbacks.EarlyStopping(**arguments), epochs, names)


@given(
    sequences,
    modes,
    deltas,
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([0.5, 0.25, 0.0]),
    st.sampled_from([0.0, 0.125, 0.5, 2.0]),
)
def test_reduce_lr_on_plateau(values, how, min_delta, patience, cooldown, factor, min_lr):
    monitor, mode = how
    arguments = {
        "monitor": monitor,
        "mode": mode,
        "min_delta": min_delta,
        "patience": patience,
        "cooldown": cooldown,
        "factor": factor,
        "min_lr": min_lr,
    }
    names = ("wait", "best", "cooldown_counter")
    epochs = epochs_of(monitor, values)
    ours = traced(callbacks.ReduceLROnPlateau(**arguments), epochs, names)
    assert ours == traced(keras.callbacks.ReduceLROnPlateau(**arguments), epochs, names)


def saved(callback, epochs, batches_of_epoch, several=1):
    """What a checkpoint writes in a training of epochs of some batches, with the file's ending cut off."""
    model = FakeModel()
    model.steps_per_execution = several
    callback.set_model(model)
    callback.set_params({"epochs": len(epochs), "steps": batches_of_epoch, "verbose": 0})
    if hasattr(callback, "_set_monitor_op"):
        callback._set_monitor_op()  # Keras does so at the end of the first epoch, and fails if it saves before
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        callback.on_train_begin({})
        for epoch, logs in epochs:
            callback.on_epoch_begin(epoch, {})
            for batch in range(0, batches_of_epoch, several):
                callback.on_train_batch_begin(batch, {})
                last = min(batch + several, batches_of_epoch) - 1
                if not isinstance(callback, callbacks.Callback) or callback.listens_to("on_train_batch_end"):
                    callback.on_train_batch_end(last, dict(logs) | {"step": last})
            callback.on_epoch_end(epoch, dict(logs))
    return [(kind, path.removesuffix(".lamina").removesuffix(".keras")) for kind, path in model.saved], callback.best


@given(sequences, modes, st.booleans(), st.one_of(st.none(), numbers))
def test_model_checkpoint_after_epochs(values, how, best_only, threshold):
    monitor, mode = how
    arguments = {"monitor": monitor, "mode": mode, "save_best_only": best_only, "initial_value_threshold": threshold}
    epochs = epochs_of(monitor, values)
    ours = saved(callbacks.ModelCheckpoint("run-{epoch:02d}-{loss:.3f}.lamina", **arguments), epochs, 3)
    assert ours == saved(keras.callbacks.ModelCheckpoint("run-{epoch:02d}-{loss:.3f}.keras", **arguments), epochs, 3)


@given(
    st.lists(numbers, min_size=1, max_size=5),
    st.integers(1, 9),
    st.integers(1, 7),
    st.booleans(),
    st.sampled_from([1, 2, 3]),
)
def test_model_checkpoint_after_batches(values, save_freq, batches, best_only, several):
    arguments = {"monitor": "loss", "save_freq": save_freq, "save_best_only": best_only}
    epochs = [(i, {"loss": v}) for i, v in enumerate(values)]
    ours = saved(callbacks.ModelCheckpoint("{epoch}-{batch}-{step}.lamina", **arguments), epochs, batches, several)
    theirs = keras.callbacks.ModelCheckpoint("{epoch}-{batch}-{step}.keras", **arguments)
    assert ours == saved(theirs, epochs, batches, several)


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau"])
def test_a_second_training_starts_afresh(name):
    first, second = epochs_of("val_loss", [0.5, 0.25]), epochs_of("val_loss", [1.0, 2.0, 3.0])
    ours, theirs = (getattr(library, name)(patience=2) for library in (callbacks, keras.callbacks))
    for callback in (ours, theirs):
        traced(callback, first, ())
    assert traced(ours, second, ("wait", "best")) == traced(theirs, second, ("wait", "best"))


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_not_a_number_is_never_the_best(name):
    """Keras takes a first value of nan for the best one ever, and finds no improvement after it."""
    arguments = {"filepath": "best.lamina", "save_best_only": True} if name == "ModelCheckpoint" else {"patience": 5}
    callback = getattr(callbacks, name)(**arguments)
    traced(callback, epochs_of("val_loss", [float("nan"), 2.0, float("nan"), 1.0]), ())
    assert callback.best == 1.0
