"""Which of eight captions belongs to the picture?

A picture shows two handwritten digits, side by side or one above the other. A caption such as "two left of seven" says
what is where; "seven right of two" says the same. One branch reads the picture. Another one reads every caption with
the same weights. The caption whose vector is nearest to the picture's is chosen. The wrong captions are hard: three
name the right digits in wrong places, four name one wrong digit.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Text and picture: the caption that belongs to it",
    group=4,
    answers="One input for image - One input for text - Merge them",
    data="pairs of scikit-learn's handwritten digits, real; captions from a small grammar in the file",
    measure="share of pictures, of digits that training never saw, for which the right one of 8 captions is chosen",
    baseline="the same model that reads captions as bags of words, without their order",
    target=0.90,
    quick_target=0.20,
)

NAMES = "zero one two three four five six seven eight nine".split()
PLACES = ("left of", "right of", "above", "below")  # the opposite of place p is p ^ 1
WORDS = ["", *NAMES, "left", "right", "of", "above", "below"]
LENGTH, CHOICES = 4, 8
Inputs = dict[str, np.ndarray]


def spelled(first: int, place: int, second: int) -> list[int]:
    """A caption as numbers of words: (2, 0, 7) is "two left of seven"."""
    words = f"{NAMES[first]} {PLACES[place]} {NAMES[second]}".split()
    return [WORDS.index(word) for word in words] + [0] * (LENGTH - len(words))


def captions(first: int, place: int, second: int, rng: np.random.Generator) -> list[list[int]]:
    """The right caption, and seven wrong ones."""
    others = rng.permutation([digit for digit in range(10) if digit not in (first, second)])
    every = [(first, place, second), *((first, place ^ turn, second) for turn in (1, 2, 3))]
    every += [(first, place, other) for other in others[:2]] + [(other, place, second) for other in others[2:4]]
    turned = rng.random(CHOICES) < 0.5  # "seven right of two" for "two left of seven"
    return [spelled(b, p ^ 1, a) if turn else spelled(a, p, b) for (a, p, b), turn in zip(every, turned, strict=True)]


def pictures(images: np.ndarray, digits: np.ndarray, count: int, rng: np.random.Generator) -> tuple[Inputs, np.ndarray]:
    """Image (N, 16, 16, 1), captions (N, 8, 4) in random order; the number of the right caption (N,)."""
    scenes, texts = np.zeros((count, 16, 16, 1), "float32"), np.zeros((count, CHOICES, LENGTH), "int32")
    right = rng.integers(CHOICES, size=count)
    for scene, text, answer in zip(scenes, texts, right, strict=True):
        a, b = rng.integers(len(images), size=2)
        while digits[a] == digits[b]:
            b = rng.integers(len(images))
        place, aside = rng.integers(4), rng.integers(2, 7, size=2)
        spots = [(aside[0], 0), (aside[1], 8)] if place < 2 else [(0, aside[0]), (8, aside[1])]
        for (top, left), i in zip(spots if place % 2 == 0 else spots[::-1], (a, b), strict=True):
            scene[top : top + 8, left : left + 8, 0] = images[i] / 16
        first, *wrong = captions(int(digits[a]), int(place), int(digits[b]), rng)
        text[:] = np.insert(rng.permutation(wrong), answer, first, axis=0)
    return {"image": scenes, "captions": texts}, right


def data(count: int) -> tuple[Inputs, np.ndarray, Inputs, np.ndarray]:
    """Inputs and answers to train on; the same with held-out digits."""
    digits = load_digits()
    a, b, c, d = train_test_split(digits.images, digits.target, test_size=360, stratify=digits.target, random_state=0)
    rng = np.random.default_rng(0)
    return *pictures(a, c, count, rng), *pictures(b, d, 1000, rng)


def read_caption(ordered: bool) -> Model:
    """Caption (N, 4) -> vector (N, 64). Without order, only which words are there counts."""
    caption = Input((LENGTH,), dtype="int32", name="caption")
    x = layers.Embedding(len(WORDS), 32)(caption)
    x = layers.Flatten()(x) if ordered else layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(128, activation="relu")(x)
    return Model(caption, layers.Dense(64)(x), name="read_caption")


def build(ordered: bool = True) -> Model:
    """Image (N, 16, 16, 1) and captions (N, 8, 4) -> probability of each caption (N, 8)."""
    image = Input((16, 16, 1), name="image")
    captions = Input((CHOICES, LENGTH), dtype="int32", name="captions")
    x = image
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x)))
    x = layers.Dense(128, activation="relu")(layers.Dropout(0.3)(layers.Flatten()(x)))
    of_image = layers.Dense(64)(x)
    of_captions = layers.TimeDistributed(read_caption(ordered))(captions)  # (N, 8, 64)
    nearness = layers.Dot(axes=(2, 1))([of_captions, of_image])
    choice = layers.Softmax(name="choice")(nearness)
    model = Model([image, captions], choice, name="text_image")
    model.compile(optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def draw(inputs: Inputs, said: np.ndarray, right: np.ndarray) -> Figure:
    """Held-out pictures, and how probable each caption is. The right one is green."""
    figure, axes = plt.subplots(2, 4, figsize=(10, 4), layout="constrained", width_ratios=[1, 1.4] * 2)
    for i, (shown, chosen) in enumerate(axes.reshape(-1, 2)):
        shown.imshow(inputs["image"][i, ..., 0], cmap="gray_r")
        shown.axis("off")
        texts = [" ".join(WORDS[word] for word in text if word) for text in inputs["captions"][i]]
        chosen.barh(texts, said[i], color=["green" if choice == right[i] else "gray" for choice in range(CHOICES)])
        chosen.set(xlim=(0, 1), xticks=[])
        chosen.tick_params(labelsize=8)
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    x_train, y_train, x_test, y_test = data(1600 if quick else 10_000)
    epochs, size = (6, 32) if quick else (12, 64)
    bag_of_words, model = build(ordered=False), build()
    bag_of_words.fit(x_train, y_train, epochs=1 if quick else epochs, batch_size=size, verbose=2)
    test = x_test, y_test
    history = model.fit(x_train, y_train, epochs=epochs, batch_size=size, validation_data=test, verbose=2)
    said, of_bag = (which.predict(x_test, verbose=0) for which in (model, bag_of_words))
    score, baseline = (float(np.mean(answer.argmax(axis=1) == y_test)) for answer in (said, of_bag))
    model.save(out / "text_image.lamina")
    figure = draw(x_test, said, y_test)
    inputs = {name: array[:64] for name, array in x_test.items()}
    return Result(model, inputs, score, baseline, figure, history)
