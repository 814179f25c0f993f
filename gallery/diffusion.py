"""A diffusion model draws digits out of noise, step by step, of the class that it is asked for.

An image is mixed with noise: sqrt(1 - s) image + sqrt(s) noise, for a share s from 0 to 1. The network sees mixture,
share and class, and learns to tell the noise; this is one `train_step` of its own. To draw, one begins with
noise alone (s = 1) and goes down in 25 steps: guess the noise, from it the image, and mix again with a little less.
The samples must teach: a classifier that has seen nothing but samples is tried on handwritten digits.
"""

import itertools
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, random, saving, utils

ABOUT = About(
    title="Diffusion model with its own train_step",
    group=8,
    answers="you may want to expose multiple custom training and inference methods on your model instance",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="accuracy on 360 handwritten digits of a nearest-neighbour classifier that has only seen 1,000 samples",
    baseline="the same, taught by samples of 64 independent normal pixels for each class",
    target=0.93,
    quick_target=0.80,
    keras_io=("generative/ddim", 297),
)

STEPS = 25


def data() -> list[np.ndarray]:
    """Training and held-out images (N, 64), from -1 to 1, and their labels."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 8 - 1).astype("float32")
    return list(train_test_split(images, labels, test_size=360, stratify=labels, random_state=0))


@saving.register_keras_serializable("gallery")
class Diffusion(Model):
    """A functional model that tells noise, with a training step and a way to draw of its own."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Mix images with noise; the loss is the error of the noise that the network tells."""
        images, labels = data
        noise = random.normal(tuple(images.shape))
        share = random.uniform((len(images), 1))
        mixed = ops.sqrt(1 - share) * images + ops.sqrt(share) * noise
        told = self([mixed, share, labels], training=True)
        loss = self.compute_loss(y=noise, y_pred=told)
        weights = self.trainable_weights
        self.optimizer.apply(torch.autograd.grad(loss, weights), weights)
        return {"loss": loss.detach()}

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Labels (N,) -> what they look like after each step, (STEPS + 1, N, 64)."""
        mixed = rng.standard_normal((len(labels), 64)).astype("float32")
        seen = [mixed]
        shares = np.cos(np.linspace(0.02, np.pi / 2, STEPS + 1)) ** 2  # from almost 1 to 0
        for share, less in itertools.pairwise(shares):
            noise = self.predict([mixed, np.full((len(labels), 1), share, "float32"), labels], 1000, verbose=0)
            image = ((mixed - np.sqrt(share) * noise) / np.sqrt(1 - share)).clip(-1, 1)
            noise = (mixed - np.sqrt(1 - share) * image) / np.sqrt(share)  # what is left when the image is cut
            mixed = (np.sqrt(1 - less) * image + np.sqrt(less) * noise).astype("float32")
            seen.append(mixed)
        return np.stack(seen)


def build(steps: int) -> Diffusion:
    """Mixture (64), share of noise (1), class -> the noise (64)."""
    mixed, share = Input((64,), name="mixed"), Input((1,), name="share")
    label = Input((), dtype="int64", name="label")
    waves = share * np.pi * 2.0 ** np.arange(-1, 5, dtype="float32")  # (N, 6)
    when = ops.concatenate([ops.sin(waves), ops.cos(waves)], axis=-1)
    about = layers.Dense(256)(ops.concatenate([when, layers.Embedding(10, 32)(label)], axis=-1))
    x = layers.Dense(256)(mixed)
    for _ in range(3):
        y = layers.LayerNormalization()(x + about)
        y = layers.Dense(256, activation="silu")(y)
        x = x + layers.Dense(256)(y)
    noise = layers.Dense(64, name="noise")(layers.LayerNormalization()(x))
    model = Diffusion([mixed, share, label], noise, name="diffusion")
    model.compile(optimizers.Adam(optimizers.schedules.CosineDecay(3e-3, steps)), loss="mse")
    return model


def taught_by(images: np.ndarray, labels: np.ndarray, test: list[np.ndarray]) -> float:
    """Accuracy on handwritten digits of a classifier that has learned from these images."""
    return float(KNeighborsClassifier(3).fit(images, labels).score(*test))


def draw(seen: np.ndarray) -> Figure:
    """Ten digits on their way out of the noise, from top to bottom."""
    rows = seen[[0, 8, 13, 17, 21, STEPS]]  # (6, N, 64)
    figure, axes = plt.subplots(len(rows), 1, figsize=(9, 3.6), layout="constrained")
    for place, row, when in zip(axes, rows, (0, 8, 13, 17, 21, STEPS), strict=True):
        framed = np.pad(row[:20].reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)), constant_values=-1)
        place.imshow(framed.swapaxes(0, 1).reshape(10, -1), cmap="gray_r", vmin=-1, vmax=1)
        place.set(xticks=[], yticks=[])
        place.set_ylabel(f"step {when}", rotation=0, ha="right", va="center")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, draw samples, score them, save."""
    utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x_train, x_test, y_train, y_test = data()
    epochs = 40 if quick else 250
    model = build(steps=12 * epochs)
    history = model.fit(x_train, y_train, batch_size=128, epochs=epochs, verbose=2)

    labels = np.arange(1000) % 10  # 0, 1, ... 9, 0, 1, ...
    seen = model.sample(labels, rng)
    means = np.stack([x_train[y_train == digit].mean(axis=0) for digit in range(10)])
    spreads = np.stack([x_train[y_train == digit].std(axis=0) for digit in range(10)])
    independent = means[labels] + spreads[labels] * rng.standard_normal((1000, 64))

    test = [x_test, y_test]
    more = {"the same, taught by handwritten digits": taught_by(x_train, y_train, test)}
    score, baseline = taught_by(seen[-1], labels, test), taught_by(independent, labels, test)
    model.save(out / "diffusion.lamina")
    inputs = [seen[13][:64], np.full((64, 1), 0.5, "float32"), labels[:64]]
    return Result(model, inputs, score, baseline, draw(seen), history, more)
