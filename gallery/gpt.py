"""A small GPT writes Python: it reads the source of the standard library and learns which character comes next.

Three blocks of causal attention stand on what the last characters say. Two graphs call the same layers. One reads whole
passages and is trained. The other reads one more character, and takes the keys and values of all characters before as
inputs: the cache with which it writes.

A model that knows what comes next can compress: its bits per character stand beside gzip's and xz's.
"""

import gzip
import lzma
import math
import sysconfig
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from gallery import About, Result
from lamina import Input, Model, layers, losses, ops, optimizers, utils

ABOUT = About(
    title="GPT-like character model",
    group=5,
    answers="GPT-like transformer blocks",
    data="the modules at the top of the running Python's standard library, some 4 million characters; real",
    measure="bits per character of every twentieth module, which training never saw",
    baseline="gzip on the same modules",
    target=1.9,
    quick_target=4.4,
    lower_is_better=True,
    keras_io=("generative/text_generation_with_miniature_gpt", 206),
)

CHARACTERS = 128  # ASCII
WIDTH, HEADS, DEPTH = 96, 4, 3
CONTEXT = 128  # characters of a passage
RECENT = 5  # characters that are read at each place
ROWS = 16381  # of the tables of runs of characters


class Block:
    """Attention and two dense layers, each added to what came in. Made once, called in both graphs."""

    def __init__(self) -> None:
        self.norm, self.norm_again = layers.LayerNormalization(), layers.LayerNormalization()
        self.to_heads = layers.Dense(3 * WIDTH, use_bias=False)
        self.from_heads = layers.Dense(WIDTH, use_bias=False)
        self.widen, self.narrow = layers.Dense(4 * WIDTH, activation="gelu"), layers.Dense(WIDTH)

    def __call__(self, x: Any, bias: Any, past: Any = None) -> tuple[Any, Any]:
        """x (B, T, WIDTH) and the past keys and values (B, P, HEADS, SIZE) -> x, keys and values with those of x."""
        heads = layers.Reshape((-1, 3, HEADS, WIDTH // HEADS))(self.to_heads(self.norm(x)))
        query, key, value = heads[:, :, 0], heads[:, :, 1], heads[:, :, 2]
        if past is not None:
            key, value = ops.concatenate([past[0], key], axis=1), ops.concatenate([past[1], value], axis=1)
        seen = ops.dot_product_attention(query, key, value, bias=bias)
        x = x + self.from_heads(layers.Reshape((-1, WIDTH))(seen))
        return x + self.narrow(self.widen(self.norm_again(x))), (key, value)


def farness(places: Any, known: Any) -> Any:
    """(1, HEADS, T, S): what is taken from the scores: more with the distance (ALiBi, 2021); all of what is to come."""
    distance = ops.expand_dims(places, 1) - ops.expand_dims(known, 0)
    slopes = ops.reshape(ops.convert_to_tensor([4.0**-head for head in range(1, HEADS + 1)]), (1, HEADS, 1, 1))
    return ops.where(distance < 0, -1e9, -slopes * ops.cast(distance, "float32"))


def build() -> tuple[Model, Model]:
    """The model of passages, and the model of one more character. Both read RECENT - 1 characters before the first."""
    letter, recent = layers.Embedding(CHARACTERS, WIDTH), layers.Conv1D(WIDTH, RECENT)
    runs = {size: layers.Embedding(ROWS, WIDTH, name=f"embedding_of_{size}") for size in (3, 5)}
    blocks, norm = [Block() for _ in range(DEPTH)], layers.LayerNormalization()
    head = layers.Dense(CHARACTERS, name="following")

    def draw(text: Any, bias: Any, pasts: list[Any]) -> tuple[Any, list[Any]]:
        x = recent(letter(text))  # (B, T + RECENT - 1) -> (B, T, WIDTH)
        for size, table in runs.items():  # a row for each run of characters; some runs share one
            row = 0
            for i in range(-size, 0):
                row = (row * 131 + text[:, RECENT + i : (i + 1) or None]) % ROWS
            x = x + table(row)
        presents = []
        for block, past in zip(blocks, pasts, strict=True):
            x, present = block(x, bias, past)
            presents.append(present)
        return head(norm(x)), presents

    text = Input((CONTEXT + RECENT - 1,), dtype="int32", name="text")
    places = ops.arange(CONTEXT)
    model = Model(text, draw(text, farness(places, places), [None] * DEPTH)[0], name="gpt")

    text = Input((RECENT,), dtype="int32", name="text")
    pasts = [(Input((None, HEADS, WIDTH // HEADS)), Input((None, HEADS, WIDTH // HEADS))) for _ in range(DEPTH)]
    known = ops.shape(pasts[0][0])[1]
    bias = farness(ops.arange(known, known + 1), ops.arange(known + 1))
    step = Model([text, pasts], draw(text, bias, pasts), name="step")
    return model, step


def data() -> list[np.ndarray]:
    """The characters of the training modules and of the held-out ones, as numbers."""
    modules = sorted(Path(sysconfig.get_path("stdlib")).glob("[a-z]*.py"))
    held_out = modules[::20]
    parts = [[file for file in modules if file not in held_out], held_out]
    texts = ["\n".join(file.read_text(encoding="utf-8") for file in files) for files in parts]
    return [np.frombuffer(text.encode("ascii", "replace"), np.uint8) for text in texts]


def passages(text: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Passages with the characters before, (N, CONTEXT + RECENT - 1), and the next character of each, (N, CONTEXT)."""
    windows = np.lib.stride_tricks.sliding_window_view(text, CONTEXT + RECENT)[::stride].astype("int32")
    return windows[:, :-1], windows[:, RECENT:]


def write(step: Model, start: str, count: int, random: np.random.Generator | None = None) -> tuple[str, np.ndarray]:
    """Go on from a start, with the cache: the likeliest character, or one drawn at random -> text and all logits."""
    text, logits = [10] * (RECENT - 1) + list(start.encode()), []
    cache: Any = [(torch.zeros(1, 0, HEADS, WIDTH // HEADS),) * 2] * DEPTH
    for place in range(len(start) + count):
        recent = torch.tensor([text[place : place + RECENT]], dtype=torch.int32)
        with torch.no_grad():
            following, cache = step([recent, cache])
        logits.append(following[0, -1].numpy())
        if len(text) == place + RECENT:
            text.append(choose(logits[-1], random))
    return bytes(text[RECENT - 1 : -1]).decode(), np.array(logits)


def choose(logits: np.ndarray, random: np.random.Generator | None) -> int:
    """The likeliest character; with a generator, one drawn by probabilities that are sharpened a little."""
    chances = np.exp((logits - logits.max()) / 0.6, dtype="float64")
    return int(logits.argmax() if random is None else random.choice(CHARACTERS, p=chances / chances.sum()))


def draw(bits: dict[str, float], text: str) -> Figure:
    """Bits per character, and what the model writes after `def `."""
    figure, (bars, page) = plt.subplots(1, 2, figsize=(10, 4.4), width_ratios=(2, 3), layout="constrained")
    bars.bar_label(bars.bar(list(bits), list(bits.values()), color=["#b0b0b0", "#b0b0b0", "#1f6fb4"]), fmt="%.2f")
    bars.set(title="Bits per character of held-out modules", ylabel="less is better")
    lines = [line[:72] for line in text.splitlines()[:22]]
    page.text(0, 1, "\n".join(lines), family="monospace", fontsize=8, va="top", parse_math=False)
    page.set_title("Written by the model, character by character")
    page.axis("off")
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Train, score, write with the cache, compare with what one pass gives, draw, save."""
    utils.set_random_seed(0)
    train, test = data()
    test = test[:10_000] if quick else test
    model, step = build()
    steps, batch = (70, 4) if quick else (3600, 8)
    x, y = passages(train, CONTEXT)
    chosen = np.random.default_rng(0).permutation(len(x))[: steps * batch]
    rate = optimizers.schedules.CosineDecay(2e-4, steps, alpha=0.02, warmup_target=1e-2, warmup_steps=20)
    muon = optimizers.Muon(rate, exclude_layers=["following"], adam_lr_ratio=0.3, weight_decay=0.01)
    model.compile(muon, loss=losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(x[chosen], y[chosen], batch_size=batch, verbose=2)

    held_out, answers = passages(test, CONTEXT // 2)
    second_half = np.repeat(np.array([0, 2], "float32"), CONTEXT // 2)  # so each character has some before it
    weights = np.tile(second_half, (len(answers), 1))
    bits = model.evaluate(held_out, answers, sample_weight=weights, verbose=0) / math.log(2)
    gzipped, xzed = (8 * len(pack(test.tobytes())) / len(test) for pack in (gzip.compress, lzma.compress))

    text, logits = write(step, "def ", 100)  # as long as a passage holds: what comes after it changes nothing before
    passage = np.zeros((1, CONTEXT + RECENT - 1), "int32")
    passage[0, : RECENT - 1 + len(text)] = [10] * (RECENT - 1) + list(text.encode())
    difference = np.abs(model.predict(passage, verbose=0)[0, : len(text)] - logits).max()

    written, _ = write(step, "def ", 100 if quick else 600, np.random.default_rng(0))
    figure = draw({"gzip": gzipped, "xz": xzed, "GPT": bits}, written)
    model.save(out / "gpt.lamina")
    more = {
        "xz on the same modules": xzed,
        "largest difference of a logit with the cache and without": float(difference),
    }
    return Result(model, held_out[:8], bits, gzipped, figure, history, more)
