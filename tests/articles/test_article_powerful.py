"""The article "Why the Functional API is more powerful": its snippets as printed, and the systems it names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import lamina as keras
from lamina.layers import (
    LSTM,
    Add,
    Average,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dot,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    Lambda,
    Layer,
    LayerNormalization,
    Maximum,
    MaxPooling2D,
    Minimum,
    MultiHeadAttention,
    Multiply,
    Permute,
    Reshape,
    SeparableConv2D,
    Subtract,
)
from lamina.models import Model, Sequential
from lamina.optimizers import SGD
from tests.articles.by_hand import (
    ON_KERAS,
    assert_close,
    assert_trains_like,
    attention,
    beyond_keras,
    binary_crossentropy,
    categorical_crossentropy,
    conv2d,
    dense,
    integers,
    layer_norm,
    lstm,
    max_pool,
    mse,
    normal,
    one_hot,
    shapes,
    softmax,
    tensors,
)

# -------------------------------------------------------------------------------------------------- 1: the basic syntax


def test_basic_syntax():
    inputs = Input(shape=(64,))
    x = Dense(32, activation="relu")(inputs)
    outputs = Dense(10, activation="softmax")(x)

    model = Model(inputs, outputs)

    assert shapes(model) == ([(None, 64)], [(None, 10)])
    assert model.count_params() == 64 * 32 + 32 + 32 * 10 + 10
    data, target = normal(20, 64), one_hot(integers(10, 20), 10)

    def by_hand(k1, b1, k2, b2):
        return dense(dense(data, k1, b1, torch.relu), k2, b2, softmax)

    assert_close(model(data), by_hand(*tensors(model)))
    assert_close(model(data).sum(-1), torch.ones(20))
    optimizer = SGD(0.1)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy")
    assert_trains_like(
        model, data.numpy(), target.numpy(), lambda *w: categorical_crossentropy(target, by_hand(*w)), optimizer, 0.1
    )


def test_all_that_sequential_can_do():
    """The same stack written both ways: with the same weights it is the same function, and it learns the same."""
    stack = Sequential([Input(shape=(6,)), Dense(8, activation="tanh"), Dense(3)])
    inputs = Input(shape=(6,))
    graph = Model(inputs, Dense(3)(Dense(8, activation="tanh")(inputs)))
    graph.set_weights(stack.get_weights())

    x, y = normal(10, 6), normal(10, 3, seed=1)
    assert torch.equal(stack(x), graph(x))
    for model in (stack, graph):
        model.compile(optimizer=SGD(0.1), loss="mse")
        model.fit(x.numpy(), y.numpy(), epochs=3, batch_size=5, shuffle=False, verbose=0)
    for a, b in zip(tensors(stack), tensors(graph), strict=True):
        assert torch.equal(a, b)


# --------------------------------------------------------------------------------------------------------- 4: branching


def test_branching():
    inputs = Input(shape=(20,))
    trunk = Dense(128, activation="relu")(inputs)
    merged = Concatenate()([Dense(64)(trunk), Dense(64)(trunk)])
    model = Model(inputs, Dense(1)(merged))
    assert tuple(merged.shape) == (None, 128)

    x, y = normal(8, 20), normal(8, 1, seed=1)

    def by_hand(k, b, k1, b1, k2, b2, ko, bo):
        shared = dense(x, k, b, torch.relu)
        return dense(torch.cat([dense(shared, k1, b1), dense(shared, k2, b2)], -1), ko, bo)

    assert_close(model(x), by_hand(*tensors(model)))
    optimizer = SGD(0.01)
    model.compile(optimizer=optimizer, loss="mse")
    assert_trains_like(model, x.numpy(), y.numpy(), lambda *w: mse(y, by_hand(*w)), optimizer, 0.01)


def inception_block(x):
    """Four views of the same pixels, side by side in the channels."""
    point = Conv2D(4, 1, padding="same", activation="relu", name="point")(x)
    middle = Conv2D(3, 1, activation="relu", name="reduce3")(x)
    middle = Conv2D(6, 3, padding="same", activation="relu", name="conv3")(middle)
    wide = Conv2D(2, 1, activation="relu", name="reduce5")(x)
    wide = Conv2D(2, 5, padding="same", activation="relu", name="conv5")(wide)
    pooled = MaxPooling2D(3, strides=1, padding="same")(x)
    pooled = Conv2D(5, 1, activation="relu", name="project")(pooled)
    return Concatenate(axis=-1)([point, middle, wide, pooled])


def test_inception_module():
    inputs = Input(shape=(9, 9, 3))
    model = Model(inputs, inception_block(inputs))
    assert shapes(model)[1] == [(None, 9, 9, 4 + 6 + 2 + 5)]

    x = normal(2, 9, 9, 3)

    def relu(y, name, padding):
        return torch.relu(conv2d(y, *tensors(model.get_layer(name)), padding=padding))

    pooled = F.max_pool2d(x.permute(0, 3, 1, 2), 3, stride=1, padding=1).permute(0, 2, 3, 1)
    branches = [
        relu(x, "point", 0),
        relu(relu(x, "reduce3", 0), "conv3", 1),
        relu(relu(x, "reduce5", 0), "conv5", 2),
        relu(pooled, "project", 0),
    ]
    assert_close(model(x), torch.cat(branches, -1))


def test_multi_scale_feature_extraction():
    image = Input(shape=(12, 12, 2))
    scales = [GlobalAveragePooling2D()(Conv2D(3, 3, name=f"at{s}")(AveragePooling2D(s)(image))) for s in (1, 2, 3)]
    model = Model(image, Concatenate()(scales))
    assert shapes(model)[1] == [(None, 9)]

    x = normal(2, 12, 12, 2)
    hand = []
    for s in (1, 2, 3):
        small = F.avg_pool2d(x.permute(0, 3, 1, 2), s).permute(0, 2, 3, 1)
        hand.append(conv2d(small, *tensors(model.get_layer(f"at{s}"))).mean((1, 2)))
    assert_close(model(x), torch.cat(hand, -1))


# ----------------------------------------------------------------------------------------------------------- 5: merging


class Fuse(Layer):
    """A merge of one's own: a learned balance between two tensors."""

    def build(self, input_shape):
        self.balance = self.add_weight(shape=(input_shape[0][-1],), initializer="zeros", name="balance")

    def call(self, inputs):
        a, b = inputs
        share = torch.sigmoid(self.balance + 0.0)
        return share * a + (1 - share) * b

    def compute_output_shape(self, input_shape):
        return input_shape[0]


