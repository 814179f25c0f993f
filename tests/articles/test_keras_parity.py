"""Whole models beside Keras on torch: the same code, the same weights in the same order, the same numbers.

Each model is built by one function of the library, once with Lamina and once with Keras.
"""

from __future__ import annotations

import keras as real_keras
import numpy as np
import pytest
import torch

import lamina
from tests.articles.by_hand import assert_close, beyond_keras, integers, normal, one_hot

# -------------------------------------------------------------------------------------------------------- the models


def ticket_router(keras):
    layers = keras.layers
    title, body = keras.Input((None,), name="title"), keras.Input((None,), name="body")
    tags = keras.Input((6,), name="tags")
    read_title = layers.LSTM(12)(layers.Embedding(50, 8)(title))
    read_body = layers.LSTM(5)(layers.Embedding(50, 8)(body))
    x = layers.concatenate([read_title, read_body, tags])
    priority = layers.Dense(1, activation="sigmoid", name="priority")(x)
    department = layers.Dense(4, activation="softmax", name="department")(x)
    return keras.Model([title, body, tags], [priority, department])


def toy_resnet(keras):
    layers = keras.layers
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    before = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(before)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.add([x, before])
    around = layers.Conv2D(12, 1, strides=2)(x)
    x = layers.SeparableConv2D(12, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(layers.add([x, around]))
    return keras.Model(inputs, layers.Dense(10)(layers.Dense(16, activation="gelu")(x)))


def autoencoder(keras):
    layers = keras.layers
    image = keras.Input((12, 12, 1))
    x = layers.Conv2D(8, 3, activation="relu")(image)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(4, 3, activation="elu")(x)
    encoder = keras.Model(image, layers.GlobalMaxPooling2D()(x), name="encoder")
    code = keras.Input((4,))
    x = layers.Dense(36, activation="relu")(code)
    x = layers.Reshape((6, 6, 1))(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.AveragePooling2D(2)(x)
    decoder = keras.Model(code, layers.Conv2DTranspose(1, 3, padding="same")(x), name="decoder")
    whole = keras.Input((12, 12, 1))
    return keras.Model(whole, decoder(encoder(whole)), name="autoencoder")


def transformer(keras):
    layers = keras.layers
    words = keras.Input((9,), dtype="int32")
    x = layers.Embedding(30, 12, mask_zero=True)(words)
    attended = layers.MultiHeadAttention(num_heads=3, key_dim=4)(x, x)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.add([x, attended]))
    inside = layers.Dense(24, activation="relu")(x)
    inside = layers.Dense(12)(inside)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.add([x, inside]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(words, layers.Dense(5, activation="softmax")(x))


def recurrent(keras):
    layers = keras.layers
    series = keras.Input((None, 3))
    x = layers.LSTM(6, return_sequences=True)(series)
    x = layers.GRU(5, return_sequences=True)(layers.concatenate([x, series]))
    _, h, c = layers.LSTM(4, return_state=True)(x)
    x = layers.LSTM(4, go_backwards=True)(series, initial_state=[h, c])
    return keras.Model(series, layers.Dense(2)(x))


ROWS = 24
TICKETS = [
    integers(50, ROWS, 7).numpy(),
    integers(50, ROWS, 11, seed=1).numpy(),
    integers(2, ROWS, 6, seed=2).float().numpy(),
]
ROUTES = [integers(2, ROWS, 1).float().numpy(), one_hot(integers(4, ROWS), 4).numpy()]
IMAGES = normal(ROWS, 12, 12, 1).numpy()
SENTENCES = torch.cat([integers(30, ROWS, 6, low=1), integers(2, ROWS, 3) * 0], 1).numpy()

# model: data, targets, loss
CASES = {
    ticket_router: (TICKETS, ROUTES, {"priority": "binary_crossentropy", "department": "categorical_crossentropy"}),
    toy_resnet: (normal(ROWS, 16, 16, 3).numpy(), normal(ROWS, 10, seed=1).numpy(), "mse"),
    autoencoder: (IMAGES, IMAGES, "mae"),
    transformer: (SENTENCES, integers(5, ROWS).numpy(), "sparse_categorical_crossentropy"),
    recurrent: (normal(ROWS, 8, 3).numpy(), normal(ROWS, 2, seed=1).numpy(), "huber"),
}


@pytest.fixture(params=CASES, ids=lambda build: build.__name__)
def pair(request):
    """Ours, Keras', and the case. Ours has Keras' weights, given in Keras' order."""
    build = request.param
    theirs, ours = build(real_keras), build(lamina)
    noise = [normal(*w.shape, seed=i).numpy() for i, w in enumerate(theirs.get_weights())]
    theirs.set_weights([w + 0.1 * np.abs(n) for w, n in zip(theirs.get_weights(), noise, strict=True)])
    ours.set_weights(theirs.get_weights())
    return ours, theirs, CASES[build]


def outputs_of(model, x):
    predicted = model.predict(x, batch_size=10, verbose=0)
    return predicted if isinstance(predicted, list) else [predicted]


def assert_same_weights(ours, theirs, **tolerance):
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(a, b, **tolerance)


# --------------------------------------------------------------------------------------------------------- the tests


def test_the_weights_stand_in_the_same_order(pair):
    ours, theirs, _ = pair
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    assert ours.count_params() == theirs.count_params()
    kinds = [[type(layer).__name__.replace("Functional", "Model") for layer in model.layers] for model in pair[:2]]
    assert kinds[0] == kinds[1]


def test_they_predict_the_same(pair):
    ours, theirs, (x, _, _) = pair
    assert [t.shape for t in ours.outputs] == [tuple(t.shape) for t in theirs.outputs]
    for a, b in zip(outputs_of(ours, x), outputs_of(theirs, x), strict=True):
        assert_close(a, b)


OPTIMIZERS = {
    "sgd": lambda keras: keras.optimizers.SGD(0.05, momentum=0.9),
    "adam": lambda keras: keras.optimizers.Adam(0.003),
    "rmsprop": lambda keras: keras.optimizers.RMSprop(0.003),
}


@pytest.mark.quick_cases(5)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_they_train_the_same(pair, optimizer):
    """Two epochs in the same batches: the same losses on the way, the same weights at the end."""
    *models, (x, y, loss) = pair
    histories = []
    for model, library in zip(models, (lamina, real_keras), strict=True):
        model.compile(optimizer=OPTIMIZERS[optimizer](library), loss=loss)
        histories.append(
            model.fit(x, y, batch_size=10, epochs=2, shuffle=False, verbose=0, validation_data=(x, y)).history
        )
    assert set(histories[0]) == set(histories[1])
    for name, values in histories[1].items():
        assert_close(histories[0][name], values, rtol=1e-4, atol=1e-5)
    assert_same_weights(*models, rtol=2e-3, atol=2e-4)


def test_they_train_on_a_batch_the_same(pair):
    *models, (x, y, loss) = pair
    results = []
    for model in models:
        model.compile(optimizer="sgd", loss=loss)
        results.append(model.train_on_batch(x, y))
    assert_close(np.ravel(results[0]), np.ravel(results[1]))
    assert_same_weights(*models)


def test_keras_takes_our_weights_back(pair):
    ours, theirs, (x, _, _) = pair
    ours.set_weights([w + 0.01 for w in ours.get_weights()])
    theirs.set_weights(ours.get_weights())
    for a, b in zip(outputs_of(ours, x), outputs_of(theirs, x), strict=True):
        assert_close(a, b)


@beyond_keras
def test_torch_compiles_the_whole_in_one_graph(pair):
    """``fullgraph=True`` refuses any break; the compiled model still answers, and passes gradients, as Keras does."""
    ours, theirs, (x, _, _) = pair
    x = [torch.as_tensor(a) for a in x] if isinstance(x, list) else torch.as_tensor(x)
    compiled = torch.compile(ours, fullgraph=True, backend="eager")
    outputs, expected = compiled(x), theirs(x)
    outputs, expected = ([y] if isinstance(y, torch.Tensor) else y for y in (outputs, expected))
    for a, b in zip(outputs, expected, strict=True):
        assert_close(a, b)
    sum(y.square().mean() for y in outputs).backward()
    assert all(parameter.grad is not None for parameter in ours.parameters())
