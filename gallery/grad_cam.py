"""Where does a network look? Grad-CAM: heat on the place that its answer comes from.

The network is told which digit is in a scene of clutter, never where. It is an encoder, itself a model, and a head. For
each map of features that the encoder gives, the gradient of the answer says how much the map speaks for it; the sum of
the maps, weighed so, is the heat. If the network does what it should, the heat lies on the digit.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Grad-CAM: tapping a model within a model",
    group=8,
    answers="This also means that we can access the activations of intermediate layers (“nodes” in the graph) and "
    "reuse them elsewhere.",
    data="scenes of 24 × 24 pixels, composed here: one of scikit-learn's handwritten digits among scraps of others",
    measure="share of 360 held-out scenes in which the hottest point lies on the digit's 8 × 8 pixels",
    baseline="the place of 8 × 8 pixels with the most ink: its middle",
    target=0.90,
    quick_target=0.60,
    keras_io=("vision/grad_cam", 73),
)

SIZE, DIGIT, SCRAP, SCRAPS = 24, 8, 4, 14  # pixels; the last: how many


def compose(digits: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A scene for each digit (N, 24, 24, 1), and the rows and columns (N, 2) at which the digits begin."""
    scenes = np.zeros((len(digits), SIZE, SIZE), "float32")
    places = rng.integers(0, SIZE - DIGIT + 1, (len(digits), 2))
    for scene, digit, (row, column) in zip(scenes, digits, places, strict=True):
        for scrap in digits[rng.integers(len(digits), size=SCRAPS)]:
            (r, c), (i, j) = rng.integers(0, SIZE - SCRAP + 1, 2), rng.integers(0, DIGIT - SCRAP + 1, 2)
            scene[r : r + SCRAP, c : c + SCRAP] = scrap[i : i + SCRAP, j : j + SCRAP]
        scene[row : row + DIGIT, column : column + DIGIT] = digit
    return scenes[..., np.newaxis], places


def data() -> list[np.ndarray]:
    """Training and held-out digits (N, 8, 8), from 0 to 1, and their labels."""
    digits = load_digits()
    images = (digits.images / 16).astype("float32")
    return list(train_test_split(images, digits.target, test_size=360, stratify=digits.target, random_state=0))


def build() -> Model:
    """24 x 24 pixels -> maps of features, within the encoder -> 10 probabilities."""
    image = Input((SIZE, SIZE, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = layers.BatchNormalization(momentum=0.9)(layers.MaxPooling2D()(x))
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    maps = layers.Conv2D(64, 3, padding="same", activation="relu", name="maps")(x)  # (N, 12, 12, 64)
    encoder = Model(image, layers.GlobalMaxPooling2D()(maps), name="encoder")

    scene = Input((SIZE, SIZE, 1), name="scene")
    digit = layers.Dense(10, activation="softmax", name="digit")(layers.Dropout(0.3)(encoder(scene)))
    model = Model(scene, digit, name="reader")
    model.compile(optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tap(model: Model) -> Model:
    """The same layers and weights; the maps within the encoder are a second output."""
    encoder = model.get_layer("encoder")
    inside = Model(encoder.input, [encoder.get_layer("maps").output, encoder.output], name="encoder_and_maps")
    scene = Input((SIZE, SIZE, 1), name="scene")
    maps, x = inside(scene)
    return Model(scene, [maps, model.get_layer("digit")(x)], name="tapped")


def heat_of(tapped: Model, scenes: np.ndarray) -> np.ndarray:
    """What speaks for the likeliest class, and where: (N, 12, 12)."""
    maps, digit = tapped(torch.as_tensor(scenes))
    (slope,) = torch.autograd.grad(digit.max(dim=-1).values.log().sum(), maps)
    speaks = slope.mean(dim=(1, 2), keepdim=True)  # for each map, (N, 1, 1, 64)
    heat: np.ndarray = torch.relu((speaks * maps).sum(dim=-1)).detach().numpy()
    return heat


def on_digit(points: np.ndarray, places: np.ndarray) -> float:
    """The share of points (row, column) that lie on the digit."""
    return float(np.mean(((points >= places) & (points < places + DIGIT)).all(axis=1)))


def most_ink(scenes: np.ndarray) -> np.ndarray:
    """The middle of the 8 x 8 pixels with the most ink: (N, 2)."""
    windows = np.lib.stride_tricks.sliding_window_view(scenes[..., 0], (DIGIT, DIGIT), axis=(1, 2))
    ink = windows.sum(axis=(-2, -1))  # (N, 17, 17)
    return np.stack(np.unravel_index(ink.reshape(len(ink), -1).argmax(axis=1), ink.shape[1:]), axis=1) + DIGIT // 2


def draw(scenes: np.ndarray, heat: np.ndarray, said: np.ndarray) -> Figure:
    """Scenes, and the same with the heat upon them."""
    figure, axes = plt.subplots(2, 8, figsize=(10, 2.9), layout="constrained")
    for column, scene, warm, digit in zip(axes.T, scenes, heat, said, strict=False):
        for place in column:
            place.imshow(scene[..., 0], cmap="gray_r")
            place.axis("off")
        column[1].imshow(warm, cmap="hot_r", alpha=0.6, extent=(-0.5, SIZE - 0.5, SIZE - 0.5, -0.5))
        column[1].set_title(f"it says {digit}", fontsize=9)
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, look where it looks, score, draw, save."""
    utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    train, test, train_labels, test_labels = data()
    rounds = 1 if quick else 4  # scenes of each digit
    x_train, _ = compose(np.tile(train, (rounds, 1, 1)), rng)
    x_test, places = compose(test, rng)
    model = build()
    held_out = (x_test, test_labels)
    history = model.fit(
        x_train, np.tile(train_labels, rounds), epochs=5 if quick else 10, validation_data=held_out, verbose=2
    )

    tapped = tap(model)
    heat = heat_of(tapped, x_test)  # one point for 2 x 2 pixels
    hottest = 2 * np.stack(np.unravel_index(heat.reshape(len(heat), -1).argmax(axis=1), heat.shape[1:]), axis=1)
    said = model.predict(x_test, verbose=0).argmax(axis=1)
    more = {"accuracy of the digits": float(np.mean(said == test_labels))}
    figure = draw(x_test, heat, said)
    tapped.save(out / "grad_cam.lamina")
    return Result(
        tapped, x_test[:32], on_digit(hottest, places), on_digit(most_ink(x_test), places), figure, history, more
    )
