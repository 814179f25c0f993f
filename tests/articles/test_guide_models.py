"""The Functional API guide, first part: a model from end to end, models from one stack, nested, in an ensemble."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import torch

import lamina as keras
from lamina import layers
from tests.articles.by_hand import (
    FILE_SUFFIX,
    assert_close,
    assert_trains_like,
    beyond_keras,
    categorical_crossentropy,
    conv2d,
    dense,
    integers,
    max_pool,
    normal,
    one_hot,
    shapes,
    softmax,
    tensors,
)

# ----------------------------------------------------------------------------------------------------- the first model


def first_model():
    inputs = keras.Input(shape=(16,), name="vector")
    x = layers.Dense(64, activation="relu", name="wide")(inputs)
    x = layers.Dense(32, activation="relu", name="narrow")(x)
    outputs = layers.Dense(10, name="logits")(x)
    return keras.Model(inputs=inputs, outputs=outputs, name="first_model")


def first_by_hand(x, k1, b1, k2, b2, k3, b3):
    return dense(dense(dense(x, k1, b1, torch.relu), k2, b2, torch.relu), k3, b3)


DATA, LABELS = normal(60, 16, seed=3), integers(10, 60, seed=4)


def compiled(model):
    model.compile(
        optimizer=keras.optimizers.RMSprop(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def test_an_input_tells_its_shape_and_dtype():
    inputs = keras.Input(shape=(16,))
    assert tuple(inputs.shape) == (None, 16)
    assert str(inputs.dtype).rpartition(".")[2] == "float32"
    assert tuple(keras.Input(batch_shape=(4, 16)).shape) == (4, 16)
    assert tuple(keras.Input(shape=(None, 3), batch_size=2, dtype="int32").shape) == (2, None, 3)


def test_calling_a_layer_draws_an_arrow():
    inputs = keras.Input(shape=(16,))
    layer = layers.Dense(64, activation="relu")
    x = layer(inputs)
    assert tuple(x.shape) == (None, 64)
    assert [tuple(w.shape) for w in layer.get_weights()] == [(16, 64), (64,)]
    assert layer.output is x
    assert layer.input is inputs


def test_the_model_computes():
    model = first_model()
    assert shapes(model) == ([(None, 16)], [(None, 10)])
    assert model.name == "first_model"
    assert [layer.name for layer in model.layers] == ["vector", "wide", "narrow", "logits"]
    assert model.get_layer("narrow") is model.layers[2]
    assert model.get_layer(index=3).name == "logits"
    assert_close(model(DATA), first_by_hand(DATA, *tensors(model)))


def test_summary_shows_every_layer():
    lines = []
    first_model().summary(print_fn=lambda text, **_: lines.append(text))
    text = "\n".join(lines)
    for part in ("first_model", "vector", "wide", "narrow", "logits", "(None, 64)", "(None, 10)"):
        assert part in text
    total = 16 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10
    for count in (16 * 64 + 64, 64 * 32 + 32, 32 * 10 + 10, total):
        assert f"{count:,}" in text


@beyond_keras  # Keras needs graphviz for it
def test_the_graph_as_a_picture(tmp_path):
    plain, detailed = tmp_path / "first_model.svg", tmp_path / "first_model_with_shapes.svg"
    keras.utils.plot_model(first_model(), plain)
    keras.utils.plot_model(first_model(), detailed, show_shapes=True, show_layer_names=True)
    first, second = (file.read_text(encoding="utf-8") for file in (plain, detailed))
    for text in (first, second):
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert text.count("Dense") >= 3
    assert all(name in second for name in ("vector", "wide", "narrow", "logits"))
    assert ["(B, 64)" in text for text in (first, second)] == [False, True]


def test_training_and_evaluation():
    model = compiled(first_model())
    history = model.fit(DATA.numpy(), LABELS.numpy(), batch_size=16, epochs=30, validation_split=0.2, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]
    assert history.history["accuracy"][-1] > 0.9

    loss, accuracy = model.evaluate(DATA.numpy(), LABELS.numpy(), verbose=0)
    logits = first_by_hand(DATA, *tensors(model))
    assert_close(loss, torch.nn.functional.cross_entropy(logits, LABELS))
    assert_close(accuracy, (logits.argmax(-1) == LABELS).float().mean())
    assert_close(model.predict(DATA.numpy(), verbose=0), logits, rtol=1e-4, atol=1e-4)


def test_validation_split_takes_the_last_part():
    model = compiled(first_model())
    history = model.fit(DATA.numpy(), LABELS.numpy(), epochs=1, validation_split=0.25, verbose=0).history
    last = model.evaluate(DATA[45:].numpy(), LABELS[45:].numpy(), verbose=0, return_dict=True)
    assert_close(history["val_loss"][0], last["loss"])
    assert_close(history["val_accuracy"][0], last["accuracy"])


def test_one_step_of_training():
    model = first_model()
    optimizer = keras.optimizers.SGD(0.05)
    model.compile(optimizer=optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert_trains_like(
        model,
        DATA.numpy(),
        LABELS.numpy(),
        lambda *w: torch.nn.functional.cross_entropy(first_by_hand(DATA, *w), LABELS),
        optimizer,
        0.05,
    )


def test_saving_and_loading(tmp_path):
    model = compiled(first_model())
    model.fit(DATA.numpy(), LABELS.numpy(), epochs=2, verbose=0)
    model.save(tmp_path / f"my_model.{FILE_SUFFIX}")
    before = model.predict(DATA.numpy(), verbose=0)
    scores = model.evaluate(DATA.numpy(), LABELS.numpy(), verbose=0)
    del model

    model = keras.models.load_model(tmp_path / f"my_model.{FILE_SUFFIX}")
    assert [layer.name for layer in model.layers] == ["vector", "wide", "narrow", "logits"]
    assert np.array_equal(model.predict(DATA.numpy(), verbose=0), before)
    assert_close(model.evaluate(DATA.numpy(), LABELS.numpy(), verbose=0), scores)
    more = model.fit(DATA.numpy(), LABELS.numpy(), epochs=5, verbose=0).history["loss"]
    assert more[-1] < scores[0]


def test_a_model_is_data_that_can_be_cloned():
    model = first_model()
    clone = keras.Model.from_config(model.get_config())
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    clone.set_weights(model.get_weights())
    assert torch.equal(clone(DATA), model(DATA))


# -------------------------------------------------------------------------- encoder and autoencoder from one stack


def autoencoder_stack():
    """The guide's sizes: 28 x 28 images, and 16 numbers in the middle."""
    encoder_input = keras.Input(shape=(28, 28, 1), name="img")
    x = layers.Conv2D(16, 3, activation="relu")(encoder_input)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    encoder_output = layers.GlobalMaxPooling2D()(x)
    return encoder_input, encoder_output


