"""A one-shot detector finds and reads all digits of a scene in one pass, as YOLO does.

The scene is divided into cells. For each the model says whether the middle of a digit lies there, where in it, how wide
and high the digit is, and which. Boxes that overlap a surer one are left out, beside the model: a loop over boxes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import find_objects, label, zoom
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from gallery import About, Result
from lamina import Input, Model, layers, losses, ops, optimizers, saving, utils
from lamina.utils.bounding_boxes import compute_iou

ABOUT = About(
    title="One-shot detector (YOLO-like)",
    group=6,
    answers="YOLO components",
    data="scenes of up to six of scikit-learn's handwritten digits, real, put on a noisy ground by the file itself",
    measure="mean average precision at an overlap of 0.5, on 200 scenes of digits that training never saw",
    baseline="connected blots of ink, each read by logistic regression",
    target=0.70,
    quick_target=0.05,
)
SIZE, CELLS = 48, 6  # pixels of a scene, cells along an edge: each is 8 pixels wide
Boxes = list[tuple[int, float, np.ndarray]]  # of a scene: digit, how surely, (left, top, right, bottom) in pixels


def scene(digits: np.ndarray, labels: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, Boxes, np.ndarray]:
    """A picture (SIZE, SIZE), its true boxes, which overlap by little, and the pixels of each digit (N, SIZE, SIZE)."""
    image, boxes, masks = draw.normal(0.25, 0.12, (SIZE, SIZE)), Boxes(), []
    for i in draw.integers(len(digits), size=draw.integers(2, 7)):
        shown = np.clip(zoom(digits[i], draw.uniform(1.2, 2.2, 2), order=1), 0, 1)
        shown = shown[np.ix_(shown.max(axis=1) > 0.2, shown.max(axis=0) > 0.2)]
        height, width = shown.shape
        top, left = draw.integers(0, SIZE - height + 1), draw.integers(0, SIZE - width + 1)
        box = np.array([left, top, left + width, top + height], dtype="float32")
        if all(overlap(box, other) < 0.1 for _, _, other in boxes):
            part = image[top : top + height, left : left + width]
            part[:] = np.maximum(part, shown + draw.normal(0, 0.12, shown.shape))
            boxes.append((int(labels[i]), 1.0, box))
            masks.append(np.pad(shown > 0.4, ((top, SIZE - top - height), (left, SIZE - left - width))))
    return image.astype("float32"), boxes, np.stack(masks)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    return float(compute_iou(one[np.newaxis], other[np.newaxis], "xyxy")[0, 0])


def data(count: int, held_out: bool) -> tuple[np.ndarray, np.ndarray, list[Boxes]]:
    """Scenes (N, SIZE, SIZE, 1), what each cell shall say (N, CELLS, CELLS, 6), one digit at most, and the boxes."""
    draw = np.random.default_rng(int(held_out))
    digits, part = load_digits(), slice(1400, None) if held_out else slice(1400)
    made = [scene(digits.images[part] / 16, digits.target[part], draw) for _ in range(count)]
    grid = np.zeros((count, CELLS, CELLS, 6), dtype="float32")  # there?, x, y, width, height, digit
    for cells, (_, boxes, _) in zip(grid, made, strict=True):
        for digit, _, (left, top, right, bottom) in boxes:
            x, y = (left + right) / 16, (top + bottom) / 16  # the middle, in cells
            cells[int(y), int(x)] = [1, x % 1, y % 1, (right - left) / SIZE, (bottom - top) / SIZE, digit]
    return np.stack([image for image, *_ in made])[..., np.newaxis], grid, [boxes for _, boxes, _ in made]


@saving.register_keras_serializable(package="gallery")
def grid_loss(true: Any, said: Any) -> Any:
    """Whether there is a digit, in all cells; where and which, in those with one."""
    found = losses.binary_crossentropy(true[..., :1], ops.sigmoid(said[..., :1]))
    place = ops.sum((true[..., 1:5] - ops.sigmoid(said[..., 1:5])) ** 2, axis=-1)
    digit = losses.sparse_categorical_crossentropy(true[..., 5], said[..., 5:], from_logits=True)
    return ops.sum(found + true[..., 0] * (5 * place + digit), axis=(1, 2))


def build() -> Model:
    """Scene -> (B, CELLS, CELLS, 15): scores of there, x, y, width, height and of ten digits."""
    x = image = Input((SIZE, SIZE, 1), name="scene")
    for width, stride in ((16, 2), (32, 2), (64, 1), (64, 2), (96, 1)):
        x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    model = Model(image, layers.Conv2D(15, 1, name="cells")(x), name="detector")
    model.compile(optimizers.Adam(optimizers.schedules.CosineDecay(4e-3, 2500)), loss=grid_loss)
    return model


def boxes_of(said: np.ndarray) -> Boxes:
    """The boxes that the cells of one scene tell of, without those that overlap a surer one by half."""
    kept: Boxes = []
    there, *places = np.moveaxis(1 / (1 + np.exp(-said[..., :5])), -1, 0)
    for row, column in zip(*np.unravel_index(np.argsort(-there, axis=None), there.shape), strict=True):
        x, y, width, height = (place[row, column] for place in places)
        middle, half = np.array([column + x, row + y]) * 8, np.array([width, height]) * SIZE / 2
        box = np.concatenate([middle - half, middle + half]).astype("float32")
        if there[row, column] < 0.05:
            break
        if all(overlap(box, other) < 0.5 for _, _, other in kept):
            kept.append((int(said[row, column, 5:].argmax()), float(there[row, column]), box))
    return kept


def blots(image: np.ndarray, reader: LogisticRegression) -> Boxes:
    """The baseline: a box around each connected blot, and what logistic regression reads in it."""
    found: Boxes = []
    for rows, columns in find_objects(label(image > 0.6, np.ones((3, 3)))[0]):
        blot = image[rows, columns]
        if min(blot.shape) > 2:
            chances = reader.predict_proba(zoom(blot, 8 / np.array(blot.shape), order=1).reshape(1, 64))[0]
            box = np.array([columns.start, rows.start, columns.stop, rows.stop], dtype="float32")
            found.append((int(chances.argmax()), float(chances.max()), box))
    return found


def mean_average_precision(true: list[Boxes], found: list[Boxes], overlap: Callable[..., float] = overlap) -> float:
    """The mean, over ten digits, of the area under precision by recall; a box is right that overlaps by half."""
    areas = []
    for digit in range(10):
        left = {(i, j) for i, boxes in enumerate(true) for j, box in enumerate(boxes) if box[0] == digit}
        total, hits = len(left), []
        ranked = [(sure, i, box) for i, boxes in enumerate(found) for which, sure, box in boxes if which == digit]
        for _, i, box in sorted(ranked, key=lambda one: -one[0]):
            match = [(k, j) for k, j in left if k == i and overlap(box, true[i][j][2]) >= 0.5]
            left -= set(match[:1])
            hits.append(bool(match))
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        areas.append(float((best * hits).sum()) / total)
    return float(np.mean(areas))


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    (x_train, y_train, _), (x_test, _, true) = data(400 if quick else 4000, False), data(200, True)
    model = build()
    history = model.fit(x_train, y_train, epochs=8 if quick else 20, verbose=2)
    found = [boxes_of(said) for said in model.predict(x_test, verbose=0)]
    digits, labels = load_digits(return_X_y=True)
    reader = LogisticRegression(max_iter=1000).fit(digits[:1400] / 16, labels[:1400])
    baseline = mean_average_precision(true, [blots(image[..., 0], reader) for image in x_test])
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
    for place, image, boxes in zip(axes, x_test, found, strict=False):
        place.imshow(image, cmap="gray")
        for digit, sure, (left, top, right, bottom) in boxes:
            if sure > 0.5:
                place.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color="yellow")
                place.text(left, top, str(digit), color="black", backgroundcolor="yellow", fontsize=8)
    model.save(out / "detector.lamina")
    return Result(model, x_test[:64], mean_average_precision(true, found), baseline, figure, history)
