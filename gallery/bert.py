"""A small BERT learns Python by filling gaps: five of 32 tokens are hidden, and it says what stood there.

Nothing is labelled: the text is its own answer. Each place sees both sides, as the answer often hangs on what comes
after. Only the hidden places are led to the large last layer. Scored beside it: the most frequent token, and the token
that most often follows the one before.
"""

import re
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="BERT-like masked language model",
    group=5,
    answers="BERT",
    data="the tokens of the modules at the top of the running Python's standard library, some 800,000; real",
    measure="accuracy on the hidden tokens of every twentieth module, which training never saw",
    baseline="bigrams: what most often follows the token before, as it was before hiding",
    target=0.50,
    quick_target=0.12,
    keras_io=("nlp/masked_language_modeling", 266),
)

LENGTH, HIDDEN = 32, 5  # tokens of a passage, and how many of them are hidden
TOKENS = 2000  # known tokens; 0 is a hidden one, 1 a rare one
WIDTH, HEADS, DEPTH = 96, 4, 2


def passages(files: list[Path], numbers: dict[str, int]) -> np.ndarray:
    """(N, LENGTH): the tokens of modules as numbers."""
    tokens = [numbers.get(token, 1) for file in files for token in split(file)]
    return np.array(tokens[: len(tokens) // LENGTH * LENGTH], "int32").reshape(-1, LENGTH)


def split(file: Path) -> list[str]:
    """Words and signs."""
    return re.findall(r"\w+|[^\w\s]", file.read_text(encoding="utf-8"))


def data() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Passages for training, held-out passages, the known tokens by their numbers."""
    modules = sorted(Path(sysconfig.get_path("stdlib")).glob("[a-z]*.py"))
    held_out = modules[::20]
    known = [file for file in modules if file not in held_out]
    counts = Counter(token for file in known for token in split(file))
    tokens = ["[hidden]", "[rare]", *(token for token, _ in counts.most_common(TOKENS - 2))]
    numbers = {token: number for number, token in enumerate(tokens)}
    return passages(known, numbers), passages(held_out, numbers), tokens


def hide(whole: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Passages with gaps (N, LENGTH), the places of the gaps (N, HIDDEN), and what stood there; no rare tokens."""
    random = np.random.default_rng(seed)
    places = (random.random(whole.shape) + (whole == 1)).argsort(axis=1)[:, :HIDDEN].astype("int32")
    gaps = whole.copy()
    np.put_along_axis(gaps, places, 0, axis=1)
    return gaps, places, np.take_along_axis(whole, places, axis=1)


def block(x: Any) -> Any:
    """Attention to both sides and two dense layers, each added to what came in."""
    normed = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(normed, normed)
    wide = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
    return x + layers.Dense(WIDTH)(wide)


def build(steps: int) -> Model:
    """Passages with gaps, places of the gaps -> probabilities of the tokens there."""
    gaps = Input((LENGTH,), dtype="int32", name="gaps")
    places = Input((HIDDEN,), dtype="int32", name="places")
    everywhere = ops.cumsum(ops.ones_like(gaps), axis=1) - 1
    x = layers.Embedding(TOKENS, WIDTH)(gaps) + layers.Embedding(LENGTH, WIDTH)(everywhere)
    for _ in range(DEPTH):
        x = block(x)
    x = ops.take_along_axis(x, ops.expand_dims(places, 2), axis=1)  # (B, HIDDEN, WIDTH)
    token = layers.Dense(TOKENS, activation="softmax", name="token")(layers.LayerNormalization()(x))
    model = Model([gaps, places], token, name="bert")
    rate = optimizers.schedules.CosineDecay(2e-4, steps, alpha=0.02, warmup_target=1e-2, warmup_steps=steps // 20)
    muon = optimizers.Muon(rate, exclude_layers=["token"], adam_lr_ratio=0.3, weight_decay=0.01)
    model.compile(muon, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def bigrams(known: np.ndarray, whole: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(N, HIDDEN): what most often follows the token before, for the first place of a passage the most frequent."""
    follows = np.zeros((TOKENS, TOKENS), "int32")
    np.add.at(follows, (known[:, :-1].ravel(), known[:, 1:].ravel()), 1)
    follows[:, 1] = 0  # rare tokens are never asked for
    before = np.insert(whole[:, :-1], 0, 0, axis=1)
    follows[0] = np.bincount(known[known != 1], minlength=TOKENS)
    likeliest: np.ndarray = follows.argmax(axis=1)
    return np.take(likeliest, np.take_along_axis(before, places, axis=1))


def draw(gaps: np.ndarray, places: np.ndarray, answers: np.ndarray, said: np.ndarray, tokens: list[str]) -> Figure:
    """Held-out passages with what the model puts into the gaps: blue where it is right, else red, with the truth."""
    figure, axes = plt.subplots(len(gaps), 1, figsize=(10, 0.95 * len(gaps)), layout="constrained")
    for place, row, hidden, right, word in zip(axes, gaps, places, answers, said, strict=True):
        filled = {int(i): (int(ours), int(true)) for i, ours, true in zip(hidden, word, right, strict=True)}
        x, y = 0.0, 0.7
        for i, number in enumerate(row):
            ours, true = filled.get(i, (int(number), int(number)))
            text = tokens[ours] if ours == true else f"{tokens[ours]}({tokens[true]})"
            color = "#9a9a9a" if i not in filled else "#1f6fb4" if ours == true else "#c03020"
            weight = "bold" if i in filled else "normal"
            x, y = (x, y) if x + len(text) <= 130 else (0.0, y - 0.5)
            place.text(x / 130, y, text, color=color, weight=weight, family="monospace", fontsize=8, parse_math=False)
            x += len(text) + 1
        place.axis("off")
    figure.suptitle("Held-out source with gaps filled: blue is right; red is wrong, the truth in brackets")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    known, unseen, tokens = data()
    train, test = (known[:2000], unseen[:500]) if quick else (known, unseen)
    copies, epochs, batch = (1, 1, 16) if quick else (5, 2, 32)  # each copy of a passage has other gaps
    model = build(epochs * copies * len(train) // batch)
    gaps, places, answers = hide(np.tile(train, (copies, 1)), seed=0)
    history = model.fit([gaps, places], answers, batch_size=batch, epochs=epochs, verbose=2)

    gaps, places, answers = hide(test, seed=1)
    said = model.predict([gaps, places], verbose=0).argmax(axis=-1)
    bigram = float((bigrams(train, test, places) == answers).mean())
    frequent = float((answers == np.bincount(train[train != 1]).argmax()).mean())
    rows = np.random.default_rng(0).choice(len(test), 6, replace=False)
    figure = draw(gaps[rows], places[rows], answers[rows], said[rows], tokens)
    model.save(out / "bert.lamina")
    more = {"accuracy of the most frequent token": frequent}
    return Result(model, [gaps[:64], places[:64]], float((said == answers).mean()), bigram, figure, history, more)
