"""Distillation beside Keras' own: losses, a training of the same models, files, and misuses."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.distillation import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(32, 4)).astype("float32"), RNG.integers(0, 3, 32)


def pair(k):
    def model(width, name):
        x = k.Input((4,))
        h = k.layers.Dense(width, activation="relu", name="hidden")(x)
        return k.Model(x, k.layers.Dense(3, name="out")(k.layers.Dense(5, name="features")(h)), name=name)

    return model(16, "teacher"), model(6, "student")


def alike():
    """The same two models here and in Keras."""
    ours, theirs = pair(lamina), pair(keras)
    for one, other in zip(ours, theirs, strict=True):
        other.set_weights(one.get_weights())
    return ours, theirs


LOSSES = {
    "logits": lambda k: k.distillation.LogitsDistillation(2.0),
    "softened": lambda k: k.distillation.LogitsDistillation(3.0, k.losses.KLDivergence()),
    "crossentropy": lambda k: k.distillation.LogitsDistillation(
        2.0, k.losses.CategoricalCrossentropy(from_logits=True)
    ),
    "outputs": lambda k: k.distillation.FeatureDistillation("mse"),
    "features": lambda k: k.distillation.FeatureDistillation("mae", "features", "features"),
    "to the end": lambda k: k.distillation.FeatureDistillation(k.losses.Huber(), "out", None),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_of_keras(name):
    teacher, student = (torch.rand(6, 3, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    ours, theirs = (LOSSES[name](k).compute_loss(teacher, student) for k in (lamina, keras))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("names", [["logits"], ["softened", "features"], ["to the end", "outputs"]], ids=str)
def test_training_is_that_of_keras(names, weight):
    ours, theirs = alike()
    found = []
    for k, models in ((lamina, ours), (keras, theirs)):
        chosen = [LOSSES[name](k) for name in names]
        weights = [0.5 + i for i in range(len(names))]
        distiller = k.distillation.Distiller(*models, chosen, weights, student_loss_weight=weight)
        distiller.compile(k.optimizers.SGD(0.1), k.losses.SparseCategoricalCrossentropy(from_logits=True))
        history = distiller.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
        found.append((history, distiller.student.get_weights(), distiller.teacher.get_weights()))
    for name in ("loss", "student_loss", "distillation_loss", "total_loss"):
        np.testing.assert_allclose(found[0][0][name], found[1][0][name], rtol=1e-4, atol=1e-5)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    for one, other in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_array_equal(one, other)  # the teacher stays


def distilled(**options):
    teacher, student = pair(lamina)
    softened = LogitsDistillation(2.0, lamina.losses.KLDivergence())
    distiller = Distiller(teacher, student, [softened, FeatureDistillation("mse", "features", "features")], **options)
    distiller.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return distiller


def test_a_student_comes_to_agree_with_its_teacher():
    lamina.utils.set_random_seed(0)
    distiller = distilled(student_loss_weight=0.0, distillation_loss_weights=[1.0, 0.0])
    teacher = distiller.teacher.predict(X, verbose=0).argmax(1)
    distiller.optimizer.learning_rate = 0.05
    distiller.fit(X, Y, epochs=100, batch_size=8, verbose=0)
    assert (distiller.predict(X, verbose=0).argmax(1) == teacher).mean() >= 0.9
    assert not distiller.teacher.trainable
    assert len(distiller.trainable_weights) == len(distiller.student.trainable_weights)


def test_evaluation_and_sample_weights():
    distiller = distilled(student_loss_weight=1.0)
    scores = distiller.evaluate(X, Y, verbose=0, return_dict=True)
    assert {"loss", "student_loss", "distillation_loss", "total_loss", "accuracy"} <= set(scores)
    none = distiller.evaluate(X, Y, sample_weight=np.zeros(32, "float32"), verbose=0, return_dict=True)
    assert none["student_loss"] == 0


@pytest.mark.parametrize("kind", ["lamina", "keras"])
def test_saved_and_read(kind, tmp_path):
    distiller = distilled(distillation_loss_weights=[0.25, 2.0], student_loss_weight=0.4)
    distiller.fit(X, Y, verbose=0)
    distiller.save(tmp_path / f"m.{kind}")
    again = lamina.models.load_model(tmp_path / f"m.{kind}")
    np.testing.assert_allclose(again.predict(X, verbose=0), distiller.predict(X, verbose=0), atol=1e-6)
    assert (again.student_loss_weight, again.distillation_loss_weights) == (0.4, [0.25, 2.0])
    assert again.distillation_losses[0].temperature == 2.0
    assert again.distillation_losses[1].teacher_layer_name == "features"
    for one in (again, distiller):  # compiled as it was, and the optimizer goes on where it stopped
        lamina.utils.set_random_seed(0)
        one.after = one.fit(X, Y, shuffle=False, verbose=0).history
    assert again.optimizer.iterations == distiller.optimizer.iterations
    assert again.after["loss"] == pytest.approx(distiller.after["loss"], rel=1e-4)


def test_files_go_from_keras_to_lamina_and_back(tmp_path):
    teacher, student = ([keras.Input((5,)), keras.layers.Dense(3)] for _ in range(2))
    distillation = keras.distillation.LogitsDistillation(2.0)
    theirs = keras.distillation.Distiller(keras.Sequential(teacher), keras.Sequential(student), distillation)
    x = np.ones((2, 5), "float32")
    theirs(x)
    theirs.save(tmp_path / "theirs.keras")
    ours = lamina.models.load_model(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras")
    back = keras.models.load_model(tmp_path / "ours.keras")
    for other in (ours, back):
        assert type(other).__name__ == "Distiller"
        np.testing.assert_allclose(other.predict(x, verbose=0), theirs.predict(x, verbose=0), atol=1e-6)


def test_made_from_its_config():
    distiller = distilled()
    again = Distiller.from_config(distiller.get_config())
    assert again.student.count_params() == distiller.student.count_params()


def test_several_outputs():
    def model():
        x = lamina.Input((4,))
        return lamina.Model(x, [lamina.layers.Dense(2)(x), lamina.layers.Dense(3)(x)])

    distiller = Distiller(model(), model(), LogitsDistillation(loss=["mse", None]))
    distiller.compile("sgd", ["mse", "mse"])
    history = distiller.fit(X, [X[:, :2], X[:, :3]], verbose=0).history
    assert np.isfinite(history["loss"]).all()


class Odd(DistillationLoss):
    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        return teacher_outputs - student_outputs


def small(width=3, inputs=4):
    return lamina.Sequential([lamina.layers.Dense(width, input_shape=(inputs,))])


def fitted_with(loss):
    distiller = Distiller(small(), small(), loss)
    distiller.compile("sgd", "mse")
    distiller.fit(X, X[:, :3], verbose=0)


MISUSES = {
    "temperature": (lambda: LogitsDistillation(0), "temperature must be positive"),
    "no loss": (lambda: LogitsDistillation(loss=[None]), "at least one"),
    "weight": (lambda: Distiller(small(), small(), LogitsDistillation(), student_loss_weight=2), "from 0 to 1"),
    "nothing to compare": (lambda: Distiller(small(), small(), None), "something to compare"),
    "a loss of targets": (lambda: Distiller(small(), small(), "mse"), "a DistillationLoss"),
    "weights": (lambda: Distiller(small(), small(), [LogitsDistillation()], [1, 2]), "a number for each loss"),
    "no model": (lambda: Distiller(torch.nn.Linear(2, 2), small(), LogitsDistillation()), "teacher must be a model"),
    "other inputs": (lambda: Distiller(small(), small(inputs=5), LogitsDistillation()), "inputs of different shapes"),
    "other outputs": (lambda: Distiller(small(), small(2), LogitsDistillation()), "outputs of different shapes"),
    "no such layer": (
        lambda: Distiller(small(), small(), FeatureDistillation("mse", "x", "y")),
        "In the teacher model",
    ),
    "compile": (lambda: Distiller(small(), small(), LogitsDistillation()).compile("sgd"), "'loss' cannot be `None`"),
    "no scalar": (lambda: fitted_with(Odd()), "must give a scalar"),
    "losses in another structure": (lambda: fitted_with(FeatureDistillation(["mse", "mse"])), "another structure"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse(name):
    misuse, text = MISUSES[name]
    with pytest.raises(lamina.LaminaError, match=text):
        misuse()


def test_features_that_cannot_be_compared_are_named():
    loss = FeatureDistillation("mse", "wide", "narrow")
    with pytest.raises(lamina.ShapeError, match=r"layer 'wide' and the layer 'narrow'(.|\n)*teacher \(2, 5\), student"):
        loss.compute_loss(torch.ones(2, 5), torch.ones(2, 3))
    x = lamina.Input((4,))
    model = lamina.Model(x, lamina.layers.Dense(2, name="wide")(x))
    with pytest.raises(lamina.ArgumentError, match="In the student model") as caught:
        loss.validate_model_compatibility(model, model)
    assert str(caught.value).count("  where") == 1
    assert "wide" in str(caught.value.expected)
