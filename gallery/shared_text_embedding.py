"""Two docstrings, one embedding: do they come from the same module of Python's standard library?

Both texts speak the same language. So one layer, `Embedding`, is called on both inputs: what is learned of a word in
one place holds in the other one, and there is one table of words to learn instead of two.
"""

import ast
import re
import sysconfig
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score, roc_curve

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="One embedding shared by two texts",
    group=3,
    answers="For instance, here’s an Embedding layer shared across two different text inputs",
    data="docstrings in the running Python's standard library; real",
    measure="ROC AUC on 4,000 pairs of docstrings that training never saw, half of them from one module",
    baseline="the share of words that both have (Jaccard)",
    target=0.90,
    quick_target=0.75,
    timed=True,
)

WORDS, LENGTH = 6000, 48


def docstrings(skip: int) -> tuple[np.ndarray, np.ndarray]:
    """The docstrings, in small letters, of modules that have twenty or more, and the number of the module of each."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [str(file) for file in sorted(library.rglob("*.py"))]
    files = [file for file in files if not re.search("test|site-packages|idlelib|lib2to3|distutils", file)]
    texts: list[str] = []
    modules: list[int] = []
    for number, file in enumerate(files[::skip]):
        with warnings.catch_warnings(action="ignore"):
            nodes = list(ast.walk(ast.parse(Path(file).read_bytes())))
        parts = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        found = [" ".join(re.findall("[a-z]+", (ast.get_docstring(part) or "").lower())) for part in parts]
        found = [text for text in found if text.count(" ") >= 4]
        if len(found) >= 20:
            texts += found
            modules += [number] * len(found)
    return np.array(texts), np.array(modules)


def pairs(modules: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """n pairs of rows, and whether they are of one module: half of them are."""
    first, second = rng.integers(len(modules), size=(2, n))
    for i in range(0, n, 2):
        second[i] = rng.choice(np.flatnonzero(modules == modules[first[i]]))
    return first, second, (modules[first] == modules[second]).astype("float32")


def build() -> Model:
    """Two rows of 48 numbers of words -> the probability that they belong together."""
    a, b = Input((LENGTH,), dtype="int32", name="a"), Input((LENGTH,), dtype="int32", name="b")
    embedding = layers.Embedding(WORDS, 48, mask_zero=True, name="words")
    meaning = layers.Dense(64, name="meaning")
    dropout = layers.Dropout(0.5)
    mean_a = meaning(dropout(layers.GlobalAveragePooling1D()(embedding(a))))  # (N, 64)
    mean_b = meaning(dropout(layers.GlobalAveragePooling1D()(embedding(b))))
    both = layers.Concatenate()([mean_a * mean_b, ops.abs(mean_a - mean_b)])
    both = layers.Dense(32, activation="relu")(both)
    same = layers.Dense(1, activation="sigmoid", name="same")(both)
    model = Model({"a": a, "b": b}, same, name="shared_text_embedding")
    model.compile(optimizers.Adam(2e-3), loss="binary_crossentropy", metrics=["auc"])
    return model


def jaccard(a: str, b: str) -> float:
    """Words that both have, as a part of those that any of them has."""
    one, other = set(a.split()), set(b.split())
    return len(one & other) / len(one | other)


def draw(same: np.ndarray, **scores: np.ndarray) -> Figure:
    """How many pairs of one module are found, for any share of wrong ones among the others."""
    figure, axes = plt.subplots(figsize=(4.4, 4), layout="constrained")
    for name, score in scores.items():
        wrong, found, _ = roc_curve(same, score)
        axes.plot(wrong, found, label=f"{name.replace('_', ' ')}: area {roc_auc_score(same, score):.3f}")
    axes.set(xlabel="pairs of two modules taken for one", ylabel="pairs of one module found")
    axes.legend(loc="lower right")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    texts, modules = docstrings(3 if quick else 1)
    held_out = rng.random(len(texts)) < 0.2

    vectorize = layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
    vectorize.adapt(texts[~held_out])
    numbers = vectorize(texts).numpy()
    first, second, same = pairs(modules[~held_out], 8000 if quick else 40000, rng)
    train = {"a": numbers[~held_out][first], "b": numbers[~held_out][second]}
    i, j, wanted = pairs(modules[held_out], 4000, rng)
    test = {"a": numbers[held_out][i], "b": numbers[held_out][j]}

    model = build()
    history = model.fit(
        train, same, batch_size=256, epochs=3 if quick else 4, validation_data=(test, wanted), verbose=2
    )
    told = model.predict(test, verbose=0)[:, 0]
    overlap = np.array([jaccard(a, b) for a, b in zip(texts[held_out][i], texts[held_out][j], strict=True)])
    figure = draw(wanted, model=told, words_in_common=overlap)
    model.save(out / "shared_text_embedding.lamina")
    inputs = {key: value[:64] for key, value in test.items()}
    return Result(model, inputs, roc_auc_score(wanted, told), roc_auc_score(wanted, overlap), figure, history)
