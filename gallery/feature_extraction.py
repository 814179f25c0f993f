"""Features of every depth: what a network knows that was never told what a digit is.

The network is told by how many quarters an image was turned, which needs no labels. One model more, of the same layers,
gives what each of them computes. Upon each, a linear classifier learns the ten digits from 50 labels. Halfway, the
features are of more use than the pixels; at the end they tell the turn and little else.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Feature extraction: every layer of a network is an output",
    group=8,
    answers="We can use these features to create a new feature-extraction model, that returns the values of the "
    "intermediate layer activations — and we can do all of this in 3 lines.",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 360 digits of logistic regression on the pooled features, taught by 50 labels; mean of "
    "10 choices of these",
    baseline="logistic regression on the pixels, by the same labels",
    target=0.88,
    quick_target=0.85,
)


def data() -> list[np.ndarray]:
    """Training and held-out images (N, 8, 8, 1), from 0 to 1, and their labels."""
    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16).astype("float32")
    return list(train_test_split(images, digits.target, test_size=360, stratify=digits.target, random_state=0))


def turned(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each image by none, one, two and three quarters, and by how many."""
    every = [np.rot90(images, quarters, axes=(1, 2)) for quarters in range(4)]
    return np.concatenate(every), np.repeat(np.arange(4), len(images))


def build() -> Model:
    """8 x 8 pixels -> four probabilities: by how many quarters it was turned."""
    image = Input((8, 8, 1), name="image")
    x = layers.Conv2D(24, 3, padding="same", activation="relu", name="conv_1")(image)
    x = layers.Conv2D(48, 3, padding="same", activation="relu", name="conv_2")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Conv2D(48, 3, padding="same", activation="relu", name="conv_3")(x)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    x = layers.Dense(64, activation="relu", name="dense")(x)
    quarters = layers.Dense(4, activation="softmax", name="quarters")(x)
    model = Model(image, quarters, name="turns")
    model.compile(optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def taught(train: np.ndarray, test: np.ndarray, labels: np.ndarray, test_labels: np.ndarray, choices: int) -> float:
    """Accuracy of a linear classifier upon features, taught by 5 labels of each digit; mean of several choices."""
    scale = np.sqrt((train**2).sum(axis=1).mean())  # so that one regularization is right for all
    found = []
    for choice in range(choices):
        order = np.random.default_rng(choice).permutation(len(train))
        few = np.concatenate([order[labels[order] == digit][:5] for digit in range(10)])
        classifier = LogisticRegression(C=100, max_iter=300).fit(train[few] / scale, labels[few])
        found.append(classifier.score(test / scale, test_labels))
    return float(np.mean(found))


def draw(image: np.ndarray, features: dict[str, np.ndarray], accuracies: dict[str, float]) -> Figure:
    """One digit as the layers see it; the accuracy upon each layer."""
    figure = plt.figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.4, 1])[0]
    maps = {name: values for name, values in features.items() if values.ndim == 3}
    rows = left.subplots(len(maps) + 1, 8)
    for place in rows.flat:
        place.axis("off")
    rows[0, 0].imshow(image[..., 0], cmap="gray_r")
    rows[0, 0].set_title("image", fontsize=9)
    for row, (name, values) in zip(rows[1:], maps.items(), strict=True):
        most = values.mean(axis=(0, 1)).argsort()[::-1]
        for place, channel in zip(row, most, strict=False):
            place.imshow(values[..., channel], cmap="viridis")
        row[0].set_title(name, fontsize=9)
    axes = right.subplots()
    axes.barh(list(accuracies), list(accuracies.values()), color=["gray", *["C0"] * (len(accuracies) - 1)])
    axes.invert_yaxis()
    axes.set(xlim=(0.4, 1), xlabel="accuracy on digits, by 50 labels")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Learn to tell turns; take every layer's features; score, draw, save."""
    utils.set_random_seed(0)
    train, test, labels, test_labels = data()
    model = build()
    epochs = 2 if quick else 10
    history = model.fit(*turned(train), epochs=epochs, batch_size=64, validation_data=turned(test), verbose=2)

    names = ["conv_1", "conv_2", "pool", "conv_3", "dense", "quarters"]
    extractor = Model(model.input, {name: model.get_layer(name).output for name in names}, name="features")

    of_train, of_test = extractor.predict(train, verbose=0), extractor.predict(test, verbose=0)
    of_train, of_test = {"pixels": train, **of_train}, {"pixels": test, **of_test}
    accuracies = {}
    for name in of_train:
        flat = of_train[name].reshape(len(train), -1), of_test[name].reshape(len(test), -1)
        accuracies[name] = taught(*flat, labels, test_labels, choices=2 if quick else 10)
    figure = draw(test[0], {name: of_test[name][0] for name in names}, accuracies)
    extractor.save(out / "feature_extraction.lamina")
    more = {f"accuracy upon {name}": accuracies[name] for name in names}
    return Result(extractor, test[:64], accuracies["pool"], accuracies["pixels"], figure, history, more)
