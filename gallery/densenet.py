"""A densely connected network: each layer reads what all the layers before it have written.

`Concatenate` in a loop is all there is to it. The weights tell afterwards which of the earlier layers each one reads.
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
    title="DenseNet",
    group=1,
    answers="Skip connections changed the history of deep learning. They are essential for: ResNet, DenseNet, UNet",
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


GROWTH = 8
"""Channels that each layer adds."""


def dense_block(x: Any, depth: int, name: str) -> Any:
    """`depth` convolutions; each adds `GROWTH` channels to all that the next ones read."""
    for number in range(1, depth + 1):
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        y = layers.Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_{number}")(y)
        x = layers.Concatenate()([x, y])
    return x


def build() -> Model:
    """A block, a transition to half the size, a block."""
    image = Input((8, 8, 1), name="image")
    x = layers.Conv2D(GROWTH, 3, padding="same")(image)
    x = dense_block(x, 5, "first")
    x = layers.AveragePooling2D(2)(layers.Conv2D(4 * GROWTH, 1)(x))
    x = dense_block(x, 5, "second")
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    model = Model(image, digit, name="densenet")
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(model: Model) -> Figure:
    """How strongly each layer of the first block reads each one before it: the mean size of its weights, row by row."""
    reads = np.full((5, 5), np.nan)
    for row in range(5):
        (kernel,) = model.get_layer(f"first_{row + 1}").get_weights()
        reads[row, : row + 1] = [np.abs(part).mean() for part in np.split(kernel, row + 1, axis=2)]
    reads /= np.nanmean(reads, axis=1, keepdims=True)
    figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    figure.colorbar(axes.imshow(reads, cmap="viridis"), label="size of the weights, of the mean of the row")
    axes.set(xlabel="reads", ylabel="layer", title="Who reads whom in the first block")
    axes.set_xticks(range(5), ["input", *map(str, range(1, 5))])
    axes.set_yticks(range(5), list(map(str, range(1, 6))))
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
    figure = draw(model)
    model.save(out / "densenet.lamina")
    return Result(model, x_test[:64], accuracy, baseline, figure, history)
