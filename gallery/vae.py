"""A variational autoencoder learns to draw handwritten digits that nobody has written.

The encoder gives, for each image, a normal distribution over eight numbers. A draw from it goes to the decoder, which
gives each pixel's probability of being ink. Two terms are minimised: what the pixels cost, and how far the encoder's
distribution is from the standard normal one. Their sum bounds -log p(image) from above. New digits are decoded from
draws of the standard normal distribution.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="Variational autoencoder",
    group=2,
    answers="These rely on: Compression, Expansion, Skip connections, Branching",
    data="the 1,797 handwritten digits (8 × 8 pixels, here black or white) that come with scikit-learn; real",
    measure="bound on -log p(image), in nats, of 360 digits that training never saw",
    baseline="ten products of 64 independent pixels, one for each class (naive Bayes)",
    target=19.0,
    quick_target=19.8,
    lower_is_better=True,
    keras_io=("generative/vae", 118),
)

SIZE = 8  # numbers that stand for an image


def data() -> list[np.ndarray]:
    """Training images, held-out images (N, 8, 8, 1), of 0 and 1; training labels, held-out labels."""
    digits = load_digits()
    images = (digits.images[..., np.newaxis] >= 8).astype("float32")
    return list(train_test_split(images, digits.target, test_size=360, stratify=digits.target, random_state=0))


def build() -> tuple[Model, Model, Model]:
    """Autoencoder, encoder, decoder."""
    image = Input((8, 8, 1), name="image")
    x = layers.Flatten()(image)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dense(256, activation="relu")(x)
    mean = layers.Dense(SIZE, name="mean")(x)
    log_variance = layers.Dense(SIZE, name="log_variance")(x)

    noise = layers.GaussianNoise(1.0)(ops.zeros_like(mean))  # in training; when predicting, none
    code = mean + ops.exp(log_variance / 2) * noise

    x = layers.Dense(256, activation="relu")(code)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dense(64, activation="sigmoid")(x)
    ink = layers.Reshape((8, 8, 1), name="ink")(x)

    autoencoder = Model(image, ink, name="vae")
    divergence = ops.sum(mean**2 + ops.exp(log_variance) - log_variance - 1, axis=1) / 2  # (N,)
    autoencoder.add_loss(divergence / 64, name="divergence")  # for each pixel, as the loss below is
    autoencoder.compile(optimizers.Adam(2e-3), loss="binary_crossentropy")
    return autoencoder, Model(image, [mean, log_variance], name="encoder"), Model(code, ink, name="decoder")


def cost(images: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """-log p(image | ink) in nats: the sum over the pixels, (N, ...)."""
    ink = np.clip(ink, 1e-6, 1 - 1e-6)
    likelihood = np.where(images == 1, ink, 1 - ink)
    nats: np.ndarray = -np.log(likelihood).sum(axis=(-3, -2, -1))
    return nats


def bound(encoder: Model, decoder: Model, images: np.ndarray, rng: np.random.Generator) -> float:
    """The mean over images, and over 20 draws of each one's code."""
    mean, log_variance = encoder.predict(images, verbose=0)
    divergence = (mean**2 + np.exp(log_variance) - log_variance - 1).sum(axis=1) / 2
    codes = mean + np.exp(log_variance / 2) * rng.standard_normal((20, *mean.shape))
    ink = decoder.predict(codes.reshape(-1, SIZE).astype("float32"), verbose=0).reshape(20, *images.shape)
    return float((cost(images, ink) + divergence).mean())


def draw(**rows: np.ndarray) -> Figure:
    """64 images of each kind, side by side."""
    figure, axes = plt.subplots(1, len(rows), figsize=(9, 3.4), layout="constrained")
    for place, (title, images) in zip(axes, rows.items(), strict=True):
        framed = np.pad(images[:64, ..., 0], ((0, 0), (1, 1), (1, 1)))
        place.imshow(framed.reshape(8, 8, 10, 10).swapaxes(1, 2).reshape(80, 80), cmap="gray_r")
        place.set_title(title.replace("_", " "))
        place.axis("off")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    train, test, train_labels, _ = data()
    autoencoder, encoder, decoder = build()
    epochs = 20 if quick else 60
    history = autoencoder.fit(train, train, epochs=epochs, validation_data=(test, test), verbose=2)
    score = bound(encoder, decoder, test, rng)

    counts = [np.append(train[train_labels == digit], [0 * train[0], 0 * train[0] + 1], axis=0) for digit in range(10)]
    by_class = np.stack([images.mean(axis=0) for images in counts])  # (10, 8, 8, 1)
    shares = np.bincount(train_labels) / len(train)
    baseline = -np.logaddexp.reduce(np.log(shares) - cost(test[:, np.newaxis], by_class), axis=1).mean()

    new = decoder.predict(rng.standard_normal((64, SIZE)).astype("float32"), verbose=0)
    naive = rng.random((64, 8, 8, 1)) < by_class[rng.integers(10, size=64)]
    figure = draw(held_out_digits=test, drawn_by_the_autoencoder=new, drawn_by_naive_Bayes=naive)
    autoencoder.save(out / "vae.lamina")
    return Result(autoencoder, test[:64], score, float(baseline), figure, history)
