"""A network that knows the digits 0 to 4 learns the digits 5 to 9 from five images of each.

A digit may be anywhere in a scene, among scraps of others. To find it among them is what the old digits teach, and the
new ones need. The features are taken over as a nested model: first frozen, under a new head; then trained on, slowly.
The same network begun anew, with the same 25 scenes, is scored beside it: the mean over several choices of the 25.
Features of five digits are no more than a head start: with many more images of each, the one begun anew is as good.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from gallery import About, Result
from lamina import Input, Model, layers, models, optimizers, utils

ABOUT = About(
    title="Transfer learning: frozen features, then fine-tuned",
    group=8,
    answers="Note that by calling a model you aren’t just reusing the architecture of the model, you’re also reusing "
    "its weights.",
    data="scenes of 14 × 14 pixels, composed here: one of scikit-learn's handwritten digits among scraps of others",
    measure="accuracy on 300 other scenes of the digits 5 to 9, after five images of each; mean of several choices",
    baseline="the same network, begun anew",
    target=0.70,
    quick_target=0.45,
)

EACH, SIZE = 5, 14  # images of each new digit; pixels of a scene
Labelled = tuple[np.ndarray, np.ndarray]


def compose(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A scene for each digit: (N, 8, 8) -> (N, 14, 14, 1)."""
    scenes = np.zeros((len(digits), SIZE, SIZE), "float32")
    for scene, digit in zip(scenes, digits, strict=True):
        for scrap in digits[rng.integers(len(digits), size=2)]:
            (r, c), (i, j) = rng.integers(0, SIZE - 3, 2), rng.integers(0, 5, 2)
            scene[r : r + 4, c : c + 4] = scrap[i : i + 4, j : j + 4]
        r, c = rng.integers(0, SIZE - 7, 2)
        scene[r : r + 8, c : c + 8] = digit
    return scenes[..., np.newaxis]


def data() -> tuple[Labelled, Labelled]:
    """Images (N, 8, 8), from 0 to 1, and labels from 0 to 4: of the old digits, 0 to 4, and of the new, 5 to 9."""
    digits = load_digits()
    images, old = (digits.images / 16).astype("float32"), digits.target < 5
    return (images[old], digits.target[old]), (images[~old], digits.target[~old] - 5)


def choose(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[Labelled, Labelled]:
    """Scenes of five images of each class to learn from, and of 300 others."""
    order = rng.permutation(len(images))
    chosen = np.concatenate([order[labels[order] == label][:EACH] for label in range(5)])
    rest = rng.permutation(np.setdiff1d(order, chosen))[:300]
    return (compose(images[chosen], rng), labels[chosen]), (compose(images[rest], rng), labels[rest])


def build_features() -> Model:
    """14 x 14 pixels -> 96 numbers, wherever the digit is."""
    scene = Input((SIZE, SIZE, 1), name="scene")
    x = layers.Conv2D(24, 3, padding="same", activation="relu")(scene)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(48, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(96, 3, padding="same", activation="relu")(x)
    return Model(scene, layers.GlobalMaxPooling2D()(x), name="features")


def with_head(features: Model) -> Model:
    """The features, and five probabilities upon them."""
    scene = Input((SIZE, SIZE, 1), name="scene")
    x = layers.Dropout(0.3)(features(scene))
    return Model(scene, layers.Dense(5, activation="softmax", name="digit")(x), name="classifier")


def learn(model: Model, rate: float, chosen: Labelled, epochs: int, rest: Labelled) -> list[float]:
    """Train on few scenes -> the accuracy on the others after each epoch."""
    model.compile(optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*chosen, epochs=epochs, batch_size=16, validation_data=rest, verbose=0)
    found: list[float] = history.history["val_accuracy"]
    return found


def draw(transferred: np.ndarray, anew: np.ndarray, frozen: int) -> Figure:
    """Accuracy after each epoch: of each choice of images, and the mean."""
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for curves, color, label in ((transferred, "C0", "features of 0 to 4"), (anew, "C1", "begun anew")):
        epochs = np.arange(1, curves.shape[1] + 1)
        axes.plot(epochs, curves.T, color=color, alpha=0.25, linewidth=1)
        axes.plot(epochs, curves.mean(axis=0), color=color, linewidth=2.5, label=label)
    axes.axvline(frozen + 0.5, color="gray", linestyle=":")
    axes.text(frozen + 1, 0.12, "from here on, the features\nare trained, too", color="gray")
    axes.set(xlabel="epoch", ylabel="accuracy on 5 to 9", ylim=(0.1, 0.9), title=f"{EACH} images of each new digit")
    axes.legend(loc="lower right")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train on the old digits, then on few of the new ones; score, draw, save."""
    utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    (old, old_labels), new = data()
    rounds, frozen, tuned = (1, 10, 10) if quick else (6, 20, 40)  # scenes of each old digit; epochs
    features = build_features()
    first = with_head(features)
    first.compile(optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    scenes, labels = compose(np.tile(old, (rounds, 1, 1)), rng), np.tile(old_labels, rounds)
    history = first.fit(scenes, labels, batch_size=64, epochs=6, validation_split=0.1, verbose=2)

    transferred, anew, made = [], [], []
    for _ in range(1 if quick else 3):
        chosen, rest = choose(*new, rng)
        body = models.clone_model(features)
        body.set_weights(features.get_weights())
        made.append(with_head(body))
        body.trainable = False
        curve = learn(made[-1], 1e-2, chosen, frozen, rest)
        body.trainable = True
        transferred.append(curve + learn(made[-1], 1e-3, chosen, tuned, rest))
        anew.append(learn(with_head(build_features()), 2e-3, chosen, frozen + tuned, rest))

    with_features, without = np.array(transferred), np.array(anew)  # (choices, epochs)
    more = {"accuracy while the features were frozen": float(with_features[:, frozen - 1].mean())}
    score, baseline = float(with_features[:, -1].mean()), float(without[:, -1].mean())
    figure = draw(with_features, without, frozen)
    made[-1].save(out / "transfer_learning.lamina")
    return Result(made[-1], compose(new[0][:64], rng), score, baseline, figure, history, more)
