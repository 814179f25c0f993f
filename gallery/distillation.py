"""A small model learns from a large one, on images that nobody has labelled.

The teacher was trained on 700 labelled digits of its own. The student has one hidden layer of 24 units, 50 labelled
images and 687 without labels. For each image the teacher gives ten probabilities, which tell more than one label would.
The same student, trained on the 50 labels alone, is scored beside it.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, losses, optimizers, utils
from lamina.distillation import Distiller, LogitsDistillation

ABOUT = About(
    title="Distillation",
    group=8,
    answers="All models are callable, just like layers",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="the student's accuracy on 360 digits that neither model was trained on",
    baseline="the same student, trained on its 50 labels alone",
    target=0.95,
    quick_target=0.88,
    keras_io=("vision/knowledge_distillation", 107),
)

LABELLED = 50


def data() -> tuple[list[np.ndarray], ...]:
    """The teacher's, the student's and the held-out images (N, 8, 8, 1), from 0 to 1, each with labels."""
    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16).astype("float32")
    rest, test, rest_labels, test_labels = train_test_split(
        images, digits.target, test_size=360, stratify=digits.target, random_state=0
    )
    mine, other, my_labels, other_labels = train_test_split(
        rest, rest_labels, train_size=700, stratify=rest_labels, random_state=0
    )
    return [mine, my_labels], [other, other_labels], [test, test_labels]


def build_teacher() -> Model:
    """8 x 8 pixels -> convolutions -> the logits of ten digits."""
    image = Input((8, 8, 1), name="image")
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    x = layers.Dropout(0.3)(layers.Dense(128, activation="relu")(x))
    return Model(image, layers.Dense(10)(x), name="teacher")


def build_student(name: str = "student") -> Model:
    """64 pixels -> 24 -> the logits of ten digits."""
    image = Input((8, 8, 1), name="image")
    x = layers.Dense(24, activation="relu")(layers.Flatten()(image))
    return Model(image, layers.Dense(10)(x), name=name)


def learn(model: Model, images: np.ndarray, labels: np.ndarray, epochs: int) -> None:
    """The usual training by labels."""
    by_labels = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(2e-3), loss=by_labels, metrics=["accuracy"])
    model.fit(images, labels, epochs=epochs, verbose=0)


def accuracy(model: Model, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images whose largest logit is that of their label."""
    return float(np.mean(model.predict(images, verbose=0).argmax(axis=1) == labels))


def draw(images: np.ndarray, logits: np.ndarray) -> Figure:
    """What the teacher tells of the six images of which it is least sure: more than a label."""
    heat = np.exp(logits / 3)
    shares = heat / heat.sum(axis=1, keepdims=True)
    figure, axes = plt.subplots(2, 6, figsize=(9, 3.4), layout="constrained", height_ratios=[1, 1])
    for column, i in zip(axes.T, shares.max(axis=1).argsort(), strict=False):
        column[0].imshow(images[i, ..., 0], cmap="gray_r")
        column[0].axis("off")
        column[1].bar(range(10), shares[i])
        column[1].set(xticks=range(10), yticks=[], ylim=(0, 0.35))
    axes[1, 0].set_ylabel("teacher's share")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train teacher and student, score, draw, save."""
    utils.set_random_seed(0)
    (mine, my_labels), (images, labels), test = data()
    teacher = build_teacher()
    learn(teacher, mine, my_labels, epochs=5 if quick else 25)
    alone = build_student("student_alone")
    learn(alone, images[:LABELLED], labels[:LABELLED], epochs=100 if quick else 400)

    student = build_student()
    softened = LogitsDistillation(temperature=3.0, loss=losses.KLDivergence())
    distiller = Distiller(teacher, student, softened, student_loss_weight=0.1)
    distiller.compile(optimizers.Adam(4e-3), loss=losses.SparseCategoricalCrossentropy(from_logits=True))
    known = (np.arange(len(images)) < LABELLED).astype("float32")  # weighs the labels, not the teacher
    history = distiller.fit(
        images, np.where(known, labels, 0), sample_weight=known, epochs=40 if quick else 150, verbose=2
    )

    more = {
        "accuracy of the teacher": accuracy(teacher, *test),
        "weights of the teacher": teacher.count_params(),
        "weights of the student": student.count_params(),
    }
    figure = draw(test[0], teacher.predict(test[0], verbose=0))
    student.save(out / "distillation.lamina")
    return Result(student, test[0][:64], accuracy(student, *test), accuracy(alone, *test), figure, history, more)
