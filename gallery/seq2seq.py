"""Two recurrent networks, with attention between them, turn dates in words into digits.

"the third of may nineteen oh five" becomes 1905-05-03.

The encoder reads the words from both ends. The decoder writes one character after the other; at each it looks back at
the words, with weights that the picture shows. In training it is given the characters that should stand before
(teacher forcing); afterwards its own. Copying the date of the most similar known phrase is scored beside it.
"""

import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from gallery import About, Result
from lamina import Input, Model, layers, optimizers, utils

ABOUT = About(
    title="Sequence to sequence, with attention",
    group=5,
    answers="Sequence-to-sequence networks",
    data="5,000 days from 1900 to 2099, each written in words in one of four orders; made by the rules of this file",
    measure="dates that are right to the last character, of 1,000 days that training never saw",
    baseline="the date of the training phrase that shares most words",
    target=0.95,
    quick_target=0.3,
    keras_io=("nlp/addition_rnn", 103),
)

MONTHS = "january february march april may june july august september october november december".split()
UNITS = "zero one two three four five six seven eight nine ten eleven twelve".split()
UNITS += "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = "- first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
ORDINALS += [f"{unit}th" for unit in UNITS[13:]]
DIGITS = "0123456789->"  # what the decoder writes; > stands before the first
LENGTH = 10  # characters of a date


def number(n: int) -> str:
    """A number below 100 in words.

    >>> number(42)
    'forty two'
    """
    return UNITS[n] if n < 20 else TENS[n // 10] + (f" {UNITS[n % 10]}" if n % 10 else "")


def phrase(date: datetime.date, order: int) -> str:
    """A date in words, in one of four orders."""
    tens, unit = divmod(date.day, 10)
    round_day = {20: "twentieth", 30: "thirtieth"}.get(date.day)
    day = ORDINALS[date.day] if date.day < 20 else round_day or f"{TENS[tens]} {ORDINALS[unit]}"
    century, rest = divmod(date.year, 100)
    year = number(century) + (f" {number(rest)}" if rest > 9 else f" oh {UNITS[rest]}" if rest else " hundred")
    month = MONTHS[date.month - 1]
    return [
        f"the {day} of {month} {year}",
        f"{month} the {day} {year}",
        f"{day} {month} {year}",
        f"{month} {day} {year}",
    ][order]


def data() -> tuple[list[str], list[str]]:
    """Phrases and ISO dates, in random order."""
    random = np.random.default_rng(0)
    first, last = datetime.date(1900, 1, 1).toordinal(), datetime.date(2099, 12, 31).toordinal()
    days = random.choice(np.arange(first, last + 1), 5000, replace=False)
    dates = [datetime.date.fromordinal(int(day)) for day in days]
    return [phrase(date, int(random.integers(4))) for date in dates], [date.isoformat() for date in dates]


def build(words: int, width: int = 64) -> tuple[Model, Model]:
    """The model (words, characters so far -> the next character of each), and the same with its attention weights."""
    phrase = Input((None,), dtype="int32", name="phrase")  # (B, S), 0 after the last word
    so_far = Input((None,), dtype="int32", name="so_far")  # (B, T)

    x = layers.Embedding(words, width, mask_zero=True)(phrase)
    read, forward, backward = layers.Bidirectional(layers.GRU(width, return_sequences=True, return_state=True))(x)
    summary = layers.Dense(width, activation="tanh")(layers.Concatenate()([forward, backward]))

    y = layers.Embedding(len(DIGITS), width)(so_far)
    y = layers.GRU(width, return_sequences=True)(y, initial_state=summary)  # (B, T, width)
    seen, weights = layers.Attention()([y, layers.Dense(width)(read)], return_attention_scores=True)
    y = layers.Dense(width, activation="tanh")(layers.Concatenate()([y, seen]))
    following = layers.Dense(len(DIGITS), activation="softmax", name="following")(y)

    model = Model([phrase, so_far], following, name="seq2seq")
    model.compile(optimizers.Adam(4e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, Model([phrase, so_far], weights, name="attention")


def write(model: Model, phrases: np.ndarray) -> np.ndarray:
    """Dates, (N, 10): each character is the likeliest after those that the model has written."""
    written = np.full((len(phrases), 1), DIGITS.index(">"), "int32")
    for _ in range(LENGTH):
        following = model.predict([phrases, written], batch_size=500, verbose=0)[:, -1].argmax(axis=-1)
        written = np.concatenate([written, following[:, np.newaxis].astype("int32")], axis=1)
    return written[:, 1:]


def draw(texts: list[str], written: np.ndarray, weights: np.ndarray) -> Figure:
    """Where the decoder looked as it wrote each character."""
    figure, axes = plt.subplots(1, len(texts), figsize=(10, 3.2), layout="constrained")
    for place, text, digits, seen in zip(axes, texts, written, weights, strict=True):
        words = text.split()
        place.imshow(seen[:, : len(words)].T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        place.set_xticks(range(LENGTH), [DIGITS[digit] for digit in digits])
        place.set_yticks(range(len(words)), words)
    figure.suptitle("Held-out dates: where the decoder (below) looks at the words (left)")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, draw, save."""
    utils.set_random_seed(0)
    texts, dates = data()
    split = 2000 if quick else 4000
    to_words = layers.TextVectorization()
    to_words.adapt(texts[:split])
    phrases = to_words(texts).numpy().astype("int32")
    targets = np.array([[DIGITS.index(character) for character in date] for date in dates], "int32")
    so_far = np.insert(targets[:, :-1], 0, DIGITS.index(">"), axis=1)

    model, attention = build(to_words.vocabulary_size())
    held_out = [phrases[4000:], so_far[4000:]]
    history = model.fit(
        [phrases[:split], so_far[:split]],
        targets[:split],
        epochs=4,
        validation_data=(held_out, targets[4000:]),
        verbose=2,
    )
    written = write(model, phrases[4000:])
    exact = float((written == targets[4000:]).all(axis=1).mean())

    counts = layers.TextVectorization(output_mode="multi_hot", vocabulary=to_words.get_vocabulary()[2:])(texts).numpy()
    nearest = (counts[4000:] @ counts[:split].T).argmax(axis=1)
    copied = float((targets[:split][nearest] == targets[4000:]).all(axis=1).mean())
    weights = attention.predict([part[:3] for part in held_out], verbose=0)
    model.save(out / "seq2seq.lamina")
    return Result(
        model, [part[:64] for part in held_out], exact, copied, draw(texts[4000:4003], written[:3], weights), history
    )
