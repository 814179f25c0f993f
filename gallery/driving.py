"""A driving model: one frame of the road ahead in; steering, acceleration, kind of obstacle and mask of the lane out.

An encoder makes the frame smaller and smaller. Three outputs read its last features. The fourth one makes them larger
again and takes back what each size had seen, so that it says for each pixel whether it is lane. Each output has its own
loss; what one of them teaches the encoder serves all.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import Ridge
from sklearn.metrics import jaccard_score, r2_score

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Driving model: one frame, four outputs",
    group=4,
    answers=(
        "A self-driving car model may output: - Steering angle - Acceleration - Object classification - "
        "Lane detection mask"
    ),
    data="frames of 24 × 48 pixels of a road with obstacles, and how to drive there, from a generator in the file",
    measure="the worst of four scores on 500 other frames: R² of steering and acceleration, accuracy, IoU of the lane",
    baseline="linear models of the pixels, and for the lane where it mostly is",
    target=0.90,
    quick_target=0.20,
)

HEIGHT, WIDTH, HORIZON = 24, 48, 8
OBSTACLES = {"none": 0.0, "car": 1.2, "walker": 1.8, "stop sign": 0.8}  # and how hard to brake for it
Answers = dict[str, np.ndarray]


def frame(
    bend: float, offset: float, obstacle: str, near: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A frame (24, 48, 3) and its lane (24, 48, 1), from the bend of the road, our place in it, and what is ahead."""
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    depth = (row - HORIZON) / (HEIGHT - HORIZON)  # 0 at the horizon, 1 at our wheels
    middle = WIDTH / 2 - 18 * offset * depth + 18 * bend * (1 - depth) ** 2
    lane = (depth > 0) & (np.abs(column - middle) < 2 + 15 * depth)
    picture = np.where((depth > 0)[..., np.newaxis], (0.3, 0.55, 0.3), (0.6, 0.75, 0.95))
    picture[lane] = 0.4 + 0.15 * rng.random()
    picture[lane & (np.abs(column - middle) < 0.6 + depth) & (row % 4 < 2)] = 0.95

    foot, size = int(HORIZON + near * (HEIGHT - HORIZON - 1)), 3 + 9 * near
    aside = 1.2 * (2 + 15 * near) if obstacle == "stop sign" else rng.uniform(-0.5, 0.5) * 15 * near
    across, above = (column - middle[foot, 0] - aside) / size, (foot - row) / size
    if obstacle == "car":
        picture[(np.abs(across) < 0.6) & (above >= 0) & (above < 0.8)] = rng.random(3) * (0.9, 0.3, 0.9)
    if obstacle == "walker":
        picture[(np.abs(across) < 0.2) & (above >= 0) & (above < 1.4)] = (0.85, 0.6, 0.4) * rng.uniform(0.6, 1.1, 3)
    if obstacle == "stop sign":
        picture[(np.abs(across) < 0.08) & (above >= 0) & (above < 1.2)] = 0.3
        picture[across**2 + (above - 1.2) ** 2 < 0.15] = (0.9, 0.1, 0.1)
    return picture * rng.uniform(0.7, 1.0) + rng.normal(0, 0.04, picture.shape), lane[..., np.newaxis]


def data(count: int, seed: int) -> tuple[np.ndarray, Answers]:
    """Frames, and how to drive: towards the middle and along the bend; slower in bends and before obstacles."""
    rng = np.random.default_rng(seed)
    bend, offset, near = rng.uniform(-1, 1, count), rng.uniform(-0.5, 0.5, count), rng.uniform(0.2, 0.9, count)
    kinds, brakes = rng.integers(len(OBSTACLES), size=count), np.array(list(OBSTACLES.values()))
    drawn = [frame(*facts, rng) for facts in zip(bend, offset, np.array(list(OBSTACLES))[kinds], near, strict=True)]
    frames, lanes = (np.array(part, "float32") for part in zip(*drawn, strict=True))
    numbers = {"steering": 0.6 * bend - 0.7 * offset, "acceleration": 0.8 - 0.5 * abs(bend) - brakes[kinds] * near}
    return frames, {
        **{name: x[:, np.newaxis].astype("float32") for name, x in numbers.items()},
        "object": kinds,
        "lane": lanes,
    }


