"""The seven workloads as plain data: hyper-parameters, declared shapes and seeded synthetic arrays.

No deep-learning library is imported here: every peer reads the same `WORKLOADS[case]` and trains on the same arrays.
Images are NHWC float32, token ids and class labels int32, all else float32. Every target can be learnt from its input,
so a loss that does not fall points at a broken peer. Models end in logits, but for `tickets`, whose outputs are
probabilities (sigmoid, softmax).

A workload's `params` is the number of trainable values that every peer must report: an LSTM has one bias vector (as in
Keras; PyTorch's second one is redundant), and a convolution before BatchNormalization has none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Spec = Mapping[str, tuple[tuple[int, ...], str]]
Sampler = Callable[[Mapping[str, Any], np.random.Generator, int], tuple[Arrays, Arrays]]

SEED = 0
# One set of constants for all peers, so that they do not differ by their libraries' defaults.
ADAM = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}  # Keras' momentum: the share of the old value that is kept
LAYER_NORM = {"epsilon": 1e-5}


@dataclass(frozen=True)
class Workload:
    """One model on one data set.

    `inputs` and `targets` declare name -> (shape of one row, dtype), in the order in which a model has them.
    """

    name: str
    about: str
    batch_size: int
    steps: int  # training steps in one timed fit()
    predict_batches: int  # batches in one timed predict()
    params: int
    inputs: Spec
    targets: Spec
    hp: Mapping[str, Any]
    sample: Sampler

    def data(self, batches: int) -> tuple[Arrays, Arrays]:
        """Inputs and targets with `batches * batch_size` rows; the same ones at every call."""
        return self.sample(self.hp, np.random.default_rng(SEED), batches * self.batch_size)


def _templates(shape: tuple[int, ...], classes: int, strength: float) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """A sampler of noise with a faint pattern per class; one label in five is wrong.

    The wrong labels keep the loss off zero: there gradients turn denormal, which a CPU computes slowly, and the
    benchmark would time that.
    """

    def draw(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
        label = rng.integers(0, classes, rows)
        pattern = rng.standard_normal((classes, *shape), dtype=np.float32)
        x = rng.standard_normal((rows, *shape), dtype=np.float32) + np.float32(strength) * pattern[label]
        wrong = rng.random(rows) < 0.2
        label[wrong] = rng.integers(0, classes, int(wrong.sum()))
        return x, label.astype(np.int32)

    return draw


def _vectors(hp: Mapping[str, Any], rng: np.random.Generator, rows: int) -> tuple[Arrays, Arrays]:
    x, y = _templates((hp["features"],), hp["classes"], 0.1)(rng, rows)
    return {"x": x}, {"y": y}


def _images(hp: Mapping[str, Any], rng: np.random.Generator, rows: int) -> tuple[Arrays, Arrays]:
    x, y = _templates(hp["image"], hp["classes"], 0.5)(rng, rows)
    return {"x": x}, {"y": y}


def _reviews(hp: Mapping[str, Any], rng: np.random.Generator, rows: int) -> tuple[Arrays, Arrays]:
    """Class 1 where most tokens come from the lower half of the vocabulary."""
    x = rng.integers(0, hp["vocab"], (rows, hp["seq"]), dtype=np.int32)
    return {"x": x}, {"y": ((x < hp["vocab"] // 2).mean(1) > 0.5).astype(np.int32)}


def _next_tokens(hp: Mapping[str, Any], rng: np.random.Generator, rows: int) -> tuple[Arrays, Arrays]:
    """Each token is `3 * previous + 7` modulo the vocabulary, one in ten is random."""
    tokens = np.empty((rows, hp["seq"] + 1), np.int32)
    tokens[:, 0] = rng.integers(0, hp["vocab"], rows)
    for t in range(hp["seq"]):
        rule = (3 * tokens[:, t] + 7) % hp["vocab"]
        tokens[:, t + 1] = np.where(rng.random(rows) < 0.1, rng.integers(0, hp["vocab"], rows), rule)
    return {"x": tokens[:, :-1].copy()}, {"y": tokens[:, 1:].copy()}


def _tickets(hp: Mapping[str, Any], rng: np.random.Generator, rows: int) -> tuple[Arrays, Arrays]:
    title = rng.integers(0, hp["vocab"], (rows, hp["title"]), dtype=np.int32)
    body = rng.integers(0, hp["vocab"], (rows, hp["body"]), dtype=np.int32)
    tags = rng.integers(0, 2, (rows, hp["tags"])).astype(np.float32)
    priority = (tags.sum(1, keepdims=True) > hp["tags"] / 2).astype(np.float32)
    department = np.eye(hp["departments"], dtype=np.float32)[title[:, 0] % hp["departments"]]
    return {"title": title, "body": body, "tags": tags}, {"priority": priority, "department": department}


def _pixels(hp: Mapping[str, Any], rng: np.random.Generator, rows: int) -> tuple[Arrays, Arrays]:
    """A pixel's class is the band that the mean of its channels falls into."""
    x = rng.standard_normal((rows, *hp["image"]), dtype=np.float32)
    return {"x": x}, {"y": np.digitize(x.mean(-1), [-0.3, 0.3]).astype(np.int32)}


