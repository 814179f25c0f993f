"""The article "What is the Functional API": its snippets as printed, and the systems it names, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lamina as keras
from lamina.layers import (
    LSTM,
    Add,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dot,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    Lambda,
    Layer,
    MaxPooling2D,
    MultiHeadAttention,
    Multiply,
    Reshape,
    Softmax,
    UpSampling2D,
)
from lamina.models import Model
from lamina.optimizers import SGD
from tests.articles.by_hand import (
    assert_close,
    assert_trains_like,
    attention,
    beyond_keras,
    binary_crossentropy,
    categorical_crossentropy,
    conv2d,
    dense,
    integers,
    lstm,
    max_pool,
    mse,
    normal,
    one_hot,
    shapes,
    softmax,
    tensors,
)

# ------------------------------------------------------------------------------ 1, 2: layers are functions, "f(x) = x²"


def test_a_layer_is_a_function_of_a_tensor():
    input = Input(shape=(32,))
    output = Dense(64)(input)
    assert tuple(output.shape) == (None, 64)

    model = Model(input, output)
    x = normal(5, 32)
    assert_close(model(x), dense(x, *tensors(model)))


def test_the_pattern_of_a_functional_model():
    input = Input(shape=(32,))
    x = Dense(64, activation="relu")(input)
    output = Dense(1, activation="sigmoid")(x)
    model = Model(input, output)

    assert shapes(model) == ([(None, 32)], [(None, 1)])
    assert [tuple(w.shape) for w in tensors(model)] == [(32, 64), (64,), (64, 1), (1,)]
    data, target = normal(16, 32), integers(2, 16, 1).float()

    def by_hand(k1, b1, k2, b2):
        return dense(dense(data, k1, b1, torch.relu), k2, b2, torch.sigmoid)

    assert_close(model(data), by_hand(*tensors(model)))
    optimizer = SGD(learning_rate=0.1)
    model.compile(optimizer=optimizer, loss="binary_crossentropy")
    assert_trains_like(
        model, data.numpy(), target.numpy(), lambda *w: binary_crossentropy(target, by_hand(*w)), optimizer, 0.1
    )


def test_functions_compose_and_an_earlier_layer_can_be_called_again():
    step = Dense(8, activation="tanh")
    input = Input(shape=(8,))
    model = Model(input, step(step(step(input))))
    x = normal(3, 8)
    expected = x
    for _ in range(3):
        expected = dense(expected, *tensors(step), torch.tanh)
    assert_close(model(x), expected)
    assert len(model.weights) == 2


def test_a_function_that_has_no_weights():
    input = Input(shape=(3,))
    model = Model(input, Lambda(lambda x: x**2)(input))
    assert_close(model(torch.tensor([[1.0, -2.0, 3.0]])), [[1.0, 4.0, 9.0]])
    assert model.count_params() == 0


# -------------------------------------------------------------------------------------------------------- 5: structures


def test_branching_64_32_16_into_concatenate():
    input = Input(shape=(10,))
    branches = [Dense(64)(input), Dense(32)(input), Dense(16)(input)]
    merged = Concatenate()(branches)
    model = Model(input, Dense(1)(merged))

    assert tuple(merged.shape) == (None, 112)
    x, target = normal(6, 10), normal(6, 1, seed=1)

    def by_hand(k64, b64, k32, b32, k16, b16, k, b):
        return dense(torch.cat([dense(x, k64, b64), dense(x, k32, b32), dense(x, k16, b16)], -1), k, b)

    assert_close(model(x), by_hand(*tensors(model)))
    optimizer = SGD(0.01)
    model.compile(optimizer=optimizer, loss="mse")
    assert_trains_like(model, x.numpy(), target.numpy(), lambda *w: mse(target, by_hand(*w)), optimizer, 0.01)


def test_resnet_style_skip():
    image = Input(shape=(8, 8, 3))
    previous_layer = Conv2D(4, 3, activation="relu")(image)
    ConvLayer = Conv2D(4, 3, padding="same")

    x = previous_layer
    y = ConvLayer(x)
    output = Add()([x, y])

    model = Model(image, output)
    assert shapes(model) == ([(None, 8, 8, 3)], [(None, 6, 6, 4)])
    data = normal(2, 8, 8, 3)
    k1, b1, k2, b2 = tensors(model)
    before = torch.relu(conv2d(data, k1, b1))
    assert_close(model(data), before + conv2d(before, k2, b2, padding=1))


def test_block_twice():
    def block(x):
        x = Dense(128, activation="relu")(x)
        x = Dropout(0.3)(x)
        return x

    input = Input(shape=(20,))
    x = block(input)
    x = block(x)

    model = Model(input, x)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["InputLayer", "Dense", "Dropout", "Dense", "Dropout"]
    k1, b1, k2, b2 = tensors(model)
    assert (k1.shape, k2.shape) == ((20, 128), (128, 128))
    data = normal(64, 20)
    expected = dense(dense(data, k1, b1, torch.relu), k2, b2, torch.relu)
    assert_close(model(data), expected)
    assert_close(model.predict(data.numpy(), verbose=0), expected)

    once = Model(model.input, model.layers[2].output)
    kept, hidden = once(data, training=True).detach(), dense(data, k1, b1, torch.relu)
    alive = (hidden > 0) & (kept > 0)
    assert_close(kept[alive], hidden[alive] / 0.7)
    assert 0.65 < alive.sum() / (hidden > 0).sum() < 0.75
    assert not torch.equal(kept, once(data, training=True))


# ---------------------------------------------------------------------------------------- 7, 8: several in, several out


def test_dual_branches_dense_and_lstm():
    input1, input2 = Input(shape=(12,)), Input(shape=(7, 5))

    branch1 = Dense(64)(input1)
    branch2 = LSTM(32)(input2)
    merged = Concatenate()([branch1, branch2])
    output = Dense(1)(merged)

    model = Model([input1, input2], output)
    assert tuple(merged.shape) == (None, 96)
    a, b, target = normal(4, 12), normal(4, 7, 5, seed=1), normal(4, 1, seed=2)
    by_layer = {layer.__class__.__name__: layer for layer in model.layers if layer.get_weights()}
    last = lstm(b, *tensors(by_layer["LSTM"]))[1]
    first = dense(a, *tensors(next(layer for layer in model.layers if layer.name == merged_parent(model))))
    assert_close(model([a, b]), dense(torch.cat([first, last], -1), *tensors(model.layers[-1])))

    model.compile(optimizer="adam", loss="mse")
    losses = model.fit([a.numpy(), b.numpy()], target.numpy(), epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def merged_parent(model):
    """The name of the Dense layer with 64 units."""
    return next(layer.name for layer in model.layers if getattr(layer, "units", None) == 64)


def test_an_app_with_demographics_images_text_and_numbers():
    demographics = Input(shape=(6,), name="demographics")
    photo = Input(shape=(16, 16, 3), name="photo")
    description = Input(shape=(None,), dtype="int32", name="description")
    numbers = Input(shape=(4,), name="numbers")

    photo_features = GlobalAveragePooling2D()(Conv2D(8, 3, activation="relu")(photo))
    text_features = LSTM(8)(Embedding(50, 8)(description))
    merged = Concatenate()([Dense(8)(demographics), photo_features, text_features, numbers])
    output = Dense(1, activation="sigmoid", name="buys")(merged)
    model = Model([demographics, photo, description, numbers], output)

    assert tuple(merged.shape) == (None, 8 + 8 + 8 + 4)
    x = {
        "demographics": normal(8, 6).numpy(),
        "photo": normal(8, 16, 16, 3).numpy(),
        "description": integers(50, 8, 9).numpy(),
        "numbers": normal(8, 4, seed=1).numpy(),
    }
    y = integers(2, 8, 1).float().numpy()
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    before = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert_close(before, binary_crossentropy(torch.tensor(y), torch.tensor(model.predict(x, verbose=0))))
    model.fit(x, y, epochs=15, verbose=0)
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] < before


def test_a_car_with_four_answers():
    camera = Input(shape=(16, 24, 3), name="camera")
    features = Conv2D(8, 3, padding="same", activation="relu")(camera)
    summary = Flatten()(MaxPooling2D(8)(features))
    outputs = [
        Dense(1, activation="tanh", name="steering")(summary),
        Dense(1, name="acceleration")(summary),
        Dense(5, activation="softmax", name="object")(summary),
        Conv2D(1, 1, activation="sigmoid", name="lane")(features),
    ]
    model = Model(camera, outputs)
    assert shapes(model)[1] == [(None, 1), (None, 1), (None, 5), (None, 16, 24, 1)]

    frames = normal(4, 16, 24, 3)
    targets = {
        "steering": normal(4, 1).tanh(),
        "acceleration": normal(4, 1, seed=1),
        "object": integers(5, 4),
        "lane": integers(2, 4, 16, 24, 1).float(),
    }
    weights = {"steering": 2.0, "acceleration": 0.5, "object": 1.0, "lane": 3.0}
    model.compile(
        optimizer=SGD(0.01),
        loss={
            "steering": "mse",
            "acceleration": "mse",
            "object": "sparse_categorical_crossentropy",
            "lane": "binary_crossentropy",
        },
        loss_weights=weights,
    )
    y = {name: target.numpy() for name, target in targets.items()}
    steering, acceleration, thing, lane = (torch.as_tensor(p) for p in model.predict(frames.numpy(), verbose=0))
    by_hand = {
        "steering": mse(targets["steering"], steering),
        "acceleration": mse(targets["acceleration"], acceleration),
        "object": categorical_crossentropy(one_hot(targets["object"], 5), thing),
        "lane": binary_crossentropy(targets["lane"], lane),
    }
    result = model.evaluate(frames.numpy(), y, verbose=0, return_dict=True)
    for name, value in by_hand.items():
        assert_close(result[f"{name}_loss"], value)
    assert_close(result["loss"], sum(weights[name] * value for name, value in by_hand.items()))
    model.fit(frames.numpy(), y, epochs=5, verbose=0)
    assert model.evaluate(frames.numpy(), y, verbose=0, return_dict=True)["loss"] < result["loss"]


# -------------------------------------------------------------------------------------------- 9: shared layers, Siamese


def test_shared_dense_on_two_inputs():
    input1, input2 = Input(shape=(10,)), Input(shape=(10,))

    shared = Dense(64)
    x1 = shared(input1)
    x2 = shared(input2)

    model = Model([input1, input2], [x1, x2])
    assert len(model.weights) == 2
    assert [layer for layer in model.layers if layer is shared] == [shared]
    assert model.weights[0] is shared.weights[0]
    a, b = normal(3, 10), normal(3, 10, seed=1)
    y1, y2 = model([a, b])
    kernel, bias = tensors(shared)
    assert_close(y1, dense(a, kernel, bias))
    assert_close(y2, dense(b, kernel, bias))
    again, same = model([b, b])
    assert torch.equal(again, same)


def test_a_siamese_network_learns_from_both_sides():
    """The gradient of a shared weight is the sum over its two uses, which one step by hand shows."""
    left, right = Input(shape=(6,)), Input(shape=(6,))
    tower = Dense(4, activation="tanh")
    distance = Lambda(lambda pair: (pair[0] - pair[1]) ** 2, output_shape=(4,))([tower(left), tower(right)])
    model = Model([left, right], Dense(1, activation="sigmoid")(distance))

    a, b, same = normal(12, 6), normal(12, 6, seed=1), integers(2, 12, 1).float()

    def by_hand(k, bias, k2, b2):
        difference = dense(a, k, bias, torch.tanh) - dense(b, k, bias, torch.tanh)
        return dense(difference**2, k2, b2, torch.sigmoid)

    assert_close(model([a, b]), by_hand(*tensors(model)))
    assert_close(model([a, b]), model([b, a]))
    optimizer = SGD(0.5)
    model.compile(optimizer=optimizer, loss="binary_crossentropy")
    assert_trains_like(
        model, [a.numpy(), b.numpy()], same.numpy(), lambda *w: binary_crossentropy(same, by_hand(*w)), optimizer, 0.5
    )


# ------------------------------------------------------------------------------------------------- 10: skip connections


def test_residual_add():
    input = Input(shape=(32,))

    x = Dense(64)(input)
    y = Dense(64)(x)
    output = Add()([x, y])

    model = Model(input, output)
    data, target = normal(9, 32), normal(9, 64, seed=1)

    def by_hand(k1, b1, k2, b2):
        first = dense(data, k1, b1)
        return first + dense(first, k2, b2)

    assert_close(model(data), by_hand(*tensors(model)))
    optimizer = SGD(0.1)
    model.compile(optimizer=optimizer, loss="mse")
    assert_trains_like(model, data.numpy(), target.numpy(), lambda *w: mse(target, by_hand(*w)), optimizer, 0.1)


# ----------------------------------------------------------------------------------------------- 11: encoders, decoders


class Sampling(Layer):
    """Draws from the distribution that the encoder describes; at inference, gives its mean. Its loss is the KL."""

    def call(self, inputs, training=None):
        mean, log_variance = inputs
        self.add_loss(-0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(-1).mean())
        if not training:
            return mean
        return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def test_variational_autoencoder():
    image = Input(shape=(12,))
    hidden = Dense(8, activation="relu")(image)
    mean, log_variance = Dense(2, name="mean")(hidden), Dense(2, name="log_variance")(hidden)
    code = Sampling(name="code")([mean, log_variance])
    decoded = Dense(12, activation="sigmoid", name="decoder")(code)
    model = Model(image, decoded)

    data = normal(32, 12).sigmoid()
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    k, b, km, bm, kv, bv, kd, bd = tensors(model)
    hand = dense(data, k, b, torch.relu)
    m, v = dense(hand, km, bm), dense(hand, kv, bv)
    kl = -0.5 * (1 + v - m**2 - v.exp()).sum(-1).mean()
    expected = mse(data, dense(m, kd, bd, torch.sigmoid)) + kl
    before = model.evaluate(data.numpy(), data.numpy(), batch_size=32, verbose=0)
    assert_close(before, expected)
    model.fit(data.numpy(), data.numpy(), epochs=10, batch_size=32, verbose=0)
    assert model.evaluate(data.numpy(), data.numpy(), batch_size=32, verbose=0) < before
    assert not torch.equal(model(data, training=True), model(data, training=True))


def test_sequence_to_sequence_hands_its_state_over():
    source, target = Input(shape=(None, 3), name="source"), Input(shape=(None, 2), name="target")
    encoder, decoder, head = LSTM(5, return_state=True), LSTM(5, return_sequences=True), Dense(2)
    _, h, c = encoder(source)
    model = Model([source, target], head(decoder(target, initial_state=[h, c])))
    assert shapes(model)[1] == [(None, None, 2)]

    x, y = normal(4, 6, 3), normal(4, 3, 2, seed=1)
    _, h, c = lstm(x, *tensors(encoder))
    sequence, _, _ = lstm(y, *tensors(decoder), state=(h, c))
    assert_close(model([x, y]), dense(sequence, *tensors(head)))
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
    shifted = torch.cat([y[:, 1:], y[:, :1]], 1).numpy()
    losses = model.fit([x.numpy(), y.numpy()], shifted, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_u_net():
    image = Input(shape=(16, 16, 1))
    down1 = Conv2D(4, 3, padding="same", activation="relu", name="down1")(image)
    down2 = Conv2D(8, 3, padding="same", activation="relu", name="down2")(MaxPooling2D(2)(down1))
    bottom = Conv2D(8, 3, padding="same", activation="relu", name="bottom")(MaxPooling2D(2)(down2))
    up2 = Concatenate()([UpSampling2D(2)(bottom), down2])
    up2 = Conv2D(8, 3, padding="same", activation="relu", name="up2")(up2)
    up1 = Concatenate()([Conv2DTranspose(4, 2, strides=2, name="widen")(up2), down1])
    mask = Conv2D(1, 1, activation="sigmoid", name="mask")(up1)
    model = Model(image, mask)
    assert shapes(model) == ([(None, 16, 16, 1)], [(None, 16, 16, 1)])

    x = normal(2, 16, 16, 1)
    w = {name: tensors(model.get_layer(name)) for name in ("down1", "down2", "bottom", "up2", "widen", "mask")}
    d1 = torch.relu(conv2d(x, *w["down1"], padding=1))
    d2 = torch.relu(conv2d(max_pool(d1, 2), *w["down2"], padding=1))
    deep = torch.relu(conv2d(max_pool(d2, 2), *w["bottom"], padding=1))
    wide = deep.repeat_interleave(2, 1).repeat_interleave(2, 2)
    u2 = torch.relu(conv2d(torch.cat([wide, d2], -1), *w["up2"], padding=1))
    kernel, bias = w["widen"]
    tiles = torch.einsum("bhwc,ijoc->bhiwjo", u2, kernel).reshape(2, 16, 16, 4) + bias
    assert_close(model(x), torch.sigmoid(conv2d(torch.cat([tiles, d1], -1), *w["mask"])))

    inside = (x > 0).float().numpy()
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x.numpy(), inside, epochs=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert set(history) == {"loss", "accuracy"}


# -------------------------------------------------------------------------------------------------------- 12: attention


def test_attention_from_dense_and_dot():
    tokens = Input(shape=(5, 8))
    query, key, value = Dense(6, name="query")(tokens), Dense(6, name="key")(tokens), Dense(4, name="value")(tokens)
    scores = Lambda(lambda s: s / 6**0.5)(Dot(axes=(2, 2))([query, key]))
    mixed = Dot(axes=(2, 1))([Softmax()(scores), value])
    model = Model(tokens, [mixed, scores])
    assert shapes(model)[1] == [(None, 5, 4), (None, 5, 5)]

    x = normal(3, 5, 8)
    q, k, v = (dense(x, *tensors(model.get_layer(name))) for name in ("query", "key", "value"))
    assert_close(model(x)[0], torch.nn.functional.scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("causal", [False, True])
def test_attention_block(causal):
    tokens = Input(shape=(None, 8))
    layer = MultiHeadAttention(num_heads=2, key_dim=3)
    seen = layer(tokens, tokens, use_causal_mask=causal)
    model = Model(tokens, Add()([tokens, seen]))
    assert shapes(model) == ([(None, None, 8)], [(None, None, 8)])

    x = normal(2, 6, 8)
    allowed = torch.ones(6, 6, dtype=torch.bool).tril() if causal else None
    assert_close(model(x), x + attention(x, x, tensors(layer), allowed))
    model.compile(optimizer="sgd", loss="mse")
    assert np.isfinite(model.fit(x.numpy(), x.numpy(), verbose=0).history["loss"][0])


def test_attention_over_an_lstm():
    """A hybrid LSTM-attention model: one score for each time step, and the mean of the steps under their softmax."""
    words = Input(shape=(6,), dtype="int32")
    states = LSTM(5, return_sequences=True)(Embedding(20, 4)(words))
    weight = Softmax(axis=1)(Dense(1)(states))
    context = Reshape((5,))(Dot(axes=(1, 1))([weight, states]))
    model = Model(words, [Dense(3, activation="softmax")(context), weight])

    x = integers(20, 2, 6)
    table, kernel, recurrent, bias, ks, bs, kc, bc = tensors(model)
    sequence, _, _ = lstm(table[x], kernel, recurrent, bias)
    hand = torch.softmax(dense(sequence, ks, bs), 1)
    answer, weights = model(x)
    assert_close(weights, hand)
    assert_close(weights.sum(1), torch.ones(2, 1))
    assert_close(answer, dense((hand * sequence).sum(1), kc, bc, softmax))


# --------------------------------------------------------------------------------------------------- 13: complex graphs


def test_multiply_merges():
    a, b = Input(shape=(6,)), Input(shape=(6,))
    tensor1, tensor2 = Dense(4)(a), Dense(4, activation="sigmoid")(b)

    merged = Multiply()([tensor1, tensor2])

    model = Model([a, b], merged)
    x, y = normal(3, 6), normal(3, 6, seed=1)
    k1, b1, k2, b2 = tensors(model)
    assert_close(model([x, y]), dense(x, k1, b1) * dense(y, k2, b2, torch.sigmoid))


def test_conditional_routing_by_multiplication():
    """A gate of 0 or 1 sends each row through one of two experts; the other expert's weights get no gradient."""
    x, gate = Input(shape=(4,)), Input(shape=(1,))
    first, second = Dense(3, name="first")(x), Dense(3, name="second")(x)
    closed = Lambda(lambda g: 1.0 - g)(gate)
    model = Model([x, gate], Add()([Multiply()([first, gate]), Multiply()([second, closed])]))

    rows, gates = normal(6, 4), torch.tensor([[1.0], [0.0], [1.0], [1.0], [0.0], [0.0]])
    one = dense(rows, *tensors(model.get_layer("first")))
    two = dense(rows, *tensors(model.get_layer("second")))
    assert_close(model([rows, gates]), torch.where(gates == 1, one, two))

    idle = tensors(model.get_layer("second"))
    model.compile(optimizer=SGD(0.1), loss="mse")
    model.fit([rows.numpy(), np.ones((6, 1), "float32")], normal(6, 3, seed=2).numpy(), verbose=0)
    assert all(torch.equal(a, b) for a, b in zip(idle, tensors(model.get_layer("second")), strict=True))
    assert not torch.equal(tensors(model.get_layer("first"))[0], tensors(model)[2])


