"""Ways of writing layers and models that public code for Keras has: what they do here is what they do there."""

import inspect

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers


def heads(library, outputs):
    """Two heads on two inputs, given as a dict, by name to one layer, or as a dict to one layer."""

    class Pair(library.layers.Layer):
        def build(self, *shapes):
            self.built = True

        def call(self, z, c=None):
            return z["z"] + z["c"] if c is None else z + c

    first, second = library.Input((3,), name="z"), library.Input((3,), name="b")
    one, two = library.layers.Dense(2, name="one")(first), library.layers.Dense(2, name="two")(second)
    made = {
        "outputs": lambda: {"z": one, "c": two},
        "names": lambda: Pair()(z=one, c=two),
        "dict": lambda: Pair()({"z": one, "c": two}),
        "list": lambda: [one, two],
    }[outputs]()
    return library.Model([first, second], made)


@pytest.mark.parametrize("outputs", ["outputs", "names", "dict", "list"])
def test_layers_stand_in_keras_order_where_tensors_have_keys(outputs):
    ours, theirs = heads(lamina, outputs), heads(keras, outputs)
    named = ("z", "b", "one", "two")
    orders = [[layer.name for layer in model.layers if layer.name in named] for model in (ours, theirs)]
    assert orders[0] == orders[1]


def test_what_a_graph_computes_with_is_no_weight():
    x = lamina.Input((3,))
    scale, trained = torch.tensor(4.0), torch.nn.Parameter(torch.ones(3))
    model = lamina.Model(x, layers.Dense(2)(x * scale + np.ones(3, "float32")) + (x * trained).sum())
    assert [tuple(w.shape) for w in model.weights] == [(3, 2), (2,), (3,)]
    assert len(model.state_dict()) == 5  # what is computed with is saved all the same


class Ruled(layers.Layer):
    """Layers made in `__init__`, no `build`, and a rule of shapes."""

    def __init__(self, needs_values=False):
        super().__init__()
        self.inner, self.never_called = layers.Dense(3), layers.Dense(2)
        self.needs_values = needs_values

    def call(self, x):
        if self.needs_values and x.sum().item() > 1e9:
            return x
        return self.inner(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


def test_a_rule_of_shapes_does_not_keep_layers_within_from_being_built():
    x = lamina.Input((None, 4))
    layer = Ruled()
    model = lamina.Model(x, layer(x))
    assert model.count_params() == 15
    assert layer.inner.built
    assert not layer.never_called.built
    before = layer.inner.kernel.detach().clone()
    model(torch.ones(2, 5, 4))
    torch.testing.assert_close(layer.inner.kernel.detach(), before)


def test_a_call_that_needs_values_is_drawn_by_its_rule():
    x = lamina.Input((None, 4))
    model = lamina.Model(x, Ruled(needs_values=True)(x))
    assert model.output_shape == (None, None, 3)
    assert model(torch.ones(2, 5, 4)).shape == (2, 5, 3)


class WrongRule(layers.Layer):
    def call(self, x, start=0):
        return x + start

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(input_shape[1]))  # true of a list of shapes only


def test_a_rule_is_asked_for_drawing_only():
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = WrongRule()

        def call(self, x):
            return self.inner(x, start=1)

    torch.testing.assert_close(WrongRule()(torch.zeros(2, 3)), torch.zeros(2, 3))
    x = lamina.Input((3,))
    torch.testing.assert_close(lamina.Model(x, Outer()(x))(torch.zeros(2, 3)), torch.ones(2, 3))


def test_the_policy_of_a_drawn_model_can_be_set():
    x = lamina.Input((3,))
    model = lamina.Model(x, layers.Dense(2)(x))
    before = model(torch.ones(1, 3))
    model.dtype_policy = "mixed_bfloat16"
    assert model.dtype_policy.name == "mixed_bfloat16"
    torch.testing.assert_close(model(torch.ones(1, 3)), before)  # its layers compute by their own
    model.layers[1].dtype_policy = "float32"  # the one that it has
    with pytest.raises(lamina.ArgumentError, match="its dtype policy stays"):
        model.layers[1].dtype_policy = "mixed_bfloat16"


def test_what_has_no_weights_can_be_built_for_another_shape():
    class Rotary(layers.Layer):
        def build(self, input_shape):
            self.width = input_shape[-1]

        def call(self, x):
            return x * self.width

    layer = Rotary()
    layer.build((None, 5, 4))
    layer.build((None, 5, 2))
    assert layer.width == 2
    dense = layers.Dense(2)
    dense.build((None, 4))
    with pytest.raises(lamina.ArgumentError, match="built already, for another shape"):
        dense.build((None, 5))


def test_masks_are_computed_by_keras_arguments():
    names = [
        name for name in dir(keras.layers) if hasattr(layers, name) and hasattr(getattr(layers, name), "compute_mask")
    ]
    for name in names:
        kinds = getattr(keras.layers, name), getattr(layers, name)
        wanted, found = (list(inspect.signature(kind.compute_mask).parameters)[2:] for kind in kinds)
        assert found == wanted, name
    assert len(names) > 100


class Cached(layers.MultiHeadAttention):
    """The step between the projections by hand, as decoders with caches have it."""

    def call(self, query, value, attention_mask=None, return_attention_scores=False):
        q, k, v = self._query_dense(query), self._key_dense(value), self.value_dense(value)
        gathered, scores = self._compute_attention(
            query=q, key=k, value=v, attention_mask=attention_mask, return_attention_scores=return_attention_scores
        )
        return self._output_dense(gathered), scores


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("mask", [None, (2, 5, 6), (2, 1, 5, 6)])
def test_attention_runs_by_keras_names_of_its_parts(scores, mask):
    torch.manual_seed(0)
    query, value = torch.randn(2, 5, 8), torch.randn(2, 6, 8)
    seen = None if mask is None else torch.rand(mask) > 0.3
    layer, plain = Cached(2, 4, value_dim=3), layers.MultiHeadAttention(2, 4, value_dim=3)
    output, weights = layer(query, value, attention_mask=seen, return_attention_scores=scores)
    plain.build(query.shape, value.shape)
    plain.set_weights(layer.get_weights())
    same = seen if seen is None or seen.dim() == 3 else seen[:, 0]
    expected = plain(query, value, attention_mask=same, return_attention_scores=scores)
    torch.testing.assert_close(output, expected[0] if scores else expected)
    assert (weights is None) is not scores
    if scores:
        torch.testing.assert_close(weights, expected[1])
    assert (layer._num_heads, layer._key_dim, layer._value_dim) == (2, 4, 3)


def test_a_part_of_attention_made_by_the_subclass_goes_first():
    class Own(layers.MultiHeadAttention):
        def build(self, query_shape, value_shape):
            super().build(query_shape, value_shape)
            self._query_dense = layers.EinsumDense("abc,cd->abd", output_shape=(None, 8))

    layer = Own(2, 4)
    layer.build((None, 5, 8), (None, 5, 8))
    assert layer._query_dense is not layer.query
    assert layer.query_dense is layer.query
