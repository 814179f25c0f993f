"""Convolutions: plain, depthwise, separable, transposed."""

from __future__ import annotations

from tests.layers.cases.form import F32, FIRST, case, weight_options
from tests.layers.cases.wrong import bad_argument, bad_input, built_on

# What does not depend on the rank, for each of the three.
RANKS = {1: (2, 7, 4), 2: (2, 5, 6, 4), 3: (2, 3, 4, 3, 4)}
EVERYTHING = {"kernel_size": 2, "activation": "tanh", "use_bias": False, "activity_regularizer": "l2"}
WEIGHTS = {"filters": 4, "kernel_size": 2, **weight_options("kernel", "bias")}
SLIDES = {"filters": 2, "kernel_size": 2}
CONV = [
    *(case(f"Conv{rank}D", shape, filters=4, groups=2, **EVERYTHING) for rank, shape in RANKS.items()),
    *(case(f"Conv{rank}D", shape, **WEIGHTS) for rank, shape in RANKS.items()),
    *(case(f"Conv{rank}D", shape, lora_rank=2, lora_alpha=1, **SLIDES, **F32) for rank, shape in RANKS.items()),
    case("Conv1D", (2, 9, 4), filters=3, kernel_size=3),
    case("Conv1D", (2, 9, 4), filters=3, kernel_size=4, padding="same"),
    case("Conv1D", (2, 9, 4), filters=3, kernel_size=3, padding="causal", dilation_rate=2),
    case("Conv1D", (2, 10, 4), filters=3, kernel_size=4, padding="causal", strides=3),
    case("Conv1D", (2, 4, 9), filters=4, kernel_size=3, strides=2, groups=2, **FIRST),
    case("Conv1D", (2, 1, 9), filters=4, kernel_size=2, padding="same", **FIRST),
    case("Conv2D", (2, 8, 7, 4), filters=3, kernel_size=3),
    case("Conv2D", (2, 8, 7, 1), filters=3, kernel_size=3, padding="same"),
    case("Conv2D", (2, 8, 7, 4), filters=3, kernel_size=(2, 3), padding="SAME", use_bias=False),
    case("Conv2D", (2, 8, 7, 4), filters=3, kernel_size=3, strides=2, padding="same"),
    case("Conv2D", (2, 11, 9, 4), filters=3, kernel_size=5, strides=(3, 2), padding="same"),
    case("Conv2D", (2, 8, 7, 4), filters=3, kernel_size=1, strides=2, padding="same"),
    case("Conv2D", (2, 8, 7, 4), filters=3, kernel_size=3, strides=(2, 1)),
    case("Conv2D", (2, 8, 7, 4), filters=3, kernel_size=3, dilation_rate=(2, 1), padding="same"),
    case("Conv2D", (2, 8, 7, 4), filters=4, kernel_size=3, groups=2, activation="relu"),
    case("Conv2D", (2, 3, 8, 7), filters=6, kernel_size=3, groups=3, padding="same", **FIRST),
    case("Conv2D", (2, 4, 8, 7), filters=3, kernel_size=4, strides=2, padding="same", **FIRST),
    case(
        "Conv2D", (2, 4, 4, 3), filters=2, kernel_size=2, activity_regularizer="l2", **weight_options("kernel", "bias")
    ),
    case("Conv3D", (2, 5, 4, 3, 2), filters=3, kernel_size=2),
    case("Conv3D", (2, 5, 4, 3, 2), filters=3, kernel_size=(3, 2, 1), strides=2, padding="same"),
    case("Conv3D", (2, 2, 5, 6, 5), filters=3, kernel_size=3, dilation_rate=2, padding="same", **FIRST),
]

DEPTHWISE = [
    *(case(f"DepthwiseConv{rank}D", RANKS[rank], **EVERYTHING) for rank in (1, 2)),
    *(
        case(f"DepthwiseConv{rank}D", RANKS[rank], kernel_size=2, **weight_options("depthwise", "bias"))
        for rank in (1, 2)
    ),
    *(case(f"SeparableConv{rank}D", RANKS[rank], filters=3, **EVERYTHING) for rank in (1, 2)),
    *(
        case(
            f"SeparableConv{rank}D",
            RANKS[rank],
            filters=3,
            kernel_size=2,
            **weight_options("depthwise", "pointwise", "bias"),
        )
        for rank in (1, 2)
    ),
    case("DepthwiseConv1D", (2, 9, 4), kernel_size=3),
    case("DepthwiseConv1D", (2, 9, 4), kernel_size=3, depth_multiplier=2, padding="same", strides=2),
    case("DepthwiseConv1D", (2, 4, 9), kernel_size=2, dilation_rate=2, use_bias=False, **FIRST),
    case("DepthwiseConv2D", (2, 8, 7, 4), kernel_size=3),
    case("DepthwiseConv2D", (2, 8, 7, 4), kernel_size=(3, 2), depth_multiplier=3, padding="same"),
    case("DepthwiseConv2D", (2, 8, 7, 1), kernel_size=3, strides=2, padding="same", activation="tanh"),
    case("DepthwiseConv2D", (2, 4, 8, 7), kernel_size=3, depth_multiplier=2, dilation_rate=2, **FIRST),
    case(
        "DepthwiseConv2D", (2, 4, 4, 3), kernel_size=2, activity_regularizer="l2", **weight_options("depthwise", "bias")
    ),
    case("DepthwiseConv2D", (2, 4, 4, 3), kernel_size=2, use_bias=False),
    case("SeparableConv1D", (2, 9, 4), filters=3, kernel_size=3),
    case("SeparableConv1D", (2, 9, 4), filters=3, kernel_size=2, strides=2, padding="same", use_bias=False),
    case("SeparableConv1D", (2, 4, 9), filters=3, kernel_size=3, depth_multiplier=2, dilation_rate=2, **FIRST),
    case("SeparableConv2D", (2, 8, 7, 4), filters=3, kernel_size=3),
    case("SeparableConv2D", (2, 8, 7, 4), filters=3, kernel_size=3, depth_multiplier=2, padding="same"),
    case("SeparableConv2D", (2, 4, 8, 7), filters=3, kernel_size=3, strides=2, activation="elu", **FIRST),
    case("SeparableConv2D", (2, 8, 7, 4), filters=3, kernel_size=2, dilation_rate=2, use_bias=False),
    case(
        "SeparableConv2D",
        (2, 4, 4, 3),
        filters=2,
        kernel_size=2,
        activity_regularizer="l1",
        **weight_options("depthwise", "pointwise", "bias"),
    ),
]

