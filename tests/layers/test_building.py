"""A layer that anybody has built stays built: its weights are made once."""

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError, Input, Model, layers

RNG = np.random.default_rng(0)


class OwnBuild(layers.Layer):
    """Builds a part in its own build, and does not call that of its base."""

    def build(self, input_shape):
        self.inner = layers.Dense(3)
        self.inner.build(input_shape)
        self.scale = self.add_weight((3,), "ones", name="scale")

    def call(self, inputs):
        return self.inner(inputs) * self.scale


class SaysSo(layers.Layer):
    """Says that it is built before it is, as some code for Keras does."""

    def build(self, input_shape):
        self.built = True
        super().build(input_shape)
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs):
        return inputs * self.scale


class BuiltLater(SaysSo):
    def build(self, input_shape):
        super().build(input_shape)
        self.shift = self.add_weight((input_shape[-1],), "zeros", name="shift")


CASES = {
    "Embedding": (lambda: layers.Embedding(4, 3), (None, 3), torch.tensor([[0, 1, 2]])),
    "Dense": (lambda: layers.Dense(3), (None, 4), torch.ones(2, 4)),
    "Conv2D": (lambda: layers.Conv2D(3, 2), (None, 5, 5, 4), torch.ones(2, 5, 5, 4)),
    "DepthwiseConv1D": (lambda: layers.DepthwiseConv1D(2), (None, 5, 4), torch.ones(2, 5, 4)),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(3, 2), (None, 5, 5, 4), torch.ones(2, 5, 5, 4)),
    "BatchNormalization": (lambda: layers.BatchNormalization(), (None, 4), torch.ones(2, 4)),
    "LayerNormalization": (lambda: layers.LayerNormalization(), (None, 4), torch.ones(2, 4)),
    "GroupNormalization": (lambda: layers.GroupNormalization(2), (None, 4), torch.ones(2, 4)),
    "PReLU": (lambda: layers.PReLU(), (None, 4), torch.ones(2, 4)),
    "EinsumDense": (lambda: layers.EinsumDense("ab,bc->ac", 3), (None, 4), torch.ones(2, 4)),
    "LSTM": (lambda: layers.LSTM(3), (None, 5, 4), torch.ones(2, 5, 4)),
    "Bidirectional": (lambda: layers.Bidirectional(layers.GRU(3)), (None, 5, 4), torch.ones(2, 5, 4)),
    "TimeDistributed": (lambda: layers.TimeDistributed(layers.Dense(3)), (None, 5, 4), torch.ones(2, 5, 4)),
    "a build of the user's": (OwnBuild, (None, 4), torch.ones(2, 4)),
    "a build that says so itself": (SaysSo, (None, 4), torch.ones(2, 4)),
    "a build upon a build": (BuiltLater, (None, 4), torch.ones(2, 4)),
    "a layer without build": (lambda: layers.Activation("relu"), (None, 4), torch.ones(2, 4)),
    "Sequential": (lambda: lamina.Sequential([layers.Dense(3), layers.Dense(2)]), (None, 4), torch.ones(2, 4)),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_built_and_given_weights_keeps_them(case):
    make, shape, data = CASES[case]
    layer = make()
    layer.build(shape)
    assert layer.built
    weights = [RNG.normal(size=w.shape).astype("float32") ** 2 for w in layer.weights]
    layer.set_weights(weights)
    objects = list(map(id, layer.weights))
    layer(data)
    layer(Input(tuple(data.shape[1:]), dtype=data.dtype))
    layer.build(shape)
    layer.build(list(shape))
    layer.build((7, *shape[1:]))
    assert list(map(id, layer.weights)) == objects
    for ours, given in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, given)


@pytest.mark.parametrize("case", [case for case in CASES if case != "a layer without build"])
def test_a_second_build_for_another_shape_names_both(case):
    make, shape, _ = CASES[case]
    layer = make()
    layer.build(shape)
    other = (*shape[:-1], 9)
    with pytest.raises(ArgumentError, match="is built already, for another shape") as caught:
        layer.build(other)
    assert str(other) in str(caught.value)
    assert str(shape) in str(caught.value)
    assert "test_building.py" in str(caught.value)


