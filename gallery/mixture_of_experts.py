"""A mixture of experts reads digits from four cameras, and runs only the experts that an image needs.

One camera stands upright, one lies on its side, and two see the same in negative. A gate looks at each image and
chooses one of six small experts. Which expert serves which camera is nowhere told: it is learned. `ops.cond` runs an
expert only where some image of the batch has chosen it, so a single image costs the gate and one expert. One expert
alone, of the same width, is scored beside it.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, regularizers, saving, utils

ABOUT = About(
    title="Mixture of experts with conditional routing",
    group=7,
    answers="Custom lambda layers / Conditional routing",
    data=(
        "the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real. Each is shown in four ways: "
        "as it is, turned by 90°, in negative, turned and in negative"
    ),
    measure="accuracy on 360 digits, each by four cameras, that training never saw",
    baseline="one expert without a gate, trained the same way",
    target=0.92,
    quick_target=0.80,
    not_in_keras="a file of Keras' cannot hold the branches of `ops.cond`",
    keras_io=("nlp/text_classification_with_switch_transformer", 164),
)
EXPERTS, WIDTH = 6, 10
CAMERAS = ("upright", "on its side", "negative", "negative,\non its side")


def data() -> tuple[np.ndarray, ...]:
    """Training and held-out images (N, 64) of all cameras, their labels, and the cameras of the held-out ones."""
    digits = load_digits()
    images = (digits.images / 16).astype("float32")
    parts = train_test_split(images, digits.target, test_size=360, stratify=digits.target, random_state=0)
    seen = [np.concatenate([x, np.rot90(x, axes=(1, 2)), 1 - x, 1 - np.rot90(x, axes=(1, 2))]) for x in parts[:2]]
    train, test = (x.reshape(-1, 64) for x in seen)
    return train, test, np.tile(parts[2], 4), np.tile(parts[3], 4), np.repeat(np.arange(4), 360)


@saving.register_keras_serializable(package="gallery")
class EvenLoad(regularizers.Regularizer):
    """A loss that is least where all experts are chosen equally often. Without it one expert soon does everything."""

    def __call__(self, gate: Any) -> Any:
        return EXPERTS * ops.sum(ops.mean(gate, axis=0) ** 2)

    def get_config(self) -> dict[str, Any]:
        return {}


def expert(pixels: Any, number: int) -> Any:
    """A small network: ten scores, one for each digit."""
    hidden = layers.Dense(WIDTH, activation="relu", name=f"expert_{number}")(pixels)
    return layers.Dense(10, name=f"scores_{number}")(hidden)


def routed(pixels: Any) -> Any:
    """The scores of the expert that the gate chooses for each image, times the gate's confidence in it."""
    hidden = layers.Dense(32, activation="relu")(pixels)
    gate = layers.Dense(EXPERTS, activation="softmax", activity_regularizer=EvenLoad(), name="gate")(hidden)  # (B, E)
    weights = gate * ops.one_hot(ops.argmax(gate, axis=1), EXPERTS)  # 0 for all experts but one
    scores = []
    for number in range(EXPERTS):
        weight = weights[:, number : number + 1]  # (B, 1)

        def work(number: int = number, weight: Any = weight) -> Any:
            return weight * expert(pixels, number)

        def rest(weight: Any = weight) -> Any:
            return weight * ops.zeros((10,))

        scores.append(ops.cond(ops.any(weight > 0), work, rest))
    return layers.add(scores)


def build(mixed: bool = True) -> Model:
    """64 pixels -> probabilities of ten digits, by a mixture or by one expert."""
    pixels = Input((64,), name="pixels")
    scores = routed(pixels) if mixed else expert(pixels, 0)
    model = Model(pixels, layers.Softmax(name="digit")(scores), name="mixture" if mixed else "alone")
    model.compile(optimizers.Adam(5e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(chosen: np.ndarray, cameras: np.ndarray) -> Figure:
    """For each camera, the share of its held-out images that each expert reads."""
    share = np.array([np.bincount(chosen[cameras == camera], minlength=EXPERTS) for camera in range(4)]) / 360
    figure, place = plt.subplots(figsize=(6, 3.6), layout="constrained")
    place.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(share):
        place.text(column, row, f"{value:.0%}", ha="center", va="center", color="white" if value > 0.5 else "black")
    place.set_xticks(range(EXPERTS), [f"expert {i}" for i in range(EXPERTS)])
    place.set_yticks(range(4), CAMERAS)
    place.set_title("Who reads the images of which camera: learned, not told")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test, cameras = data()
    model, alone = build(), build(mixed=False)
    epochs = 5 if quick else 40
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2, batch_size=64)
    alone.fit(x_train, y_train, epochs=epochs, verbose=0, batch_size=64)
    accuracy, one = (m.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"] for m in (model, alone))
    gate = Model(model.input, model.get_layer("gate").output)
    chosen = gate.predict(x_test, verbose=0).argmax(axis=1)
    model.save(out / "mixture_of_experts.lamina")
    return Result(model, x_test[::20], accuracy, one, draw(chosen, cameras), history)
