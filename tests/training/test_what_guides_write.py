"""Ways of compiling and training that public code has: one target for one loss, losses and metrics of its own."""

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers, metrics, ops

X, Y = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3), np.linspace(0, 1, 8, dtype="float32").reshape(8, 1)


def two_outputs(library=lamina, form=list):
    x = library.Input((3,))
    heads = [library.layers.Dense(n, kernel_initializer="ones", name=name)(x) for n, name in ((1, "a"), (2, "b"))]
    return library.Model(x, dict(zip("ab", heads, strict=True)) if form is dict else form(heads))


class Two(lamina.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = (layers.Dense(n, kernel_initializer="ones") for n in (1, 2))

    def call(self, x):
        return self.a(x), self.b(x)


MODELS = {"list": two_outputs, "dict": lambda: two_outputs(form=dict), "of code": Two}


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # Keras'
@pytest.mark.parametrize("y", [Y, torch.tensor(Y), [Y]], ids=["array", "tensor", "list"])
@pytest.mark.parametrize("kind", MODELS)
def test_one_target_belongs_to_the_output_with_a_loss(kind, y):
    model, reference = MODELS[kind](), two_outputs(keras)
    loss = {"a": "mse", "b": None} if kind == "dict" else ["mse", None]
    model.compile(lamina.optimizers.SGD(0.1), loss=loss)
    reference.compile(keras.optimizers.SGD(0.1), loss=["mse", None])
    kept = reference.fit(X, Y, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert model.fit(X, y, epochs=2, shuffle=False, verbose=0).history["loss"] == pytest.approx(kept, rel=1e-5)
    values = [np.ravel(model.evaluate(X, y, verbose=0))[0], np.ravel(model.test_on_batch(X, y))[0]]
    assert values == pytest.approx([reference.evaluate(X, Y, verbose=0)] * 2, rel=1e-5)


def test_one_target_for_the_second_output_with_weights_of_classes_and_samples():
    x = lamina.Input((3,))
    heads = [layers.Dense(1, activation="sigmoid", name=name) for name in "ab"]
    model = lamina.Model(x, [head(x) for head in heads])
    model.compile("sgd", loss=[None, "binary_crossentropy"], metrics=[None, ["mae"]])
    y = np.arange(8) % 2
    before = [head.kernel.detach().clone() for head in heads]
    history = model.fit(X, y, class_weight={0: 1.0, 1: 2.0}, sample_weight=np.ones(8), verbose=0).history
    assert any("mae" in name for name in history)
    assert torch.equal(before[0], heads[0].kernel)
    assert not torch.equal(before[1], heads[1].kernel)


def test_as_many_targets_as_losses():
    x = lamina.Input((3,))
    model = lamina.Model(x, [layers.Dense(1, name=name)(x) for name in "abc"])
    model.compile("sgd", loss=["mse", None, "mae"])
    model.fit(X, [Y, Y], verbose=0)
    with pytest.raises(lamina.StructureError, match="y is one tensor for 3 outputs"):
        model.fit(X, Y, verbose=0)


def test_one_target_where_every_output_has_a_loss_is_an_error():
    model = two_outputs()
    model.compile("sgd", "mse")
    with pytest.raises(lamina.StructureError, match="y is one tensor for 2 outputs"):
        model.fit(X, Y, verbose=0)


class Own(lamina.Model):
    def __init__(self, outputs=1):
        super().__init__()
        self.heads = [layers.Dense(1) for _ in range(outputs)]

    def call(self, x):
        made = [head(x) for head in self.heads]
        return made[0] if len(made) == 1 else made


def own_loss(kind):
    def four(self, x, y, y_pred, sample_weight):
        return ops.mean((y - y_pred) ** 2)

    def of_keras_3_0(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        return ops.mean((y - y_pred) ** 2)

    def three(self, x, y, y_pred):
        return ops.mean((y - y_pred) ** 2)

    def on_top(self, x, y, y_pred, sample_weight=None):
        return lamina.Model.compute_loss(self, x, y, y_pred, sample_weight)

    def any_of_them(self, **given):
        assert {"x", "y", "y_pred", "sample_weight", "training"} == set(given)
        return ops.mean((given["y"] - given["y_pred"]) ** 2)

    return {"four": four, "3.0": of_keras_3_0, "three": three, "on top": on_top, "any": any_of_them}[kind]


@pytest.mark.parametrize("kind", ["four", "3.0", "three", "on top", "any"])
def test_compute_loss_takes_what_it_names(kind):
    model = type("WithLoss", (Own,), {"compute_loss": own_loss(kind)})()
    model.compile(lamina.optimizers.SGD(0.1), loss="mse" if kind == "on top" else None)
    losses = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(np.mean((model.predict(X) - Y) ** 2), rel=1e-5)


def test_compute_loss_of_several_outputs_and_one_target():
    class OfFirst(Own):
        def compute_loss(self, x, y, y_pred, sample_weight):
            return ops.mean((y - y_pred[0] - y_pred[1]) ** 2)

    model = OfFirst(outputs=2)
    model.compile(lamina.optimizers.SGD(0.1))
    losses = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_weight_that_a_loss_of_ones_own_does_not_take_is_an_error():
    model = type("WithLoss", (Own,), {"compute_loss": own_loss("three")})()
    model.compile("sgd")
    with pytest.raises(TypeError, match="sample_weight"):
        model.fit(X, Y, sample_weight=np.ones(8), verbose=0)


@pytest.mark.parametrize(
    "loss", [lamina.losses.MeanSquaredError(), torch.nn.MSELoss(), lambda y, p: ((y - p) ** 2).mean()]
)
def test_a_loss_that_the_model_set_stays(loss):
    class Held(Own):
        def __init__(self):
            super().__init__()
            self.loss = loss

        def train_step(self, data):
            x, y = data
            value = self.loss(y, self(x, training=True))
            self.optimizer.apply_gradients(
                zip(torch.autograd.grad(value, self.trainable_weights), self.trainable_weights, strict=True)
            )
            return {"loss": value}

    model = Held()
    model.compile(lamina.optimizers.SGD(0.1))
    assert model.loss is loss
    losses = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.compile("sgd", "mae")
    assert model.loss == "mae"
    model.compile("sgd")
    assert model.loss is None


def several(y_true, y_pred):
    return {"level": ops.mean(y_pred), "error": ops.abs(y_true - y_pred)}


def test_a_metric_function_that_returns_a_dict():
    model = lamina.Sequential([layers.Dense(1, kernel_initializer="ones")])
    model.compile(lamina.optimizers.SGD(0.0), "mse", metrics=[several], weighted_metrics=["mae"])
    history = model.fit(X, Y, batch_size=3, validation_data=(X, Y), epochs=2, verbose=0).history
    predicted = model.predict(X)
    assert history["error"] == pytest.approx([np.abs(predicted - Y).mean()] * 2, rel=1e-5)
    assert history["val_error"] == pytest.approx(history["mae"], rel=1e-5)
    scores = model.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)
    assert scores["level"] == pytest.approx(predicted.mean(), abs=1e-5)


def test_its_state_is_the_state_of_its_means():
    metric = metrics.MeanMetricWrapper(several)
    metric.update_state(torch.zeros(2, 1), torch.ones(2, 1))
    other = metrics.MeanMetricWrapper(several)
    other.load_state_dict(metric.state_dict())
    for each in (metric, other):
        each.update_state(torch.zeros(1, 1), torch.full((1, 1), 4.0), sample_weight=torch.tensor([2.0]))
    assert {name: float(value) for name, value in other.result().items()} == {"level": 3.0, "error": 2.5}
    assert metric.result() == other.result()
    metric.reset_state()
    assert float(metric.result()["level"]) == 0