MERGES = {
    "concatenate": (Concatenate, lambda a, b: torch.cat([a, b], -1)),
    "add": (Add, torch.add),
    "subtract": (Subtract, torch.sub),
    "multiply": (Multiply, torch.mul),
    "average": (Average, lambda a, b: (a + b) / 2),
    "maximum": (Maximum, torch.maximum),
    "minimum": (Minimum, torch.minimum),
    "dot": (lambda: Dot(axes=1), lambda a, b: (a * b).sum(-1, keepdim=True)),
    "custom layer": (Fuse, lambda a, b: (a + b) / 2),
    "custom function": (lambda: Lambda(lambda ab: ab[0] * 2 - ab[1]), lambda a, b: 2 * a - b),
}


@pytest.mark.parametrize("name", MERGES)
def test_merging(name):
    make, by_hand = MERGES[name]
    a, b = Input(shape=(5,)), Input(shape=(5,))
    left, right = Dense(4)(a), Dense(4)(b)
    merged = make()([left, right])
    model = Model([a, b], merged)

    x, y = normal(3, 5), normal(3, 5, seed=1)
    k1, b1, k2, b2 = tensors(model)[:4]
    expected = by_hand(dense(x, k1, b1), dense(y, k2, b2))
    assert tuple(merged.shape) == (None, *expected.shape[1:])
    assert_close(model([x, y]), expected)
    model.compile(optimizer="sgd", loss="mse")
    assert_close(model.fit([x.numpy(), y.numpy()], expected.numpy() + 1, verbose=0).history["loss"][0], 1.0)


# ---------------------------------------------------------------------------------------------- 6, 7: many in, many out


