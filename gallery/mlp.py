"""A multilayer perceptron reads handwritten digits.

Two hidden layers stand between 64 pixels and 10 classes. Each layer is a function: it is called on a tensor and gives
one back. Logistic regression, which draws straight borders between the classes, is scored beside it.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, utils

ABOUT = About(
    title="Multilayer perceptron",
    group=1,
    answers="output = Dense(64)(input) — Here, every layer behaves like a callable function.",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 360 digits that training never saw",
    baseline="logistic regression",
    target=0.97,
    quick_target=0.90,
    timed=True,
)


def data() -> list[np.ndarray]:
    """Training pixels, held-out pixels (from 0 to 1), training labels, held-out labels."""
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split((pixels / 16).astype("float32"), labels, test_size=360, stratify=labels, random_state=0)
    return list(parts)


def build() -> Model:
    """64 pixels -> 128 -> 128 -> 10 probabilities."""
    pixels = Input((64,), name="pixels")
    x = layers.Dense(128, activation="relu")(pixels)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    model = Model(pixels, digit, name="mlp")
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(pixels: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """The twelve held-out digits of which the model was least sure, with what it said. Mistakes are red."""
    figure, axes = plt.subplots(2, 6, figsize=(9, 3.6), layout="constrained")
    said, least_sure = probabilities.argmax(axis=1), probabilities.max(axis=1).argsort()
    for place, i in zip(axes.flat, least_sure, strict=False):
        place.imshow(pixels[i].reshape(8, 8), cmap="gray_r")
        right = said[i] == labels[i]
        place.set_title(f"{said[i]} ({probabilities[i].max():.0%})", color="black" if right else "red")
        place.axis("off")
    figure.suptitle("What the model says, and how sure it is, where it is least sure")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = data()
    model = build()
    epochs = 10 if quick else 60
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    line = LogisticRegression(max_iter=1000).fit(x_train, y_train).score(x_test, y_test)
    figure = draw(x_test, y_test, model.predict(x_test, verbose=0))
    model.save(out / "mlp.lamina")
    return Result(model, x_test[:64], accuracy, line, figure, history)