def test_a_shape_by_name_is_the_same():
    layer = layers.Dense(2)
    layer.build(input_shape=(None, 4))
    kernel = layer.kernel
    layer.build(input_shape=(None, 4))
    layer.build((None, 4))
    assert layer.kernel is kernel
    with pytest.raises(ArgumentError, match=r"build\(\(None, 5\)\)(.|\n)*build\(\(None, 4\)\)"):
        layer.build(input_shape=(None, 5))


def test_a_part_that_was_built_while_its_layer_was_drawn_is_built_for_any_size():
    class Around(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    layer = Around()
    layer(Input((None, 4)))
    kernel = layer.dense.kernel
    layer.dense.build((None, 7, 4))
    assert layer.dense.kernel is kernel
    with pytest.raises(ArgumentError, match="is built already") as caught:
        layer.dense.build((None, 7, 5))
    assert "build((None, None, 4))" in str(caught.value)


def test_after_a_call_too():
    layer = layers.Dense(2)
    layer(torch.ones(3, 4))
    kernel = layer.kernel
    layer.build((None, 4))
    assert layer.kernel is kernel
    with pytest.raises(ArgumentError, match=r"build\(\(None, 5\)\)"):
        layer.build((None, 5))


def test_multi_head_attention():
    layer = layers.MultiHeadAttention(2, 3)
    layer.build((None, 5, 4), (None, 6, 4))
    weights = [RNG.normal(size=w.shape).astype("float32") for w in layer.weights]
    layer.set_weights(weights)
    layer(torch.ones(2, 5, 4), torch.ones(2, 6, 4))
    for ours, given in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, given)


def test_a_build_that_fails_leaves_nothing_behind():
    class Fails(layers.Layer):
        fail = True

        def build(self, input_shape):
            self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")
            if Fails.fail:
                raise ValueError("not yet")

        def call(self, inputs):
            return inputs * self.scale

    layer = Fails()
    with pytest.raises(ValueError, match="not yet"):
        layer(torch.ones(2, 3))
    assert not layer.built
    assert layer.weights == []
    Fails.fail = False
    layer(torch.ones(2, 3))
    assert [w.path for w in layer.weights] == ["fails/scale"]
    assert list(layer.state_dict()) == ["scale"]


class Two(Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = layers.Dense(4), layers.Dense(1)

    def call(self, x):
        return self.last(self.first(x))


def test_a_subclassed_model_is_built_by_its_shape():
    model = Two()
    model.build((None, 3))
    weights = model.get_weights()
    assert [w.shape for w in weights] == [(3, 4), (4,), (4, 1), (1,)]
    model(torch.ones(2, 3))
    for ours, given in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, given)
    model.summary()


def test_one_that_takes_ids():
    class Ids(Model):
        def __init__(self):
            super().__init__()
            self.embed, self.last = layers.Embedding(10, 4), layers.Dense(1)

        def call(self, x):
            return self.last(self.embed(x))

    model = Ids()
    model.build((None, 5))
    assert [w.shape for w in model.get_weights()] == [(10, 4), (4, 1), (1,)]


