"""Three streams hear what is broken in a machine: two views of its sound, and its speed.

Each time a ball of a bearing passes a crack, the housing rings. What rings is told by the pitch of the ring: a stream
with short windows, which sees pitches. What is cracked is told by how often it rings in a turn: by a stream with long
windows over the loudness, which sees rates, and a third one that is told how fast the shaft turns. None of them knows
the answer alone. The same network without one of the streams is trained beside it.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.signal import fftconvolve
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gallery import About, Result
from lamina import Input, Model, layers, ops, optimizers, utils

ABOUT = About(
    title="Multi-stream audio: pitches, rates and a speed",
    group=6,
    answers="Multi-stream audio processing",
    data="sounds of cracked bearings, synthesised by the file itself with a fixed seed; made, not real",
    measure="accuracy on 1,000 other sounds: which of three parts is cracked, in which of two housings",
    baseline="logistic regression on the mean spectrum and the speed",
    target=0.90,
    quick_target=0.55,
)
RATE, SAMPLES = 4000, 2000
"""Samples per second, samples of a sound: half a second."""
PARTS = {"outer ring": 3.6, "ball": 4.7, "inner ring": 5.9}  # passes in one turn of the shaft
HOUSINGS = {"iron": 700, "steel": 1100}  # hertz at which it rings, more or less
NAMES = [f"{part}, {housing}" for part in PARTS for housing in HOUSINGS]
STREAMS = ("pitches", "rates", "speed")


def listen(passes: float, pitch: float, turns: float, draw: np.random.Generator) -> np.ndarray:
    """A sound (SAMPLES,): rings at a pitch, some times in each of `turns` turns a second; with noise."""
    strokes = np.cumsum(draw.normal(1, 0.03, 200)) / (passes * turns) * RATE  # when, in samples
    clicks = np.zeros(SAMPLES)
    clicks[strokes[strokes < SAMPLES].astype(int)] = 1
    time = np.arange(100) / RATE
    ring = np.exp(-time * 250) * np.sin(2 * np.pi * pitch * time)
    return np.asarray(fftconvolve(clicks, ring)[:SAMPLES] + draw.normal(0, 0.2, SAMPLES))


def data(count: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Sounds (N, SAMPLES, 1), speeds (N, 1) in tens of turns a second, and the numbers of the names, (N,)."""
    draw = np.random.default_rng(seed)
    turns, answers = draw.uniform(10, 25, count), draw.integers(len(NAMES), size=count)
    passes = np.array(list(PARTS.values()))[answers // 2] * draw.uniform(0.97, 1.03, count)
    pitches = np.array(list(HOUSINGS.values()))[answers % 2] * draw.uniform(0.85, 1.15, count)
    sounds = np.stack([listen(*facts, draw) for facts in zip(passes, pitches, turns, strict=True)])
    inputs = {"sound": sounds[..., np.newaxis], "speed": turns[:, np.newaxis] / 10}
    return {name: part.astype("float32") for name, part in inputs.items()}, answers


def build(streams: tuple[str, ...] = STREAMS) -> Model:
    """Sound and speed -> probabilities of the names, by all streams or by some."""
    sound, speed = Input((SAMPLES, 1), name="sound"), Input((1,), name="speed")
    short = layers.STFTSpectrogram("log", 64, 32, trainable=False, name="short")(sound)  # (B, 61, 33)
    loudness = layers.AveragePooling1D(4)(ops.abs(sound))  # (B, 500, 1)
    long = layers.STFTSpectrogram("log", 256, 61, trainable=False, name="long")(loudness)  # (B, 5, 129)

    heard: dict[str, Any] = {}
    x = layers.BatchNormalization(momentum=0.9)(short)
    for width in (24, 24):
        x = layers.Conv1D(width, 3, strides=2, activation="relu")(x)
    heard["pitches"] = layers.GlobalAveragePooling1D()(x)
    x = layers.GlobalAveragePooling1D()(long)
    heard["rates"] = layers.Dense(96, activation="relu")(layers.BatchNormalization(momentum=0.9)(x))
    heard["speed"] = layers.Dense(32, activation="relu")(speed)

    x = layers.Concatenate()([heard[name] for name in streams]) if len(streams) > 1 else heard[streams[0]]
    x = layers.Dense(96, activation="relu")(layers.Dropout(0.2)(x))
    name = layers.Dense(len(NAMES), activation="softmax", name="name")(layers.Dropout(0.2)(x))
    inputs = {"sound": sound, "speed": speed} if "speed" in streams else {"sound": sound}
    model = Model(inputs, name, name="audio_streams")
    model.compile(optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(inputs: dict[str, np.ndarray], right: dict[str, float], title: str) -> Figure:
    """A sound as two of the streams see it; what each stream adds."""
    figure, (pitches, rates, bars) = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    sound = inputs["sound"][0, :, 0]
    pitches.specgram(sound, NFFT=64, noverlap=48, Fs=RATE, cmap="magma")
    pitches.set(xlabel="seconds", ylabel="hertz", title=f"{title}: pitches")
    loudness = np.abs(np.fft.rfft(np.abs(sound) - np.abs(sound).mean()))[:250]
    rates.plot(np.arange(250) * RATE / SAMPLES, loudness)
    rates.set(xlabel="times a second", yticks=[], title=f"rates, at {10 * inputs['speed'][0, 0]:.1f} turns a second")
    bars.bar_label(bars.barh(list(right), list(right.values())), fmt="%.2f")
    bars.invert_yaxis()
    bars.set(xlim=(0, 1.1), xlabel="accuracy on other sounds", title="What each stream adds")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train with all streams and without each of them, score, draw, save."""
    utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = data(1500 if quick else 4000, 0), data(1000, 1)
    model, right, epochs = build(), {}, 5 if quick else 12
    history = model.fit(x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    right["all streams"] = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    for missing in STREAMS[: 0 if quick else None]:
        less = build(tuple(name for name in STREAMS if name != missing))
        train, test = ({name: x[name] for name in less.input} for x in (x_train, x_test))
        less.fit(train, y_train, epochs=epochs, verbose=0)
        right[f"without {missing}"] = less.evaluate(test, y_test, verbose=0, return_dict=True)["accuracy"]
    spectra = [
        np.hstack([np.log(np.abs(np.fft.rfft(x["sound"][..., 0], 256)) + 0.1), x["speed"]]) for x in (x_train, x_test)
    ]
    line = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300)).fit(spectra[0], y_train)
    figure = draw(x_test, right, NAMES[y_test[0]])
    model.save(out / "audio_streams.lamina")
    score, *others = right.items()
    some = {name: array[:64] for name, array in x_test.items()}
    return Result(model, some, score[1], line.score(spectra[1], y_test), figure, history, dict(others))
