"""A two-headed detector finds the digits of a scene, reads them, and says which pixels are theirs, as Mask R-CNN does.

A convolutional network proposes boxes. RoIAlign, a plain PyTorch function, brings the features within each box to the
same 7 x 7 places. One head reads the digit and corrects the box; the other draws the digit's mask. In training the
heads get boxes near the true ones; in use, the best proposals. They are one model, called twice.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from gallery import About, Result
from gallery.detector import CELLS, SIZE, Boxes, blots, mean_average_precision, overlap, scene
from lamina import Input, Model, layers, losses, ops, optimizers, utils

ABOUT = About(
    title="Boxes and masks (Mask R-CNN-like)",
    group=6,
    answers="Mask R-CNN heads",
    data="scenes of up to six of scikit-learn's handwritten digits, real, put on a noisy ground by the file itself",
    measure="mean average precision of masks at an overlap of 0.5, on 200 scenes of digits that training never saw",
    baseline="connected blots of ink, each read by logistic regression",
    target=0.65,
    quick_target=0.05,
    not_in_keras="RoIAlign is a PyTorch function",
)
MOST, PROPOSED, MASK = 6, 12, 14  # digits of a scene, proposed boxes, places along an edge of a mask


def cut(mask: np.ndarray, box: np.ndarray) -> np.ndarray:
    """What of a mask lies in a box, at MASK x MASK places."""
    places = box[:2, None] + (box[2:] - box[:2])[:, None] * (np.arange(MASK) + 0.5) / MASK
    columns, rows = np.clip(places, 0, SIZE - 1).astype(int)
    return mask[np.ix_(rows, columns)]


def data(count: int, held_out: bool) -> tuple[list[np.ndarray], dict[str, np.ndarray], list[Boxes], list[Boxes]]:
    """Scenes and boxes near the true ones; what the outputs shall be; the true boxes, and masks in place of boxes."""
    draw, digits = np.random.default_rng(int(held_out)), load_digits()
    part = slice(1400, None) if held_out else slice(1400)
    made = [scene(digits.images[part] / 16, digits.target[part], draw) for _ in range(count)]
    images, boxes, masks = zip(*made, strict=True)
    cells = np.zeros((count, CELLS, CELLS, 5), "float32")  # there?, x, y, width, height
    near = np.tile(np.array([0, 0, 8, 8], "float32"), (count, MOST, 1))
    read = np.zeros((count, MOST, 6), "float32")  # there?, digit, how the edges have to move, in parts of the size
    drawn = np.full((count, MOST, MASK, MASK), -1, "float32")  # -1: no digit in this box
    for i in range(count):
        for j, (digit, _, box) in enumerate(boxes[i]):
            (x, y), size = (box[:2] + box[2:]) / 16, np.tile(box[2:] - box[:2], 2)  # the middle, in cells
            cells[i, int(y), int(x)] = [1, x % 1, y % 1, *(size[:2] / SIZE)]
            near[i, j] = box + draw.normal(0, 0.08, 4) * size
            read[i, j] = [1, digit, *(box - near[i, j]) / size]
            drawn[i, j] = cut(masks[i][j], near[i, j])
    true = [[(*box[:2], mask) for box, mask in zip(*one, strict=True)] for one in zip(boxes, masks, strict=True)]
    return [np.stack(images)[..., None], near], {"cells": cells, "read": read, "masks": drawn}, list(boxes), true


def cells_loss(true: Any, said: Any) -> Any:
    """Whether there is a digit, in all cells; where it lies, in those with one."""
    found = losses.binary_crossentropy(true[..., :1], ops.sigmoid(said[..., :1]))
    place = ops.sum((true[..., 1:] - ops.sigmoid(said[..., 1:])) ** 2, axis=-1)
    return ops.sum(found + 5 * true[..., 0] * place, axis=(1, 2))


def read_loss(true: Any, said: Any) -> Any:
    """Which digit, and how the box has to move: (B, MOST, 6), (B, MOST, 14) -> (B,)."""
    digit = losses.sparse_categorical_crossentropy(true[..., 1], said[..., :10], from_logits=True)
    return ops.sum(true[..., 0] * (digit + 2 * ops.sum(ops.abs(true[..., 2:] - said[..., 10:]), axis=-1)), axis=1)


def masks_loss(true: Any, said: Any) -> Any:
    """The cross-entropy of each pixel, where there is a digit."""
    pixels = losses.binary_crossentropy(ops.maximum(true, 0)[..., None], ops.sigmoid(said)[..., None])
    return ops.sum(ops.mean(pixels * (true >= 0), axis=(2, 3)), axis=1)


def roi_align(features: Any, boxes: Any) -> Any:
    """Features (B, H, W, C) at 7 x 7 places of each box (B, N, 4), in pixels -> (B, N, 7, 7, C)."""
    places = (torch.arange(7, device=boxes.device) + 0.5) / 7
    starts, sizes = boxes[..., None, :2], (boxes[..., 2:] - boxes[..., :2])[..., None, :]
    x, y = ((starts + sizes * places[:, None]) / SIZE * 2 - 1).unbind(-1)  # (B, N, 7), from -1 to 1 over the scene
    grid = torch.stack(torch.broadcast_tensors(x[..., None, :], y[..., None]), dim=-1)
    pooled = torch.nn.functional.grid_sample(features.permute(0, 3, 1, 2), grid.flatten(1, 2), align_corners=False)
    return pooled.permute(0, 2, 3, 1).unflatten(1, (-1, 7))  # 49 places of each box in a row


def conv(x: Any, width: int, stride: int = 1) -> Any:
    """Convolution, normalization, ReLU."""
    convolved = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(convolved))


def build_heads() -> Model:
    """Features (B, 12, 12, 64), boxes (B, N, 4) -> digit and move (B, N, 14), masks (B, N, MASK, MASK)."""
    features, boxes = Input((12, 12, 64)), Input((None, 4))
    count = ops.shape(boxes)[1]
    x = conv(ops.reshape(roi_align(features, boxes), (-1, 7, 7, 64)), 64)  # all boxes of all scenes
    read = layers.Dense(14)(layers.Flatten()(conv(x, 64, 2)))
    mask = layers.Conv2D(1, 3, padding="same")(layers.Conv2DTranspose(32, 2, strides=2, activation="relu")(x))
    outputs = [ops.reshape(read, (-1, count, 14)), ops.reshape(mask, (-1, count, MASK, MASK))]
    return Model([features, boxes], outputs, name="heads")


def build(steps: int) -> tuple[Model, Model]:
    """What is trained: scene, boxes -> cells, read, masks. The detector: scene -> boxes, moved boxes, digits, masks."""
    image, given = Input((SIZE, SIZE, 1), name="scene"), Input((None, 4), name="boxes")
    features = conv(conv(conv(conv(image, 16, 2), 32, 2), 64), 64)  # (B, 12, 12, 64)
    cells, heads = layers.Conv2D(5, 1)(conv(conv(features, 64, 2), 64)), build_heads()
    outputs = dict(zip(("cells", "read", "masks"), (cells, *heads([features, given])), strict=True))
    trained = Model([image, given], outputs, name="trained")
    rate = optimizers.schedules.CosineDecay(3e-3, steps)
    trained.compile(optimizers.Adam(rate), loss={"cells": cells_loss, "read": read_loss, "masks": masks_loss})

    corners = np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS)), axis=-1)  # column and row of each cell
    there, middle, size = ops.split(ops.sigmoid(cells), [1, 3], axis=-1)
    middle, half = (middle + corners.astype("float32")) * (SIZE // CELLS), size * SIZE / 2
    boxes = ops.reshape(ops.concatenate([middle - half, middle + half], axis=-1), (-1, CELLS * CELLS, 4))
    surely, best = ops.top_k(ops.reshape(there, (-1, CELLS * CELLS)), PROPOSED)
    boxes = ops.take_along_axis(boxes, best[..., None], axis=1)
    read, masks = heads([features, boxes])
    moved = boxes + read[..., 10:] * ops.tile(boxes[..., 2:] - boxes[..., :2], (1, 1, 2))
    digits = ops.softmax(read[..., :10]) * surely[..., None]
    return trained, Model(image, [boxes, moved, digits, ops.sigmoid(masks)], name="mask_detector")


def put(drawn: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The mask (SIZE, SIZE) of which a box holds `drawn`: the reverse of `cut`."""
    columns, rows = (np.arange(SIZE) + 0.5 - box[:2, None]) / np.maximum(box[2:] - box[:2], 1)[:, None] * MASK
    within = np.outer((rows >= 0) & (rows < MASK), (columns >= 0) & (columns < MASK))
    places = (np.clip(along, 0, MASK - 1).astype(int) for along in (rows, columns))
    return np.asarray((drawn[np.ix_(*places)] > 0.5) & within)


