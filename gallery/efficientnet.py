"""Blocks of EfficientNet: widen, look at each channel by itself, weigh the channels, narrow, add.

`Multiply` of a tensor with what was computed from it is squeeze-and-excite: each image decides how much each of its
channels counts. A second model gives these decisions, and they turn out to depend on the digit.
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
    title="EfficientNet blocks (MBConv, squeeze-and-excite)",
    group=1,
    answers="Functional is required for: … VisionTransformer (ViT), EfficientNet",
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


def conv(x: Any, layer: layers.Layer) -> Any:
    """A convolution, normalized, through swish."""
    return layers.Activation("swish")(layers.BatchNormalization(momentum=0.9)(layer(x)))


def mbconv(x: Any, filters: int, strides: int, name: str) -> Any:
    """Four times as wide inside; depthwise; squeeze-and-excite; narrow again; a way around where shapes allow it."""
    width = 4 * x.shape[-1]
    y = conv(x, layers.Conv2D(width, 1, use_bias=False))
    y = conv(y, layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(y)
    gates = layers.Conv2D(width // 8, 1, activation="swish")(squeezed)
    gates = layers.Conv2D(width, 1, activation="sigmoid", name=f"{name}_gates")(gates)
    y = layers.Multiply()([y, gates])
    y = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(filters, 1, use_bias=False)(y))
    return layers.Add()([x, y]) if strides == 1 and x.shape[-1] == filters else y


def build() -> Model:
    """A stem and four blocks."""
    image = Input((8, 8, 1), name="image")
    x = conv(image, layers.Conv2D(16, 3, padding="same", use_bias=False))
    for number, (filters, strides) in enumerate([(16, 1), (24, 2), (24, 1), (40, 1)], start=1):
        x = mbconv(x, filters, strides, name=f"block_{number}")
    x = layers.GlobalAveragePooling2D()(conv(x, layers.Conv2D(96, 1, use_bias=False)))
    digit = layers.Dense(10, activation="softmax", name="digit")(layers.Dropout(0.2)(x))
    model = Model(image, digit, name="efficientnet")
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(model: Model, x: np.ndarray, y: np.ndarray) -> Figure:
    """How far the last block opens each of its channels to each digit, as against its mean over all digits."""
    gates = Model(model.inputs, model.get_layer("block_4_gates").output).predict(x, verbose=0)[:, 0, 0]
    by_digit = np.stack([gates[y == digit].mean(axis=0) for digit in range(10)]) - gates.mean(axis=0)
    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    limit = np.abs(by_digit).max()
    shown = axes.imshow(by_digit, aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit)
    figure.colorbar(shown, label="opened further")
    axes.set(xlabel="channel", ylabel="digit", yticks=range(10), title="What squeeze-and-excite decides, by digit")
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
    figure = draw(model, x_test, y_test)
    model.save(out / "efficientnet.lamina")
    return Result(model, x_test[:64], accuracy, baseline, figure, history)
