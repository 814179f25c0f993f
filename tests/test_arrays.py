"""NumPy's arrays serve wherever tensors do, however they lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lamina
from lamina import ops
from lamina.arrays import as_array, as_tensor
from lamina.layers import Conv2D, Dense, Flatten, Input, Normalization

PLAIN = np.arange(12, dtype="float32").reshape(4, 3)
# Each holds the numbers of PLAIN.
LAID = {
    "backwards": PLAIN[::-1].copy()[::-1],
    "columns backwards": PLAIN[:, ::-1].copy()[:, ::-1],
    "the other byte order": PLAIN.astype(PLAIN.dtype.newbyteorder()),
    "that, backwards": PLAIN[::-1].astype(PLAIN.dtype.newbyteorder())[::-1],
    "read-only": np.frombuffer(PLAIN.tobytes(), "float32").reshape(4, 3),
    "columns first": np.asfortranarray(PLAIN),
    "every other one": np.repeat(PLAIN, 2, axis=1)[:, ::2],
}


def layer(x):
    dense = Dense(2, kernel_initializer="ones")
    return dense(x)


def model(x):
    inputs = Input((3,))
    return lamina.Model(inputs, inputs * 2)(x)


def predicted(x):
    inputs = Input((3,))
    network = lamina.Model(inputs, inputs * 2)
    return [network.predict(x, verbose=0), network.predict(x, batch_size=2, verbose=0), network.predict_on_batch(x)]


def trained(x):
    inputs = Input((3,))
    network = lamina.Model(inputs, Dense(3, kernel_initializer="ones")(inputs))
    network.compile("sgd", "mse", metrics=["mae"])
    history = network.fit(x, x, verbose=0, shuffle=False).history
    return [*history.values(), network.train_on_batch(x, x)["loss"], *network.get_weights()]


def weights(x):
    dense = Dense(3)
    dense.build((None, 4))
    dense.set_weights([x, x[0]])
    one = dense.get_weights()
    dense.kernel.assign(x)
    dense.kernel.assign_add(x)
    dense.bias.assign_sub(x[0])
    return [*one, *dense.get_weights()]


def adapted(x):
    normalization = Normalization()
    normalization.adapt(x)
    return normalization(x)


USES = {
    "a tensor": as_tensor,
    "a layer": layer,
    "a model": model,
    "predict": predicted,
    "fit": trained,
    "weights": weights,
    "adapt": adapted,
    "ops": lambda x: [ops.add(x, 1.0), ops.relu(x), ops.convert_to_tensor(x)],
    "a list for ops": lambda x: ops.stack([x, x]),
    "losses": lambda x: lamina.losses.MeanSquaredError()(x, x + 1),
    "metrics": lambda x: lamina.metrics.MeanSquaredError()(x, x[::-1]),
    "sample weights": lambda x: lamina.losses.MeanSquaredError()(x, x * 2, sample_weight=x[:, 0]),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("laid", LAID)
def test_an_array_serves_however_it_lies_in_memory(laid, use):
    given = LAID[laid]
    ours, expected = USES[use](given), USES[use](PLAIN.copy())
    for one, other in zip(lamina.tree.flatten(ours), lamina.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(
            np.asarray(torch.as_tensor(one).detach()), np.asarray(torch.as_tensor(other).detach())
        )
    np.testing.assert_array_equal(given, PLAIN)


def test_memory_is_shared_where_it_can_be():
    array = PLAIN.copy()
    assert as_tensor(array).data_ptr() == array.ctypes.data
    assert as_tensor(array[::-1]).data_ptr() != array.ctypes.data


@pytest.mark.parametrize("way", ["predict", "predict_on_batch", "call", "evaluate"])
def test_an_axis_that_newaxis_adds_changes_no_bit(way):
    lamina.utils.set_random_seed(0)
    image = Input((7, 14, 1))
    x = Conv2D(48, 3, padding="same", activation="relu")(Conv2D(24, 3, padding="same", activation="relu")(image))
    network = lamina.Model(image, Dense(3)(Flatten()(x)))
    network.compile("sgd", "mse")
    targets = np.zeros((8, 3), "float32")

    def ask(pictures):
        if way == "evaluate":
            return network.evaluate(pictures, targets, verbose=0)
        if way == "predict":
            return network.predict(pictures, verbose=0)
        return as_array(network(pictures)) if way == "call" else network.predict_on_batch(pictures)

    pixels = np.random.default_rng(0).random((8, 14, 14)).astype("float32")[:, ::2]
    added, made = pixels[..., np.newaxis], pixels.copy().reshape(8, 7, 14, 1)
    assert 0 in added.strides
    assert 0 not in made.strides
    np.testing.assert_array_equal(ask(added), ask(made))


def test_axes_that_newaxis_adds_get_strides_and_share_the_memory():
    columns_first = np.asfortranarray(PLAIN)
    for array in (
        PLAIN[None],
        PLAIN[:, None, ::2, None],
        columns_first[..., None],
        PLAIN[0, :1][None],
        PLAIN[:0, None],
    ):
        tensor = as_tensor(array)
        assert 0 not in tensor.stride()
        assert tensor.shape == array.shape
        assert array.size == 0 or tensor.data_ptr() == array.ctypes.data