def test_images_and_text():
    image_input = Input(shape=(224, 224, 3))
    text_input = Input(shape=(100,))

    image_features = GlobalAveragePooling2D()(Conv2D(4, 8, strides=8, activation="relu")(image_input))
    text_features = LSTM(3)(Embedding(1000, 6)(text_input))

    merged = Concatenate()([image_features, text_features])

    model = Model([image_input, text_input], Dense(2, activation="softmax")(merged))
    assert shapes(model) == ([(None, 224, 224, 3), (None, 100)], [(None, 2)])
    images, words, kind = normal(2, 224, 224, 3), integers(1000, 2, 100).float(), integers(2, 2)
    layers = {layer.__class__.__name__: tensors(layer) for layer in model.layers}
    seen = torch.relu(conv2d(images, *layers["Conv2D"], stride=8)).mean((1, 2))
    read = lstm(layers["Embedding"][0][words.long()], *layers["LSTM"])[1]
    expected = dense(torch.cat([seen, read], -1), *layers["Dense"], softmax)
    assert_close(model([images, words]), expected)

    model.compile(optimizer=SGD(0.5), loss="sparse_categorical_crossentropy")
    losses = model.fit([images.numpy(), words.numpy()], kind.numpy(), epochs=4, verbose=0).history["loss"]
    assert_close(losses[0], categorical_crossentropy(one_hot(kind, 2), expected))
    assert losses[-1] < losses[0]


def test_time_series_with_metadata():
    """What does not change over time becomes the first state of what does."""
    series, about = Input(shape=(None, 2), name="series"), Input(shape=(3,), name="about")
    h, c = Dense(4, activation="tanh", name="h")(about), Dense(4, name="c")(about)
    reader = LSTM(4)
    model = Model([series, about], Dense(1)(reader(series, initial_state=[h, c])))

    x, facts = normal(3, 5, 2), normal(3, 3, seed=1)
    first = dense(facts, *tensors(model.get_layer("h")), torch.tanh), dense(facts, *tensors(model.get_layer("c")))
    last = lstm(x, *tensors(reader), state=first)[1]
    assert_close(model([x, facts]), dense(last, *tensors(model.layers[-1])))
    assert_close(model({"series": x, "about": facts}), model([x, facts]))


def test_two_outputs():
    inputs = Input(shape=(8,))
    hidden = Dense(6, activation="relu")(inputs)
    output_a, output_b = Dense(2, name="a")(hidden), Dense(1, activation="sigmoid", name="b")(hidden)

    model = Model(inputs, [output_a, output_b])

    x, a, b = normal(16, 8), normal(16, 2, seed=1), integers(2, 16, 1).float()

    def loss_of(k, bias, ka, ba, kb, bb):
        features = dense(x, k, bias, torch.relu)
        return mse(a, dense(features, ka, ba)) + binary_crossentropy(b, dense(features, kb, bb, torch.sigmoid))

    optimizer = SGD(0.1)
    model.compile(optimizer=optimizer, loss=["mse", "binary_crossentropy"])
    assert_trains_like(model, x.numpy(), [a.numpy(), b.numpy()], loss_of, optimizer, 0.1)


def test_an_auxiliary_head_can_be_left_behind():
    """GoogLeNet's trick: a second head while training; afterwards a model without it, on the same weights."""
    inputs = Input(shape=(8,))
    early = Dense(6, activation="relu")(inputs)
    helper = Dense(3, activation="softmax", name="helper")(early)
    final = Dense(3, activation="softmax", name="final")(Dense(6, activation="relu")(early))
    training = Model(inputs, [final, helper])
    deployed = Model(inputs, final)

    x, y = normal(16, 8).numpy(), integers(3, 16).numpy()
    training.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss={"final": "sparse_categorical_crossentropy", "helper": "sparse_categorical_crossentropy"},
        loss_weights={"final": 1.0, "helper": 0.3},
    )
    training.fit(x, [y, y], epochs=3, verbose=0)
    assert "helper" not in [layer.name for layer in deployed.layers]
    assert np.array_equal(deployed.predict(x, verbose=0), training.predict(x, verbose=0)[0])


# -------------------------------------------------------------------------------------------------- 8: skip connections


def test_skip_connection():
    inputs = Input(shape=(10,))
    x = Dense(64, activation="relu")(inputs)

    skip = x
    x = Dense(64)(x)
    x = Add()([x, skip])

    model = Model(inputs, x)
    data, target = normal(7, 10), normal(7, 64, seed=1)

    def by_hand(k1, b1, k2, b2):
        first = dense(data, k1, b1, torch.relu)
        return dense(first, k2, b2) + first

    assert_close(model(data), by_hand(*tensors(model)))
    optimizer = SGD(0.1)
    model.compile(optimizer=optimizer, loss="mse")
    assert_trains_like(model, data.numpy(), target.numpy(), lambda *w: mse(target, by_hand(*w)), optimizer, 0.1)


