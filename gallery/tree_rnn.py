"""A network that goes along a tree: it computes with remainders, by the shape that Python's parser gives an expression.

`call` of this subclassed model goes up each tree from its leaves. All nodes of one height, of all trees of a batch, are
computed together, so the number of rounds depends on the data: a graph of layers cannot say this. Only the answer at
the root is taught. The model is trained on expressions of up to 6 numbers and asked about expressions of 7 to 12.
"""

import ast
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression

from gallery import About, Result
from lamina import Model, layers, ops, optimizers, saving, utils

ABOUT = About(
    title="Tree-RNN, by subclassing",
    group=7,
    answers=(
        "for example, recursive networks or Tree RNNs do not follow this assumption and cannot be implemented in the "
        "Functional API"
    ),
    data="arithmetic expressions that the file itself makes with a fixed seed and `ast` parses; made, not real",
    measure="accuracy of the remainder by 3 of 1,000 expressions, longer than any in training",
    baseline="logistic regression on how often each number and sign occurs",
    target=0.95,
    quick_target=0.50,
    not_compiled="how often the loop runs depends on the values: the heights of the trees of the batch",
)
SIGNS = {ast.Add: 10, ast.Sub: 11, ast.Mult: 12}
NODES = 23
"""Of a tree with 12 numbers and 11 signs. Each node is (word, height, left child, right child)."""


def expression(draw: np.random.Generator, numbers: int) -> str:
    """A random expression, in parentheses: "((3*4)-7)"."""
    if numbers == 1:
        return str(draw.integers(10))
    left = int(draw.integers(1, numbers))
    sign = "+-*"[draw.integers(3)]
    return f"({expression(draw, left)}{sign}{expression(draw, numbers - left)})"


def add_nodes(tree: ast.expr, nodes: list[list[int]]) -> int:
    """Append a tree's nodes, children first -> the place of its root."""
    if isinstance(tree, ast.BinOp):
        left, right = add_nodes(tree.left, nodes), add_nodes(tree.right, nodes)
        nodes.append([SIGNS[type(tree.op)], 1 + max(nodes[left][1], nodes[right][1]), left, right])
    elif isinstance(tree, ast.Constant) and isinstance(tree.value, int):
        nodes.append([tree.value, 0, 0, 0])
    return len(nodes) - 1


def data(count: int, shortest: int, longest: int, seed: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Expressions, their trees (N, NODES, 4) with the root last and rows of -1 before, and remainders by 3 (N,)."""
    draw = np.random.default_rng(seed)
    texts = [expression(draw, int(draw.integers(shortest, longest + 1))) for _ in range(count)]
    trees = np.full((count, NODES, 4), -1, dtype="int64")
    for row, text in zip(trees, texts, strict=True):
        nodes: list[list[int]] = []
        add_nodes(ast.parse(text, mode="eval").body, nodes)
        row[-len(nodes) :] = nodes
        row[-len(nodes) :, 2:] += NODES - len(nodes)
    return texts, trees, np.array([eval(text) % 3 for text in texts])  # noqa: S307 (numbers and signs made above)


@saving.register_keras_serializable(package="gallery")
class TreeRNN(Model):
    """Trees (B, NODES, 4) -> the probabilities of the three remainders at each node, (B, NODES, 3), the root last."""

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.words = layers.Embedding(13, width)
        self.inner = layers.Dense(2 * width, activation="relu")
        self.above = layers.Dense(width, activation="tanh")
        self.remainder = layers.Dense(3, activation="softmax")

    def build(self, input_shape: Any) -> None:
        self.words.build((None,))
        self.inner.build((None, 3 * self.width))
        self.above.build((None, 2 * self.width))
        self.remainder.build((None, None, self.width))
        super().build(input_shape)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        words, heights, left, right = (inputs[..., i] for i in range(4))
        states = self.words(ops.maximum(words, 0))  # (B, NODES, width); for leaves it is their state
        own = states
        for height in range(1, int(ops.max(heights)) + 1):
            row, column = ops.nonzero(heights == height)  # (K,), all nodes of this height
            below = [states[row, left[row, column]], own[row, column], states[row, right[row, column]]]
            joined = self.above(self.inner(ops.concatenate(below, axis=-1)))  # (K, width)
            states = ops.scatter_update(states, ops.stack([row, column], axis=1), joined)
        return self.remainder(states)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


def draw_tree(place: Any, tree: np.ndarray, said: np.ndarray, text: str) -> None:
    """A tree; at each node its word and the remainder that the model reads there, red where it is wrong."""
    across: dict[int, float] = {}
    true: dict[int, int] = {}
    for node, (word, height, left, right) in enumerate(tree.tolist()):
        if word < 0:
            continue
        sides = (true.get(left, 0), true.get(right, 0))
        true[node] = word % 3 if height == 0 else (sum(sides), sides[0] - sides[1], sides[0] * sides[1])[word - 10] % 3
        across[node] = len(across) if height == 0 else (across[left] + across[right]) / 2
        for child in (left, right) if height else ():
            place.plot([across[node], across[child]], [height, tree[child, 1]], color="0.8", zorder=0)
        label = f"{'0123456789+-*'[word]}\n→ {said[node]}" if word < 10 else f"{'+-*'[word - 10]} → {said[node]}"
        colour = "black" if said[node] == true[node] else "red"
        place.text(across[node], height, label, ha="center", va="center", color=colour, backgroundcolor="white")
    place.set_title(text, fontsize=9)
    place.axis("off")


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    _, x_train, y_train = data(3000 if quick else 12_000, 1, 4 if quick else 6, seed=0)
    texts, x_test, y_test = data(1000, *((5, 6) if quick else (7, 12)), seed=1)
    model = TreeRNN(32, name="tree_rnn")
    model.compile(optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy")
    everywhere = np.repeat(y_train[:, np.newaxis], NODES, axis=1)
    only_roots = np.tile(np.arange(NODES) == NODES - 1, (len(x_train), 1)).astype("float32")  # weights of nodes
    history = model.fit(
        x_train, everywhere, sample_weight=only_roots, batch_size=64, epochs=6 if quick else 15, verbose=2
    )
    said = model.predict(x_test, batch_size=250, verbose=0).argmax(axis=-1)
    accuracy = float((said[:, -1] == y_test).mean())
    counts = [
        np.array([np.bincount(tree[:, 0] + 1, minlength=14)[1:] for tree in trees]) for trees in (x_train, x_test)
    ]
    baseline = LogisticRegression(max_iter=1000).fit(counts[0], y_train).score(counts[1], y_test)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for place, i in zip(axes, np.flatnonzero(x_test[:, :, 1].max(axis=1) <= 6), strict=False):
        draw_tree(place, x_test[i], said[i], texts[i])
    figure.suptitle("Remainders by 3 that the model reads at each node; only those of roots were taught")
    model.save(out / "tree_rnn.lamina")
    return Result(model, x_test[:64], accuracy, baseline, figure, history)
