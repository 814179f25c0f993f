"""The Functional API guide, second part: the ticket router, a toy ResNet, shared layers, nodes taken out of a graph."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import lamina as keras
from lamina import layers
from tests.articles.by_hand import (
    FILE_SUFFIX,
    ON_KERAS,
    assert_close,
    beyond_keras,
    categorical_crossentropy,
    conv2d,
    dense,
    integers,
    lstm,
    max_pool,
    normal,
    one_hot,
    shapes,
    softmax,
    tensors,
)

# -------------------------------------------------------------------------------------------------- the ticket router

NUM_TAGS, NUM_WORDS, NUM_DEPARTMENTS = 12, 100, 4
TICKETS = 48
X = {
    "title": integers(NUM_WORDS, TICKETS, 10, seed=1).numpy(),
    "body": integers(NUM_WORDS, TICKETS, 25, seed=2).numpy(),
    "tags": integers(2, TICKETS, NUM_TAGS, seed=3).float().numpy(),
}
Y = {
    "priority": integers(2, TICKETS, 1, seed=4).float().numpy(),
    "department": one_hot(integers(NUM_DEPARTMENTS, TICKETS, seed=5), NUM_DEPARTMENTS).numpy(),
}


def ticket_router():
    title_input = keras.Input(shape=(None,), name="title")
    body_input = keras.Input(shape=(None,), name="body")
    tags_input = keras.Input(shape=(NUM_TAGS,), name="tags")

    title_features = layers.Embedding(NUM_WORDS, 16)(title_input)
    body_features = layers.Embedding(NUM_WORDS, 16)(body_input)
    title_features = layers.LSTM(24)(title_features)
    body_features = layers.LSTM(8)(body_features)

    x = layers.concatenate([title_features, body_features, tags_input])
    priority_pred = layers.Dense(1, activation="sigmoid", name="priority")(x)
    department_pred = layers.Dense(NUM_DEPARTMENTS, activation="softmax", name="department")(x)
    return keras.Model(inputs=[title_input, body_input, tags_input], outputs=[priority_pred, department_pred])


def route_by_hand(model, x):
    embeddings = [tensors(layer) for layer in model.layers if type(layer).__name__ == "Embedding"]
    readers = [tensors(layer) for layer in model.layers if type(layer).__name__ == "LSTM"]
    title = lstm(embeddings[0][0][torch.tensor(x["title"])], *readers[0])[1]
    body = lstm(embeddings[1][0][torch.tensor(x["body"])], *readers[1])[1]
    merged = torch.cat([title, body, torch.tensor(x["tags"])], -1)
    priority = dense(merged, *tensors(model.get_layer("priority")), torch.sigmoid)
    return priority, dense(merged, *tensors(model.get_layer("department")), softmax)


def losses_by_hand(model):
    priority, department = route_by_hand(model, X)
    return (
        torch.nn.functional.binary_cross_entropy(priority, torch.tensor(Y["priority"])),
        categorical_crossentropy(torch.tensor(Y["department"]), department),
    )


def test_the_router_answers_two_questions_about_three_inputs():
    model = ticket_router()
    assert shapes(model) == ([(None, None), (None, None), (None, NUM_TAGS)], [(None, 1), (None, NUM_DEPARTMENTS)])
    assert model.output_names == ["priority", "department"]
    expected = route_by_hand(model, X)
    by_name = model.predict(X, batch_size=13, verbose=0)
    by_position = model.predict([X["title"], X["body"], X["tags"]], batch_size=13, verbose=0)
    for actual, same, hand in zip(by_name, by_position, expected, strict=True):
        assert_close(actual, hand)
        assert np.array_equal(actual, same)


LOSSES = {
    "list": ["binary_crossentropy", "categorical_crossentropy"],
    "list of objects": lambda: [keras.losses.BinaryCrossentropy(), keras.losses.CategoricalCrossentropy()],
    "dict": {"department": "categorical_crossentropy", "priority": "binary_crossentropy"},
    "dict of objects": lambda: {
        "department": keras.losses.CategoricalCrossentropy(),
        "priority": keras.losses.BinaryCrossentropy(),
    },
}
WEIGHTS = {"list": [1.0, 0.2], "dict": {"department": 0.2, "priority": 1.0}}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("losses", LOSSES)
def test_the_loss_is_the_weighted_sum_of_two(losses, weights):
    if ON_KERAS and losses.startswith("list") and weights == "dict":
        pytest.skip("Keras gives the weights of a dict to the losses of a list in alphabetical order")
    model = ticket_router()
    loss = LOSSES[losses]() if callable(LOSSES[losses]) else LOSSES[losses]
    model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss=loss, loss_weights=WEIGHTS[weights])
    priority, department = losses_by_hand(model)
    result = model.evaluate(X, Y, batch_size=TICKETS, verbose=0, return_dict=True)
    assert set(result) == {"loss", "priority_loss", "department_loss"}
    assert_close(result["priority_loss"], priority)
    assert_close(result["department_loss"], department)
    assert_close(result["loss"], priority + 0.2 * department)


def test_without_weights_the_losses_are_added():
    model = ticket_router()
    model.compile(optimizer="rmsprop", loss=LOSSES["dict"])
    assert_close(model.evaluate(X, Y, verbose=0, return_dict=True)["loss"], sum(losses_by_hand(model)))


def test_losses_on_logits():
    """The guide's other form: outputs without activation, losses that take logits."""
    tags = keras.Input(shape=(NUM_TAGS,), name="tags")
    priority, department = layers.Dense(1, name="priority"), layers.Dense(NUM_DEPARTMENTS, name="department")
    model = keras.Model(tags, [priority(tags), department(tags)])
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss={
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    x = torch.tensor(X["tags"])
    first = torch.nn.functional.binary_cross_entropy_with_logits(
        dense(x, *tensors(priority)), torch.tensor(Y["priority"])
    )
    second = torch.nn.functional.cross_entropy(dense(x, *tensors(department)), torch.tensor(Y["department"]))
    result = model.evaluate({"tags": X["tags"]}, Y, batch_size=TICKETS, verbose=0, return_dict=True)
    assert_close(result["loss"], first + 0.2 * second)


class Tickets(Dataset):
    """What a `Dataset` yields: a pair of dicts, or a pair of lists."""

    def __init__(self, as_lists):
        self.as_lists = as_lists

    def __len__(self):
        return TICKETS

    def __getitem__(self, i):
        x, y = {name: values[i] for name, values in X.items()}, {name: values[i] for name, values in Y.items()}
        return (list(x.values()), list(y.values())) if self.as_lists else (x, y)


WAYS_TO_GIVE_DATA = {
    "lists": lambda: {"x": list(X.values()), "y": list(Y.values()), "batch_size": 16},
    "dicts": lambda: {"x": X, "y": Y, "batch_size": 16},
    "dicts in another order": lambda: {
        "x": {name: X[name] for name in ("tags", "title", "body")},
        "y": {name: Y[name] for name in ("department", "priority")},
        "batch_size": 16,
    },
    "tensors": lambda: {
        "x": {name: torch.tensor(v) for name, v in X.items()},
        "y": [torch.tensor(v) for v in Y.values()],
        "batch_size": 16,
    },
    "loader of dicts": lambda: {"x": DataLoader(Tickets(as_lists=False), batch_size=16)},
    "loader of lists": lambda: {"x": DataLoader(Tickets(as_lists=True), batch_size=16)},
}


@pytest.fixture(scope="module")
def trained_on_lists():
    keras.utils.set_random_seed(2)
    return train("lists")


def train(way):
    model = ticket_router()
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-2),
        loss=LOSSES["dict"],
        loss_weights=WEIGHTS["dict"],
        metrics={"priority": ["accuracy"], "department": ["accuracy"]},
    )
    return model, model.fit(**WAYS_TO_GIVE_DATA[way](), epochs=2, shuffle=False, verbose=0)


