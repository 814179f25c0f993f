"""`convolution_op`: what a subclass of a convolution calls, or replaces."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers, ops

OPTIONS = [{}, {"padding": "same", "strides": 2}, {"data_format": "channels_first", "groups": 2}]


def standardized(library, replaced):
    """A Conv2D whose kernel has mean 0: by its `convolution_op`, or by its `call`."""
    functions = library.ops

    class Replaced(library.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel - functions.mean(kernel, axis=(0, 1, 2), keepdims=True))

    class Called(library.layers.Conv2D):
        def call(self, inputs):
            kernel = self.kernel - functions.mean(self.kernel, axis=(0, 1, 2), keepdims=True)
            outputs = self.convolution_op(inputs, kernel)
            shape = (1, -1, 1, 1) if self.data_format == "channels_first" else (1, 1, 1, -1)
            return outputs + functions.reshape(self.bias, shape)

    return Replaced if replaced else Called


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "called"])
def test_a_subclass_has_its_own_convolution(options, replaced):
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 6)).astype("float32")
    models = []
    for library in (lamina, keras):
        inputs = library.Input(x.shape[1:])
        layer = standardized(library, replaced)(4, 3, bias_initializer="ones", **options)
        models.append(library.Model(inputs, layer(inputs)))
    ours, theirs = models
    theirs.set_weights(ours.get_weights())
    due = keras.ops.convert_to_numpy(theirs(x))
    np.testing.assert_allclose(ops.convert_to_numpy(ours(x)), due, atol=1e-5)
    np.testing.assert_allclose(ours.predict(x, verbose=0), due, atol=1e-5)


@pytest.mark.parametrize("kind, sizes", [(layers.Conv1D, (9, 3)), (layers.Conv3D, (4, 4, 4, 3))], ids=["1D", "3D"])
def test_of_any_rank_and_with_the_activation(kind, sizes):
    class Replaced(kind):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, 2 * kernel)

    layer = Replaced(2, 3, padding="same", bias_initializer="ones", activation="relu")
    x = torch.randn(2, *sizes)
    layer(x)
    plain = kind.from_config(layer.get_config())
    plain.build(x.shape)
    plain.set_weights([2 * layer.get_weights()[0], layer.get_weights()[1]])
    torch.testing.assert_close(layer(x), plain(x))
