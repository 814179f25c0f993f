"""Five networks answer together: one model averages their probabilities.

A model can be called like a layer, so an ensemble is a graph of models. The members share no data: each has learned
from 239 images of its own, and errs elsewhere. Each member is scored beside the average.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, utils

ABOUT = About(
    title="Ensemble: one model averages five",
    group=8,
    answers="here’s how to ensemble a set of models into a single model that averages their predictions",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 600 digits that no member was trained on",
    baseline="the members, one by one: the mean of their accuracies",
    target=0.955,
    quick_target=0.90,
    timed=True,
)

MEMBERS = 5


def data() -> list[np.ndarray]:
    """Training pixels, held-out pixels (from 0 to 1), training labels, held-out labels."""
    pixels, labels = load_digits(return_X_y=True)
    return list(
        train_test_split((pixels / 16).astype("float32"), labels, test_size=600, stratify=labels, random_state=0)
    )


def build_member(number: int) -> Model:
    """64 pixels -> 64 -> 10 probabilities."""
    pixels = Input((64,), name="pixels")
    x = layers.Dense(64, activation="relu")(pixels)
    digit = layers.Dense(10, activation="softmax", name="digit")(layers.Dropout(0.2)(x))
    model = Model(pixels, digit, name=f"member_{number}")
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build(members: list[Model]) -> Model:
    """64 pixels -> each member's probabilities -> their average."""
    pixels = Input((64,), name="pixels")
    together = layers.Average(name="together")([member(pixels) for member in members])
    model = Model(pixels, together, name="ensemble")
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(alone: list[float], together: float, wrong: np.ndarray) -> Figure:
    """Accuracies on the left; on the right, who errs on which image."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", width_ratios=[1, 2])
    names = [*(f"member {i}" for i in range(MEMBERS)), "together"]
    left.barh(names, [*alone, together], color=["C0"] * MEMBERS + ["C2"])
    left.set(xlim=(min(alone) - 0.02, 1), xlabel="accuracy")
    left.invert_yaxis()
    hard = wrong[:, wrong.any(axis=0)]
    right.imshow(hard[:, np.lexsort(hard[::-1])][:, ::-1], aspect="auto", cmap="Reds", interpolation="nearest")
    right.set(yticks=[], xlabel="held-out images that somebody reads wrongly", title="red: wrong")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train each member, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = data()
    members = [build_member(i) for i in range(MEMBERS)]
    curves = {}
    for number, member in enumerate(members):
        own = slice(number, None, MEMBERS)  # every fifth image; no two members share one
        history = member.fit(x_train[own], y_train[own], batch_size=16, epochs=20 if quick else 80, verbose=0)
        curves[f"{member.name}_loss"] = history.history["loss"]

    ensemble = build(members)
    together = ensemble.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    alone = [member.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"] for member in members]
    wrong = np.array([model.predict(x_test, verbose=0).argmax(axis=1) != y_test for model in [*members, ensemble]])
    figure = draw(alone, together, wrong)
    ensemble.save(out / "ensemble.lamina")
    more = {"accuracy of the best member": max(alone)}
    return Result(ensemble, x_test[:64], together, float(np.mean(alone)), figure, curves, more)