@pytest.mark.parametrize("way", WAYS_TO_GIVE_DATA)
def test_the_form_of_the_data_does_not_matter(way, trained_on_lists):
    """Lists by position, dicts by name, loaders of either: the same batches, so the same training."""
    keras.utils.set_random_seed(2)
    model, history = train(way)
    reference, expected = trained_on_lists
    assert set(history.history) == {
        "loss",
        "priority_loss",
        "department_loss",
        "priority_accuracy",
        "department_accuracy",
    }
    for name, values in expected.history.items():
        assert_close(history.history[name], values)
    for a, b in zip(tensors(model), tensors(reference), strict=True):
        assert_close(a, b)


def test_the_router_learns_and_is_saved(tmp_path):
    model = ticket_router()
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=LOSSES["dict"], metrics={"department": "accuracy"})
    history = model.fit(X, Y, epochs=12, batch_size=16, validation_data=(X, Y), verbose=0).history
    assert history["val_loss"][-1] < 0.7 * history["val_loss"][0]
    model.save(tmp_path / f"router.{FILE_SUFFIX}")
    loaded = keras.models.load_model(tmp_path / f"router.{FILE_SUFFIX}")
    for a, b in zip(model.predict(X, verbose=0), loaded.predict(X, verbose=0), strict=True):
        assert np.array_equal(a, b)
    assert_close(loaded.evaluate(X, Y, verbose=0, return_dict=True)["loss"], history["val_loss"][-1])


