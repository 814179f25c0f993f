"""Two towers search Python's standard library: words of a description in, the module that it belongs to out.

One tower turns a description into a vector, the other one a module. They meet in the dot product alone. So the vectors
of all modules are made once, and a search compares one new vector with these. In training, the other modules of the
batch are what each description is told apart from.
"""

import ast
import re
import sysconfig
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from gallery import About, Result
from lamina import Input, KerasTensor, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="Two-tower retrieval",
    group=3,
    answers="Dual-tower architectures for retrieval",
    data="docstrings and names in the running Python's standard library; real",
    measure="recall@10: how often the module is among the ten best, for 1,200 docstrings that training never saw",
    baseline="the ten modules with the most docstrings (popularity)",
    target=0.70,
    quick_target=0.45,
    keras_io=("structured_data/collaborative_filtering_movielens", 125),
)

WORDS, LENGTH, LENGTH_OF_MODULE = 8000, 32, 96


def words(text: str) -> str:
    """Words in small letters, names split: "HTTPServer.serve_forever" -> "http server serve forever"."""
    return " ".join(re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)).lower()


def described(skip: int) -> dict[str, list[tuple[str, str]]]:
    """Module -> (name, docstring) of its functions and classes, where it has ten or more."""
    library, found = Path(sysconfig.get_paths()["stdlib"]), {}
    files = [
        file for file in sorted(library.rglob("*.py")) if not re.search("test|site-packages|idlelib|lib2to3", str(file))
    ]
    for file in files[::skip]:
        with warnings.catch_warnings(action="ignore"):
            nodes = list(ast.walk(ast.parse(file.read_bytes())))
        parts = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        pairs = [(words(part.name), words(doc)) for part in parts if (doc := ast.get_docstring(part))]
        if len(pairs) >= 10:
            found[".".join(file.relative_to(library).with_suffix("").parts).removesuffix(".__init__")] = pairs
    return found


def tower(text: KerasTensor, embedding: layers.Layer, name: str) -> KerasTensor:
    """(N, length) numbers of words -> (N, 64), of length 1."""
    x = layers.GlobalAveragePooling1D()(embedding(text))
    x = layers.Dense(64, name=name)(layers.Dropout(0.3)(x))
    found: KerasTensor = layers.UnitNormalization()(x)
    return found


def build() -> tuple[Model, Model, Model]:
    """The model that is trained, and its two towers."""
    query, module = (
        Input((LENGTH,), dtype="int32", name="query"),
        Input((LENGTH_OF_MODULE,), dtype="int32", name="module"),
    )
    which = Input((1,), dtype="int32", name="which")
    asked = tower(query, layers.Embedding(WORDS, 64, mask_zero=True), "asked")
    offered = tower(module, layers.Embedding(WORDS, 64, mask_zero=True), "offered")
    affinity = layers.Dot(axes=1, name="affinity")([asked, offered])
    model = Model([query, module, which], affinity, name="two_tower")

    scores = 20 * ops.matmul(asked, ops.transpose(offered))  # (N, N): each description, each module of the batch
    same = ops.cast(ops.equal(which, ops.transpose(which)), "float32")
    wanted = same / ops.sum(same, axis=1, keepdims=True)
    model.add_loss(ops.categorical_crossentropy(wanted, scores, from_logits=True), name="choice")
    model.compile(optimizers.Adam(5e-3))
    return model, Model(query, asked, name="query_tower"), Model(module, offered, name="module_tower")


def recall(scores: np.ndarray, wanted: np.ndarray, n: int = 10) -> float:
    """How often what is wanted is among the n best."""
    return float(np.mean((np.argsort(-scores, axis=1)[:, :n] == wanted[:, np.newaxis]).any(axis=1)))


def draw(questions: list[str], names: list[str], scores: np.ndarray) -> Figure:
    """The best modules for questions that nobody has written a docstring of."""
    figure, axes = plt.subplots(1, len(questions), figsize=(9, 2.2), layout="constrained")
    for place, question, row in zip(axes, questions, scores, strict=True):
        best = np.argsort(-row)[:5][::-1]
        place.barh([names[i] for i in best], row[best])
        place.set_title(question.replace(", ", "\n"), fontsize=9)
        place.tick_params(labelsize=8)
    figure.supxlabel("dot product of the two vectors", fontsize=9)
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    library = described(4 if quick else 1)
    names = list(library)
    queries = np.array([doc for pairs in library.values() for _, doc in pairs])
    which = np.repeat(np.arange(len(names)), [len(pairs) for pairs in library.values()])
    held_out = np.random.default_rng(0).random(len(queries)) < 0.2
    modules = [words(name) + " " + " ".join(name for name, _ in pairs) for name, pairs in library.items()]

    numbers = layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
    of_modules = layers.TextVectorization(WORDS, output_sequence_length=LENGTH_OF_MODULE)
    numbers.adapt(queries[~held_out])
    of_modules.adapt(modules)
    asked, offered = np.array(numbers(queries)), np.array(of_modules(modules))

    model, query_tower, module_tower = build()
    inputs = {"query": asked, "module": offered[which], "which": which[:, np.newaxis]}
    train = {key: value[~held_out] for key, value in inputs.items()}
    history = model.fit(train, batch_size=256, epochs=10 if quick else 15, verbose=2)

    vectors = module_tower.predict(offered, verbose=0)
    scores = query_tower.predict(asked[held_out], verbose=0) @ vectors.T
    popular = np.bincount(which[~held_out], minlength=len(names)) + np.zeros_like(scores)
    questions = [
        "parse command line, arguments",
        "compress data, to a file",
        "send mail, to a server",
        "round a number, of ten digits",
    ]
    answers = query_tower.predict(np.array(numbers(questions)), verbose=0) @ vectors.T
    model.save(out / "two_tower.lamina")
    return Result(
        model,
        {key: value[held_out][:64] for key, value in inputs.items()},
        recall(scores, which[held_out]),
        recall(popular, which[held_out]),
        draw(questions, names, answers),
        history,
        more={"modules": len(names), "recall@1": recall(scores, which[held_out], 1)},
    )