# Every way the windows and the strides can lie, for both paddings.
TRANSPOSE = [
    case("Conv2DTranspose", (2, 4, 3, 3), filters=2, kernel_size=k, strides=s, padding=padding)
    for k in (1, 2, 3, 4, 5)
    for s in (1, 2, 3)
    for padding in ("valid", "same")
]
TRANSPOSE += [
    case("Conv2DTranspose", (2, 4, 3, 3), filters=2, kernel_size=k, strides=3, padding=padding, output_padding=extra)
    for k in (1, 2, 3, 5)
    for padding in ("valid", "same")
    for extra in (0, (1, 2))
]
TRANSPOSE += [
    *(case(f"Conv{rank}DTranspose", shape, filters=3, **EVERYTHING) for rank, shape in RANKS.items()),
    *(case(f"Conv{rank}DTranspose", shape, **WEIGHTS) for rank, shape in RANKS.items()),
    case("Conv3DTranspose", (2, 3, 2, 3, 2), filters=2, kernel_size=2, dilation_rate=2),
    case("Conv2DTranspose", (2, 6, 5, 3), filters=2, kernel_size=(3, 2), dilation_rate=(2, 3), padding="same"),
    case("Conv2DTranspose", (2, 4, 5, 3), filters=2, kernel_size=3, dilation_rate=2),
    case("Conv2DTranspose", (2, 3, 4, 5), filters=2, kernel_size=3, strides=2, padding="same", **FIRST),
    case("Conv2DTranspose", (2, 4, 5, 3), filters=2, kernel_size=2, activation="relu", use_bias=False),
    # In float64 PyTorch's own backward pass fails for one channel (torch 2.13), and Keras' with it.
    case("Conv2DTranspose", (2, 4, 5, 1), filters=2, kernel_size=2, test_dtypes=("float32",)),
    case(
        "Conv2DTranspose",
        (2, 3, 3, 3),
        filters=2,
        kernel_size=2,
        activity_regularizer="l2",
        **weight_options("kernel", "bias"),
    ),
    case("Conv1DTranspose", (2, 5, 3), filters=2, kernel_size=3, strides=2),
    case("Conv1DTranspose", (2, 5, 3), filters=2, kernel_size=3, strides=2, padding="same"),
    case("Conv1DTranspose", (2, 3, 5), filters=2, kernel_size=3, strides=2, output_padding=1, **FIRST),
    case("Conv1DTranspose", (2, 5, 3), filters=2, kernel_size=3, dilation_rate=2, padding="same"),
    case("Conv3DTranspose", (2, 3, 2, 2, 3), filters=2, kernel_size=3, strides=(1, 2, 3), padding="same"),
    case("Conv3DTranspose", (2, 3, 2, 2, 3), filters=2, kernel_size=(1, 2, 3), strides=2, output_padding=1),
    case("Conv3DTranspose", (2, 3, 3, 2, 2), filters=2, kernel_size=2, activation="relu", **FIRST),
]

CASES = CONV + DEPTHWISE + TRANSPOSE


