"""A residual acoustic model hears which two vowels follow one another, whoever says them.

The spectrogram is a layer of the model, so that the model takes the sound as it is. Residual convolutions along time
follow. The sounds are synthesised as phoneticians do it: pulses of the voice through resonances (formants) that glide
from one vowel to the next. Voices differ in pitch and in the length of the vocal tract; those of the held-out sounds
are new. Logistic regression on the mean spectrum, which cannot tell the order, is scored beside it.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.signal import sosfilt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Residual acoustic model on a spectrogram layer",
    group=6,
    answers="Deep residual acoustic models",
    data="pairs of vowels said by 90 voices, synthesised by the file itself with a fixed seed; made, not real",
    measure="accuracy on 600 sounds of 30 voices that training never heard: which of 12 pairs of vowels",
    baseline="logistic regression on the mean spectrum",
    target=0.95,
    quick_target=0.60,
    keras_io=("audio/speaker_recognition_using_cnn", 218),
    timed=True,
)
RATE, SAMPLES = 4000, 2000
"""Samples per second, samples of a sound: half a second."""
FORMANTS = {"a": (730, 1090), "i": (270, 1750), "u": (300, 870), "e": (530, 1650)}
"""The two lowest resonances of the vocal tract, in hertz (after Peterson and Barney, 1952; i and e lowered)."""
PAIRS = [one + other for one in FORMANTS for other in FORMANTS if one != other]


def say(pair: str, pitch: float, tract: float, draw: np.random.Generator) -> np.ndarray:
    """A sound (SAMPLES,): pulses at `pitch` hertz through formants, which glide at about the middle; with noise."""
    time = np.arange(SAMPLES) / RATE
    phase = np.cumsum(pitch * (1 + 0.1 * draw.normal() * time)) / RATE
    sound = np.diff(np.floor(phase), prepend=0) + 0.05 * draw.normal(size=SAMPLES)
    middle, loudness = draw.uniform(0.4, 0.6), draw.uniform(0.5, 1)
    for formant in range(2):
        begin, end = (tract * FORMANTS[vowel][formant] * draw.uniform(0.95, 1.05) for vowel in pair)
        hertz = begin + (end - begin) / (1 + np.exp(-(time / time[-1] - middle) * 20))
        state = np.zeros((1, 2))
        for start in range(0, SAMPLES, 50):  # the filter changes 80 times a second
            turn, decay = 2 * np.pi * hertz[start] / RATE, np.exp(-np.pi * 80 / RATE)
            poles = [1, -2 * decay * np.cos(turn), decay**2]
            part = slice(start, start + 50)
            sound[part], state = sosfilt([[sum(poles), 0, 0, *poles]], sound[part], zi=state)
    return np.asarray(loudness * sound / sound.std() + 0.1 * draw.normal(size=SAMPLES))


def data(voices: int, sounds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`sounds` of each of `voices`, (N, SAMPLES, 1), and the pairs of vowels in them, (N,)."""
    draw = np.random.default_rng(seed)
    heard, pairs = [], []
    for _ in range(voices):
        pitch, tract = draw.uniform(90, 250), draw.uniform(0.85, 1.15)
        for pair in draw.integers(len(PAIRS), size=sounds):
            heard.append(say(PAIRS[pair], pitch * draw.uniform(0.9, 1.1), tract, draw))
            pairs.append(pair)
    return np.array(heard, dtype="float32")[..., np.newaxis], np.array(pairs)


def residual(x: Any, width: int, stride: int) -> Any:
    """Two convolutions along time, and a way around them: (B, T, C) -> (B, T / stride, width)."""
    y = layers.BatchNormalization(momentum=0.9)(layers.Conv1D(width, 3, strides=stride, padding="same")(x))
    y = layers.BatchNormalization(momentum=0.9)(layers.Conv1D(width, 3, padding="same")(layers.ReLU()(y)))
    around = layers.Conv1D(width, 1, strides=stride)(x)
    return layers.ReLU()(layers.add([around, y]))


def build() -> tuple[Model, Model]:
    """Sound -> probabilities of the pairs; and the model of its spectrogram alone."""
    sound = Input((SAMPLES, 1), name="sound")
    spectrum = layers.STFTSpectrogram("log", 128, 64, trainable=False, name="spectrogram")(sound)  # (B, 30, 65)
    x = layers.BatchNormalization(momentum=0.9)(spectrum)
    for width, stride in ((48, 1), (48, 2), (64, 2)):
        x = residual(x, width, stride)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    pair = layers.Dense(len(PAIRS), activation="softmax", name="pair")(x)
    model = Model(sound, pair, name="acoustic")
    model.compile(optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, Model(sound, spectrum, name="ear")


def draw(sound: np.ndarray, spectrum: np.ndarray, said: np.ndarray, pairs: np.ndarray) -> Figure:
    """A sound, its spectrogram, and what the model hears in the held-out sounds."""
    figure = plt.figure(figsize=(10, 4.2), layout="constrained")
    places = figure.subplot_mosaic([["sound", "confusion"], ["spectrum", "confusion"]])
    places["sound"].plot(np.arange(SAMPLES) / RATE, sound[:, 0], linewidth=0.5)
    places["sound"].set(
        title=f"A held-out sound: {PAIRS[pairs[0]]}, heard as {PAIRS[said[0]]}", xlim=(0, SAMPLES / RATE)
    )
    extent = (0.0, SAMPLES / RATE, 0.0, RATE / 2)
    places["spectrum"].imshow(spectrum.T, origin="lower", aspect="auto", cmap="magma", extent=extent)
    places["spectrum"].set(xlabel="seconds", ylabel="hertz")
    places["confusion"].imshow(confusion_matrix(pairs, said, normalize="true"), cmap="Blues")
    places["confusion"].set_xticks(range(len(PAIRS)), PAIRS)
    places["confusion"].set_yticks(range(len(PAIRS)), PAIRS)
    places["confusion"].set(xlabel="heard", ylabel="said", title="30 new voices")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = data(25 if quick else 60, 20, 0), data(30, 20, 1)
    model, ear = build()
    epochs = 5 if quick else 8
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    said = model.predict(x_test, verbose=0).argmax(axis=1)
    means = [ear.predict(x, verbose=0).mean(axis=1) for x in (x_train, x_test)]
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(means[0], y_train)
    figure = draw(x_test[0], ear.predict(x_test[:1], verbose=0)[0], said, y_test)
    model.save(out / "acoustic.lamina")
    return Result(model, x_test[:64], float((said == y_test).mean()), line.score(means[1], y_test), figure, history)
