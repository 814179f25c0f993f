"""A classifier of texts tells from a docstring which part of Python's standard library it was written for.

Texts go into the model: its first layer makes numbers of the words, and its vocabulary is saved with it. An embedding
gives each word 96 numbers, which are learned. Their mean tells what the text is about; their maximum finds the one word
that gives a family away. Naive Bayes on counted words, the classical bag of words, is scored beside it.
"""

import ast
import re
import sysconfig
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="Text classification",
    group=5,
    answers="Text descriptions",
    data="some 3,300 docstrings of nine families of packages of the running Python's standard library; real",
    measure="accuracy on a fifth of the docstrings, which training never saw",
    baseline="bag of words: naive Bayes on the counts of words",
    target=0.88,
    quick_target=0.6,
    not_in_keras="Keras' TextVectorization needs TensorFlow; on PyTorch it cannot be made",
    keras_io=("nlp/text_classification_from_scratch", 90),
)

FAMILIES = {
    "asyncio": ["asyncio", "concurrent", "multiprocessing"],
    "email": ["email"],
    "idlelib": ["idlelib"],
    "importlib": ["importlib"],
    "logging": ["logging"],
    "tkinter": ["tkinter"],
    "unittest": ["unittest"],
    "web": ["http", "urllib", "wsgiref", "xmlrpc"],
    "xml": ["xml"],
}


def docstrings(file: Path) -> list[str]:
    """The words of every docstring of a module that has at least five."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, kinds)]
    texts = [ast.get_docstring(node) or "" for node in nodes]
    return [" ".join(re.findall("[A-Za-z]+", text)) for text in texts if len(text.split()) >= 5]


def data() -> list[np.ndarray]:
    """Training texts, held-out texts, training families, held-out families. Tests of the packages are left out."""
    library = Path(sysconfig.get_path("stdlib"))
    families: dict[str, int] = {}
    for family, packages in enumerate(FAMILIES.values()):
        for file in sorted(file for package in packages for file in (library / package).rglob("*.py")):
            if not {"test", "tests", "idle_test"}.intersection(file.parts):
                families.update(dict.fromkeys(docstrings(file), family))
    texts, labels = np.array(list(families)), np.array(list(families.values()))
    return list(train_test_split(texts, labels, test_size=0.2, stratify=labels, random_state=0))


def build(texts: np.ndarray) -> Model:
    """Texts -> the numbers of 100 words -> 96 numbers for each -> mean and maximum -> probabilities."""
    vectorize = layers.TextVectorization(max_tokens=5000, output_sequence_length=100)
    vectorize.adapt(texts)

    text = Input((), dtype="string", name="text")
    words = vectorize(text)  # (B, 100), 0 after the last word
    x = layers.Embedding(vectorize.vocabulary_size(), 96, mask_zero=False)(words)
    x = layers.Dropout(0.5)(x)
    mean = layers.GlobalAveragePooling1D()(x, mask=ops.not_equal(words, 0))  # of the words alone
    x = layers.Concatenate()([mean, layers.GlobalMaxPooling1D()(x)])
    x = layers.Dropout(0.5)(x)
    family = layers.Dense(len(FAMILIES), activation="softmax", name="family")(x)
    model = Model(text, family, name="text_classification")
    model.compile(optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(labels: np.ndarray, said: np.ndarray) -> Figure:
    """Of the held-out docstrings of each family, the share that the model takes for each."""
    shares = confusion_matrix(labels, said, normalize="true")
    names = list(FAMILIES)
    figure, place = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
    place.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            place.text(column, row, f"{share:.0%}", ha="center", va="center", color="white" if share > 0.5 else "black")
    place.set_xticks(range(len(names)), names, rotation=45)
    place.set_yticks(range(len(names)), names)
    place.set(xlabel="the model says", ylabel="a docstring of", title="Held-out docstrings")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, x_test, y_train, y_test = data()
    model = build(x_train)
    epochs = 3 if quick else 20
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    bayes = make_pipeline(CountVectorizer(), MultinomialNB()).fit(x_train, y_train).score(x_test, y_test)
    figure = draw(y_test, model.predict(x_test, verbose=0).argmax(axis=1))
    model.save(out / "text_classification.lamina")
    return Result(model, x_test[:64], accuracy, bayes, figure, history)