def test_one_with_several_inputs():
    class Pair(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(2), layers.Dense(2)

        def call(self, inputs):
            return self.a(inputs["x"]) + self.b(inputs["y"])

    model = Pair()
    model.build({"x": (None, 3), "y": (None, 5)})
    assert [w.shape for w in model.get_weights()] == [(3, 2), (2,), (5, 2), (2,)]


def test_one_that_cannot_be_built_from_shapes_says_why():
    class Values(Model):
        def call(self, x):
            return x if float(x.sum()) > 0 else -x

    with pytest.raises(ArgumentError, match="cannot be built from shapes alone") as caught:
        Values().build((None, 3))
    assert "call the model on a batch" in str(caught.value)


def test_a_model_trains_after_build_as_keras_does():
    x, y = RNG.normal(size=(32, 3)).astype("float32"), RNG.normal(size=(32, 1)).astype("float32")

    class Theirs(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.last = keras.layers.Dense(4), keras.layers.Dense(1)

        def call(self, x):
            return self.last(self.first(x))

    ours, theirs = Two(), Theirs()
    ours.build((None, 3))
    theirs(torch.ones(1, 3))
    theirs.set_weights(ours.get_weights())
    for model, optimizer in ((ours, lamina.optimizers.SGD(0.1)), (theirs, keras.optimizers.SGD(0.1))):
        model.compile(optimizer, "mse")
        model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_an_embedding_takes_ids_of_any_rank_whatever_it_was_built_for():
    layer = layers.Embedding(4, 2)
    layer.build((None, 3))
    before = layer.get_weights()[0]
    for shape in ((None,), (None, None), (2, 3, 4)):
        layer.build(shape)
    layers.Embedding(4, 2, weights=[before]).build((None, 7))
    assert layer(torch.zeros(2, 3, 4, dtype=torch.int64)).shape == (2, 3, 4, 2)
    assert layer(torch.zeros(2, dtype=torch.int64)).shape == (2, 2)
    np.testing.assert_array_equal(layer.get_weights()[0], before)


WITHOUT_WEIGHTS = [
    layers.Activation("relu"), layers.ReLU(), layers.LeakyReLU(), layers.ELU(), layers.Softmax(), layers.Identity(),
    layers.Dropout(0.5), layers.SpatialDropout1D(0.5), layers.AlphaDropout(0.5), layers.GaussianNoise(0.5),
    layers.GaussianDropout(0.5), layers.MaxPooling1D(2), layers.AveragePooling2D(2), layers.GlobalMaxPooling3D(),
    layers.GlobalAveragePooling1D(), layers.Masking(), layers.Reshape((2,)), layers.UnitNormalization(),
    layers.ActivityRegularization(),
]  # fmt: skip
BUILT_LATER = [layers.PReLU(), layers.Dense(2), layers.Flatten(), layers.Add(), layers.BatchNormalization()]


@pytest.mark.parametrize("layer", [*WITHOUT_WEIGHTS, *BUILT_LATER], ids=lambda layer: type(layer).__name__)
def test_layers_say_that_they_are_built_when_keras_says_so(layer):
    assert layer.built is (layer in WITHOUT_WEIGHTS)


def test_a_build_of_ones_own_is_waited_for():
    class Noisy(layers.Dropout):
        def build(self, input_shape):
            self.scale = self.add_weight((input_shape[-1],), "ones")

        def call(self, inputs, training=False):
            return super().call(inputs, training) * self.scale

    layer = Noisy(0.5)
    assert not layer.built
    assert layer(torch.ones(2, 3)).shape == (2, 3)
    assert len(layer.weights) == 1
    assert layer.built


def test_the_layers_within_are_listed():
    class Two(layers.Layer):
        def __init__(self):
            super().__init__()
            self.a = lamina.Sequential([layers.Dense(2), layers.ReLU()])
            self.listed = [self.a.layers[0], layers.Flatten()]
            self.plain = torch.nn.ModuleList([layers.Dropout(0.1)])

        def call(self, x):
            return x

    two = Two()
    names = [type(part).__name__ for part in two._flatten_layers()]
    assert sorted(names) == ["Dense", "Dropout", "Flatten", "ReLU", "Sequential", "Two"]
    assert names[0] == "Two"
    assert two not in two._flatten_layers(include_self=False)
    direct = [type(part).__name__ for part in two._flatten_layers(include_self=False, recursive=False)]
    assert sorted(direct) == ["Dense", "Dropout", "Flatten", "Sequential"]
    assert layers.ReLU()._flatten_layers(include_self=False) == []


def test_a_build_that_asks_for_no_shape():
    """As guides write it for layers whose parts build by themselves: for one tensor, and for a list of them."""

    class Parts(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.builds = layers.Dense(2), 0

        def build(self):
            self.builds += 1
            self.built = True

        def call(self, inputs):
            first, second = inputs if isinstance(inputs, list) else (inputs, inputs)
            return self.dense(first) + self.dense(second)

    one, several = Parts(), Parts()
    model = Model(x := Input((3,)), one(x))
    assert several([Input((3,)), Input((3,))]).shape == (None, 2)
    data = torch.ones(4, 3)
    torch.testing.assert_close(model(data), 2 * one.dense(data))
    assert several([data, data]).shape == (4, 2)
    assert (one.builds, several.builds) == (1, 1)
