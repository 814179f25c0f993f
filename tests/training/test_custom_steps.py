"""Steps of a user's own, as Keras' guides for its torch backend write them: the same code on both, number by number."""

from __future__ import annotations

import keras as reference
import numpy as np
import pytest
import torch

import lamina
from lamina.layers import Dense, Input
from lamina.models import Model

BOTH = (reference, lamina)


def data(n=64, width=8):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, width)).astype("float32")
    return x, x.sum(1, keepdims=True).astype("float32"), rng.random(n).astype("float32")


def functional(k, cls, units=4, **kwargs):
    inputs = k.Input((8,), name="x")
    return cls(inputs, k.layers.Dense(1, name="y")(k.layers.Dense(units, activation="tanh")(inputs)), **kwargs)


def same_fits(make, *, epochs=3, weighted=False, compiled=None):
    """History and weights of `make(k)` fitted by Keras and by Lamina from the same weights."""
    x, y, weight = data()
    results = []
    start = None
    for k in BOTH:
        model = make(k)
        model.compile(**(compiled or (lambda k: {"optimizer": k.optimizers.SGD(0.05), "loss": "mse"}))(k))
        model.set_weights(start) if start else None
        start = start or model.get_weights()
        options = {"sample_weight": weight} if weighted else {}
        history = model.fit(x, y, batch_size=16, epochs=epochs, shuffle=False, verbose=0, **options)
        results.append((history.history, model.get_weights(), model.evaluate(x, y, batch_size=16, verbose=0)))
    (kept, weights, scores), (ours, our_weights, our_scores) = results
    assert ours.keys() == kept.keys()
    for name in kept:
        np.testing.assert_allclose(ours[name], kept[name], rtol=1e-4, err_msg=name)
    for ours_, theirs in zip(our_weights, weights, strict=True):
        np.testing.assert_allclose(ours_, theirs, rtol=1e-4, atol=1e-6)
    return scores, our_scores


def test_train_step_with_compiled_losses_and_metrics():
    """First example of the guide "Customizing what happens in fit() with PyTorch"."""

    def make(k):
        class Custom(k.Model):
            def train_step(self, data):
                x, y = data
                self.zero_grad()
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
                loss.backward()
                trainable_weights = list(self.trainable_weights)
                gradients = [v.value.grad for v in trainable_weights]
                with torch.no_grad():
                    self.optimizer.apply(gradients, trainable_weights)
                for metric in self.metrics:
                    if metric.name == "loss":
                        metric.update_state(loss)
                    else:
                        metric.update_state(y, y_pred)
                return {m.name: m.result() for m in self.metrics}

        return functional(k, Custom)

    same_fits(make, compiled=lambda k: {"optimizer": k.optimizers.SGD(0.05), "loss": "mse", "metrics": ["mae"]})


def test_train_step_on_its_own_trackers():
    """Second example: going lower-level, with metrics of the model's own."""

    def make(k):
        class Custom(k.Model):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.loss_tracker = k.metrics.Mean(name="loss")
                self.mae_metric = k.metrics.MeanAbsoluteError(name="mae")
                self.loss_fn = k.losses.MeanSquaredError()

            def train_step(self, data):
                x, y = data
                self.zero_grad()
                y_pred = self(x, training=True)
                loss = self.loss_fn(y, y_pred)
                loss.backward()
                trainable_weights = list(self.trainable_weights)
                gradients = [v.value.grad for v in trainable_weights]
                with torch.no_grad():
                    self.optimizer.apply(gradients, trainable_weights)
                self.loss_tracker.update_state(loss)
                self.mae_metric.update_state(y, y_pred)
                return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

            def test_step(self, data):
                x, y = data
                y_pred = self(x, training=False)
                self.loss_tracker.update_state(self.loss_fn(y, y_pred))
                self.mae_metric.update_state(y, y_pred)
                return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

            @property
            def metrics(self):
                return [self.loss_tracker, self.mae_metric]

        return functional(k, Custom)

    scores, ours = same_fits(make, compiled=lambda k: {"optimizer": k.optimizers.SGD(0.05)})
    assert sorted(ours) == pytest.approx(sorted(scores.values() if isinstance(scores, dict) else scores), rel=1e-4)