@beyond_keras  # Keras needs graphviz for it
def test_the_router_as_a_picture(tmp_path):
    keras.utils.plot_model(ticket_router(), tmp_path / "router.svg", show_shapes=True, show_layer_names=True)
    text = (tmp_path / "router.svg").read_text(encoding="utf-8")
    assert all(name in text for name in ("title", "body", "tags", "priority", "department"))


# ----------------------------------------------------------------------------------------------------- a toy ResNet


def toy_resnet(size=32, width=8):
    inputs = keras.Input(shape=(size, size, 3), name="img")
    x = layers.Conv2D(width, 3, activation="relu")(inputs)
    x = layers.Conv2D(2 * width, 3, activation="relu")(x)
    block_1_output = layers.MaxPooling2D(3)(x)

    x = layers.Conv2D(2 * width, 3, activation="relu", padding="same")(block_1_output)
    x = layers.Conv2D(2 * width, 3, activation="relu", padding="same")(x)
    block_2_output = layers.add([x, block_1_output])

    x = layers.Conv2D(2 * width, 3, activation="relu", padding="same")(block_2_output)
    x = layers.Conv2D(2 * width, 3, activation="relu", padding="same")(x)
    block_3_output = layers.add([x, block_2_output])

    x = layers.Conv2D(2 * width, 3, activation="relu")(block_3_output)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(4 * width, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(10, name="logits")(x)
    return keras.Model(inputs, outputs, name="toy_resnet")


def resnet_by_hand(x, w):
    pairs = list(zip(w[::2], w[1::2], strict=True))

    def conv(y, i, padding):
        return torch.relu(conv2d(y, *pairs[i], padding=padding))

    first = max_pool(conv(conv(x, 0, 0), 1, 0), 3)
    second = conv(conv(first, 2, 1), 3, 1) + first
    third = conv(conv(second, 4, 1), 5, 1) + second
    pooled = conv(third, 6, 0).mean((1, 2))
    return dense(dense(pooled, *pairs[7], torch.relu), *pairs[8])


def test_toy_resnet_computes():
    model = toy_resnet()
    assert shapes(model) == ([(None, 32, 32, 3)], [(None, 10)])
    x = normal(3, 32, 32, 3)
    assert_close(model(x), resnet_by_hand(x, tensors(model)), rtol=1e-4, atol=1e-5)


def test_toy_resnet_trains_with_a_validation_split():
    model = toy_resnet(size=16)
    labels = integers(10, 80)
    images = (normal(80, 16, 16, 3) * 0.1 + normal(10, 16, 16, 3, seed=1)[labels]).numpy()
    y = one_hot(labels, 10).numpy()
    model.compile(
        optimizer=keras.optimizers.RMSprop(3e-3),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["acc"],
    )
    history = model.fit(images, y, batch_size=16, epochs=12, validation_split=0.2, verbose=0).history
    assert set(history) == {"loss", "acc", "val_loss", "val_acc"}
    assert history["val_loss"][-1] < 0.8 * history["val_loss"][0]
    logits = resnet_by_hand(torch.tensor(images[64:]), tensors(model))
    assert_close(history["val_loss"][-1], torch.nn.functional.cross_entropy(logits, labels[64:]), rtol=1e-4, atol=1e-5)
    assert_close(history["val_acc"][-1], (logits.argmax(-1) == labels[64:]).float().mean())


# ----------------------------------------------------------------------------------------------------- sharing layers


def test_an_embedding_shared_by_two_texts():
    shared_embedding = layers.Embedding(1000, 128)

    text_input_a = keras.Input(shape=(None,), dtype="int32")
    text_input_b = keras.Input(shape=(None,), dtype="int32")

    encoded_input_a = shared_embedding(text_input_a)
    encoded_input_b = shared_embedding(text_input_b)

    model = keras.Model([text_input_a, text_input_b], [encoded_input_a, encoded_input_b])
    assert shapes(model)[1] == [(None, None, 128), (None, None, 128)]
    assert len(model.weights) == 1
    assert model.weights[0] is shared_embedding.weights[0]
    a, b = integers(1000, 2, 5), integers(1000, 2, 9, seed=1)
    table = tensors(shared_embedding)[0]
    first, second = model([a, b])
    assert torch.equal(torch.as_tensor(first).detach(), table[a])
    assert torch.equal(torch.as_tensor(second).detach(), table[b])


def test_a_word_seen_in_one_text_is_learned_for_both():
    table = layers.Embedding(20, 3)
    a, b = keras.Input(shape=(4,), dtype="int32"), keras.Input(shape=(4,), dtype="int32")
    outputs = [layers.Flatten()(table(a)), layers.Flatten()(table(b))]
    model = keras.Model([a, b], outputs)
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=["mse", "mse"], loss_weights=[1.0, 0.0])
    before = tensors(table)[0]
    only_low, only_high = integers(10, 6, 4), integers(20, 6, 4, low=10)
    target = np.ones((6, 12), "float32")
    model.fit([only_low.numpy(), only_high.numpy()], [target, target], verbose=0)
    moved = (tensors(table)[0] != before).any(-1)
    assert set(moved.nonzero().flatten().tolist()) == set(only_low.unique().tolist())
    assert_close(model([only_low, only_low])[1], model([only_low, only_low])[0])