ERRORS = [
    # One of each kind for every rank; what follows is about one layer each.
    *(bad_input("rank", f"Conv{n}D", (None, 4), f"{n + 2} axes.*not 2", **SLIDES) for n in RANKS),
    *(bad_input("geometry", f"Conv{n}D", shape, "at least 9", filters=2, kernel_size=9) for n, shape in RANKS.items()),
    *(
        bad_input("geometry", f"Conv{n}D", shape, "at least 9", filters=2, kernel_size=3, dilation_rate=4)
        for n, shape in RANKS.items()
    ),
    *(
        bad_input("width", f"Conv{n}D", (*shape[:-1], 6), "axis -1 of size 4, not 6", **SLIDES, **built_on(shape))
        for n, shape in RANKS.items()
    ),
    *(
        bad_input("dtype", f"Conv{n}D", shape, "got +complex64.*real numbers", **SLIDES, test_dtype="complex64")
        for n, shape in RANKS.items()
    ),
    bad_argument("Conv2D", "Conv2D: filters cannot be -1.*a positive integer", filters=-1, kernel_size=3),
    bad_argument("Conv2D", "Conv2D: kernel_size cannot be 0", filters=3, kernel_size=0),
    bad_argument(
        "Conv2D",
        r"Conv2D: kernel_size cannot be \(3, 3, 3\).*an integer or 2 integers",
        filters=3,
        kernel_size=(3, 3, 3),
    ),
    bad_argument("Conv2D", "Conv2D: kernel_size cannot be '3'", filters=3, kernel_size="3"),
    bad_argument("Conv2D", "Conv2D: strides cannot be 0", filters=3, kernel_size=3, strides=(1, 0)),
    bad_argument("Conv2D", "Conv2D: dilation_rate cannot be 1.5", filters=3, kernel_size=3, dilation_rate=1.5),
    bad_argument(
        "Conv2D", "padding cannot be 'causal'.*one of 'valid', 'same'", filters=3, kernel_size=3, padding="causal"
    ),
    bad_argument("Conv2D", "Conv2D: padding cannot be 1", filters=3, kernel_size=3, padding=1),
    bad_argument(
        "Conv2D", "data_format cannot be 'nhwc'.*'channels_last'", filters=3, kernel_size=3, data_format="nhwc"
    ),
    bad_argument("Conv2D", "Conv2D: groups cannot be 2.*a divisor of filters=3", filters=3, kernel_size=3, groups=2),
    bad_argument("Conv2D", "Conv2D: groups cannot be 0", filters=3, kernel_size=3, groups=0),
    bad_argument("Conv1D", "Conv1D: padding cannot be 'full'.*'causal'", filters=3, kernel_size=3, padding="full"),
    bad_argument("DepthwiseConv2D", "DepthwiseConv2D: depth_multiplier cannot be 0", kernel_size=3, depth_multiplier=0),
    bad_argument("SeparableConv2D", "SeparableConv2D: filters cannot be 0", filters=0, kernel_size=3),
    bad_argument("SeparableConv1D", "depth_multiplier cannot be -1", filters=2, kernel_size=3, depth_multiplier=-1),
    bad_argument(
        "Conv2DTranspose",
        r"output_padding cannot be 2.*less than strides=\(2, 2\)",
        filters=3,
        kernel_size=3,
        strides=2,
        output_padding=2,
    ),
    bad_argument("Conv2DTranspose", r"output_padding cannot be \(0,\)", filters=3, kernel_size=3, output_padding=(0,)),
    bad_argument("Conv3DTranspose", r"kernel_size cannot be \(3, 3\).*3 integers", filters=3, kernel_size=(3, 3)),
    bad_input(
        "rank",
        "Conv1D",
        (None, 8, 8, 3),
        r"got[ a-z]*\(None, 8, 8, 3\).*3 axes.*not 4",
        filters=3,
        kernel_size=3,
    ),
    bad_input("rank", "Conv2D", (None, 8, 3), "4 axes.*not 3", filters=3, kernel_size=3),
    bad_input(
        "geometry",
        "Conv2D",
        (None, 4, 8, 3),
        "at least 5 x 5, the extent of one window.*padding='same'",
        filters=3,
        kernel_size=5,
    ),
    bad_input("geometry", "Conv2D", (None, 6, None, 3), "at least 7 x 7", filters=3, kernel_size=3, dilation_rate=3),
    bad_input(
        "width",
        "Conv2D",
        (None, 8, 8, 3),
        "channels that 2 groups divide evenly, not 3",
        filters=4,
        kernel_size=3,
        groups=2,
    ),
    bad_input(
        "geometry",
        "Conv3D",
        (None, 3, 8, 8, 2),
        "at least 3 x 3 x 3",
        filters=4,
        kernel_size=3,
        data_format="channels_first",
    ),
    bad_input("geometry", "DepthwiseConv2D", (None, 2, 2, 3), "at least 3 x 3", kernel_size=3),
    bad_input("rank", "SeparableConv2D", (None, 8, 8), "4 axes.*not 3", filters=3, kernel_size=3),
    bad_input("rank", "Conv2DTranspose", (None, 8, 8), "4 axes.*not 3", filters=3, kernel_size=3),
    bad_input(
        "width",
        "Conv2D",
        (None, 8, 8, None),
        r"a known size of axis -1 \(the channels\)",
        filters=3,
        kernel_size=3,
        test_rule=False,
    ),
    bad_input("geometry", "Conv2D", (None, 8, 8, 3), "at least 9 x 9", filters=3, kernel_size=9, test_rule=False),
    bad_input(
        "width",
        "DepthwiseConv2D",
        (None, None, 8, 8),
        "a known size of axis 1",
        kernel_size=3,
        data_format="channels_first",
        test_rule=False,
    ),
]