def test_train_step_with_sample_weights():
    def make(k):
        class Custom(k.Model):
            def train_step(self, data):
                if len(data) == 3:
                    x, y, sample_weight = data
                else:
                    sample_weight = None
                    x, y = data
                self.zero_grad()
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)
                loss.backward()
                weights = list(self.trainable_weights)
                with torch.no_grad():
                    self.optimizer.apply([v.value.grad for v in weights], weights)
                for metric in self.metrics:
                    if metric.name == "loss":
                        metric.update_state(loss)
                    else:
                        metric.update_state(y, y_pred, sample_weight=sample_weight)
                return {m.name: m.result() for m in self.metrics}

        return functional(k, Custom)

    same_fits(make, weighted=True)


def test_compute_loss_is_asked_by_the_usual_step():
    def make(k):
        class Custom(k.Model):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                loss = k.ops.mean(k.ops.square(y_pred - y)) + 0.1 * k.ops.mean(k.ops.abs(y_pred))
                return loss + sum(self.losses)

        return functional(k, Custom)

    same_fits(make, compiled=lambda k: {"optimizer": k.optimizers.SGD(0.05)})


def test_compute_loss_may_ask_super():
    def make(k):
        class Custom(k.Model):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                return 2.0 * super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)

        return functional(k, Custom)

    same_fits(make)


def test_compute_metrics_has_the_last_word():
    class Custom(Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            results = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**results, "largest": (y - y_pred).abs().max()}

    x, y, _ = data()
    model = functional(lamina, Custom)
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(x, y, epochs=1, batch_size=64, verbose=0, validation_data=(x, y))
    assert list(history.history) == ["loss", "mae", "largest", "val_loss", "val_mae", "val_largest"]
    scores = model.evaluate(x, y, batch_size=64, verbose=0, return_dict=True)
    assert scores["largest"] == pytest.approx(np.abs(model.predict(x) - y).max(), rel=1e-5)


def test_the_usual_step_can_be_wrapped():
    seen = []

    class Custom(Model):
        def train_step(self, data):
            seen.append(len(data))
            return super().train_step(data)

        def test_step(self, data):
            return super().test_step(data)

        def predict_step(self, data):
            return super().predict_step(data) * 2

    x, y, _ = data()
    model, plain = functional(lamina, Custom), functional(lamina, Model)
    plain.set_weights(model.get_weights())
    histories = []
    for each in (model, plain):
        each.compile("sgd", "mse", metrics=["mae"])
        histories.append(
            each.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0, validation_data=(x, y)).history
        )
    assert histories[0] == histories[1]
    assert seen == [2] * 8
    np.testing.assert_allclose(model.predict(x), 2 * plain.predict(x), rtol=1e-6)
    assert model.train_on_batch(x, y).names == ["loss", "mae"]


def test_a_gan_with_two_optimizers():
    """The guide's end-to-end example, small: no call(), two optimizers, trackers as attributes."""

    def make(k):
        class GAN(k.Model):
            def __init__(self, discriminator, generator):
                super().__init__()
                self.discriminator, self.generator = discriminator, generator
                self.d_loss_tracker, self.g_loss_tracker = k.metrics.Mean(name="d_loss"), k.metrics.Mean(name="g_loss")
                self.built = True

            @property
            def metrics(self):
                return [self.d_loss_tracker, self.g_loss_tracker]

            def compile(self, d_optimizer, g_optimizer, loss_fn):
                super().compile()
                self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

            def train_step(self, real):
                real = real[0] if isinstance(real, tuple) else real
                noise = real.detach().roll(1, 0) * 0.5
                both = torch.cat([self.generator(noise), real])
                labels = torch.cat([torch.ones(len(real), 1), torch.zeros(len(real), 1)])
                self.zero_grad()
                d_loss = self.loss_fn(labels, self.discriminator(both))
                d_loss.backward()
                grads = [v.value.grad for v in self.discriminator.trainable_weights]
                with torch.no_grad():
                    self.d_optimizer.apply(grads, self.discriminator.trainable_weights)
                self.zero_grad()
                g_loss = self.loss_fn(torch.zeros(len(real), 1), self.discriminator(self.generator(noise)))
                g_loss.backward()
                grads = [v.value.grad for v in self.generator.trainable_weights]
                with torch.no_grad():
                    self.g_optimizer.apply(grads, self.generator.trainable_weights)
                self.d_loss_tracker.update_state(d_loss)
                self.g_loss_tracker.update_state(g_loss)
                return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}

        layers = k.layers
        discriminator = k.Sequential([k.Input((8,)), layers.Dense(16), layers.LeakyReLU(), layers.Dense(1)])
        generator = k.Sequential([k.Input((8,)), layers.Dense(8, activation="tanh")])
        return GAN(discriminator, generator)

    x, _, _ = data()
    histories, start = [], None
    for k in BOTH:
        model = make(k)
        parts = (model.discriminator, model.generator)
        for part, weights in zip(parts, start or [p.get_weights() for p in parts], strict=True):
            part.set_weights(weights)
        start = [p.get_weights() for p in parts]
        model.compile(
            d_optimizer=k.optimizers.Adam(0.01),
            g_optimizer=k.optimizers.Adam(0.01),
            loss_fn=k.losses.BinaryCrossentropy(from_logits=True),
        )
        histories.append(model.fit(x, batch_size=16, epochs=3, shuffle=False, verbose=0).history)
    assert list(histories[1]) == ["d_loss", "g_loss"]
    for name in histories[0]:
        np.testing.assert_allclose(histories[1][name], histories[0][name], rtol=1e-4)


