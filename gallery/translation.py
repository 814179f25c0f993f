"""A Transformer translates formulas: infix notation, `a*(b-c)`, into postfix, `abc-*`, which needs no brackets.

The encoder reads the formula in both directions. Each character that the decoder writes sees those before it and, by
cross-attention, the whole formula. Nothing tells the model of precedence or brackets.
"""

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="Encoder-decoder Transformer for translation",
    group=5,
    answers="Machine translation",
    data="13,000 different formulas of one to six operators, with their postfix form; made by the grammar of this file",
    measure="translations that are right to the last character, of 1,000 formulas that training never saw",
    baseline="each operator behind the letter that follows it, brackets left out",
    target=0.95,
    quick_target=0.1,
    keras_io=("nlp/neural_machine_translation_with_transformer", 254),
    timed=True,
)

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}
INFIX, POSTFIX = 25, 15  # characters of the longest formula, and of its translation with both ends
START, END = ">", "."
WIDTH, HEADS = 64, 4
Formula = str | tuple[str, Any, Any]  # a letter, or an operator and its sides


def formula(random: np.random.Generator, operators: int) -> Formula:
    """A formula of any form with so many operators."""
    if not operators:
        return "abcdefghij"[random.integers(10)]
    left = int(random.integers(operators))
    sides = formula(random, left), formula(random, operators - 1 - left)
    return "+-*/^"[random.integers(5)], *sides


def postfix(tree: Formula) -> str:
    """Left side, right side, operator."""
    return tree if isinstance(tree, str) else postfix(tree[1]) + postfix(tree[2]) + tree[0]


def infix(tree: Formula) -> str:
    """With brackets where they are needed. `^` groups from the right, the others from the left."""
    if isinstance(tree, str):
        return tree
    sides = []
    for side, groups_here in ((tree[1], tree[0] != "^"), (tree[2], tree[0] == "^")):
        above = 4 if isinstance(side, str) else PRECEDENCE[side[0]] - PRECEDENCE[tree[0]]
        sides.append(infix(side) if above > 0 or (above == 0 and groups_here) else f"({infix(side)})")
    return tree[0].join(sides)


def data(count: int, most: int) -> tuple[list[str], list[str]]:
    """Different formulas of at most so many operators, and their translations."""
    random = np.random.default_rng(0)
    pairs: dict[str, str] = {}
    while len(pairs) < count:
        tree = formula(random, int(random.integers(1, most + 1)))
        pairs[infix(tree)] = postfix(tree)
    return list(pairs), list(pairs.values())


def encode(texts: list[str], length: int) -> np.ndarray:
    """(N, length): the numbers of the characters, 0 after the last."""
    return np.array([list(text.encode().ljust(length, b"\0")) for text in texts], "int32")


def embed(text: Any, length: int) -> Any:
    """(B, T) -> (B, T, WIDTH): what each character is, and where it stands."""
    here = layers.Embedding(128, WIDTH, mask_zero=True)(text)
    places = ops.cumsum(ops.ones_like(text), axis=1) - 1
    return layers.Add()([here, layers.Embedding(length, WIDTH)(places)])


def attend(x: Any, seen: Any, **options: Any) -> Any:
    """Each place of x gathers from the places that it sees; added, normalized."""
    gathered = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, seen, **options)
    return layers.LayerNormalization()(layers.Add()([x, gathered]))


def think(x: Any) -> Any:
    """Two dense layers at each place; added, normalized."""
    wide = layers.Dense(4 * WIDTH, activation="relu")(x)
    return layers.LayerNormalization()(layers.Add()([x, layers.Dense(WIDTH)(wide)]))


def build() -> Model:
    """Formula, translation so far -> the next character of each place."""
    source = Input((INFIX,), dtype="int32", name="infix")
    so_far = Input((None,), dtype="int32", name="postfix")
    x = embed(source, INFIX)
    for _ in range(2):
        x = think(attend(x, x))
    y = embed(so_far, POSTFIX)
    for _ in range(2):
        y = think(attend(attend(y, y, use_causal_mask=True), x))
    following = layers.Dense(128, activation="softmax", name="following")(y)
    return Model([source, so_far], following, name="translation")


def write(model: Model, sources: np.ndarray) -> list[str]:
    """Translations: each character is the likeliest after those that the model has written."""
    written = encode([START] * len(sources), 1)
    for _ in range(POSTFIX - 1):
        following = model.predict([sources, written], batch_size=500, verbose=0)[:, -1:].argmax(axis=-1)
        written = np.concatenate([written, following.astype("int32")], axis=1)
    return [bytes(row[1:].tolist()).decode().split(END)[0] for row in written]


def draw(texts: list[str], written: list[str], exact: np.ndarray, rule: np.ndarray) -> Figure:
    """How many of the held-out formulas are right, by their number of operators."""
    figure, place = plt.subplots(figsize=(7, 3.6), layout="constrained")
    sizes = np.array([len(re.findall(r"[-+*/^]", text)) for text in texts])
    for shift, right, label in ((-0.2, exact, "Transformer"), (0.2, rule, "rule without precedence")):
        shares = [right[sizes == size].mean() for size in range(1, sizes.max() + 1)]
        bars = place.bar(np.arange(1, sizes.max() + 1) + shift, shares, 0.4, label=label)
        place.bar_label(bars, fmt="{:.0%}", fontsize=8)
    place.set(xlabel="operators of the formula", ylabel="translated without a mistake", ylim=(0, 1.3))
    place.legend(loc="upper center", ncols=2)
    longest = max(range(len(texts)), key=lambda i: (exact[i], len(texts[i])))
    place.set_title(f"Of held-out formulas, such as  {texts[longest]}  →  {written[longest]}", parse_math=False)
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    held_out, count, epochs, most = (200, 2200, 12, 2) if quick else (1000, 13_000, 4, 6)
    texts, answers = data(count, most)
    sources, targets = encode(texts, INFIX), encode([answer + END for answer in answers], POSTFIX)
    so_far = encode([START + answer for answer in answers], POSTFIX)

    model = build()
    steps = epochs * (count - held_out) // 64
    rate = optimizers.schedules.CosineDecay(1e-4, steps, alpha=0.02, warmup_target=2e-3, warmup_steps=steps // 5)
    model.compile(optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        [sources[held_out:], so_far[held_out:]], targets[held_out:], batch_size=64, epochs=epochs, verbose=2
    )

    unseen = [sources[:held_out], so_far[:held_out]]
    written = write(model, unseen[0])
    exact = np.array([ours == right for ours, right in zip(written, answers, strict=False)])
    naive = [re.sub(r"([-+*/^])([a-j])", r"\2\1", re.sub(r"[()]", "", text)) for text in texts[:held_out]]
    rule = np.array([simple == right for simple, right in zip(naive, answers, strict=False)])
    model.save(out / "translation.lamina")
    figure = draw(texts[:held_out], written, exact, rule)
    return Result(model, [part[:64] for part in unseen], float(exact.mean()), float(rule.mean()), figure, history)
