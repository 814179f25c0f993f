"""Which special method is it? A hybrid of LSTM and attention reads the body of a method, a dense layer its signature.

The sequence holds the kinds of syntax in the body of a method of the standard library, in the order of the source: no
names, no values. The table counts the parts of its signature. An LSTM goes through the sequence; attention weighs what
it has seen at each place, so that a few telling places may decide. The answer is the method's name, such as `__eq__`.
The weights are shown: they are the output of a second model, cut from the same graph.
"""

import ast
import sysconfig
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="Hybrid of LSTM and attention, with a table",
    group=4,
    answers="Hybrid LSTM–attention models",
    data="the special methods in the running Python's standard library; real",
    measure="accuracy on every fifth method, which training never saw",
    baseline="logistic regression on the table (majority would be less)",
    target=0.72,
    quick_target=0.50,
)

WORDS = "init repr str enter exit eq lt getitem iter call len del hash contains setitem getattr getstate next"
NAMES = [f"__{word}__" for word in WORDS.split()]
KINDS = [name for name, kind in vars(ast).items() if isinstance(kind, type) and issubclass(kind, ast.AST)]
LENGTH = 48  # places of a body that are read
Arrays = dict[str, np.ndarray]


def syntax(method: ast.FunctionDef) -> list[int]:
    """The kinds of statements and expressions in a body, in the order of the source; from 1."""
    parts = [part for line in method.body for part in ast.walk(line) if isinstance(part, ast.expr | ast.stmt)]
    parts.sort(key=lambda part: (part.lineno, part.col_offset))
    return [KINDS.index(type(part).__name__) + 1 for part in parts]


def signature(method: ast.FunctionDef) -> list[int]:
    """How many: arguments, default values, arguments by name alone, `*`, `**`, decorators; and lines."""
    given = method.args
    counts = [len(part) for part in (given.args, given.defaults, given.kwonlyargs, method.decorator_list, method.body)]
    return [*counts, given.vararg is not None, given.kwarg is not None]


def data(every: int) -> tuple[Arrays, np.ndarray]:
    """Body (N, 48) and table (N, 7); the number of the method's name (N,). In random order."""
    found = []
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py"))[::every]:
        if not {"test", "tests", "site-packages", "lib2to3", "idlelib"} & set(file.parts):
            nodes = ast.walk(ast.parse(file.read_bytes()))
            found += [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name in NAMES]
    np.random.default_rng(0).shuffle(found)
    body = utils.pad_sequences([syntax(node) for node in found], LENGTH, padding="post", truncating="post")
    table = np.array([signature(node) for node in found], "float32")
    return {"body": body, "table": table}, np.array([NAMES.index(node.name) for node in found])


def build() -> tuple[Model, Model]:
    """Body (N, 48) and table (N, 7) -> name (N, 18). And the model that gives the weight of each place."""
    body, table = Input((LENGTH,), dtype="int32", name="body"), Input((7,), name="table")
    x = layers.Embedding(len(KINDS) + 1, 32, mask_zero=True)(body)
    x = layers.Bidirectional(layers.LSTM(32, return_sequences=True))(x)  # (N, 48, 64)
    telling = layers.Dense(1)(layers.Dense(32, activation="tanh")(x))
    weights = layers.Softmax(name="weights")(ops.squeeze(telling, -1), mask=ops.not_equal(body, 0))  # (N, 48)
    of_body = layers.Dot(axes=1)([weights, x])
    of_table = layers.Dense(32, activation="relu")(table)
    x = layers.Dropout(0.4)(layers.Concatenate()([of_body, of_table]))
    name = layers.Dense(len(NAMES), activation="softmax", name="name")(x)
    model = Model([body, table], name, name="tabular_sequence")
    model.compile(optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, Model(body, weights, name="weights")


def draw(inputs: Arrays, weights: np.ndarray, said: np.ndarray, names: np.ndarray) -> Figure:
    """The bodies of some held-out methods that were told right: the darker a place, the more it weighs."""
    lengths = np.count_nonzero(inputs["body"], axis=1)
    fit = np.flatnonzero((said == names) & (lengths >= 5) & (lengths <= 10))
    some = fit[np.unique(names[fit], return_index=True)[1]][:8]  # one of each name
    figure, place = plt.subplots(figsize=(9, 3.6), layout="constrained")
    place.imshow(weights[some, :10], cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, i in enumerate(some):
        for column, kind in enumerate(inputs["body"][i][: lengths[i]]):
            color = "w" if weights[i, column] > 0.5 else "k"
            place.text(column, row, KINDS[kind - 1], ha="center", va="center", size=7, color=color)
    place.set_yticks(range(len(some)), [NAMES[names[i]] for i in some])
    place.set(xticks=[], title="What the attention weighs: the syntax of a method's body, in the order of the source")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    inputs, names = data(every=4 if quick else 1)
    parts = slice(len(names) // 5, None), slice(len(names) // 5)
    (x_train, y_train), (x_test, y_test) = (({k: x[part] for k, x in inputs.items()}, names[part]) for part in parts)
    model, weights = build()
    epochs = 10 if quick else 14
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    said = model.predict(x_test, verbose=0).argmax(axis=1)

    linear = LogisticRegression(max_iter=1000)
    baseline = linear.fit(x_train["table"], y_train).score(x_test["table"], y_test)
    model.save(out / "tabular_sequence.lamina")
    return Result(
        model,
        {name: array[:64] for name, array in x_test.items()},
        float(np.mean(said == y_test)),
        baseline,
        draw(x_test, weights.predict(x_test["body"], verbose=0), said, y_test),
        history,
        more={"share of the most frequent name": float(np.mean(y_test == 0))},
    )