@pytest.mark.filterwarnings(
    "ignore:The output .* ends with a sigmoid"
)  # whose targets are far away, for large gradients
def test_a_gradient_passes_fifty_residual_layers():
    """What skip connections are for: the first layer still learns, where without them it hardly does."""

    def gradient_at_the_bottom(residual):
        inputs = Input(shape=(8,))
        bottom = Dense(8, activation="tanh")
        x = bottom(inputs)
        for _ in range(50):
            y = Dense(8, activation="sigmoid")(x)
            x = Add()([x, y]) if residual else y
        model = Model(inputs, x)
        model.compile(optimizer=SGD(1.0), loss="mse")
        before = tensors(bottom)[0]
        model.fit(normal(4, 8).numpy(), normal(4, 8, seed=1).numpy() + 20, verbose=0)
        return (tensors(bottom)[0] - before).abs().max()

    assert gradient_at_the_bottom(residual=False) < 1e-6
    assert gradient_at_the_bottom(residual=True) > 1e-3


# ------------------------------------------------------------------------------------------------------- 9: layer reuse


def test_layer_reuse():
    input_1, input_2 = Input(shape=(16,)), Input(shape=(16,))

    shared_dense = Dense(64)

    output_1 = shared_dense(input_1)
    output_2 = shared_dense(input_2)

    model = Model([input_1, input_2], [output_1, output_2])
    assert model.count_params() == 16 * 64 + 64
    a, b = normal(4, 16), normal(4, 16, seed=1)

    def loss_of(kernel, bias):
        return mse(torch.zeros(4, 64), dense(a, kernel, bias)) + mse(torch.ones(4, 64), dense(b, kernel, bias))

    optimizer = SGD(0.5)
    model.compile(optimizer=optimizer, loss="mse")
    targets = [np.zeros((4, 64), "float32"), np.ones((4, 64), "float32")]
    assert_trains_like(model, [a.numpy(), b.numpy()], targets, loss_of, optimizer, 0.5)


def test_shared_convolutions_encode_two_images():
    """A dual encoder: one stack of layers, called as a model, on both."""
    image = Input(shape=(8, 8, 1))
    encoder = Model(image, Flatten()(Conv2D(2, 3, activation="relu")(image)), name="encoder")
    a, b = Input(shape=(8, 8, 1)), Input(shape=(8, 8, 1))
    model = Model([a, b], Dot(axes=1, normalize=True)([encoder(a), encoder(b)]))

    x, y = normal(3, 8, 8, 1), normal(3, 8, 8, 1, seed=1)
    kernel, bias = tensors(encoder)
    one, two = (torch.relu(conv2d(z, kernel, bias)).flatten(1) for z in (x, y))
    assert_close(model([x, y]), F.cosine_similarity(one, two)[:, None])
    assert_close(model([x, x]), torch.ones(3, 1))
    assert model.get_layer("encoder") is encoder
    assert len(model.weights) == 2


# ------------------------------------------------------------------------------------------------- 10: any graph at all


def test_an_arbitrary_graph_of_nested_blocks():
    """A ladder: every rung reads both sides below it; the sides are models inside models."""

    def rung(width, name):
        left, right = Input(shape=(width,)), Input(shape=(width,))
        both = Concatenate()([left, right])
        return Model([left, right], [Dense(width, name="up")(both), Maximum()([left, right])], name=name)

    inputs = Input(shape=(6,))
    left, right = Dense(4, name="left")(inputs), Dense(4, name="right")(inputs)
    rungs = [rung(4, f"rung{i}") for i in range(3)]
    for block in rungs:
        left, right = block([left, right])
    model = Model(inputs, [left, right])

    x = normal(5, 6)
    a, b = (dense(x, *tensors(model.get_layer(name))) for name in ("left", "right"))
    for block in rungs:
        a, b = dense(torch.cat([a, b], -1), *tensors(block)), torch.maximum(a, b)
    for actual, expected in zip(model(x), (a, b), strict=True):
        assert_close(actual, expected)
    assert len({id(w) for w in model.weights}) == 2 * 2 + 3 * 2


def test_a_block_that_is_reused_shares_or_copies_as_asked():
    def block(x, layer=None):
        return (layer or Dense(4, activation="relu"))(x)

    inputs = Input(shape=(4,))
    copies = Model(inputs, block(block(inputs)))
    one = Dense(4, activation="relu")
    shared = Model(inputs, block(block(inputs, one), one))
    assert (len(copies.weights), len(shared.weights)) == (4, 2)