def boxes_of(starts: np.ndarray, moved: np.ndarray, chances: np.ndarray, drawn: np.ndarray) -> tuple[Boxes, Boxes]:
    """The boxes of one scene, without those that overlap a surer one by half; and masks in the place of boxes."""
    boxes, masks = Boxes(), Boxes()
    for i in np.argsort(-chances.max(axis=1)):
        if all(overlap(moved[i], other) < 0.5 for _, _, other in boxes):
            digit, sure = int(chances[i].argmax()), float(chances[i].max())
            boxes.append((digit, sure, moved[i]))
            masks.append((digit, sure, put(drawn[i], starts[i])))
    return boxes, masks


def covered(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def ink(image: np.ndarray, reader: LogisticRegression) -> Boxes:
    """The baseline: what is bright in the box around each blot."""
    return [(*blot[:2], (image > 0.6) & put(np.ones((MASK, MASK)), blot[2])) for blot in blots(image, reader)]


def draw(images: np.ndarray, found: list[Boxes]) -> Figure:
    """Scenes, and on them the masks and digits of which the model is more than half sure."""
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
    for place, image, masks in zip(axes, images, found, strict=False):
        place.imshow(image, cmap="gray")
        for k, (digit, _, mask) in enumerate(one for one in masks if one[1] > 0.5):
            place.contourf(mask, levels=[0.5, 1], colors=[f"C{k}"], alpha=0.5)
            place.text(*np.argwhere(mask).min(axis=0)[::-1], str(digit), backgroundcolor=f"C{k}", fontsize=8)
        place.axis("off")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    (x_train, y_train, *_), ((scenes, _), _, *true) = data(400 if quick else 4000, False), data(200, True)
    trained, detector = build(steps=(epochs := 8 if quick else 12) * -(-len(x_train[0]) // 32))
    history = trained.fit(x_train, y_train, epochs=epochs, verbose=2)
    boxes, masks = map(list, zip(*map(boxes_of, *detector.predict(scenes, verbose=0)), strict=True))
    more = {"mean average precision of the boxes": mean_average_precision(true[0], boxes)}
    digits, labels = load_digits(return_X_y=True)
    reader = LogisticRegression(max_iter=1000).fit(digits[:1400] / 16, labels[:1400])
    baseline = mean_average_precision(true[1], [ink(image, reader) for image in scenes[..., 0]], covered)
    detector.save(out / "mask_detector.lamina")
    score, figure = mean_average_precision(true[1], masks, covered), draw(scenes[..., 0], masks)
    return Result(detector, scenes[:64], score, baseline, figure, history, more)
