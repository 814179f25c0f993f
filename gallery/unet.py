"""A U-Net finds handwriting on photographs.

Digits lie like thin shadows on pieces of two photographs, and the photographs have dark places of their own. So how
dark a pixel is tells little; its surroundings tell. The way down sees ever larger surroundings in ever fewer pixels,
the way up goes back to every pixel, and skip connections bring it the details that the way down has lost.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits, load_sample_images
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, KerasTensor, Model, layers, metrics, optimizers, utils

ABOUT = About(
    title="U-Net: segmentation of photographs",
    group=2,
    answers="U-Net’s encoder–decoder paths",
    data="pieces of the two photographs, under digits, that come with scikit-learn; real, put together here",
    measure="IoU of the ink in 200 scenes, of digits and parts of the photographs that training never saw",
    baseline="the brightness below which the training scenes are best taken for ink",
    target=0.75,
    quick_target=0.25,
    timed=True,
    keras_io=("vision/oxford_pets_image_segmentation", 122),
)

SIDE = 32  # pixels of a scene


def compose(photographs: list[np.ndarray], digits: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scenes (N, 32, 32, 3) from 0 to 1, and where there is ink (N, 32, 32, 1), 0 or 1."""
    rng = np.random.default_rng(0)
    scenes, ink = np.empty((n, SIDE, SIDE, 3), "float32"), np.zeros((n, SIDE, SIDE, 1), "float32")
    for scene, shade in zip(scenes, ink, strict=True):
        photograph = photographs[rng.integers(len(photographs))]
        y, x = rng.integers(np.array(photograph.shape[:2]) - SIDE)
        for _ in range(rng.integers(1, 3)):
            digit = np.kron(digits[rng.integers(len(digits))] > 0.5, np.ones((2, 2)))  # (16, 16)
            top, left = rng.integers(SIDE - 16, size=2)
            here = shade[top : top + 16, left : left + 16, 0]
            np.maximum(here, digit, out=here)
        scene[:] = photograph[y : y + SIDE, x : x + SIDE] / 255 * (1 - rng.uniform(0.3, 0.6) * shade)
    return scenes, ink


def data(n: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Training scenes with ink: from the left two thirds of the photographs; held-out ones: from the right third."""
    photographs = load_sample_images().images  # 427 x 640 each
    train, test = train_test_split(load_digits().images / 16, test_size=360, random_state=0)
    left, right = [image[:, :426] for image in photographs], [image[:, 426:] for image in photographs]
    return compose(left, train, n), compose(right, test, 200)


def block(x: KerasTensor, filters: int) -> KerasTensor:
    """Two convolutions."""
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    return x


def build() -> Model:
    """(32, 32, 3) -> (16, 16) -> (8, 8) -> (16, 16) -> the probability of ink in each of 32 x 32 pixels."""
    scene = Input((SIDE, SIDE, 3), name="scene")
    x, skips = scene, []
    for filters in (16, 32):
        x = block(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = block(x, 64)
    for filters in (32, 16):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = layers.Concatenate()([skips.pop(), x])
        x = block(x, filters)
    ink = layers.Conv2D(1, 1, activation="sigmoid", name="ink")(x)
    model = Model(scene, ink, name="unet")
    iou = metrics.BinaryIoU(target_class_ids=[1], name="iou")
    model.compile(optimizers.Adam(3e-3), loss="binary_crossentropy", metrics=[iou])
    return model


def overlap(ink: np.ndarray, found: np.ndarray) -> float:
    """Intersection over union."""
    return float(np.sum((ink == 1) & found) / np.sum((ink == 1) | found))


def draw(**rows: np.ndarray) -> Figure:
    """Eight scenes, a column each."""
    figure, axes = plt.subplots(len(rows), 8, figsize=(9, 1.2 * len(rows)), layout="constrained")
    for row, (title, images) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(title.replace("_", "\n"))
        for place, image in zip(row, images, strict=False):
            place.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    (scenes, ink), held_out = data(200 if quick else 800)
    model = build()
    history = model.fit(
        scenes, ink, batch_size=16, epochs=4 if quick else 12, validation_data=None if quick else held_out, verbose=2
    )
    score = model.evaluate(*held_out, verbose=0, return_dict=True)["iou"]

    levels = np.linspace(0.05, 0.9, 18)
    best = max(levels, key=lambda level: overlap(ink, scenes.mean(axis=3, keepdims=True) < level))
    darker = held_out[0].mean(axis=3, keepdims=True) < best
    found = model.predict(held_out[0][:8], verbose=0)
    figure = draw(scene=held_out[0], ink=held_out[1], U_Net=found, brightness=darker)
    model.save(out / "unet.lamina")
    return Result(model, held_out[0][:16], score, overlap(held_out[1], darker), figure, history)
