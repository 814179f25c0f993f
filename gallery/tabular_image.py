"""A picture and a table together: the top of a handwritten digit is seen, and how much ink each column of it has.

Three of the eight rows of the picture are seen. The table holds eight numbers: the ink in each column of the whole
digit. Neither is enough to read the digit. Two branches read them, and are joined. The same branches, each alone, are
trained and scored beside: what an output does not need is no part of its model.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Table and picture",
    group=4,
    answers="Feature fusion models",
    data="the 1,797 handwritten digits that come with scikit-learn, of which three rows are seen, and their ink; real",
    measure="accuracy on 360 digits that training never saw",
    baseline="the better one of the two branches alone",
    target=0.90,
    quick_target=0.80,
    timed=True,
)


def data() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Training inputs, held-out inputs, training labels, held-out labels."""
    digits = load_digits()
    pixels = (digits.images / 16).astype("float32")
    top, ink = pixels[:, :3, :, np.newaxis], pixels.sum(axis=1)
    a, b, c, d, *labels = train_test_split(
        top, ink, digits.target, test_size=360, stratify=digits.target, random_state=0
    )
    return {"image": a, "table": c}, {"image": b, "table": d}, labels[0], labels[1]


def build(seen: Sequence[str] = ("image", "table")) -> Model:
    """Image (N, 3, 8, 1) and table (N, 8), or one of them -> 10 probabilities."""
    image, table = Input((3, 8, 1), name="image"), Input((8,), name="table")
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    of_image = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    x = layers.Dense(64, activation="relu")(table)
    of_table = layers.Dense(64, activation="relu")(x)

    branches = {"image": (image, of_image), "table": (table, of_table)}
    inputs, features = zip(*[branches[name] for name in seen], strict=True)
    x = layers.Concatenate()(list(features)) if len(seen) > 1 else features[0]
    x = layers.Dense(64, activation="relu")(layers.Dropout(0.5)(x))
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    model = Model(list(inputs), digit, name="_and_".join(seen))
    model.compile(optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(inputs: dict[str, np.ndarray], labels: np.ndarray, said: dict[str, np.ndarray]) -> Figure:
    """Held-out digits that only both branches together read right: what each has seen, and what it said."""
    right = {name: answer == labels for name, answer in said.items()}
    *alone, joined = right
    only_both = np.flatnonzero(right[joined] & ~np.any([right[name] for name in alone], axis=0))
    figure, axes = plt.subplots(2, 8, figsize=(9, 2.9), layout="constrained", sharex=True)
    for (above, below), i in zip(axes.T, only_both, strict=False):
        above.imshow(inputs["image"][i, ..., 0], cmap="gray_r", vmin=0, vmax=1)
        below.bar(range(8), inputs["table"][i], color="gray")
        above.set_title(f"a {labels[i]}\n" + "\n".join(f"{name}: {answer[i]}" for name, answer in said.items()), size=9)
        above.set(xticks=[], yticks=[])
        below.set(xticks=[], yticks=[], ylim=(0, 8))
    axes[0, 0].set_ylabel("the top")
    axes[1, 0].set_ylabel("ink of columns")
    shares = ", ".join(f"{name} {part.mean():.1%}" for name, part in right.items())
    figure.suptitle(f"Read right: {shares}. Below: digits that only both together can tell")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = data()
    said, models, histories = {}, {}, {}
    for name, seen in {"table": ("table",), "image": ("image",), "both": ("image", "table")}.items():
        models[name] = model = build(seen)
        known, unseen = ({part: x[part] for part in seen} for x in (x_train, x_test))
        epochs = 12 if quick else 35
        histories[name] = model.fit(known, y_train, epochs=epochs, validation_data=(unseen, y_test), verbose=2)
        said[name] = model.predict(unseen, verbose=0).argmax(axis=1)
    accuracy = {name: float(np.mean(answer == y_test)) for name, answer in said.items()}
    models["both"].save(out / "tabular_image.lamina")
    figure = draw(x_test, y_test, said)
    inputs = {name: array[:64] for name, array in x_test.items()}
    alone = {f"accuracy of the {name} alone": accuracy[name] for name in ("image", "table")}
    return Result(models["both"], inputs, accuracy["both"], max(alone.values()), figure, histories["both"], more=alone)
