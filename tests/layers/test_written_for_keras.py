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


def own_attention(kind, seen):
    """A subclass with an attention of its own, written for Keras: the mask that it is given, and its sizes."""

    class Own(kind):
        def _compute_attention(self, query, key, value, attention_mask=None, training=None, *scores):
            seen.append((tuple(query.shape), tuple(key.shape), tuple(value.shape), attention_mask, scores))
            return super()._compute_attention(query, key, value, attention_mask, training, *scores)

    return Own


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [None, "key", "given", "both"])
@pytest.mark.parametrize("grouped", [False, True])
def test_an_attention_of_the_subclass_is_what_runs(causal, masked, grouped):
    torch.manual_seed(0)
    query, value, seen = torch.randn(2, 5, 8), torch.randn(2, 6, 8), []
    mask = {}
    if masked in ("key", "both"):
        mask["key_mask"] = torch.tensor([[True] * 4 + [False] * 2, [True] * 6])
    if masked in ("given", "both"):
        mask["attention_mask"] = (torch.rand(2, 5, 6) > 0.3) | torch.eye(5, 6).bool()
    kind = layers.GroupQueryAttention if grouped else layers.MultiHeadAttention
    heads = (4, 4, 2) if grouped else (4, 4)
    layer, plain = own_attention(kind, seen)(*heads), kind(*heads)
    output = layer(query, value, use_causal_mask=causal, **mask)
    plain.build(query.shape, value.shape)
    plain.set_weights(layer.get_weights())
    torch.testing.assert_close(output, plain(query, value, use_causal_mask=causal, **mask))
    q, k, v, given, scores = seen[-1]
    assert (q, k, v) == ((2, 5, 4, 4), (2, 6, 4, 4), (2, 6, 4, 4))
    assert scores == (() if grouped else (False,))
    if not causal and masked is None:
        assert given is None
        return
    due = torch.ones(2, 5, 6, dtype=torch.bool)
    due &= torch.ones(5, 6, dtype=torch.bool).tril() if causal else True
    due &= mask["key_mask"][:, None] if "key_mask" in mask else True
    due &= mask.get("attention_mask", torch.tensor(True))
    assert torch.equal(given.expand(2, 5, 6), due)


def test_an_attention_of_the_subclass_over_two_axes_gives_its_scores():
    class Own(layers.MultiHeadAttention):
        def _compute_attention(self, query, key, value, attention_mask=None, training=None, scores=False):
            assert attention_mask.shape == (1, 3, 4, 3, 4)
            return value * 2, "scores"

    layer = Own(2, 4, attention_axes=(1, 2), use_bias=False)
    x = torch.randn(2, 3, 4, 8)
    output, scores = layer(x, x, use_causal_mask=True, return_attention_scores=True)
    assert scores == "scores"
    torch.testing.assert_close(output, layer.output_dense(layer.value_dense(x) * 2))


def test_a_part_of_attention_made_by_the_subclass_goes_first():
    class Own(layers.MultiHeadAttention):
        def build(self, query_shape, value_shape):
            super().build(query_shape, value_shape)
            self._query_dense = layers.EinsumDense("abc,cd->abd", output_shape=(None, 8))

    layer = Own(2, 4)
    layer.build((None, 5, 8), (None, 5, 8))
    assert layer._query_dense is not layer.query
    assert layer.query_dense is layer.query


def layer_that(build, call):
    """A class of layers with these two methods."""
    return type("Own", (layers.Layer,), {"build": build, "call": call})


def test_build_takes_the_shapes_that_its_arguments_name():
    one, two, three = torch.ones(4, 1), torch.ones(4, 2), torch.ones(4, 3)

    def built(build):
        def call(self, foo, bar=None, baz=None):
            return foo[:, 0] + bar[:, 0]

        layer = layer_that(build, call)()
        layer(one, two, three)
        return layer.seen

    def some(self, baz_shape, foo_shape):
        self.seen = baz_shape, foo_shape

    def one_of_any_name(self, anything):
        self.seen = anything

    def with_a_default(self, bar_shape, size=7):
        self.seen = bar_shape, size

    def by_name_alone(self, *, foo_shape, bar_shape):
        self.seen = foo_shape, bar_shape

    assert built(some) == ((4, 3), (4, 1))
    assert built(one_of_any_name) == (4, 1)
    assert built(with_a_default) == ((4, 2), 7)
    assert built(by_name_alone) == ((4, 1), (4, 2))


