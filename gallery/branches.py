"""One input, three branches of 64, 32 and 16 units, brought together again.

A tensor may be given to as many layers as one likes, and `Concatenate` takes many. A model is a graph, and each place
in it can be the output of another model with the same weights: after training, each branch is asked by itself what it
has learned to tell apart.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, utils

ABOUT = About(
    title="Three branches: 64, 32 and 16 units",
    group=1,
    answers=(
        "Branching Architectures: → Dense(32) → Input → Dense(64) → Concatenate → Output → Dense(16) → "
        "Sequential API cannot represent this."
    ),
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 360 digits that training never saw",
    baseline="logistic regression",
    target=0.97,
    quick_target=0.90,
)


def data() -> list[np.ndarray]:
    """Training pixels, held-out pixels (from 0 to 1), training labels, held-out labels."""
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split((pixels / 16).astype("float32"), labels, test_size=360, stratify=labels, random_state=0)
    return list(parts)


def build() -> tuple[Model, Model]:
    """The model, and one that gives its three branches."""
    pixels = Input((64,), name="pixels")
    branches = [layers.Dense(units, activation="relu", name=f"branch_{units}")(pixels) for units in (64, 32, 16)]
    merged = layers.Concatenate()(branches)
    x = layers.Dropout(0.5)(merged)
    x = layers.Dense(64, activation="relu")(x)
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    model = Model(pixels, digit, name="three_branches")
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, Model(pixels, branches, name="only_the_branches")


def draw(branches: list[np.ndarray], labels: np.ndarray) -> Figure:
    """What each branch sees of the held-out digits, seen from the side from which the classes lie apart best."""
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
    for place, features in zip(axes, branches, strict=True):
        plane = LinearDiscriminantAnalysis(n_components=2).fit(features, labels).transform(features)
        place.scatter(*plane.T, c=labels, cmap="tab10", s=8)
        place.set(title=f"the branch of {features.shape[1]} units", xticks=[], yticks=[])
        for digit in range(10):
            place.annotate(str(digit), plane[labels == digit].mean(axis=0), fontsize=13, weight="bold")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = data()
    model, only_branches = build()
    epochs = 8 if quick else 60
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    line = LogisticRegression(max_iter=1000).fit(x_train, y_train).score(x_test, y_test)
    figure = draw(only_branches.predict(x_test, verbose=0), y_test)
    model.save(out / "branches.lamina")
    return Result(model, x_test[:64], accuracy, line, figure, history)
