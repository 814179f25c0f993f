"""One picture, three answers: which digit is on it, where it is, and of which colour it is.

A handwritten digit of some size lies at some place of a larger picture, in one of four colours, between specks. One
network looks at the picture. Three outputs read what it has seen: a class, a box and an attribute, each with its own
loss, which are found by the names of the outputs.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="One input, three outputs: class, box, attribute",
    group=4,
    answers="Your model might predict: - A class - A bounding box - An attribute",
    data=(
        "scenes of 24 × 24 pixels with one of scikit-learn's handwritten digits, real, of random size, place and "
        "colour, and with specks, all of which a generator in the file draws"
    ),
    measure="share of scenes with digits that training never saw where all is right: class, colour, box (IoU over 0.5)",
    baseline="linear models of the pixels",
    target=0.85,
    quick_target=0.15,
)

SIDE = 24
COLOURS = {"red": (0.9, 0.2, 0.2), "green": (0.2, 0.8, 0.3), "blue": (0.3, 0.4, 1.0), "yellow": (0.9, 0.8, 0.1)}
Answers = dict[str, np.ndarray]


def scenes(images: np.ndarray, digits: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, Answers]:
    """Scenes (N, 24, 24, 3) and answers: digit (N,), box (N, 4; left, top, right, bottom, 0 to 1), colour (N,)."""
    pictures = (rng.random((count, SIDE, SIDE, 3)) * (rng.random((count, SIDE, SIDE, 1)) < 0.1)).astype("float32")
    which, colours = rng.integers(len(images), size=count), rng.integers(len(COLOURS), size=count)
    boxes = np.zeros((count, 4), "float32")
    for picture, box, i, colour in zip(pictures, boxes, which, colours, strict=True):
        size = rng.integers(10, 19)
        left, top = rng.integers(SIDE - size + 1, size=2)
        nearest = np.arange(size) * 8 // size
        ink = images[i][np.ix_(nearest, nearest)][..., np.newaxis]
        part = picture[top : top + size, left : left + size]
        part[:] = (1 - ink) * part + ink * np.array(list(COLOURS.values())[colour])
        box[:] = np.array([left, top, left + size, top + size]) / SIDE
    return pictures, {"digit": digits[which], "box": boxes, "colour": colours}


def data(count: int) -> tuple[np.ndarray, Answers, np.ndarray, Answers]:
    """Scenes and answers to train on; held-out scenes, of other digits, and their answers."""
    digits = load_digits()
    a, b, c, d = train_test_split(digits.images / 16, digits.target, test_size=360, random_state=0)
    rng = np.random.default_rng(0)
    return *scenes(a, c, count, rng), *scenes(b, d, 1000, rng)


def build() -> Model:
    """Picture (N, 24, 24, 3) -> digit (N, 10), box (N, 4), colour (N, 4)."""
    picture = x = Input((SIDE, SIDE, 3), name="picture")
    for filters in (32, 64, 64):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D()(x)
    seen = layers.Dense(128, activation="relu")(layers.Flatten()(x))

    digit = layers.Dense(10, activation="softmax", name="digit")(layers.Dropout(0.3)(seen))
    box = layers.Dense(4, activation="sigmoid", name="box")(seen)
    colour = layers.Dense(len(COLOURS), activation="softmax", name="colour")(seen)

    model = Model(picture, {"digit": digit, "box": box, "colour": colour}, name="multi_output")
    classes = "sparse_categorical_crossentropy"
    loss = {"digit": classes, "box": "mae", "colour": classes}
    model.compile(optimizers.Adam(2e-3), loss, loss_weights={"digit": 1.0, "box": 5.0, "colour": 0.5})
    return model


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (N, 4) and boxes (N, 4) -> (N,)."""
    width = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    both = width.clip(0).prod(axis=1)
    return np.array(both / (np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - both))


def right(said: Answers, wanted: Answers) -> Answers:
    """For each answer, where it is right."""
    names = {name: said[name].argmax(axis=1) == wanted[name] for name in ("digit", "colour")}
    return {**names, "box": overlap(said["box"], wanted["box"]) > 0.5}


def linear(x: np.ndarray, wanted: Answers, unseen: np.ndarray) -> Answers:
    """What linear models of 1,000 scenes' pixels say, one for each answer."""
    x, unseen = x.reshape(len(x), -1)[:1000], unseen.reshape(len(unseen), -1)
    said = {"box": np.array(Ridge(100.0).fit(x, wanted["box"][:1000]).predict(unseen))}
    for name in ("digit", "colour"):
        line = LogisticRegression(C=0.01, max_iter=100).fit(x, wanted[name][:1000])
        said[name] = np.array(line.predict_proba(unseen))
    return said


def draw(pictures: np.ndarray, said: Answers, wanted: Answers) -> Figure:
    """Held-out scenes, the box and the names that the model gives. What is wrong is marked."""
    figure, axes = plt.subplots(2, 6, figsize=(9, 3.6), layout="constrained")
    correct = np.all(list(right(said, wanted).values()), axis=0)
    for i, place in enumerate(axes.flat):
        left, top, to_right, to_bottom = said["box"][i] * SIDE - 0.5
        place.imshow(pictures[i])
        place.add_patch(Rectangle((left, top), to_right - left, to_bottom - top, fill=False, color="white"))
        name = f"{list(COLOURS)[said['colour'][i].argmax()]} {said['digit'][i].argmax()}"
        place.set_title(name if correct[i] else f"{name} (wrong)", color="black" if correct[i] else "red")
        place.axis("off")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, y_train, x_test, y_test = data(900 if quick else 10_000)
    model = build()
    size, epochs = (16, 5) if quick else (32, 9)
    history = model.fit(x_train, y_train, size, epochs, validation_data=(x_test, y_test), verbose=2)
    said = model.predict(x_test, verbose=0)
    parts, of_linear = right(said, y_test), right(linear(x_train, y_train, x_test), y_test)
    model.save(out / "multi_output.lamina")
    return Result(
        model,
        x_test[:64],
        float(np.all(list(parts.values()), axis=0).mean()),
        float(np.all(list(of_linear.values()), axis=0).mean()),
        draw(x_test, said, y_test),
        history,
        more={f"share of scenes with the right {name}": float(part.mean()) for name, part in parts.items()},
    )
