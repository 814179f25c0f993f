"""Keras 2's words in new code: they do what they did, or say what to write."""

import numpy as np
import pytest
import torch

import lamina
from lamina import backend as K
from lamina import layers, ops, optimizers

X = torch.arange(1.0, 7.0).reshape(2, 3)
Y = torch.linspace(0.1, 0.6, 6).reshape(2, 3)

# a call by the old name -> the same by a new one
SAME = {
    "sum": (lambda: K.sum(X, axis=1, keepdims=True), lambda: ops.sum(X, axis=1, keepdims=True)),
    "mean": (lambda: K.mean(K.square(X), axis=-1), lambda: ops.mean(X**2, axis=-1)),
    "flatten": (lambda: K.flatten(X), lambda: X.reshape(-1)),
    "batch_flatten": (lambda: K.batch_flatten(X[..., None]), lambda: X),
    "cast": (lambda: K.cast(X, "int32"), lambda: X.int()),
    "cast_to_floatx": (lambda: K.cast_to_floatx(np.ones(2)), lambda: torch.ones(2)),
    "clip": (lambda: K.clip(X, 2.0, 4.0), lambda: X.clamp(2, 4)),
    "constant": (lambda: K.constant(2.0, shape=(2, 2)), lambda: torch.full((2, 2), 2.0)),
    "gather": (lambda: K.gather(X, [1]), lambda: X[1:]),
    "repeat": (lambda: K.repeat(X, 2), lambda: torch.stack([X, X], 1)),
    "repeat_elements": (lambda: K.repeat_elements(X, 2, axis=0), lambda: X.repeat_interleave(2, 0)),
    "reverse": (lambda: K.reverse(X, 1), lambda: X.flip(1)),
    "permute_dimensions": (lambda: K.permute_dimensions(X, (1, 0)), lambda: X.T),
    "l2_normalize": (lambda: K.l2_normalize(X, axis=1), lambda: torch.nn.functional.normalize(X, dim=1)),
    "pow": (lambda: K.pow(X, 2), lambda: X**2),
    "update": (lambda: K.update_sub(K.variable([3.0]), 1.0), lambda: torch.tensor([2.0])),
    "bias_add": (lambda: K.bias_add(X[None], np.arange(3, dtype="float32")), lambda: X[None] + torch.arange(3.0)),
    "bias_add, channels first": (
        lambda: K.bias_add(X[None], torch.arange(2.0), "channels_first"), lambda: X[None] + torch.arange(2.0)[:, None]),
    "dot": (lambda: K.dot(X, Y.T), lambda: X @ Y.T),
    "batch_dot": (lambda: K.batch_dot(X, Y, axes=1), lambda: (X * Y).sum(1, keepdim=True)),
    "batch_dot of matrices": (
        lambda: K.batch_dot(X[:, None], Y[:, :, None], axes=(2, 1)), lambda: (X[:, None] @ Y[:, :, None])),
    "batch_dot of matrices by default": (
        lambda: K.batch_dot(X[:, None], Y[:, :, None]), lambda: (X[:, None] @ Y[:, :, None])),
    "binary_crossentropy": (lambda: K.binary_crossentropy(Y, Y), lambda: ops.binary_crossentropy(Y, Y)),
    "in_train_phase": (lambda: K.in_train_phase(lambda: X, Y, training=True), lambda: X),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_functions_of_the_backend(name):
    old, new = SAME[name]
    torch.testing.assert_close(old(), new())


def test_a_sampling_layer_and_a_loss_as_of_old():
    def sample(arguments):
        mean, log_variance = arguments
        noise = K.random_normal(shape=(K.shape(mean)[0], K.int_shape(mean)[1]), mean=0.0, stddev=1.0)
        return mean + K.exp(0.5 * log_variance) * noise

    def loss(y_true, y_pred):
        return K.mean(K.maximum(0.5 * (y_true - y_pred), -0.5 * (y_true - y_pred)), axis=-1)

    x = lamina.Input((3,))
    model = lamina.Model(x, layers.Lambda(sample, output_shape=(2,))([layers.Dense(2)(x), layers.Dense(2)(x)]))
    model.compile(optimizers.legacy.Adam(0.01), loss)
    model.fit(X, torch.zeros(2, 2), verbose=0)
    weight = lamina.Variable([1.0])
    K.set_value(weight, [3.0])
    assert K.get_value(weight).tolist() == [3]
    with pytest.raises(lamina.ArgumentError, match="needs training="):
        K.in_train_phase(X, Y)


def test_variables_of_the_backend():
    weight = K.variable(np.ones((2, 3)), name="weight")
    assert (K.dtype(weight), K.count_params(weight), weight.requires_grad) == ("float32", 6, True)
    K.set_value(weight, np.zeros((2, 3)))
    K.update_add(weight, 0.5)
    K.batch_set_value([(weight, K.eval(weight) * 2)])
    np.testing.assert_array_equal(K.batch_get_value([weight])[0], np.ones((2, 3), "float32"))


def test_the_backend_has_its_own_names_too():
    assert set(K.__all__) <= set(vars(K))
    assert K.result_type("int32", "float16") == "float16"
    assert K.floatx() == "float32"


def test_older_places():
    assert layers.experimental.preprocessing.Rescaling is layers.Rescaling
    assert optimizers.legacy.SGD is optimizers.SGD
    from lamina.layers.experimental.preprocessing import Normalization

    assert Normalization is layers.Normalization


@pytest.mark.parametrize(
    "word, new", [("lr", "learning_rate="), ("decay", "InverseTimeDecay"), ("clip_norm", "clipnorm=")]
)
def test_older_arguments_of_optimizers(word, new):
    for module in (optimizers, optimizers.legacy):
        with pytest.raises(lamina.ArgumentError, match=f"{word}(.|\n)*try .*{new}"):
            module.Adam(**{word: 0.1})