# ----------------------------------------------------------------------------------- 11, 12: encoder-decoder, attention


def transformer_block(x, heads, key_dim, width, name):
    """Attention and a small network, each added to what came in, then normalized."""
    attended = MultiHeadAttention(heads, key_dim, name=f"{name}_attention")(x, x)
    x = LayerNormalization(name=f"{name}_norm1")(Add()([x, attended]))
    inside = Dense(width, activation="relu", name=f"{name}_wide")(x)
    inside = Dense(x.shape[-1], name=f"{name}_narrow")(inside)
    return LayerNormalization(name=f"{name}_norm2")(Add()([x, inside]))


def transformer_block_by_hand(x, model, name):
    def weights(part):
        return tensors(model.get_layer(f"{name}_{part}"))

    x = layer_norm(x + attention(x, x, weights("attention")), *weights("norm1"))
    inside = dense(dense(x, *weights("wide"), torch.relu), *weights("narrow"))
    return layer_norm(x + inside, *weights("norm2"))


def test_transformer_encoder_reads_text():
    words = Input(shape=(7,), dtype="int32")
    table = Embedding(30, 8)
    x = table(words)
    for i in range(2):
        x = transformer_block(x, heads=2, key_dim=4, width=16, name=f"block{i}")
    head = Dense(3, activation="softmax")
    model = Model(words, head(Lambda(lambda t: t[:, 0])(x)))
    assert shapes(model)[1] == [(None, 3)]

    text, kind = integers(30, 6, 7), integers(3, 6)
    hand = tensors(table)[0][text]
    for i in range(2):
        hand = transformer_block_by_hand(hand, model, f"block{i}")
    assert_close(model(text), dense(hand[:, 0], *tensors(head), softmax))
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(text.numpy(), kind.numpy(), epochs=20, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] == 1.0


def test_vision_transformer():
    image = Input(shape=(8, 8, 3))
    patches = Conv2D(8, 4, strides=4, name="patches")(image)
    x = transformer_block(Reshape((4, 8))(patches), heads=2, key_dim=4, width=16, name="block")
    model = Model(image, x)

    pixels = normal(2, 8, 8, 3)
    tokens = conv2d(pixels, *tensors(model.get_layer("patches")), stride=4).reshape(2, 4, 8)
    assert_close(model(pixels), transformer_block_by_hand(tokens, model, "block"))


def test_cross_attention_joins_decoder_to_encoder():
    source, target = Input(shape=(None, 6)), Input(shape=(None, 6))
    encode = MultiHeadAttention(2, 3, name="encode")
    look_back = MultiHeadAttention(2, 3, name="look_back")
    look_across = MultiHeadAttention(2, 3, name="look_across")
    memory = encode(source, source)
    model = Model([source, target], look_across(look_back(target, target, use_causal_mask=True), memory))

    x, y = normal(2, 5, 6), normal(2, 3, 6, seed=1)
    memory = attention(x, x, tensors(encode))
    state = attention(y, y, tensors(look_back), torch.ones(3, 3, dtype=torch.bool).tril())
    assert_close(model([x, y]), attention(state, memory, tensors(look_across)))


def test_padding_is_not_attended_to():
    """The mask of ``Embedding(mask_zero=True)`` reaches the attention by itself: padding changes nothing."""
    words = Input(shape=(None,), dtype="int32")
    x = Embedding(20, 8, mask_zero=True)(words)
    model = Model(words, MultiHeadAttention(2, 4)(x, x))

    short = integers(20, 2, 4, low=1)
    padded = torch.cat([short, torch.zeros(2, 3, dtype=short.dtype)], 1)
    assert_close(model(padded)[:, :4], model(short))


# --------------------------------------------------------------------------------------------- 13: modern architectures