@beyond_keras
def test_conditional_routing_by_torch_where():
    x = Input(shape=(4,))
    positive, negative = Dense(3, name="positive")(x), Dense(3, name="negative")(x)
    model = Model(x, torch.where(x.sum(1, keepdim=True) > 0, positive, negative))
    assert shapes(model)[1] == [(None, 3)]

    rows = normal(8, 4)
    one = dense(rows, *tensors(model.get_layer("positive")))
    two = dense(rows, *tensors(model.get_layer("negative")))
    expected = torch.stack([a if row.sum() > 0 else b for row, a, b in zip(rows, one, two, strict=True)])
    assert_close(model(rows), expected)
    model.compile(optimizer=SGD(0.1), loss="mse")
    losses = model.fit(rows.numpy(), normal(8, 3, seed=1).numpy(), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_mixture_of_experts():
    x = Input(shape=(6,))
    gate = Dense(3, activation="softmax", name="gate")(x)
    experts = [Reshape((1, 4))(Dense(4, name=f"expert{i}")(x)) for i in range(3)]
    mixed = Dot(axes=(1, 1))([Reshape((3, 1))(gate), Concatenate(axis=1)(experts)])
    model = Model(x, Reshape((4,))(mixed))

    data = normal(5, 6)
    share = dense(data, *tensors(model.get_layer("gate")), softmax)
    hand = sum(share[:, i : i + 1] * dense(data, *tensors(model.get_layer(f"expert{i}"))) for i in range(3))
    assert_close(model(data), hand)


# ------------------------------------------------------------------------- 14: two inputs, two outputs, price, category


@pytest.fixture
def complete_model():
    input1 = Input(shape=(32,))
    input2 = Input(shape=(64,))
    x1 = Dense(64, activation="relu")(input1)
    x2 = Dense(32, activation="relu")(input2)
    merged = Concatenate()([x1, x2])
    out1 = Dense(1, name="price")(merged)
    out2 = Dense(3, activation="softmax", name="category")(merged)
    model = Model(inputs=[input1, input2], outputs=[out1, out2])
    return model


PRICE, CATEGORY = normal(24, 1, seed=5), integers(3, 24, seed=6)
LEFT, RIGHT = normal(24, 32, seed=7), normal(24, 64, seed=8)


def complete_by_hand(k1, b1, k2, b2, kp, bp, kc, bc):
    merged = torch.cat([dense(LEFT, k1, b1, torch.relu), dense(RIGHT, k2, b2, torch.relu)], -1)
    return dense(merged, kp, bp), dense(merged, kc, bc, softmax)


def test_complete_model_computes(complete_model):
    assert shapes(complete_model) == ([(None, 32), (None, 64)], [(None, 1), (None, 3)])
    assert complete_model.output_names == ["price", "category"]
    price, category = complete_model([LEFT, RIGHT])
    hand_price, hand_category = complete_by_hand(*tensors(complete_model))
    assert_close(price, hand_price)
    assert_close(category, hand_category)
    predicted = complete_model.predict([LEFT.numpy(), RIGHT.numpy()], batch_size=7, verbose=0)
    assert isinstance(predicted, list)
    assert_close(predicted[0], hand_price)
    assert_close(predicted[1], hand_category)


WAYS_TO_COMPILE = {
    "by name": ({"price": "mse", "category": "categorical_crossentropy"}, {"price": 0.25, "category": 2.0}),
    "by position": (["mse", "categorical_crossentropy"], [0.25, 2.0]),
}


@pytest.mark.parametrize("way", WAYS_TO_COMPILE)
def test_complete_model_trains(complete_model, way):
    loss, loss_weights = WAYS_TO_COMPILE[way]
    optimizer = SGD(0.05)
    complete_model.compile(optimizer=optimizer, loss=loss, loss_weights=loss_weights)
    target = one_hot(CATEGORY, 3)

    def loss_of(*weights):
        price, category = complete_by_hand(*weights)
        return 0.25 * mse(PRICE, price) + 2.0 * categorical_crossentropy(target, category)

    assert_trains_like(
        complete_model, [LEFT.numpy(), RIGHT.numpy()], [PRICE.numpy(), target.numpy()], loss_of, optimizer, 0.05
    )


def test_complete_model_keeps_history(complete_model):
    complete_model.compile(
        optimizer="adam",
        loss={"price": "mse", "category": "sparse_categorical_crossentropy"},
        metrics={"price": ["mae"], "category": ["accuracy"]},
    )
    x, y = [LEFT.numpy(), RIGHT.numpy()], {"price": PRICE.numpy(), "category": CATEGORY.numpy()}
    history = complete_model.fit(x, y, epochs=3, batch_size=8, validation_data=(x, y), verbose=0)
    names = {"loss", "price_loss", "category_loss", "price_mae", "category_accuracy"}
    assert set(history.history) == names | {f"val_{name}" for name in names}
    assert history.epoch == [0, 1, 2]
    assert all(len(values) == 3 for values in history.history.values())

    price, category = complete_by_hand(*tensors(complete_model))
    last = {name: values[-1] for name, values in history.history.items()}
    assert_close(last["val_price_loss"], mse(PRICE, price))
    assert_close(last["val_category_loss"], categorical_crossentropy(one_hot(CATEGORY, 3), category))
    assert_close(last["val_loss"], last["val_price_loss"] + last["val_category_loss"])
    assert_close(last["val_price_mae"], (PRICE - price).abs().mean())
    assert_close(last["val_category_accuracy"], (category.argmax(-1) == CATEGORY).float().mean())


# -------------------------------------------------------------------------------------------- 18: industry's structures


def test_dual_tower_retrieval_of_users_and_items():
    user, item = Input(shape=(1,), dtype="int32", name="user"), Input(shape=(1,), dtype="int32", name="item")
    users, items = Embedding(10, 4, name="users"), Embedding(12, 4, name="items")
    score = Dot(axes=1)([Flatten()(users(user)), Flatten()(items(item))])
    model = Model([user, item], score)
    assert shapes(model)[1] == [(None, 1)]

    u, i = integers(10, 30, 1), integers(12, 30, 1, seed=1)
    by_hand = (tensors(users)[0][u[:, 0]] * tensors(items)[0][i[:, 0]]).sum(-1, keepdim=True)
    assert_close(model([u, i]), by_hand)
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
    rating = integers(5, 30, 1, seed=2).float().numpy()
    losses = model.fit({"user": u.numpy(), "item": i.numpy()}, rating, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_densely_connected_block():
    """DenseNet: every layer sees everything before it."""
    x = image = Input(shape=(6, 6, 2))
    for i in range(3):
        x = Concatenate()([x, Conv2D(3, 3, padding="same", activation="relu", name=f"grow{i}")(x)])
    model = Model(image, x)
    assert shapes(model)[1] == [(None, 6, 6, 11)]

    hand = data = normal(2, 6, 6, 2)
    for i in range(3):
        hand = torch.cat([hand, torch.relu(conv2d(hand, *tensors(model.get_layer(f"grow{i}")), padding=1))], -1)
    assert_close(model(data), hand)


def test_graph_neural_network():
    """Each node's features are the mean of its neighbours', transformed; two rounds of that share one layer."""
    features, neighbours = Input(shape=(5, 4)), Input(shape=(5, 5))
    transform = Dense(4, activation="tanh")
    h = features
    for _ in range(2):
        h = Dot(axes=(2, 1))([neighbours, transform(h)])
    model = Model([features, neighbours], h)

    x = normal(2, 5, 4)
    adjacency = softmax(normal(2, 5, 5, seed=1))
    hand = x
    for _ in range(2):
        hand = adjacency @ dense(hand, *tensors(transform), torch.tanh)
    assert_close(model([x, adjacency]), hand)
    assert len(model.weights) == 2


def test_a_detector_head_on_a_grid():
    """As in YOLO: for each cell of a grid, two boxes of five numbers and three classes."""
    image = Input(shape=(32, 32, 3))
    cells = Conv2D(2 * 5 + 3, 8, strides=8, name="cells")(image)
    boxes = Reshape((4, 4, 2, 5), name="boxes")(Lambda(lambda c: c[..., :10])(cells))
    classes = Softmax(name="classes")(Lambda(lambda c: c[..., 10:])(cells))
    model = Model(image, [boxes, classes])
    assert shapes(model)[1] == [(None, 4, 4, 2, 5), (None, 4, 4, 3)]

    x = normal(2, 32, 32, 3)
    hand = conv2d(x, *tensors(model.get_layer("cells")), stride=8)
    found, kinds = model(x)
    assert_close(found, hand[..., :10].reshape(2, 4, 4, 2, 5))
    assert_close(kinds, softmax(hand[..., 10:]))
