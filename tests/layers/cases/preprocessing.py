"""Rescaling, Normalization, CategoryEncoding, Pipeline, STFTSpectrogram."""

from __future__ import annotations

import numpy as np
import torch

from lamina import layers
from lamina.graph import ArgumentError, ShapeError
from tests.layers.cases.form import F32, Sub, case, numbers
from tests.layers.cases.wrong import bad_argument, bad_input, misuse, symbolic

X = (2, 5, 3)
IDS = np.array([[0, 1, 1], [4, 4, 2]])
WITH_NEGATIVE = np.array([[0, -1, 1], [4, -1, -1]])
WEIGHTS = numbers(2, 3)
MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
MEAN = [1.0, 2.0, -3.0]
VARIANCE = [4.0, 0.0, 0.25]

# Keras computes spectrograms in float32 whatever the layer's dtype.
SHORT = {"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 8, **F32}

CASES = [
    case("Rescaling", X, scale=2.5),
    case("Rescaling", X, scale=2, offset=-1),
    case("Rescaling", X, scale=[1, 2.5, -3], offset=MEAN),
    case("Rescaling", (2, 4, 3), scale=1 / 255, offset=0.5, test_input_dtype="uint8"),
    case("Rescaling", (2, 4), scale=[[3.0]], test_input_dtype="int32"),
    case("Normalization", X),
    case("Normalization", X, axis=None),
    case("Normalization", X, axis=1, invert=True),
    case("Normalization", X, axis=(1, -1)),
    case("Normalization", (2, 3), test_input_dtype="int32"),
    case("Normalization", X, mean=MEAN, variance=VARIANCE),
    case("Normalization", X, mean=MEAN, variance=VARIANCE, invert=True),
    case("Normalization", X, axis=[1, 2], mean=MEAN, variance=VARIANCE),
    case("Normalization", X, axis=(1, 2), mean=2.0, variance=9.0),
    case("Normalization", X, axis=None, mean=2.0, variance=9),
    case("CategoryEncoding", (2, 3), num_tokens=5, test_inputs=IDS),
    case("CategoryEncoding", (2, 3), num_tokens=5, output_mode="count", test_inputs=IDS),
    case("CategoryEncoding", (2, 3), num_tokens=6, output_mode="one_hot", test_inputs=IDS.astype("int32")),
    case("CategoryEncoding", (2, 3), num_tokens=5, output_mode="one_hot", test_inputs=WITH_NEGATIVE),
    case("CategoryEncoding", (2, 3), num_tokens=5, output_mode="multi_hot", test_inputs=WITH_NEGATIVE),
    case("CategoryEncoding", (2, 3), {"count_weights": WEIGHTS}, num_tokens=5, output_mode="count", test_inputs=IDS),
    case("CategoryEncoding", (4,), num_tokens=5, output_mode="one_hot", sparse=False, test_input_dtype="uint8"),
    case("CategoryEncoding", (2, 3), num_tokens=5, output_mode="binary", test_inputs=IDS.astype("float32")),
    case("Discretization", X, bin_boundaries=[-1.0, 0.0, 0.5]),
    case("Discretization", (2, 4), bin_boundaries=[0.0, 1.0, 3.0], test_input_dtype="int32"),
    case("Discretization", (2, 5), bin_boundaries=[-1.0, 0.0], output_mode="one_hot"),
    case("Discretization", (2, 5), bin_boundaries=[-1.0, 0.0], output_mode="multi_hot", epsilon=0.1),
    case("Discretization", (2, 5), bin_boundaries=[-0.5], output_mode="count"),
    case("Pipeline", (2, 5), layers=[Sub("Rescaling", scale=2.0), Sub("Dense", units=3)]),
    case("Pipeline", X, layers=[Sub("Dense", units=4, activation="relu"), Sub("LayerNormalization"), Sub("Flatten")]),
    case("Pipeline", [(2, 5), (2, 5)], layers=[Sub("Add"), Sub("BatchNormalization")]),
    case("Pipeline", (2, 6, 6, 3), layers=[Sub("Conv2D", filters=2, kernel_size=3)], name="steps"),
    *(case("STFTSpectrogram", (2, 40, 3), mode=mode, frame_length=16) for mode in MODES),
    case("STFTSpectrogram", (2, 40, 3), frame_length=10, frame_step=3, fft_length=32, padding="same", expand_dims=True),
    case("STFTSpectrogram", (2, 3, 40), mode="stft", frame_length=16, data_format="channels_first"),
    case("STFTSpectrogram", (2, 3, 40), mode="psd", frame_length=16, expand_dims=True, data_format="channels_first"),
    case("STFTSpectrogram", (2, 40, 1), mode="magnitude", frame_length=8, window="hamming", periodic=True),
    case("STFTSpectrogram", (2, 40, 1), mode="magnitude", frame_length=8, window=[1.0] * 8, scaling="spectrum"),
    case("STFTSpectrogram", (2, 40, 1), mode="real", frame_length=8, window=None, scaling=None),
    case("MelSpectrogram", (2, 300), **SHORT),
    case("MelSpectrogram", (2, 300), **SHORT, sequence_length=32, window="hamming", min_freq=100.0, max_freq=3000.0),
    case("MelSpectrogram", (2, 300), **SHORT, power_to_db=False, mag_exp=1.0, sampling_rate=8000),
    case("MelSpectrogram", (2, 300), **SHORT, top_db=20.0, min_power=1e-3, ref_power=2.0),
]

ERRORS = [
    bad_argument("Rescaling", ["scale", "'fast'"], scale="fast"),
    bad_argument("Rescaling", ["offset", "finite"], scale=1.0, offset=[1.0, float("nan")]),
    bad_input("width", "Rescaling", (None, 5, 3), ["(4,)", "scale"], scale=[1, 2, 3, 4]),
    bad_argument("Normalization", ["variance", "mean is"], mean=1.0),
    bad_argument("Normalization", ["variance", "(2,)"], mean=[1.0, 2.0], variance=1.0),
    bad_argument("Normalization", ["mean", "at most 1 axes"], mean=[[1.0]], variance=[[1.0]]),
    bad_argument("Normalization", ["variance", ">= 0"], mean=1.0, variance=-1.0),
    bad_argument("Normalization", ["axis", "'last'"], axis="last"),
    bad_input("rank", "Normalization", (None, 5, 3), ["axis 3"], axis=3),
    bad_input("geometry", "Normalization", (None, 5, None), ["known size of axis"], test_rule=False),
    bad_input("width", "Normalization", (None, 5, 4), ["(3,)", "mean"], mean=MEAN, variance=VARIANCE),
    bad_input("width", "Normalization", (None, 5, 4), ["(3,)", "built for"], test_first=(None, 5, 3)),
    bad_argument("CategoryEncoding", ["num_tokens", "IntegerLookup"]),
    bad_argument("CategoryEncoding", ["num_tokens", "positive"], num_tokens=0),
    bad_argument("CategoryEncoding", ["output_mode", "'tf_idf'", "'count'"], num_tokens=3, output_mode="tf_idf"),
    bad_argument("CategoryEncoding", ["sparse", "dense"], num_tokens=3, sparse=True),
    misuse(
        "argument",
        "CategoryEncoding",
        "weights of no counts",
        lambda: layers.CategoryEncoding(5)(IDS, count_weights=np.ones((2, 3))),
        ArgumentError,
        ["count_weights", "output_mode='count'"],
    ),
    misuse(
        "width",
        "CategoryEncoding",
        "too few weights",
        lambda: layers.CategoryEncoding(5, output_mode="count")(IDS, count_weights=np.ones((2, 1))),
        ShapeError,
        ["weight for each integer", "(2, 1)", "(2, 3)"],
    ),
    misuse(
        "value",
        "CategoryEncoding",
        "an integer too large",
        lambda: layers.CategoryEncoding(4)(IDS),
        IndexError,
        ["got       4, the first of 2", "[0, 4)"],
    ),
    misuse(
        "structure",
        "CategoryEncoding",
        "ragged lists",
        lambda: layers.CategoryEncoding(4)([[1, 2], [3]]),
        ArgumentError,
        ["one array of these lists", "pad"],
    ),
    bad_argument("Discretization", ["either bin_boundaries, or num_bins"]),
    bad_argument("Discretization", ["either bin_boundaries, or num_bins"], num_bins=3, bin_boundaries=[1.0]),
    bad_argument("Discretization", ["bin_boundaries", "increasing"], bin_boundaries=[1.0, 0.0]),
    bad_argument("Discretization", ["num_bins", "positive"], num_bins=0),
    bad_argument("Discretization", ["epsilon"], num_bins=3, epsilon=0.0),
    bad_argument("Discretization", ["output_mode", "'int'"], num_bins=3, output_mode="ints"),
    bad_argument("Discretization", ["sparse", "dense"], num_bins=3, sparse=True),
    misuse(
        "value",
        "Discretization",
        "no boundaries yet",
        lambda: layers.Discretization(num_bins=3)(np.zeros((2, 2))),
        ArgumentError,
        ["no boundaries yet", "layer.adapt(data)"],
    ),
    misuse(
        "value",
        "Discretization",
        "nothing to adapt",
        lambda: layers.Discretization([1.0]).adapt(np.zeros((2, 2))),
        ArgumentError,
        ["bin_boundaries were given", "num_bins"],
    ),
    bad_argument("Pipeline", ["layers", "list of layers"], layers=[]),
    bad_argument("Pipeline", ["layers", "list of layers"], layers=[torch.relu]),
    misuse(
        "width",
        "Pipeline",
        "a layer within",
        lambda: layers.Pipeline([layers.Dense(2), layers.Conv2D(2, 3)])(symbolic(4, 4)),
        ShapeError,
        ["Conv2D", "4 axes"],
    ),
    bad_argument("STFTSpectrogram", ["mode", "'power'", "'magnitude'"], mode="power"),
    bad_argument("STFTSpectrogram", ["frame_step", "frame_length=8"], frame_length=8, frame_step=9),
    bad_argument("STFTSpectrogram", ["fft_length", "frame_length=8"], frame_length=8, fft_length=4),
    bad_argument("STFTSpectrogram", ["padding", "'valid'"], padding="causal"),
    bad_argument("STFTSpectrogram", ["window", "'hann'"], window="kaiser"),
    bad_argument("STFTSpectrogram", ["scaling", "'density'"], scaling="power"),
    bad_input("rank", "STFTSpectrogram", (None, 400), "3 axes", frame_length=16, test_rule=False),
    bad_argument("MelSpectrogram", ["sequence_length", "at most fft_length=8"], fft_length=8, sequence_length=9),
    bad_argument("MelSpectrogram", ["window", "'kaiser'"], window="kaiser"),
    bad_argument("MelSpectrogram", ["max_freq", "more than min_freq"], max_freq=10.0),
    bad_input("rank", "MelSpectrogram", (None, 400, 1), "1 or 2 axes, not 3"),
    bad_input("geometry", "STFTSpectrogram", (None, 15, 1), "at least 16", frame_length=16),
]