def test_metrics_of_several_outputs_take_all_targets_in_a_step_of_ones_own():
    class Custom(Model):
        def train_step(self, data):
            x, y = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
            self.zero_grad()
            loss.backward()
            self.optimizer.apply([w.grad for w in self.trainable_weights], self.trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                elif not metric.name.endswith("_loss"):
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    def build(cls):
        x = Input((8,), name="x")
        return cls(x, {"a": Dense(1)(x), "b": Dense(1)(x)})

    x, y, _ = data()
    model, plain = build(Custom), build(Model)
    plain.set_weights(model.get_weights())
    histories = []
    for each in (model, plain):
        each.compile("sgd", "mse", metrics={"b": ["mae"], "a": ["mse"]})
        histories.append(each.fit(x, {"b": 2 * y, "a": y}, batch_size=16, shuffle=False, verbose=0).history)
    assert list(histories[0]) == list(histories[1]) == ["loss", "a_loss", "b_loss", "a_mse", "b_mae"]
    for name in histories[0]:
        assert histories[0][name] == pytest.approx(histories[1][name], rel=1e-5)


def test_a_loop_of_ones_own():
    """Keras' guide "Writing a training loop from scratch in PyTorch", beside ``fit``."""
    x, y, _ = data()
    model, fitted = functional(lamina, Model), functional(lamina, Model)
    fitted.set_weights(model.get_weights())
    optimizer, loss_fn = lamina.optimizers.Adam(0.01), lamina.losses.MeanSquaredError()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)), 16)
    for _ in range(2):
        for inputs, targets in loader:
            loss = loss_fn(targets, model(inputs, training=True))
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                optimizer.apply([v.value.grad for v in model.trainable_weights], list(model.trainable_weights))
    fitted.compile(lamina.optimizers.Adam(0.01), "mse")
    fitted.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_gradients_that_somebody_left_behind_are_not_added_to():
    x, y, _ = data()
    model, clean = functional(lamina, Model), functional(lamina, Model)
    clean.set_weights(model.get_weights())
    model(x, training=True).sum().backward()
    for each in (model, clean):
        each.compile(lamina.optimizers.SGD(0.1), "mse")
        each.fit(x, y, batch_size=64, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), clean.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_several_inputs_without_targets_reach_a_step_of_ones_own_as_inputs():
    """A bare list of two would be read as x and y: Keras packs it as ``(x,)``, and so do we."""
    seen = []

    class Custom(Model):
        def train_step(self, data):
            seen.append(data)
            return super().train_step(data)

        def predict_step(self, data):
            return super().predict_step(data)

    a, b = Input((2,)), Input((2,))
    model = Custom([a, b], Dense(1)(a - b))
    model.add_loss(model.outputs[0].square().mean())
    model.compile("sgd")
    x = [np.ones((4, 2), "float32"), np.zeros((4, 2), "float32")]
    model.fit(x, verbose=0)
    assert isinstance(seen[0], tuple)
    assert [len(part) for part in seen[0]] == [2]
    np.testing.assert_allclose(model.predict(x), model(x).numpy(force=True), rtol=1e-6)
