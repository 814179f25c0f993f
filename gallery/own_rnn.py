"""A recurrent network from scratch reads digits row by row, from the top.

The layer is a class: `build` makes its weights, `call` goes through the rows with a plain Python loop. It is a gated
cell with one gate, which says for each number of the state how much of it is new. In a functional model the layer
stands like any other. Logistic regression, which sees all pixels at once, is scored beside it.
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
from lamina import Input, Model, layers, ops, optimizers, saving, utils

ABOUT = About(
    title="Recurrent network from scratch",
    group=7,
    answers="Here’s a quick example where we use a custom RNN written from scratch in a Functional model:",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 360 digits that training never saw",
    baseline="logistic regression on all 64 pixels",
    target=0.97,
    quick_target=0.85,
    timed=True,
)


def data() -> list[np.ndarray]:
    """Training and held-out images (N, 8 rows, 8 pixels) from 0 to 1, training and held-out labels."""
    digits = load_digits()
    images = (digits.images / 16).astype("float32")
    return list(train_test_split(images, digits.target, test_size=360, stratify=digits.target, random_state=0))


@saving.register_keras_serializable(package="gallery")
class GatedRNN(layers.Layer):
    """One state of `units` numbers, renewed at each step: (B, T, F) -> all states, (B, T, units)."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        rows, columns = input_shape[-1], 2 * self.units
        self.kernel = self.add_weight((rows, columns), name="kernel")
        self.gate = self.add_weight((self.units, self.units), initializer="orthogonal", name="gate")
        self.recurrent = self.add_weight((self.units, self.units), initializer="orthogonal", name="recurrent")
        self.bias = self.add_weight((columns,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        seen = ops.matmul(inputs, self.kernel) + self.bias  # (B, T, 2 * units), of all steps at once
        to_gate, to_state = ops.split(seen, 2, axis=-1)
        state = ops.zeros_like(to_state[:, 0])
        states = []
        for step in range(inputs.shape[1]):
            fresh = ops.sigmoid(to_gate[:, step] + ops.matmul(state, self.gate))  # share of the state that is new
            proposal = ops.tanh(to_state[:, step] + ops.matmul(fresh * state, self.recurrent))
            state = (1 - fresh) * state + fresh * proposal
            states.append(state)
        return ops.stack(states, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def build() -> tuple[Model, Model]:
    """The model, whose answer comes after the last row, and the same layers asked after each row."""
    rows = Input((8, 8), name="rows")
    states = GatedRNN(64, name="rnn")(rows)  # (B, 8, 64)
    x = layers.Dropout(0.2)(states)
    digits = layers.Dense(10, activation="softmax", name="digit")(x)  # (B, 8, 10)
    model = Model(rows, digits[:, -1], name="own_rnn")
    model.compile(optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, Model(rows, digits, name="after_each_row")


def draw(images: np.ndarray, answers: np.ndarray) -> Figure:
    """Digits, and beside each row the probabilities of the ten classes after it."""
    figure, axes = plt.subplots(2, 5, figsize=(10, 4), layout="constrained")
    for column, (image, answer) in enumerate(zip(images, answers, strict=False)):
        axes[0, column].imshow(image, cmap="gray_r")
        axes[0, column].set(xticks=[], yticks=[])
        axes[1, column].imshow(answer, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes[1, column].set(xticks=range(10), yticks=[], xlabel="digit")
    axes[0, 0].set_ylabel("rows, read from the top")
    axes[1, 0].set_ylabel("belief after each row")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = data()
    model, after_each_row = build()
    epochs = 8 if quick else 40
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    line = LogisticRegression(max_iter=1000).fit(x_train.reshape(-1, 64), y_train)
    baseline = line.score(x_test.reshape(-1, 64), y_test)
    shown = x_test[[int(np.argmax(y_test == digit)) for digit in (0, 3, 5, 8, 9)]]
    figure = draw(shown, after_each_row.predict(shown, verbose=0))
    model.save(out / "own_rnn.lamina")
    return Result(model, x_test[:64], accuracy, baseline, figure, history)
