"""Two networks on a graph tell from which package a module of the standard library is, by who imports whom.

A graph network lets each node look at its neighbours. GCN (Kipf and Welling, 2017) takes their mean; GAT (Veličković
and others, 2018) learns how much to heed each. Both are functional models of a few matrix products: one sample is one
graph, the words of its nodes and its edges. Four modules of each package are labelled; the others are asked for. The
names of modules are not seen. Logistic regression on the same words, without the graph, is scored beside them.
"""

import ast
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="Graph networks (GCN and GAT)",
    group=6,
    answers="Graph neural networks",
    data=(
        "the standard library of the running Python: its modules, the words of their docstrings, and which module "
        "imports which; real"
    ),
    measure="accuracy of the GAT on the unlabelled modules of all packages of at least 12 modules",
    baseline="logistic regression on the words of the docstrings, without the graph",
    target=0.85,
    quick_target=0.70,
    keras_io=("graph/gat_node_classification", 180),
)
ROOT = Path(sysconfig.get_paths()["stdlib"])
LABELLED, WORDS = 4, 400


def imports(name: str, tree: ast.AST, is_package: bool) -> Iterator[str]:
    """The full names that a module imports: of modules, and of what is in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = name.split(".")
            above = parts[: len(parts) - node.level + is_package] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from (start, *(f"{start}.{alias.name}" for alias in node.names))


def data(largest: float = np.inf) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Of modules up to `largest` bytes: words (N, WORDS), edges (N, N), family or -1, whether labelled; families."""
    trees, packages = {}, set()
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        small = file.stat().st_size <= largest
        if small and parts[0] in sys.stdlib_module_names and not {"test", "tests", "idle_test", "data"} & set(parts):
            name = ".".join(part for part in parts if part != "__init__")
            trees[name] = ast.parse(file.read_bytes())
            packages |= {name} if parts[-1] == "__init__" else set()
    number = {name: i for i, name in enumerate(trees)}
    edges = np.eye(len(trees), dtype="float32")
    for name, tree in trees.items():
        for other in imports(name, tree, name in packages):
            if other in number:
                edges[number[name], number[other]] = edges[number[other], number[name]] = 1
    texts = [ast.get_docstring(tree) or "" for tree in trees.values()]
    words = TfidfVectorizer(max_features=WORDS).fit_transform(texts).toarray().astype("float32")

    roots = [name.split(".")[0] for name in trees]
    families = sorted(root for root, count in Counter(roots).items() if count >= 12)
    family = np.array([families.index(root) if root in families else -1 for root in roots])
    order = np.random.default_rng(0).permutation(len(trees))
    labelled = np.zeros(len(trees), dtype=bool)
    for i in range(len(families)):
        labelled[order[family[order] == i][:LABELLED]] = True
    return words, edges, family, labelled, families


def mean_of_neighbours(x: Any, edges: Any, width: int) -> Any:
    """A layer of the GCN: (B, N, F) -> (B, N, width)."""
    return ops.matmul(edges / ops.sum(edges, axis=-1, keepdims=True), layers.Dense(width)(x))


def attention_to_neighbours(x: Any, edges: Any, width: int, heads: int = 2) -> Any:
    """A layer of the GAT: (B, N, F) -> (B, N, width), half of it from each head."""
    seen = []
    for _ in range(heads):
        value = layers.Dense(width // heads)(x)  # (B, N, width / heads)
        asks, offers = layers.Dense(1)(value), layers.Dense(1)(value)  # (B, N, 1)
        score = ops.leaky_relu(asks + ops.transpose(offers, (0, 2, 1)))  # (B, N, N)
        seen.append(ops.matmul(ops.softmax(ops.where(edges > 0, score, -1e9)), value))
    return layers.concatenate(seen)


def build(nodes: int, families: int, look: Any, name: str) -> Model:
    """Words and edges of a graph -> for each node the probabilities of the families, by two looks at neighbours."""
    words = Input((nodes, WORDS), name="words")
    edges = Input((nodes, nodes), name="edges")
    x = layers.Dropout(0.5)(words)
    x = layers.Activation("elu", name="inner")(look(x, edges, 64))
    x = layers.Dropout(0.5)(x)
    x = layers.Activation("elu", name="outer")(look(x, edges, 64))
    family = layers.Dense(families, activation="softmax", name="family")(x)
    model = Model([words, edges], family, name=name)
    model.compile(optimizers.AdamW(5e-3, weight_decay=5e-2), "sparse_categorical_crossentropy")
    return model


def draw(states: np.ndarray, edges: np.ndarray, family: np.ndarray, families: list[str]) -> Figure:
    """The modules, laid out by their states in the GAT, coloured by their true package; imports are lines."""
    places = TSNE(perplexity=20, random_state=0).fit_transform(states)
    figure, place = plt.subplots(figsize=(9, 5), layout="constrained")
    scored = (family >= 0)[:, np.newaxis] & (family >= 0)
    lines = list(places[np.argwhere(np.triu(edges * scored, 1))])
    place.add_collection(LineCollection(lines, color="0.85", linewidth=0.4, zorder=0))
    for i, name in enumerate(families):
        x, y = places[family == i].T
        place.scatter(x, y, s=14, color=plt.get_cmap("tab20")(i), label=name)
    place.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    place.set(xticks=[], yticks=[], title="Modules as the GAT sees them. Colours: the packages they are from")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    words, edges, family, labelled, families = data(8_000 if quick else np.inf)
    asked = (family >= 0) & ~labelled
    inputs = [words[np.newaxis], edges[np.newaxis]]
    targets, weights = np.maximum(family, 0)[np.newaxis], labelled[np.newaxis].astype("float32")
    looks = {"gcn": mean_of_neighbours, "gat": attention_to_neighbours}
    models = {name: build(len(words), len(families), look, name) for name, look in looks.items()}
    history, scores = {}, {}
    for name, model in models.items():
        history[name] = model.fit(inputs, targets, sample_weight=weights, epochs=40 if quick else 100, verbose=0)
        said = model.predict(inputs, verbose=0)[0].argmax(axis=1)
        scores[name] = float((said == family)[asked].mean())
    baseline = LogisticRegression(C=10).fit(words[labelled], family[labelled]).score(words[asked], family[asked])
    gat = models["gat"]
    states = Model(gat.inputs, gat.get_layer("outer").output).predict(inputs, verbose=0)[0]
    figure = draw(states, edges, family, families)
    gat.save(out / "graph_network.lamina")
    return Result(gat, inputs, scores["gat"], baseline, figure, history["gat"], {"accuracy of the GCN": scores["gcn"]})