def test_squeeze_and_excite():
    """EfficientNet's part: channels weigh themselves by what the whole image shows."""
    image = Input(shape=(6, 6, 4))
    deep = DepthwiseConv2D(3, padding="same", activation="relu")(image)
    weight = Dense(2, activation="relu", name="squeeze")(GlobalAveragePooling2D()(deep))
    weight = Dense(4, activation="sigmoid", name="excite")(weight)
    model = Model(image, Multiply()([deep, Reshape((1, 1, 4))(weight)]))

    x = normal(2, 6, 6, 4)
    kernel, bias = tensors(model.layers[1])
    hand = F.conv2d(x.permute(0, 3, 1, 2), kernel.permute(2, 3, 0, 1), bias, padding=1, groups=4)
    hand = torch.relu(hand).permute(0, 2, 3, 1)
    squeezed = dense(hand.mean((1, 2)), *tensors(model.get_layer("squeeze")), torch.relu)
    scale = dense(squeezed, *tensors(model.get_layer("excite")), torch.sigmoid)
    assert_close(model(x), hand * scale[:, None, None])


def test_separable_convolution_with_a_projected_skip():
    """Xception's block: the way around is a 1 x 1 convolution with the same stride."""
    image = Input(shape=(8, 8, 3))
    around = Conv2D(6, 1, strides=2, name="around")(image)
    through = SeparableConv2D(6, 3, padding="same", activation="relu", name="through")(image)
    model = Model(image, Add()([MaxPooling2D(2)(through), around]))

    x = normal(2, 8, 8, 3)
    depth, point, bias = tensors(model.get_layer("through"))
    hand = F.conv2d(x.permute(0, 3, 1, 2), depth.permute(2, 3, 0, 1), padding=1, groups=3).permute(0, 2, 3, 1)
    hand = max_pool(torch.relu(conv2d(hand, point, bias)), 2)
    assert_close(model(x), hand + conv2d(x, *tensors(model.get_layer("around")), stride=2))


def test_a_mask_head_beside_a_box_head():
    """As in Mask R-CNN: one trunk, and for each image a class, a box and a mask."""
    image = Input(shape=(8, 8, 3))
    trunk = Conv2D(4, 3, padding="same", activation="relu")(image)
    flat = Flatten()(trunk)
    heads = {
        "kind": Dense(3, activation="softmax", name="kind")(flat),
        "box": Dense(4, name="box")(flat),
        "mask": Conv2D(1, 1, activation="sigmoid", name="mask")(trunk),
    }
    model = Model(image, heads)
    x = normal(4, 8, 8, 3)
    answers = model(x)
    assert ON_KERAS or list(answers) == ["kind", "box", "mask"]  # as declared; Keras sorts them
    y = {
        "kind": integers(3, 4).numpy(),
        "box": normal(4, 4).numpy(),
        "mask": integers(2, 4, 8, 8, 1).float().numpy(),
    }
    model.compile(
        optimizer="adam",
        loss={"mask": "binary_crossentropy", "kind": "sparse_categorical_crossentropy", "box": "mse"},
        loss_weights={"box": 0.1, "mask": 10.0, "kind": 1.0},
    )
    result = model.evaluate(x.numpy(), y, verbose=0, return_dict=True)
    kind = categorical_crossentropy(one_hot(torch.tensor(y["kind"]), 3), answers["kind"])
    box = mse(torch.tensor(y["box"]), answers["box"])
    mask = binary_crossentropy(torch.tensor(y["mask"]), answers["mask"])
    assert_close(result["loss"], kind + 0.1 * box + 10 * mask)
    for name, value in {"kind": kind, "box": box, "mask": mask}.items():
        assert_close(result[f"{name}_loss"], value)


def test_permuted_axes_mix_tokens():
    """An MLP-Mixer: a Dense over the positions instead of the features."""
    tokens = Input(shape=(5, 3))
    mixed = Permute((2, 1))(Dense(5, name="mix")(Permute((2, 1))(tokens)))
    model = Model(tokens, Add()([tokens, mixed]))
    x = normal(2, 5, 3)
    assert_close(model(x), x + dense(x.mT, *tensors(model.get_layer("mix"))).mT)


@beyond_keras
def test_the_same_structures_without_a_single_merge_layer():
    """PyTorch's functions and operators draw the graph as well as layers do."""
    inputs = Input(shape=(6,))
    a, b = Dense(4)(inputs), Dense(4)(inputs)
    model = Model(inputs, torch.cat([a + b, a * b, torch.maximum(a, b)], -1))
    layers = Model(inputs, Concatenate()([Add()([a, b]), Multiply()([a, b]), Maximum()([a, b])]))
    x = normal(3, 6)
    assert torch.equal(model(x), layers(x))
    assert shapes(model)[1] == [(None, 12)]
