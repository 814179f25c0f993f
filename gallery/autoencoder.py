"""An autoencoder squeezes each handwritten digit into eight numbers, and draws it again from these.

Encoder and decoder are cut from one graph: a model is an input and an output, and what lies between them. Both are
functions, so that calling one after the other is the autoencoder again. Eight numbers of a linear method (PCA) are
scored beside them.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Autoencoder, cut from one graph and chained again",
    group=2,
    answers=(
        "Here’s a different take on the autoencoder example that creates an encoder model, a decoder model, and chain "
        "them in two calls to obtain the autoencoder model"
    ),
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure="mean squared error of the pixels (0 to 1) of 360 digits that training never saw",
    baseline="PCA with 8 components",
    target=0.014,
    quick_target=0.045,
    lower_is_better=True,
    keras_io=("vision/autoencoder", 73),
    timed=True,
)


def data() -> list[np.ndarray]:
    """Training and held-out images, (N, 8, 8, 1), from 0 to 1."""
    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16).astype("float32")
    return list(train_test_split(images, test_size=360, stratify=digits.target, random_state=0))


def build() -> tuple[Model, Model, Model]:
    """Autoencoder, encoder, decoder: three models, one set of weights."""
    image = Input((8, 8, 1), name="image")
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(x)
    code = layers.Dense(8, name="code")(layers.Flatten()(x))

    x = layers.Dense(4 * 4 * 64, activation="relu")(code)
    x = layers.Reshape((4, 4, 64))(x)
    x = layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu")(x)
    drawn = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="drawn")(x)

    encoder, decoder = Model(image, code, name="encoder"), Model(code, drawn, name="decoder")
    autoencoder = Model(image, decoder(encoder(image)), name="autoencoder")
    autoencoder.compile(optimizers.Adam(2e-3), loss="mse")
    return autoencoder, encoder, decoder


def draw(images: np.ndarray, again: np.ndarray, between: np.ndarray) -> Figure:
    """Digits, the same digits drawn from their codes, and digits drawn from codes between two others."""
    figure, axes = plt.subplots(3, 10, figsize=(9, 3.2), layout="constrained")
    rows = {"held out": images, "redrawn": again, "between": between}
    for row, (title, pictures) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(title)
        for place, picture in zip(row, pictures, strict=False):
            place.imshow(picture[..., 0], cmap="gray_r", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    train, test = data()
    autoencoder, encoder, decoder = build()
    epochs = 4 if quick else 20
    history = autoencoder.fit(train, train, epochs=epochs, validation_data=(test, test), verbose=2)
    error = autoencoder.evaluate(test, test, verbose=0)

    pca = PCA(8).fit(train.reshape(-1, 64))
    linear = pca.inverse_transform(pca.transform(test.reshape(-1, 64))).reshape(test.shape)
    baseline = float(np.mean((linear - test) ** 2))

    codes = encoder.predict(test[:2], verbose=0)
    steps = np.linspace(0, 1, 10, dtype="float32")[:, np.newaxis]
    between = decoder.predict((1 - steps) * codes[0] + steps * codes[1], verbose=0)
    figure = draw(test, autoencoder.predict(test, verbose=0), between)
    autoencoder.save(out / "autoencoder.lamina")
    return Result(autoencoder, test[:64], error, baseline, figure, history)
