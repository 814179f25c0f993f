"""A 3D encoder–decoder finds what moves in a stack of noisy pictures.

Each stack shows two handwritten digits for eight moments. One of them stands still, the other one moves. No single
picture tells which is which; the stack does. Convolutions over time, height and width see it, as those of medical
networks see through the slices of a scan.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, metrics, optimizers, utils

ABOUT = About(
    title="3D encoder–decoder",
    group=2,
    answers="3D encoder–decoder networks",
    data="the 1,797 handwritten digits that come with scikit-learn, put into stacks, with noise; real digits",
    measure="IoU of what moves, in 150 stacks of digits that training never saw",
    baseline="brighter, by a margin chosen on the training stacks, than the pixel's median over time",
    target=0.50,
    quick_target=0.25,
)

TIMES, SIDE = 8, 16


def compose(digits: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Stacks and where the moving digit's ink is, 0 or 1: (N, 8, 16, 16, 1) both."""
    rng = np.random.default_rng(0)
    stacks, moving = np.zeros((2, n, TIMES, SIDE, SIDE, 1), "float32")
    for stack, mask in zip(stacks, moving, strict=True):
        still, walker = digits[rng.integers(len(digits), size=2)]
        top, left = rng.integers(SIDE - 8, size=2)
        stack[:, top : top + 8, left : left + 8, 0] = still
        begin, end = rng.integers(SIDE - 7, size=(2, 2))
        way = np.linspace(begin, end, TIMES).round().astype(int)  # (8, 2)
        for picture, shade, (y, x) in zip(stack, mask, way, strict=True):
            shade[y : y + 8, x : x + 8, 0] = walker
            np.maximum(picture, shade, out=picture)
    stacks += rng.normal(0, 0.3, stacks.shape)
    return stacks, (moving > 0.5).astype("float32")


def data(n: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """n training stacks, and 150 held-out ones of other digits."""
    train, test = train_test_split(load_digits().images / 16, test_size=360, random_state=0)
    return compose(train, n), compose(test, 150)


def build() -> Model:
    """(8, 16, 16) -> (4, 8, 8) -> (2, 4, 4) -> (4, 8, 8) -> the probability of motion in each of 8 x 16 x 16 places."""
    stack = Input((TIMES, SIDE, SIDE, 1), name="stack")
    fine = layers.Conv3D(8, 3, padding="same", activation="relu")(stack)
    middle = layers.Conv3D(16, 3, strides=2, padding="same", activation="relu")(fine)
    middle = layers.Conv3D(32, 3, padding="same", activation="relu")(middle)
    x = layers.Conv3D(48, 3, strides=2, padding="same", activation="relu")(middle)
    x = layers.Conv3D(48, 3, padding="same", activation="relu")(x)

    x = layers.Conv3DTranspose(32, 2, strides=2, activation="relu")(x)
    x = layers.Conv3D(32, 3, padding="same", activation="relu")(layers.Concatenate()([middle, x]))
    x = layers.Conv3DTranspose(8, 2, strides=2, activation="relu")(x)
    x = layers.Conv3D(8, 3, padding="same", activation="relu")(layers.Concatenate()([fine, x]))
    moves = layers.Conv3D(1, 1, activation="sigmoid", name="moves")(x)

    model = Model(stack, moves, name="autoencoder_3d")
    iou = metrics.BinaryIoU(target_class_ids=[1], name="iou")
    model.compile(optimizers.Adam(3e-3), loss="binary_crossentropy", metrics=[iou])
    return model


def overlap(wanted: np.ndarray, found: np.ndarray) -> float:
    """Intersection over union."""
    return float(np.sum((wanted == 1) & found) / np.sum((wanted == 1) | found))


def draw(**rows: np.ndarray) -> Figure:
    """One stack, moment by moment."""
    figure, axes = plt.subplots(len(rows), TIMES, figsize=(9, 1.2 * len(rows)), layout="constrained")
    for row, (title, pictures) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(title.replace("_", "\n"))
        for place, picture in zip(row, pictures[..., 0], strict=True):
            place.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    (stacks, moving), held_out = data(150 if quick else 600)
    model = build()
    history = model.fit(
        stacks,
        moving,
        batch_size=3 if quick else 10,
        epochs=8 if quick else 10,
        validation_data=None if quick else held_out,
        verbose=2,
    )
    score = model.evaluate(*held_out, verbose=0, return_dict=True)["iou"]

    above, above_held_out = (one - np.median(one, axis=1, keepdims=True) for one in (stacks, held_out[0]))
    margin = max(np.linspace(0.1, 0.9, 17), key=lambda margin: overlap(moving, above > margin))
    found = model.predict(held_out[0][:1], verbose=0)[0]
    figure = draw(stack=held_out[0][0], moves=held_out[1][0], found=found, by_median=above_held_out[0] > margin)
    model.save(out / "autoencoder_3d.lamina")
    return Result(model, held_out[0][:8], score, overlap(held_out[1], above_held_out > margin), figure, history)
