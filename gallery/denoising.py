"""A denoising autoencoder gives back digits that noise has covered.

Only what it is asked for differs from an autoencoder: noise goes in, the clean image is the target. New noise is drawn
in each epoch, by a layer that is quiet outside of training. The best of eight Gaussian filters is scored beside it.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Denoising autoencoder",
    group=2,
    answers="Encoder-decoder architectures … rely on: Compression, Expansion, Skip connections, Branching",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real, the noise drawn",
    measure="mean squared error of the pixels (0 to 1) of 360 noisy digits that training never saw",
    baseline="the best of eight Gaussian filters",
    target=0.024,
    quick_target=0.035,
    lower_is_better=True,
    keras_io=("vision/autoencoder", 73),
)
NOISE = 0.4
"""Standard deviation, where white is 0 and black is 1."""


def data() -> list[np.ndarray]:
    """Training and held-out images, (N, 8, 8, 1), from 0 to 1."""
    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16).astype("float32")
    return list(train_test_split(images, test_size=360, stratify=digits.target, random_state=0))


def build() -> Model:
    """Down to 4 × 4 places and up again; what is lost on the way down goes across by a skip connection."""
    image = Input((8, 8, 1), name="image")
    noisy = layers.GaussianNoise(NOISE)(image)
    fine = layers.Conv2D(32, 3, padding="same", activation="relu")(noisy)
    x = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(fine)
    code = layers.Dense(64, activation="relu", name="code")(layers.Flatten()(x))
    x = layers.Reshape((4, 4, 64))(layers.Dense(4 * 4 * 64, activation="relu")(code))
    x = layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Concatenate()([x, fine])
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    clean = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="clean")(x)
    model = Model(image, clean, name="denoising")
    model.compile(optimizers.Adam(2e-3), loss="mse")
    return model


def draw(images: np.ndarray, noisy: np.ndarray, clean: np.ndarray) -> Figure:
    """Held-out digits, the same with noise, and what the model makes of that."""
    figure, axes = plt.subplots(3, 10, figsize=(9, 3), layout="constrained")
    for row, title, pictures in zip(axes, ("held out", "noisy", "cleaned"), (images, noisy, clean), strict=True):
        row[0].set_ylabel(title)
        for place, picture in zip(row, pictures, strict=False):
            place.imshow(picture[..., 0], cmap="gray_r", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    train, test = data()
    noisy = test + np.random.default_rng(0).normal(0, NOISE, test.shape).astype("float32")
    model = build()
    epochs = 4 if quick else 40
    history = model.fit(train, train, epochs=epochs, validation_data=(noisy, test), verbose=2)
    error = model.evaluate(noisy, test, verbose=0)
    filtered = [gaussian_filter(noisy, (0, width, width, 0)) for width in np.linspace(0.3, 1.0, 8)]
    baseline = min(float(np.mean((image - test) ** 2)) for image in filtered)
    figure = draw(test, noisy, model.predict(noisy, verbose=0))
    model.save(out / "denoising.lamina")
    more = {"mean squared error of the noisy digits": float(np.mean((noisy - test) ** 2))}
    return Result(model, noisy[:64], error, baseline, figure, history, more)
