"""Small models of all the shapes that summaries and pictures must show."""

from __future__ import annotations

import torch

from lamina.layers import Add, Concatenate, Conv2D, Dense, Embedding, Flatten, GlobalAveragePooling2D, Input, Layer
from lamina.models import Model


def chain() -> Model:
    x = inputs = Input((8,), name="x")
    for units, name in ((16, "wide"), (4, "narrow")):
        x = Dense(units, activation="relu", name=name)(x)
    return Model(inputs, x, name="chain")


def encoder() -> Model:
    """8 + 3 * 3 * 4 * 4 weights and biases in two convolutions, around which a skip runs."""
    image = Input((8, 8, 1), name="image")
    first = Conv2D(4, 1, name="first")(image)
    second = Conv2D(4, 3, padding="same", use_bias=False, name="second")(first)
    code = GlobalAveragePooling2D(name="pool")(Add(name="sum")([second, first]))
    return Model(image, code, name="encoder")


def siamese() -> Model:
    """A nested model and a layer, each called twice, a function, and three outputs with names of their own."""
    left, right = Input((8, 8, 1), name="left"), Input((8, 8, 1), name="right")
    encode, head = encoder(), Dense(10, name="head")
    one, other = encode(left), encode(right)
    same = Dense(1, activation="sigmoid", name="same")(torch.abs(one - other))
    return Model([left, right], {"digit_a": head(one), "digit_b": head(other), "equal": same}, name="siamese")


class Pool(Layer):
    """The mean over the positions that the mask keeps."""

    def call(self, inputs, mask=None):
        weights = mask.to(inputs.dtype).unsqueeze(-1)
        return (inputs * weights).sum(1) / weights.sum(1)


def masked() -> Model:
    tokens = Input((None,), dtype="int64", name="tokens")
    return Model(tokens, Pool(name="mean")(Embedding(9, 3, mask_zero=True, name="words")(tokens)), name="masked")


def split() -> Model:
    """One node with two results, both of which are read."""
    x = Input((6,), name="x")
    one, other = torch.chunk(x, 2, dim=-1)
    return Model(x, Dense(2, name="out")(one * torch.sigmoid(other)), name="split")


def wide() -> Model:
    x = Input((4, 4, 3), name="x")
    branches = [Flatten(name=f"flat_{k}")(Conv2D(2 + k, 1, name=f"branch_{k}")(x)) for k in range(4)]
    return Model(x, Concatenate(name="join")(branches), name="wide")


def trunk() -> Model:
    """A tensor that is read four times, ever further down."""
    first = x = Input((4,), name="x")
    for k in range(9):
        x = Dense(4, name=f"dense_{k}")(x)
        if k in (2, 5, 8):
            x = Add(name=f"add_{k}")([x, first])
    return Model(first, x, name="trunk")


def twice() -> Model:
    """A nested model of two inputs and two outputs, fed crosswise, in a nested model."""
    a, b = Input((2,), name="a"), Input((3,), name="b")
    pair = Model({"a": a, "b": b}, [Dense(4, name="from_a")(a), Dense(5, name="from_b")(b)], name="pair")
    x, y = Input((3,), name="x"), Input((2,), name="y")
    around = Model([x, y], pair({"b": x, "a": y}), name="around")
    one, other = around([x, y])
    return Model([x, y], {"one": one, "other": other}, name="twice")