# ------------------------------------------------------------------------------------- nodes taken out of a graph


def vgg19(size=32, width=4):
    """VGG19's graph: sixteen convolutions in five blocks, three Dense. Narrow and for small images: quick."""
    x = image = keras.Input(shape=(size, size, 3), name="input_layer")
    for block, depth in enumerate((2, 2, 4, 4, 4), start=1):
        filters = width * min(2 ** (block - 1), 8)
        for i in range(1, depth + 1):
            x = layers.Conv2D(filters, 3, activation="relu", padding="same", name=f"block{block}_conv{i}")(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, activation="relu", name="fc1")(x)
    x = layers.Dense(64, activation="relu", name="fc2")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="predictions")(x), name="vgg19")


def test_every_activation_of_vgg19():
    model = vgg19()
    assert len(model.layers) == 26

    features_list = [layer.output for layer in model.layers]
    feat_extraction_model = keras.Model(inputs=model.input, outputs=features_list)

    img = normal(2, 32, 32, 3)
    extracted_features = feat_extraction_model(img)
    assert len(extracted_features) == 26

    x = img
    for layer, found in zip(model.layers, extracted_features, strict=True):
        if type(layer).__name__ != "InputLayer":
            x = layer(x)
        assert torch.equal(torch.as_tensor(found), torch.as_tensor(x)), layer.name
        assert tuple(layer.output.shape[1:]) == tuple(found.shape[1:])
    assert torch.equal(extracted_features[-1], model(img))
    assert all(a is b for a, b in zip(feat_extraction_model.weights, model.weights, strict=True))


def test_activations_agree_with_a_computation_by_hand():
    model = vgg19()
    taps = ["block1_conv2", "block2_pool", "block5_conv4", "fc2"]
    features = keras.Model(model.inputs, {name: model.get_layer(name).output for name in taps})
    img = normal(2, 32, 32, 3)
    x, hand = img, {}
    for layer in model.layers[1:]:
        kind = type(layer).__name__
        if kind == "Conv2D":
            x = torch.relu(conv2d(x, *tensors(layer), padding=1))
        elif kind == "MaxPooling2D":
            x = max_pool(x, 2)
        elif kind == "Flatten":
            x = x.flatten(1)
        elif layer.name.startswith("fc"):
            x = dense(x, *tensors(layer), torch.relu)
        hand[layer.name] = x
    found = features(img)
    for name in taps:
        assert_close(found[name], hand[name])


def test_features_are_reused_by_another_model():
    """What style transfer and transfer learning do: new layers on a node of a graph that is already there."""
    model = vgg19()
    middle = model.get_layer("block3_pool").output
    head = layers.Dense(2, activation="softmax", name="new_head")(layers.GlobalAveragePooling2D()(middle))
    transfer = keras.Model(model.input, head)
    for layer in transfer.layers[:-2]:
        layer.trainable = False
    assert [layer.name for layer in transfer.layers[:-2]] == [layer.name for layer in model.layers[:12]]

    frozen = tensors(model)
    transfer.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    images, kind = normal(8, 32, 32, 3), integers(2, 8)
    losses = transfer.fit(images.numpy(), kind.numpy(), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert all(torch.equal(a, b) for a, b in zip(frozen, tensors(model), strict=True))


def test_a_model_from_the_middle_of_a_graph():
    model = vgg19()
    start, end = model.get_layer("block1_pool").output, model.get_layer("block3_conv2").output
    part = keras.Model(start, end)
    before = keras.Model(model.input, start)
    whole = keras.Model(model.input, end)
    img = normal(2, 32, 32, 3)
    assert torch.equal(part(before(img)), whole(img))
