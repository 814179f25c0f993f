"""A Vision Transformer reads a digit as a sentence of sixteen patches.

Self-attention lets every patch ask every other one. Patches have no order of their own, so a layer of one's own adds
what each place of the image means. The scores of the attention are an output like any other: a second model gives them.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Layer, Model, layers, optimizers, saving, utils

ABOUT = About(
    title="Vision Transformer",
    group=1,
    answers="Functional API is the foundation of all modern attention mechanisms.",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 360 digits that training never saw",
    baseline="logistic regression",
    target=0.97,
    quick_target=0.85,
    keras_io=("vision/image_classification_with_vision_transformer", 177),
    timed=True,
)


def data() -> list[np.ndarray]:
    """Training images, held-out images, (N, 8, 8, 1) from 0 to 1; training labels, held-out labels."""
    digits = load_digits()
    images, labels = (digits.images[..., np.newaxis] / 16).astype("float32"), digits.target
    return list(train_test_split(images, labels, test_size=360, stratify=labels, random_state=0))


WIDTH, HEADS, BLOCKS = 64, 4, 3


@saving.register_keras_serializable(package="gallery")
class AddPositions(Layer):
    """Adds a trained vector to each place of a sequence."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.vectors = self.add_weight(shape=input_shape[1:], initializer="random_normal", name="vectors")

    def call(self, x: Any) -> Any:
        return x + self.vectors


def build(steps: int) -> tuple[Model, Model]:
    """The classifier, and a model that gives the attention of each block: (N, heads, 16, 16).

    In `steps` the learning rate falls to 0.
    """
    image = Input((8, 8, 1), name="image")
    patches = layers.Conv2D(WIDTH, 2, strides=2, name="patches")(image)
    x = AddPositions(name="positions")(layers.Reshape((16, WIDTH))(patches))
    attention = []
    for _ in range(BLOCKS):
        y = layers.LayerNormalization()(x)
        y, scores = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, dropout=0.1)(y, y, return_attention_scores=True)
        x = layers.Add()([x, y])
        attention.append(scores)
        y = layers.Dense(2 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dropout(0.1)(layers.Dense(WIDTH)(y))])
    x = layers.Dropout(0.3)(layers.Flatten()(layers.LayerNormalization()(x)))
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    model = Model(image, digit, name="vit")
    rate = optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, Model(image, attention, name="attention")


def draw(attention: Model, images: np.ndarray) -> Figure:
    """Above, digits; below, how much attention each of their patches gets from all others in the first block."""
    received = attention.predict(images, verbose=0)[0].mean(axis=(1, 2)).reshape(-1, 4, 4)
    figure, axes = plt.subplots(2, 8, figsize=(9, 2.6), layout="constrained")
    for above, below, image, patches in zip(*axes, images, received, strict=True):
        above.imshow(image[..., 0], cmap="gray_r")
        below.imshow(patches, cmap="magma")
        above.axis("off")
        below.axis("off")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    epochs = 4 if quick else 20
    x_train, x_test, y_train, y_test = data()
    model, attention = build(steps=epochs * -(-len(x_train) // 32))
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    line = LogisticRegression(max_iter=1000).fit(x_train.reshape(-1, 64), y_train)
    baseline = line.score(x_test.reshape(-1, 64), y_test)
    figure = draw(attention, x_test[:8])
    model.save(out / "vit.lamina")
    return Result(model, x_test[:64], accuracy, baseline, figure, history)