def build() -> Model:
    """Frame (N, 24, 48, 3) -> steering (N, 1), acceleration (N, 1), object (N, 4), lane (N, 24, 48, 1)."""
    camera = Input((HEIGHT, WIDTH, 3), name="camera")
    x, sizes = camera, []
    for filters in (12, 24, 48):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        sizes.append(x)
        x = layers.MaxPooling2D()(x)
    seen = layers.Concatenate()([layers.Flatten()(x), layers.GlobalMaxPooling2D()(x)])  # what is where, what is there
    seen = layers.Dense(96, activation="relu")(seen)

    for filters, same_size in zip((24, 12, 8), sizes[::-1], strict=True):
        x = layers.Concatenate()([layers.UpSampling2D()(x), same_size])
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)

    outputs = {
        "steering": layers.Dense(1, name="steering")(seen),
        "acceleration": layers.Dense(1, name="acceleration")(seen),
        "object": layers.Dense(len(OBSTACLES), activation="softmax", name="object")(seen),
        "lane": layers.Conv2D(1, 1, activation="sigmoid", name="lane")(x),
    }
    model = Model(camera, outputs, name="driving")
    classes, pixels = "sparse_categorical_crossentropy", "binary_crossentropy"
    loss = {"steering": "mse", "acceleration": "mse", "object": classes, "lane": pixels}
    weights = {"steering": 5.0, "acceleration": 10.0, "object": 1.0, "lane": 1.0}
    model.compile(optimizers.Adam(2e-3), loss, loss_weights=weights)
    return model


def scores(said: Answers, wanted: Answers) -> dict[str, float]:
    """A score for each answer; 1 is best."""
    found = {f"R² of {name}": r2_score(wanted[name], said[name]) for name in ("steering", "acceleration")}
    found["accuracy of the object"] = np.mean(said["object"].argmax(axis=1) == wanted["object"])
    found["IoU of the lane"] = jaccard_score(wanted["lane"].ravel() > 0.5, said["lane"].ravel() > 0.5)
    return {name: float(score) for name, score in found.items()}


def linear(x: np.ndarray, wanted: Answers, unseen: np.ndarray) -> Answers:
    """What linear models of 1,000 frames' pixels say; for the lane, how often each pixel is lane."""
    targets = {**wanted, "object": np.eye(len(OBSTACLES))[wanted["object"]]}
    x, unseen = x[:1000].reshape(-1, HEIGHT * WIDTH * 3), unseen.reshape(len(unseen), -1)
    numbers = ("steering", "acceleration", "object")
    said = {name: Ridge(100.0).fit(x, targets[name][:1000]).predict(unseen) for name in numbers}
    return {**said, "lane": np.tile(wanted["lane"].mean(axis=0), (len(unseen), 1, 1, 1))}


def draw(frames: np.ndarray, said: Answers) -> Figure:
    """Other frames: the lane as the model sees it is green, the line is how it steers, above is the rest."""
    figure, axes = plt.subplots(2, 4, figsize=(9, 2.9), layout="constrained")
    for i, place in enumerate(axes.flat):
        green = said["lane"][i] * (0.0, 0.9, 0.2)
        place.imshow((0.7 * frames[i] + 0.3 * green).clip(0, 1))
        place.plot([WIDTH / 2, WIDTH / 2 + 18 * said["steering"][i, 0]], [HEIGHT - 1, 9], color="yellow", linewidth=2)
        speed = said["acceleration"][i, 0]
        name = list(OBSTACLES)[said["object"][i].argmax()]
        place.set_title(f"{name}: {'go' if speed > 0 else 'brake'} {speed:+.2f}", size=9)
        place.axis("off")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = data(400 if quick else 4000, seed=0), data(500, seed=1)
    model = build()
    size, epochs = (16, 4) if quick else (32, 10)
    history = model.fit(x_train, y_train, size, epochs, validation_data=(x_test, y_test), verbose=2)
    said = model.predict(x_test, verbose=0)
    parts = scores(said, y_test)
    baseline = min(scores(linear(x_train, y_train, x_test), y_test).values())
    model.save(out / "driving.lamina")
    return Result(model, x_test[:64], min(parts.values()), baseline, draw(x_test, said), history, more=parts)