_LABEL: Spec = {"y": ((), "int32")}
_SMALL_IMAGE: Spec = {"x": ((32, 32, 3), "float32")}
_TOKENS: Spec = {"x": ((64,), "int32")}

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "mlp", "784 features, two Dense(256, relu), Dense(10)", 128, 200, 50, 269_322,
            {"x": ((784,), "float32")}, _LABEL,
            {"features": 784, "hidden": (256, 256), "classes": 10}, _vectors,
        ),
        Workload(
            "cnn", "32x32 images, 3 residual conv stages of 32, 64, 128", 64, 30, 20, 288_746,
            _SMALL_IMAGE, _LABEL,
            {"image": (32, 32, 3), "stages": (32, 64, 128), "classes": 10}, _images,
        ),
        Workload(
            "resnet20", "32x32 images, ResNet-20 with 1x1 projections", 64, 16, 10, 272_474,
            _SMALL_IMAGE, _LABEL,
            {"image": (32, 32, 3), "stages": (16, 32, 64), "blocks": 3, "classes": 10}, _images,
        ),
        Workload(
            "lstm", "64 tokens, Embedding(64), LSTM(128), Dense(2)", 64, 30, 20, 419_074,
            _TOKENS, _LABEL,
            {"vocab": 5000, "seq": 64, "embed": 64, "units": 128, "classes": 2}, _reviews,
        ),
        Workload(
            "transformer", "64 tokens, 2 causal post-LN blocks of 128, 5000 logits a token", 32, 20, 10, 1_681_544,
            _TOKENS, {"y": ((64,), "int32")},
            {"vocab": 5000, "seq": 64, "width": 128, "heads": 4, "hidden": 512, "blocks": 2}, _next_tokens,
        ),
        Workload(
            "tickets", "three inputs (title, body, tags), two LSTMs, two weighted outputs", 32, 40, 20, 1_392_097,
            {"title": ((10,), "int32"), "body": ((100,), "int32"), "tags": ((12,), "float32")},
            {"priority": ((1,), "float32"), "department": ((4,), "float32")},
            {"vocab": 10_000, "title": 10, "body": 100, "tags": 12, "embed": 64, "title_units": 128, "body_units": 32,
             "departments": 4, "loss_weights": {"priority": 1.0, "department": 0.2}}, _tickets,
        ),
        Workload(
            "unet", "64x64 images, U-Net of 16, 32, 64 and 128 channels, a class a pixel", 8, 20, 10, 482_771,
            {"x": ((64, 64, 3), "float32")}, {"y": ((64, 64), "int32")},
            {"image": (64, 64, 3), "levels": (16, 32, 64), "bottleneck": 128, "classes": 3}, _pixels,
        ),
    )
}  # fmt: skip
