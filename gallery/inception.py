"""An Inception network looks at each place of an image through filters of several sizes at once.

A block is a function from a tensor to a tensor: four branches that read the same input, and their results side by side.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, utils

ABOUT = About(
    title="Inception blocks",
    group=1,
    answers="Inception’s multi-filter blocks",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 360 digits that training never saw",
    baseline="logistic regression",
    target=0.98,
    quick_target=0.9,
)


def data() -> list[np.ndarray]:
    """Training images, held-out images, (N, 8, 8, 1) from 0 to 1; training labels, held-out labels."""
    digits = load_digits()
    images, labels = (digits.images[..., np.newaxis] / 16).astype("float32"), digits.target
    return list(train_test_split(images, labels, test_size=360, stratify=labels, random_state=0))


def conv(x: Any, filters: int, size: int) -> Any:
    """Convolution, normalization, ReLU."""
    x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def inception_block(x: Any, filters: int, name: str) -> Any:
    """1 × 1, 3 × 3, 5 × 5 and pooling beside each other: four times as many channels as `filters`."""
    branches = [
        conv(x, filters, 1),
        conv(conv(x, filters // 2, 1), filters, 3),
        conv(conv(x, filters // 2, 1), filters, 5),
        conv(layers.MaxPooling2D(3, strides=1, padding="same")(x), filters, 1),
    ]
    return layers.Concatenate(name=name)(branches)


def build() -> Model:
    """Two blocks, pooling, two blocks, the mean over all places."""
    image = Input((8, 8, 1), name="image")
    x = inception_block(image, 8, "block_1")
    x = inception_block(x, 12, "block_2")
    x = layers.MaxPooling2D()(x)
    x = inception_block(x, 16, "block_3")
    x = layers.GlobalAveragePooling2D()(inception_block(x, 16, "block_4"))
    digit = layers.Dense(10, activation="softmax", name="digit")(layers.Dropout(0.3)(x))
    model = Model(image, digit, name="inception")
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(model: Model, image: np.ndarray) -> Figure:
    """What the second block sees of one digit: a row for each branch, six of its channels each."""
    seen = Model(model.inputs, model.get_layer("block_2").output).predict(image[np.newaxis], verbose=0)[0]
    figure, axes = plt.subplots(4, 7, figsize=(8, 4.6), layout="constrained")
    for row, title, channels in zip(axes, ("1 × 1", "3 × 3", "5 × 5", "pooled"), np.split(seen, 4, -1), strict=True):
        row[0].set_ylabel(title)
        row[0].imshow(image[..., 0], cmap="gray_r")
        strongest = channels.std(axis=(0, 1)).argsort()[::-1]
        for place, channel in zip(row[1:], strongest, strict=False):
            place.imshow(channels[..., channel], cmap="magma")
        for place in row:
            place.set(xticks=[], yticks=[])
    figure.suptitle("A held-out digit, and what each branch of the second block makes of it")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = data()
    model = build()
    epochs = 5 if quick else 15
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    line = LogisticRegression(max_iter=1000).fit(x_train.reshape(-1, 64), y_train)
    baseline = line.score(x_test.reshape(-1, 64), y_test)
    figure = draw(model, x_test[0])
    model.save(out / "inception.lamina")
    return Result(model, x_test[:64], accuracy, baseline, figure, history)
