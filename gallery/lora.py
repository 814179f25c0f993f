"""A trained network is adapted to digits that lie on their side, by few weights (LoRA).

The network reads upright digits. Each large kernel W is frozen; what is trained beside it is a product of two thin
matrices: W + A B. The adapted network reads the turned digits. With the adapters multiplied by zero it is the old one.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Low-rank adaptation (LoRA)",
    group=8,
    answers="Because the graph of layers you are manipulating in the Functional API is a static datastructure, it can "
    "be accessed and inspected.",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn, upright and turned; real",
    measure="accuracy on 360 turned digits that training never saw",
    baseline="the network before it was adapted",
    target=0.95,
    quick_target=0.80,
    keras_io=("nlp/parameter_efficient_finetuning_of_gpt2_with_lora", 254),
)

RANK = 8
STRENGTHS = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def data() -> tuple[list[np.ndarray], ...]:
    """Upright training and held-out images (N, 8, 8), from 0 to 1, with labels."""
    digits = load_digits()
    images = (digits.images / 16).astype("float32")
    x_train, x_test, y_train, y_test = train_test_split(
        images, digits.target, test_size=360, stratify=digits.target, random_state=0
    )
    return [x_train, y_train], [x_test, y_test]


def turn(images: np.ndarray) -> np.ndarray:
    """A quarter to the left: (N, 8, 8) -> (N, 8, 8)."""
    return np.ascontiguousarray(np.rot90(images, axes=(1, 2)))


def build() -> Model:
    """8 x 8 pixels -> 512 -> 512 -> 10 probabilities."""
    image = Input((8, 8), name="image")
    x = layers.Flatten()(image)
    x = layers.Dense(512, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(512, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    return Model(image, digit, name="reader")


def compile_model(model: Model, rate: float) -> None:
    """Adam at a rate, for classes."""
    model.compile(optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])


def accuracy(model: Model, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images that are read rightly."""
    return float(np.mean(model.predict(images, verbose=0).argmax(axis=1) == labels))


def trained_numbers(model: Model) -> int:
    """How many numbers the optimizer moves."""
    return sum(weight.numel() for weight in model.trainable_weights)


def at_strengths(dense: list[layers.Dense], model: Model, images: np.ndarray, labels: np.ndarray) -> list[float]:
    """Accuracy with the adapters multiplied by 0 (the network as it was) up to 1 (as it was adapted)."""
    found = []
    for strength in STRENGTHS:
        for layer in dense:
            layer.lora_alpha = RANK * strength
        found.append(accuracy(model, images, labels))
    return found


def draw(turned: list[float], upright: list[float], images: np.ndarray, said: np.ndarray) -> Figure:
    """Turned digits with what the network says of them now; accuracies along the strength of the adapters."""
    figure = plt.figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1, 1.3])[0]
    for place, image, digit in zip(left.subplots(3, 5).flat, images, said, strict=False):
        place.imshow(image, cmap="gray_r")
        place.set_title(str(digit), fontsize=9)
        place.axis("off")
    axes = right.subplots()
    axes.plot(STRENGTHS, turned, "o-", label="turned digits")
    axes.plot(STRENGTHS, upright, "s-", label="upright digits")
    axes.set(xlabel="strength of the adapters", ylabel="accuracy", ylim=(0, 1.02))
    axes.legend(loc="center right")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train on upright digits, adapt to turned ones, score, draw, save."""
    utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = data()
    model = build()
    compile_model(model, 1e-3)
    model.fit(x_train, y_train, epochs=5 if quick else 15, verbose=0)
    all_numbers = trained_numbers(model)

    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    for layer in dense:
        layer.enable_lora(RANK)
        if layer.bias is not None:
            layer.bias.trainable = False
    compile_model(model, 4e-3)
    held_out = (turn(x_test), y_test)
    history = model.fit(turn(x_train), y_train, epochs=8 if quick else 40, validation_data=held_out, verbose=2)

    upright, turned = at_strengths(dense, model, x_test, y_test), at_strengths(dense, model, *held_out)
    figure = draw(turned, upright, held_out[0], model.predict(held_out[0], verbose=0).argmax(axis=1))
    more = {
        "numbers trained to adapt": trained_numbers(model),
        "numbers of the network": all_numbers,
        "accuracy on upright digits with the adapters at zero": upright[0],
    }
    model.save(out / "lora.lamina")
    return Result(model, held_out[0][:64], turned[-1], turned[0], figure, history, more)
