"""A loop inside the graph decides for itself when to stop: adaptive computation time.

The question is whether a row of bits holds an odd number of ones. The model looks at one bit in each round of
`ops.while_loop`. After each round it says how surely it is done; the rounds of a row end when that adds up to one, and
the loop when all rows of the batch have ended (Graves, 2016). A small price for each round teaches it to spend few
rounds on short rows: where a row ends is not told. A network without a loop, which sees all bits at once, is scored
beside it.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.neural_network import MLPClassifier

from gallery import About, Result
from lamina import Input, Model, initializers, layers, ops, optimizers, utils

ABOUT = About(
    title="Adaptive computation time, a loop inside the graph",
    group=7,
    answers="Models with complex loops",
    data="rows of 1 to 12 random bits, drawn by the file itself with a fixed seed; made, not real",
    measure="accuracy of the parity of rows that training never saw",
    baseline="a multilayer perceptron (scikit-learn, 64 units) on all bits at once",
    target=0.90,
    quick_target=0.70,
    not_in_keras="a file of Keras' cannot hold the loop of `ops.while_loop`",
)
LONGEST, ROUNDS, WIDTH = 12, 14, 32
PRICE = 0.01
"""What a round costs, in units of the loss."""


def data(longest: int, count: int) -> list[np.ndarray]:
    """Rows (N, ROUNDS, 3), one-hot: no bit, 0, 1; and whether their sum is odd, (N, 1). Training rows, then others."""
    draw = np.random.default_rng(0)
    words = draw.integers(1, 3, (count, ROUNDS))
    words[np.arange(ROUNDS) >= draw.integers(1, longest + 1, (count, 1))] = 0
    odd = (words == 2).sum(axis=1, keepdims=True) % 2
    rows = np.eye(3, dtype="float32")[words]
    held_out = words @ 3 ** np.arange(ROUNDS) % 7 == 0  # a row that comes twice is on one side alone
    return [rows[~held_out], rows[held_out], odd[~held_out].astype("float32"), odd[held_out].astype("float32")]


def build() -> Model:
    """Bits -> probability that their sum is odd, and what the rounds have cost."""
    bits = Input((ROUNDS, 3), name="bits")
    think = layers.Dense(WIDTH, activation="tanh", name="think")
    done = layers.Dense(1, activation="sigmoid", bias_initializer=initializers.Constant(-2.0), name="done")

    def go_on(step: Any, state: Any, mean: Any, total: Any, cost: Any) -> Any:
        return ops.logical_and(step < ROUNDS, ops.any(total < 1))

    def once(step: Any, state: Any, mean: Any, total: Any, cost: Any) -> tuple[Any, ...]:
        state = think(ops.concatenate([state, ops.take(bits, step, axis=1)], axis=-1))  # (B, WIDTH)
        sure = done(state)  # (B, 1)
        ends = ops.logical_or(total + sure > 0.99, step == ROUNDS - 1)
        active = ops.cast(total < 1, "float32")  # 0 for rows that have ended
        weight = active * ops.where(ends, 1 - total, sure)
        return step + 1, state, mean + weight * state, total + weight, cost + active + ops.where(ends, weight, 0.0)

    zero = ops.zeros_like(bits[:, 0, :1])  # (B, 1)
    empty = ops.repeat(zero, WIDTH, axis=-1)  # (B, WIDTH)
    _, _, mean, _, cost = ops.while_loop(go_on, once, (0, empty, empty, zero, zero))
    odd = layers.Dense(1, activation="sigmoid", name="odd")(mean)
    model = Model(bits, {"odd": odd, "rounds": cost}, name="adaptive_time")
    model.compile(
        optimizers.Adam(5e-3, clipnorm=1.0),
        loss={"odd": "binary_crossentropy", "rounds": "mae"},  # the rounds' targets are 0: their mean is the price
        loss_weights={"odd": 1.0, "rounds": PRICE},
        metrics={"odd": "accuracy"},
    )
    return model


def draw(lengths: np.ndarray, rounds: np.ndarray, right: np.ndarray) -> Figure:
    """Rounds taken for rows of each length, and the share of right answers."""
    figure, (left, other) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, (2, len(lengths)))
    left.scatter(lengths + jitter[0], rounds + jitter[1], s=4, alpha=0.4)
    left.set(xlabel="bits in the row", ylabel="rounds taken", title="Longer rows get more rounds")
    every = np.unique(lengths)
    other.bar(every, [right[lengths == length].mean() for length in every])
    other.axhline(0.5, color="black", linestyle=":")
    other.set(xlabel="bits in the row", ylabel="right answers", title="... and right answers (dotted: chance)")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = data(5, 4_000) if quick else data(LONGEST, 14_000)
    model, history = build(), None
    bits = x_train[:, :, 1:].sum(axis=(1, 2))
    for longest in (3, 5) if quick else (3, 6, 9, LONGEST):  # short rows first
        x, y = x_train[bits <= longest], y_train[bits <= longest]
        targets = {"odd": y, "rounds": np.zeros_like(y)}
        history = model.fit(x, targets, batch_size=64, epochs=4 if quick else 8, verbose=2)
    answers = model.predict(x_test, batch_size=500, verbose=0)
    right = (answers["odd"] > 0.5) == (y_test > 0.5)
    perceptron = MLPClassifier(64, random_state=0).fit(x_train.reshape(len(x_train), -1), y_train[:, 0])
    baseline = perceptron.score(x_test.reshape(len(x_test), -1), y_test[:, 0])
    lengths = x_test[:, :, 1:].sum(axis=(1, 2)).astype(int)
    rounds = np.floor(answers["rounds"][:, 0])
    model.save(out / "adaptive_time.lamina")
    more = {"correlation of rounds and length": np.corrcoef(lengths, rounds)[0, 1]}
    figure = draw(lengths, rounds, right[:, 0])
    return Result(model, x_test[:64], float(right.mean()), baseline, figure, history, more)
