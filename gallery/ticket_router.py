"""A router of tickets: which department should handle a ticket, and how urgent is it?

A ticket has a title, a body and tags. Here, each function and class of the standard library sends one: its name is the
title, its docstring the body, facts of its code are the tags. The department is the part of the library that it belongs
to; it is urgent if its code raises an exception. Three inputs meet in one vector, from which both answers are read.
"""

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, roc_auc_score

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Ticket router: three inputs, two outputs",
    group=4,
    answers="a system for ranking custom issue tickets by priority and routing them to the right department",
    data="names, docstrings and code in the running Python's standard library; real",
    measure="mean of the accuracy of the department and the ROC AUC of the priority, for every fifth ticket, held out",
    baseline="logistic regressions on title and tags (with the body 0.851, better than the model)",
    target=0.78,
    quick_target=0.60,
)

MODULES = {  # department -> the modules it looks after
    "windows": "tkinter turtle",
    "processes": "asyncio concurrent multiprocessing queue sched selectors signal subprocess threading",
    "mail and web": "email ftplib http imaplib mailbox nntplib poplib smtplib socket socketserver ssl urllib xmlrpc",
    "files": "_pyio bz2 fileinput gzip lzma ntpath os pathlib posixpath shutil tarfile tempfile zipfile",
    "numbers": "_pydecimal calendar datetime decimal fractions numbers random statistics",
    "language": "ast bdb dis importlib inspect pdb pickletools pydoc symtable traceback typing",
    "formats": "codecs configparser csv difflib json optparse re string textwrap xml",
}
TAGS = (ast.ClassDef, ast.Await, ast.Return, ast.Yield, ast.Try, ast.For, ast.BinOp)  # whether its code has such a part
Arrays = dict[str, np.ndarray]
WORDS, TITLE, BODY = 5000, 6, 48  # words known; the first words of a title and of a body are read


def words(text: str) -> str:
    """Words in small letters, names split: "HTTPServer.serve_forever" -> "http server serve forever"."""
    return " ".join(re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)).lower()


def tickets(every: int) -> Iterator[tuple[str, str, list[bool], int, bool]]:
    """Title, body, tags, number of the department, whether it is urgent."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for number, modules in enumerate(MODULES.values()):
        places = [path for name in modules.split() for path in (library / name, library / f"{name}.py")]
        files = sorted(file for place in places for file in (place, *place.rglob("*.py")) if file.is_file())
        for file in files[::every]:
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    inside = list(ast.walk(node))
                    tags = [any(isinstance(part, kind) for part in inside) for kind in TAGS]
                    urgent = any(isinstance(part, ast.Raise) for part in inside)
                    if text := words(ast.get_docstring(node) or ""):
                        yield words(node.name), text, tags, number, urgent


def data(every: int) -> tuple[Arrays, Arrays]:
    """Inputs and answers by their names, in random order; a text is the numbers of its words, 0 where there is none."""
    found = list({(title, body): (tags, *answer) for title, body, tags, *answer in tickets(every)}.items())
    np.random.default_rng(0).shuffle(found)
    texts, rest = zip(*found, strict=True)
    titles, bodies = map(list, zip(*texts, strict=True))
    tags, departments, urgent = map(np.array, zip(*rest, strict=True))

    of_title, of_body = (layers.TextVectorization(WORDS, output_sequence_length=length) for length in (TITLE, BODY))
    of_body.adapt(titles + bodies)
    of_title.set_vocabulary(of_body.get_vocabulary())
    inputs = {"title": np.array(of_title(titles)), "body": np.array(of_body(bodies)), "tags": tags.astype("float32")}
    return inputs, {"priority": urgent[:, np.newaxis].astype("float32"), "department": departments}


def build() -> Model:
    """Title (N, 6), body (N, 48), tags (N, 7) -> priority (N, 1), department (N, 7)."""
    title = Input((TITLE,), dtype="int32", name="title")
    body = Input((BODY,), dtype="int32", name="body")
    tags = Input((len(TAGS),), name="tags")

    embedding = layers.Embedding(WORDS, 64, mask_zero=True)  # one for both: they share their words
    of_title = layers.LSTM(32)(embedding(title))
    x = layers.Bidirectional(layers.LSTM(32, return_sequences=True))(embedding(body))  # (N, 48, 64)
    ticket = layers.Concatenate()([of_title, layers.GlobalAveragePooling1D()(x), tags])
    ticket = layers.Dropout(0.5)(ticket)

    priority = layers.Dense(1, activation="sigmoid", name="priority")(ticket)
    department = layers.Dense(len(MODULES), activation="softmax", name="department")(ticket)
    model = Model([title, body, tags], [priority, department], name="ticket_router")
    loss = {"priority": "binary_crossentropy", "department": "sparse_categorical_crossentropy"}
    model.compile(optimizers.Adam(3e-3), loss, loss_weights={"priority": 2.0, "department": 1.0})
    return model


def scores(answers: Arrays, priority: np.ndarray, department: np.ndarray) -> tuple[float, float]:
    """ROC AUC of the priority, accuracy of the department."""
    accuracy = np.mean(department.argmax(axis=1) == answers["department"])
    return float(roc_auc_score(answers["priority"], priority)), float(accuracy)


def draw(answers: Arrays, priority: np.ndarray, department: np.ndarray) -> Figure:
    """Where tickets of each department were sent; and how many were urgent among those that were called so."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    options = {"normalize": "true", "values_format": ".0%", "cmap": "Blues", "colorbar": False, "xticks_rotation": 90}
    said, names = department.argmax(axis=1), list(MODULES)
    ConfusionMatrixDisplay.from_predictions(answers["department"], said, display_labels=names, ax=left, **options)
    left.set(title="Department: where its tickets were sent", xlabel="sent to", ylabel="belongs to")
    fifths = np.array_split(priority[:, 0].argsort(), 5)
    right.bar(range(5), [answers["priority"][fifth].mean() for fifth in fifths])
    right.set_xticks(range(5), [f"{priority[fifth].mean():.2f}" for fifth in fifths])
    right.set(title="Priority: tickets that are urgent", xlabel="mean priority of each fifth, as said by the model")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    inputs, answers = data(every=6 if quick else 1)
    parts = slice(len(inputs["tags"]) // 5, None), slice(len(inputs["tags"]) // 5)
    seen, unseen = ({name: array[part] for name, array in inputs.items()} for part in parts)
    known, wanted = ({name: array[part] for name, array in answers.items()} for part in parts)

    model = build()
    history = model.fit(seen, known, epochs=4, batch_size=64, validation_data=(unseen, wanted), verbose=2)
    priority, department = model.predict(unseen, verbose=0)
    auc, accuracy = scores(wanted, priority, department)
    model.save(out / "ticket_router.lamina")

    titles = layers.CategoryEncoding(WORDS)  # 1 for each word that is there, in any order
    less, unseen_less = (np.concatenate([titles(x["title"])[:, 1:], x["tags"]], axis=1) for x in (seen, unseen))
    linear = [LogisticRegression(max_iter=300).fit(less, answer.ravel()) for answer in known.values()]
    urgent, sent = (line.predict_proba(unseen_less) for line in linear)
    return Result(
        model,
        {name: array[:64] for name, array in unseen.items()},
        (auc + accuracy) / 2,
        sum(scores(wanted, urgent[:, 1], sent)) / 2,
        draw(wanted, priority, department),
        history,
        more={"ROC AUC of the priority": auc, "accuracy of the department": accuracy},
    )
