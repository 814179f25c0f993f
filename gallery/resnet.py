"""A residual network: each block adds something to what it was given, and so a deep network trains like a shallow one.

The sum of two tensors is a layer of two inputs. After training, a model cut after each block tells how far the digits
can be told apart by then.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="ResNet",
    group=1,
    answers="Skip connections improve gradient flow and solve vanishing gradient issues.",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 360 digits that training never saw",
    baseline="logistic regression",
    target=0.98,
    quick_target=0.9,
    timed=True,
)


def data() -> list[np.ndarray]:
    """Training images, held-out images, (N, 8, 8, 1) from 0 to 1; training labels, held-out labels."""
    digits = load_digits()
    images, labels = (digits.images[..., np.newaxis] / 16).astype("float32"), digits.target
    return list(train_test_split(images, labels, test_size=360, stratify=labels, random_state=0))


def conv(x: Any, filters: int, strides: int = 1) -> Any:
    """Convolution and normalization."""
    x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def residual_block(x: Any, filters: int, strides: int, name: str) -> Any:
    """Two convolutions and a way around them; where the shape changes, that way has a 1 × 1 convolution."""
    y = layers.ReLU()(conv(x, filters, strides))
    y = conv(y, filters)
    if strides > 1:
        x = layers.Conv2D(filters, 1, strides=strides)(x)
    return layers.ReLU(name=name)(layers.Add()([x, y]))


def build(steps: int) -> tuple[Model, Model]:
    """The network, and one that gives the mean features after each of six blocks. In `steps` the rate falls to 0."""
    image = Input((8, 8, 1), name="image")
    x = layers.ReLU()(conv(image, 16))
    seen = []
    for number, (filters, strides) in enumerate([(16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)], start=1):
        x = residual_block(x, filters, strides, name=f"block_{number}")
        seen.append(layers.GlobalAveragePooling2D()(x))
    digit = layers.Dense(10, activation="softmax", name="digit")(layers.Dropout(0.3)(seen[-1]))
    model = Model(image, digit, name="resnet")
    rate = optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, Model(image, seen, name="features")


def draw(features: Model, x: np.ndarray, y: np.ndarray) -> Figure:
    """How well straight borders divide the held-out digits by what is known after each block (five-fold)."""
    scores = [
        cross_val_score(LogisticRegression(max_iter=2000), seen, y).mean() for seen in features.predict(x, verbose=0)
    ]
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axes.plot(range(1, len(scores) + 1), scores, "o-")
    axes.set(xlabel="after block", ylabel="accuracy of straight borders", title="Block by block, digits come apart")
    axes.grid(alpha=0.3)
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    epochs = 4 if quick else 15
    x_train, x_test, y_train, y_test = data()
    model, features = build(steps=epochs * -(-len(x_train) // 32))
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    line = LogisticRegression(max_iter=1000).fit(x_train.reshape(-1, 64), y_train)
    baseline = line.score(x_test.reshape(-1, 64), y_test)
    figure = draw(features, x_test, y_test)
    model.save(out / "resnet.lamina")
    return Result(model, x_test[:64], accuracy, baseline, figure, history)