def decode(x):
    x = layers.Reshape((4, 4, 1))(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    return layers.Conv2DTranspose(1, 3, activation="relu")(x)


IMAGES = normal(6, 28, 28, 1, seed=9).sigmoid()


def encode_by_hand(x, weights):
    x = torch.relu(conv2d(torch.relu(conv2d(x, *weights[0:2])), *weights[2:4]))
    x = torch.relu(conv2d(torch.relu(conv2d(max_pool(x, 3), *weights[4:6])), *weights[6:8]))
    return x.amax((1, 2))


def transposed(x, kernel, bias):
    """(B, H, W, C) -> (B, H+2, W+2, filters): each pixel spreads its kernel (3, 3, filters, C)."""
    y = torch.nn.functional.conv_transpose2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias)
    return torch.relu(y.permute(0, 2, 3, 1))


def decode_by_hand(code, weights):
    x = transposed(transposed(code.reshape(-1, 4, 4, 1), *weights[0:2]), *weights[2:4])
    x = x.repeat_interleave(3, 1).repeat_interleave(3, 2)
    return transposed(transposed(x, *weights[4:6]), *weights[6:8])


def test_encoder_and_autoencoder_are_cut_from_one_stack():
    encoder_input, encoder_output = autoencoder_stack()
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    autoencoder = keras.Model(encoder_input, decode(encoder_output), name="autoencoder")

    assert shapes(encoder) == ([(None, 28, 28, 1)], [(None, 16)])
    assert shapes(autoencoder) == ([(None, 28, 28, 1)], [(None, 28, 28, 1)])
    assert all(a is b for a, b in zip(encoder.layers, autoencoder.layers, strict=False))
    assert all(a is b for a, b in zip(encoder.weights, autoencoder.weights, strict=False))
    code = encode_by_hand(IMAGES, tensors(encoder))
    assert_close(encoder(IMAGES), code)
    assert_close(autoencoder(IMAGES), decode_by_hand(code, tensors(autoencoder)[8:]))

    before = tensors(encoder)
    autoencoder.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
    losses = autoencoder.fit(IMAGES.numpy(), IMAGES.numpy(), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert not torch.equal(before[0], tensors(encoder)[0])
    for a, b in zip(tensors(encoder), tensors(autoencoder)[:8], strict=True):
        assert torch.equal(a, b)
    inside = keras.Model(autoencoder.input, autoencoder.get_layer(encoder.layers[-1].name).output)
    assert torch.equal(encoder(IMAGES), inside(IMAGES))


def test_models_chained_by_calling_them():
    encoder_input, encoder_output = autoencoder_stack()
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    decoder_input = keras.Input(shape=(16,), name="encoded_img")
    decoder = keras.Model(decoder_input, decode(decoder_input), name="decoder")

    autoencoder_input = keras.Input(shape=(28, 28, 1), name="img")
    encoded_img = encoder(autoencoder_input)
    decoded_img = decoder(encoded_img)
    autoencoder = keras.Model(autoencoder_input, decoded_img, name="autoencoder")

    assert [layer.name for layer in autoencoder.layers] == ["img", "encoder", "decoder"]
    assert autoencoder.get_layer("encoder") is encoder
    assert tuple(encoded_img.shape) == (None, 16)
    assert tuple(decoded_img.shape) == (None, 28, 28, 1)
    assert {id(w) for w in autoencoder.weights} == {id(w) for w in encoder.weights + decoder.weights}
    assert torch.equal(autoencoder(IMAGES), decoder(encoder(IMAGES)))

    autoencoder.compile(optimizer="adam", loss="mse")
    before = tensors(encoder)[0]
    autoencoder.fit(IMAGES.numpy(), IMAGES.numpy(), verbose=0)
    assert not torch.equal(before, tensors(encoder)[0])
    assert torch.equal(autoencoder(IMAGES), decoder(encoder(IMAGES)))


def test_nested_models_are_saved_with_all_they_hold(tmp_path):
    inner_input = keras.Input(shape=(4,))
    inner = keras.Model(inner_input, layers.Dense(4, activation="tanh")(inner_input), name="inner")
    middle_input = keras.Input(shape=(4,))
    middle = keras.Model(middle_input, inner(inner(middle_input)), name="middle")
    outer_input = keras.Input(shape=(4,))
    outer = keras.Model(outer_input, layers.Dense(2)(middle(outer_input)), name="outer")
    assert len(outer.weights) == 4

    outer.save(tmp_path / f"outer.{FILE_SUFFIX}")
    loaded = keras.models.load_model(tmp_path / f"outer.{FILE_SUFFIX}")
    x = normal(3, 4)
    assert torch.equal(outer(x), loaded(x))
    assert loaded.get_layer("middle").get_layer("inner").count_params() == 20
    assert len(loaded.weights) == 4


def test_an_ensemble_is_the_mean_of_its_members():
    def get_model():
        inputs = keras.Input(shape=(128,))
        outputs = layers.Dense(1)(inputs)
        return keras.Model(inputs, outputs)

    model1 = get_model()
    model2 = get_model()
    model3 = get_model()

    inputs = keras.Input(shape=(128,))
    y1 = model1(inputs)
    y2 = model2(inputs)
    y3 = model3(inputs)
    outputs = layers.average([y1, y2, y3])
    ensemble_model = keras.Model(inputs=inputs, outputs=outputs)

    x = normal(5, 128)
    members = [model(x).detach() for model in (model1, model2, model3)]
    assert not torch.allclose(members[0], members[1])
    assert_close(ensemble_model(x), sum(members) / 3)
    assert len(ensemble_model.weights) == 6

    # One step of training moves each member by a third of the ensemble's gradient.
    target = normal(5, 1, seed=1)
    optimizer = keras.optimizers.SGD(0.1)
    ensemble_model.compile(optimizer=optimizer, loss="mse")

    def loss_of(k1, b1, k2, b2, k3, b3):
        return (((dense(x, k1, b1) + dense(x, k2, b2) + dense(x, k3, b3)) / 3 - target) ** 2).mean()

    assert_trains_like(ensemble_model, x.numpy(), target.numpy(), loss_of, optimizer, 0.1)
    assert_close(model1(x), dense(x, *tensors(ensemble_model)[:2]))


def test_a_trained_member_can_be_frozen():
    x = keras.Input(shape=(8,))
    trained = keras.Model(x, layers.Dense(4, activation="relu")(x))
    y = keras.Input(shape=(8,))
    head = layers.Dense(3, activation="softmax")
    model = keras.Model(y, head(trained(y)))
    trained.trainable = False
    assert len(model.trainable_weights) == 2

    still, kind = tensors(trained), integers(3, 12)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    data = normal(12, 8)
    features = dense(data, *still, torch.relu)
    expected = categorical_crossentropy(one_hot(kind, 3), dense(features, *tensors(head), softmax))
    assert_close(model.fit(data.numpy(), kind.numpy(), verbose=0).history["loss"][0], expected)
    assert all(torch.equal(a, b) for a, b in zip(still, tensors(trained), strict=True))


@beyond_keras
def test_the_weights_are_pytorch_parameters_too():
    model = first_model()
    assert isinstance(model, torch.nn.Module)
    kernel = model.get_layer("wide").kernel
    assert any(kernel is parameter for parameter in model.parameters())
    loss = torch.nn.functional.cross_entropy(model(DATA), LABELS)
    loss.backward()
    before = kernel.detach().clone()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.1 * parameter.grad
    assert_close(model.get_weights()[0], before - 0.1 * kernel.grad)