@pytest.mark.parametrize(
    "build, wrong",
    [(lambda self, foo_shape, bar: None, "bar"), (lambda self, foo_shape, baz_shape: None, "baz_shape"),
     (lambda self, input_shape, bar_shape: None, "input_shape"), (lambda self, *, foo_shape, k: None, "k")],
)  # fmt: skip
def test_an_argument_of_build_that_is_the_shape_of_nothing_is_refused(build, wrong):
    layer = layer_that(build, lambda self, foo, bar: foo + bar)()
    text = rf"the shape of no argument of call(?s:.*)got +build\({wrong}\), call\(foo, bar\)"
    with pytest.raises(ValueError, match=text):
        layer(torch.ones(2, 3), torch.ones(2, 3))
    assert not layer.built


@pytest.mark.parametrize(
    "given, named, kind, text",
    [
        (("k",), {}, ValueError, r"try +add_weight\(shape=\(\.\.\.\), name='k'\)"),
        (("k",), {"shape": (3, 4), "initializer": "zeros"}, ValueError, r"add_weight\(shape=\(3, 4\), name='k'\)"),
        (("k", (3, 4)), {}, ValueError, "the shape first"),
        (((3, 4),), {"shape": (3, 4)}, ValueError, "of two shapes"),
        (((3, 4), "zeros", "float32", "k"), {}, TypeError, "try +name='k'"),
    ],
)
def test_add_weight_says_where_the_shape_goes(given, named, kind, text):
    layer = layers.Layer()
    with pytest.raises(kind, match=text):
        layer.add_weight(*given, **named)
    assert layer.weights == []


def test_add_weight_takes_its_first_arguments_by_position():
    layer = layers.Layer()
    weight = layer.add_weight((3, 4), "zeros", "float64", False)
    assert (tuple(weight.shape), weight.dtype, weight.trainable) == ((3, 4), torch.float64, False)
    assert tuple(layer.add_weight(np.int64(3)).shape) == (3,)


def test_a_plain_layer_says_what_it_lacks():
    for what in (lambda layer: layer.compute_output_shape((2, 3)), lambda layer: layer(torch.ones(2, 3))):
        with pytest.raises(NotImplementedError, match="must define call"):
            what(layers.Layer())


@pytest.mark.parametrize(
    "make, kind",
    [
        (lambda: layers.RepeatVector("3"), TypeError),
        (lambda: layers.RepeatVector(-1), ValueError),
        (lambda: layers.UpSampling1D(2.5), TypeError),
        (lambda: layers.UpSampling2D("ab"), TypeError),
        (lambda: layers.Dense(True), TypeError),
        (lambda: layers.Embedding(3.0, 2), TypeError),
        (lambda: layers.LayerNormalization(axis={"axis": -1}), TypeError),
        (lambda: layers.BatchNormalization(axis=[1]), TypeError),
        (lambda: layers.Dropout("0.5"), TypeError),
        (lambda: layers.Conv2D(4, 3, padding=3), TypeError),
        (lambda: layers.Layer(trainable="yes"), TypeError),
    ],
)
def test_an_argument_of_another_type_is_a_type_error_and_a_value_error(make, kind):
    with pytest.raises(kind) as told:
        make()
    assert isinstance(told.value, ValueError)
    assert isinstance(told.value, TypeError) is (kind is TypeError)


# -- InputLayer, Input


@pytest.mark.parametrize(
    "given, shape",
    [({"input_shape": [28, 28]}, (None, 28, 28)), ({"input_shape": (8,), "batch_size": 4}, (4, 8)),
     ({"batch_input_shape": (2, 8)}, (2, 8)), ({"input_shape": (8,), "dtype": "int32"}, (None, 8))],
)  # fmt: skip
def test_an_input_layer_takes_the_older_word_for_its_shape(given, shape):
    with pytest.warns(UserWarning, match=r"Try InputLayer\((batch_)?shape="):
        first = layers.InputLayer(**given)
    assert first.batch_shape == shape
    assert first.dtype == given.get("dtype", "float32")
    assert first.call() is None
    assert lamina.Sequential([first, layers.Flatten()]).inputs[0].shape == shape


def test_an_input_layer_refuses_two_batch_sizes():
    with pytest.raises(ValueError, match="batch_size= goes with shape="):
        layers.InputLayer(batch_shape=(2, 3), batch_size=2)


def test_an_input_of_a_tensor_is_the_tensor():
    x = layers.Dense(3)(lamina.Input((4,), batch_size=2))
    assert lamina.Input(tensor=x) is x
    assert lamina.Input((3,), tensor=x, batch_size=2, dtype="float32", sparse=False) is x
    for given in ({"shape": (4,)}, {"batch_shape": (2, 4)}, {"batch_size": 5}, {"dtype": "float16"}, {"sparse": True}):
        with pytest.raises(ValueError, match="does not fit the tensor"):
            lamina.Input(tensor=x, **given)
    with pytest.raises(TypeError, match="takes a symbolic tensor"):
        lamina.Input(tensor=np.ones((2, 3)))
