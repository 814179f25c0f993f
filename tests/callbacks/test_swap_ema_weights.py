"""SwapEMAWeights: the numbers of validation and the weights afterwards, against Keras and by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError
from lamina.callbacks import Callback, EarlyStopping, LambdaCallback, ModelCheckpoint, SwapEMAWeights
from tests.callbacks.test_state import through_a_file

X = np.random.default_rng(5).normal(size=(24, 3)).astype("float32")
Y = X.sum(1, keepdims=True) + 0.5
KERNEL = np.array([[0.5], [-0.25], [1.0]], "float32")


def network(library, **options):
    x = library.layers.Input((3,))
    model = library.models.Model(x, library.layers.Dense(1)(x))
    options = {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.9, **options}
    model.compile(library.optimizers.SGD(**options), "mse")
    model.set_weights([KERNEL, np.zeros(1, "float32")])
    return model


def fit(model, *callbacks, epochs=3, **options):
    options = {"batch_size": 4, "verbose": 0, "shuffle": False, "validation_data": (X[:8], Y[:8]), **options}
    return model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **options)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_the_same_training_as_keras(swap_on_epoch):
    ours, theirs = network(lamina), network(keras)
    own = fit(ours, SwapEMAWeights(swap_on_epoch))
    due = fit(theirs, keras.callbacks.SwapEMAWeights(swap_on_epoch))
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(own.history[name], due.history[name], rtol=1e-5)
    for value, reference in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-5)
    assert not np.allclose(own.history["val_loss"], fit(network(lamina)).history["val_loss"], rtol=1e-3)


class Averages(Callback):
    """Follows the averages by hand, and notes where the model's weights are they."""

    def __init__(self):
        super().__init__()
        self.average, self.seen = None, []

    def on_train_batch_end(self, batch, logs=None):
        kernel = self.model.get_weights()[0].astype("float64")
        self.average = kernel if self.average is None else 0.9 * self.average + 0.1 * kernel
        self.raw = kernel

    def note(self, where):
        kernel = self.model.get_weights()[0]
        kinds = [k for k, v in (("raw", self.raw), ("average", self.average)) if np.allclose(kernel, v, rtol=1e-5)]
        self.seen.append(f"{where}: {' '.join(kinds)}")

    def on_test_batch_begin(self, batch, logs=None):
        if not batch:
            self.note("test")

    def on_epoch_end(self, epoch, logs=None):
        self.note("end")


@pytest.mark.parametrize("swap_on_epoch, at_end", [(False, "raw"), (True, "average")])
def test_when_the_averages_stand_in(swap_on_epoch, at_end):
    watch, model = Averages(), network(lamina)
    fit(model, SwapEMAWeights(swap_on_epoch), watch, epochs=2)
    assert watch.seen == ["test: average", f"end: {at_end}"] * 2
    np.testing.assert_allclose(model.get_weights()[0], watch.average, rtol=1e-5)


def test_best_averages_are_kept_with_early_stopping():
    model = network(lamina)
    stop = EarlyStopping(restore_best_weights=True, patience=99)
    history = fit(model, SwapEMAWeights(swap_on_epoch=True), stop, epochs=4)
    assert model.evaluate(X[:8], Y[:8], verbose=0) == min(history.history["val_loss"])


def test_a_training_that_stops_early_ends_with_the_averages_too():
    """Keras knows the last epoch by its number only, and ends such a training with the weights before averaging."""
    stop = LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(model, "stop_training", epoch == 1))
    watch, model = Averages(), network(lamina)
    fit(model, SwapEMAWeights(swap_on_epoch=True), watch, stop, epochs=9)
    np.testing.assert_allclose(model.get_weights()[0], watch.average, rtol=1e-5)


def test_a_checkpoint_of_averages_goes_on_with_averages(tmp_path):
    """The optimizer's averages are not exchanged for the weights meanwhile, so that the file holds them."""
    model, watch = network(lamina), Averages()
    path = tmp_path / "m.lamina"
    fit(model, watch, SwapEMAWeights(swap_on_epoch=True), ModelCheckpoint(path), epochs=1)
    loaded = lamina.models.load_model(path)
    np.testing.assert_allclose(loaded.get_weights()[0], watch.average, rtol=1e-5)
    state = loaded.optimizer.state_dict()
    np.testing.assert_allclose(state["0/average"], watch.average, rtol=1e-5)


def test_prediction_uses_averages_and_puts_the_weights_back():
    model = network(lamina)
    fit(model, epochs=1)  # the averages are the weights now; one more step moves both
    model.train_on_batch(X, Y)
    raw = model.get_weights()
    averages = [t.numpy() for name, t in model.optimizer.state_dict().items() if name.endswith("/average")]
    predicted = model.predict(X, verbose=0, callbacks=[SwapEMAWeights()])
    np.testing.assert_allclose(predicted, X @ averages[0] + averages[1], rtol=1e-5)
    assert all((a == b).all() for a, b in zip(raw, model.get_weights(), strict=True))
    assert not np.allclose(raw[0], averages[0], rtol=1e-4)


def test_without_a_step_there_is_nothing_to_swap():
    model = network(lamina)
    plain = model.evaluate(X, Y, verbose=0)
    assert model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()]) == plain


def test_a_validation_that_is_interrupted_leaves_the_weights_in_training():
    class Interrupt(Averages):
        def on_test_batch_begin(self, batch, logs=None):
            raise KeyboardInterrupt

    watch, model = Interrupt(), network(lamina)
    with pytest.raises(KeyboardInterrupt):
        fit(model, SwapEMAWeights(), watch)
    np.testing.assert_array_equal(model.get_weights()[0], watch.raw.astype("float32"))


def test_a_run_that_goes_on_between_epochs_trains_on_the_weights_not_the_averages():
    model = network(lamina)
    swap = SwapEMAWeights(swap_on_epoch=True)
    fit(model, Averages(), epochs=1)
    model.train_on_batch(X, Y)
    raw = model.get_weights()
    swap.set_model(model)
    swap.on_train_begin()
    swap.on_epoch_end(0)
    state, averaged = through_a_file(swap.state_dict()), model.get_weights()
    other = network(lamina)
    other.set_weights(averaged)
    again = SwapEMAWeights(swap_on_epoch=True)
    again.set_model(other)
    again.on_train_begin()
    again.load_state_dict(state)
    again.on_epoch_begin(1)
    assert all((a == b).all() for a, b in zip(raw, other.get_weights(), strict=True))
    assert not np.array_equal(raw[0], averaged[0])


def test_an_optimizer_without_averages_is_refused_before_the_first_step():
    with pytest.raises(ArgumentError, match=r"(?s)needs an optimizer that keeps averages.*got +SGD"):
        fit(network(lamina, use_ema=False), SwapEMAWeights())


def test_weights_are_swapped_in_place():
    model = network(lamina)
    before = [(w, w.data_ptr()) for w in model.weights]
    fit(model, SwapEMAWeights(swap_on_epoch=True), epochs=1)
    assert all(w is own and w.data_ptr() == place for (w, place), own in zip(before, model.weights, strict=True))
    assert isinstance(model.weights[0], torch.nn.Parameter)
