"""Two networks compete: a generator draws digits, a discriminator tells them from handwritten ones (GAN).

Neither is trained by `fit` alone: a step of training is written out in `train_step`, with an optimizer for each
network. `fit` still brings the batches, the progress and the logs. The samples are scored by a classifier of digits:
each sample should look like one digit, and all digits should be there.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, losses, metrics, ops, optimizers, random, utils

ABOUT = About(
    title="Generative adversarial network with its own train_step",
    group=8,
    answers="Sometimes, you just need to write everything from scratch.",
    data="the 1,797 handwritten digits (8 × 8 pixels) that come with scikit-learn; real",
    measure=(
        "exp(mean KL divergence from a sample's classes to the classes of all 1,000 samples), from 1 to 10, by a "
        "classifier trained on other images of the same set (the inception score, with a classifier of digits)"
    ),
    baseline="draws from a normal distribution fitted to the training images (20 principal components)",
    target=7.2,
    quick_target=4.0,
    keras_io=("generative/dcgan_overriding_train_step", 101),
)

SIZE = 32  # numbers that a digit is drawn from


def data() -> list[np.ndarray]:
    """Images to draw like and images for the classifier (N, 8, 8, 1), from 0 to 1; the labels of both."""
    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16).astype("float32")
    return list(train_test_split(images, digits.target, test_size=500, stratify=digits.target, random_state=0))


def build_generator() -> Model:
    """32 normal numbers -> 8 x 8 pixels."""
    noise = Input((SIZE,), name="noise")
    x = layers.Dense(256, activation="relu")(noise)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(64, activation="sigmoid")(x)
    return Model(noise, layers.Reshape((8, 8, 1))(x), name="generator")


def build_discriminator() -> Model:
    """8 x 8 pixels -> how much they look handwritten (a logit)."""
    image = Input((8, 8, 1), name="image")
    x = layers.GaussianNoise(0.1)(layers.Flatten()(image))
    for _ in range(2):
        x = layers.Dense(256)(x)
        x = layers.LeakyReLU(0.2)(x)
        x = layers.Dropout(0.3)(x)
    return Model(image, layers.Dense(1)(x), name="discriminator")


class GAN(Model):
    """A generator and a discriminator, trained in turns."""

    def __init__(self, generator: Model, discriminator: Model) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.optimizers = [optimizers.Adam(1e-3, beta_1=0.5), optimizers.Adam(5e-4, beta_1=0.5)]
        self.loss_of = losses.BinaryCrossentropy(from_logits=True)
        self.trackers = [metrics.Mean("generator_loss"), metrics.Mean("discriminator_loss")]

    def descend(self, loss: torch.Tensor, part: Model, optimizer: Any) -> None:
        """One step of one of the two networks."""
        weights = part.trainable_weights
        optimizer.apply(torch.autograd.grad(loss, weights), weights)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Real images -> a step of the discriminator, then one of the generator."""
        real = data[0] if isinstance(data, tuple) else data
        count = len(real)
        drawn = self.generator(random.normal((count, SIZE)), training=True)

        logits = self.discriminator(ops.concatenate([real, drawn.detach()]), training=True)
        truth = torch.cat([torch.full((count, 1), 0.9), torch.zeros(count, 1)])  # 0.9: never quite sure
        discriminator_loss = self.loss_of(truth, logits)
        self.descend(discriminator_loss, self.discriminator, self.optimizers[1])

        generator_loss = self.loss_of(torch.ones(count, 1), self.discriminator(drawn, training=True))
        self.descend(generator_loss, self.generator, self.optimizers[0])

        for tracker, loss in zip(self.trackers, (generator_loss, discriminator_loss), strict=True):
            tracker.update_state(loss.detach())
        return {tracker.name: tracker.result() for tracker in self.trackers}


def learn_classes(images: np.ndarray, labels: np.ndarray) -> Model:
    """The judge: 8 x 8 pixels -> 10 probabilities."""
    image = Input((8, 8, 1))
    x = layers.Conv2D(32, 3, activation="relu")(image)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    model = Model(image, layers.Dense(10, activation="softmax")(x), name="judge")
    model.compile(optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=30, verbose=0)
    return model


def score_of(judge: Model, images: np.ndarray) -> float:
    """1: nothing can be told, or all are the same. 10: all ten digits, each clear."""
    classes = np.clip(judge.predict(images, verbose=0), 1e-9, 1)
    return float(np.exp((classes * np.log(classes / classes.mean(axis=0))).sum(axis=1).mean()))


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
    images, others, _, other_labels = data()
    judge = learn_classes(others, other_labels)
    gan = GAN(build_generator(), build_discriminator())
    gan.compile()
    history = gan.fit(images, batch_size=128, epochs=30 if quick else 250, verbose=2)

    noise = rng.standard_normal((1000, SIZE)).astype("float32")
    drawn = gan.generator.predict(noise, verbose=0)
    pca = PCA(20, whiten=True).fit(images.reshape(-1, 64))
    normal = pca.inverse_transform(rng.standard_normal((1000, 20))).clip(0, 1).reshape(-1, 8, 8, 1).astype("float32")

    more = {"score of handwritten digits": score_of(judge, images)}
    figure = draw(handwritten=images, drawn_by_the_generator=drawn, normal_distribution=normal)
    gan.generator.save(out / "gan.lamina")
    return Result(gan.generator, noise[:64], score_of(judge, drawn), score_of(judge, normal), figure, history, more)
