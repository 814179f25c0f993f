"""Dense, convolutions, pooling, normalization, regularization, reshaping and activation layers against Keras'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.layers.parity import check

FIRST = {"data_format": "channels_first"}
INFERENCE = {"training": (False,)}
Case = tuple[str, dict[str, Any], Any] | tuple[str, dict[str, Any], Any, dict[str, Any]]


def name(case: Case) -> str:
    arguments = ",".join(f"{key}={value}" for key, value in case[1].items())
    return f"{case[0]}({arguments}){case[2]}".replace(" ", "")


def run(case: Case) -> None:
    layer, kwargs, shape, *options = case
    check(layer, kwargs, shape, **(options[0] if options else {}))


def weight_options(*weights: str) -> dict[str, str]:
    """One case that gives each weight another initializer, a regularizer and a constraint."""
    kinds = {"initializer": "ones", "regularizer": "l2", "constraint": "non_neg"}
    return {f"{weight}_{kind}": value for weight in weights for kind, value in kinds.items()}


DENSE: list[Case] = [
    ("Dense", {"units": 3}, (4, 5)),
    ("Dense", {"units": 3, "activation": "relu"}, (4, 6, 5)),
    ("Dense", {"units": 2, "activation": "softmax", "use_bias": False}, (4, 2, 3, 5)),
    ("Dense", {"units": 2, "activity_regularizer": "l1", **weight_options("kernel", "bias")}, (4, 5)),
]

CONV: list[Case] = [
    ("Conv1D", {"filters": 3, "kernel_size": 3}, (2, 9, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 4, "padding": "same"}, (2, 9, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, (2, 9, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 4, "padding": "causal", "strides": 3}, (2, 10, 4)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "strides": 2, "groups": 2, **FIRST}, (2, 4, 9)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "padding": "same", **FIRST}, (2, 1, 9)),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, (2, 8, 7, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same"}, (2, 8, 7, 1)),
    ("Conv2D", {"filters": 3, "kernel_size": (2, 3), "padding": "SAME", "use_bias": False}, (2, 8, 7, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 8, 7, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 5, "strides": (3, 2), "padding": "same"}, (2, 11, 9, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 1, "strides": 2, "padding": "same"}, (2, 8, 7, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": (2, 1)}, (2, 8, 7, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": (2, 1), "padding": "same"}, (2, 8, 7, 4)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 2, "activation": "relu"}, (2, 8, 7, 4)),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 3, "padding": "same", **FIRST}, (2, 3, 8, 7)),
    ("Conv2D", {"filters": 3, "kernel_size": 4, "strides": 2, "padding": "same", **FIRST}, (2, 4, 8, 7)),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 2, "activity_regularizer": "l2", **weight_options("kernel", "bias")},
        (2, 4, 4, 3),
    ),
    ("Conv3D", {"filters": 3, "kernel_size": 2}, (2, 5, 4, 3, 2)),
    ("Conv3D", {"filters": 3, "kernel_size": (3, 2, 1), "strides": 2, "padding": "same"}, (2, 5, 4, 3, 2)),
    ("Conv3D", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same", **FIRST}, (2, 2, 5, 6, 5)),
]

DEPTHWISE: list[Case] = [
    ("DepthwiseConv1D", {"kernel_size": 3}, (2, 9, 4)),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same", "strides": 2}, (2, 9, 4)),
    ("DepthwiseConv1D", {"kernel_size": 2, "dilation_rate": 2, "use_bias": False, **FIRST}, (2, 4, 9)),
    ("DepthwiseConv2D", {"kernel_size": 3}, (2, 8, 7, 4)),
    ("DepthwiseConv2D", {"kernel_size": (3, 2), "depth_multiplier": 3, "padding": "same"}, (2, 8, 7, 4)),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same", "activation": "tanh"}, (2, 8, 7, 1)),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, "dilation_rate": 2, **FIRST}, (2, 4, 8, 7)),
    (
        "DepthwiseConv2D",
        {"kernel_size": 2, "activity_regularizer": "l2", **weight_options("depthwise", "bias")},
        (2, 4, 4, 3),
    ),
    ("DepthwiseConv2D", {"kernel_size": 2, "use_bias": False}, (2, 4, 4, 3)),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 3}, (2, 9, 4)),
    (
        "SeparableConv1D",
        {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same", "use_bias": False},
        (2, 9, 4),
    ),
    (
        "SeparableConv1D",
        {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "dilation_rate": 2, **FIRST},
        (2, 4, 9),
    ),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3}, (2, 8, 7, 4)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, (2, 8, 7, 4)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "activation": "elu", **FIRST}, (2, 4, 8, 7)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}, (2, 8, 7, 4)),
    (
        "SeparableConv2D",
        {
            "filters": 2,
            "kernel_size": 2,
            "activity_regularizer": "l1",
            **weight_options("depthwise", "pointwise", "bias"),
        },
        (2, 4, 4, 3),
    ),
]

# Every way the windows and the strides can lie, for both paddings.
TRANSPOSE: list[Case] = [
    ("Conv2DTranspose", {"filters": 2, "kernel_size": k, "strides": s, "padding": padding}, (2, 4, 3, 3))
    for k in (1, 2, 3, 4, 5)
    for s in (1, 2, 3)
    for padding in ("valid", "same")
]
TRANSPOSE += [
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": k, "strides": 3, "padding": padding, "output_padding": extra},
        (2, 4, 3, 3),
    )
    for k in (1, 2, 3, 5)
    for padding in ("valid", "same")
    for extra in (0, (1, 2))
]
TRANSPOSE += [
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": (3, 2), "dilation_rate": (2, 3), "padding": "same"},
        (2, 6, 5, 3),
    ),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "dilation_rate": 2}, (2, 4, 5, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST}, (2, 3, 4, 5)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 2, "activation": "relu", "use_bias": False}, (2, 4, 5, 3)),
    # In float64 PyTorch's own backward pass fails for one channel (torch 2.13), and Keras' with it.
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 2}, (2, 4, 5, 1), {"dtypes": ("float32",)}),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 2, "activity_regularizer": "l2", **weight_options("kernel", "bias")},
        (2, 3, 3, 3),
    ),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2}, (2, 5, 3)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 5, 3)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1, **FIRST}, (2, 3, 5)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, (2, 5, 3)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 3, "strides": (1, 2, 3), "padding": "same"}, (2, 3, 2, 2, 3)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": (1, 2, 3), "strides": 2, "output_padding": 1}, (2, 3, 2, 2, 3)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "activation": "relu", **FIRST}, (2, 3, 3, 2, 2)),
]

# Keras on torch repeats the border where a mean needs one more position at one end: test_reference_a.py.
POOLING: list[Case] = [
    (f"{kind}Pooling2D", {"pool_size": k, "strides": s, "padding": padding}, (2, 7, 6, 3))
    for kind in ("Max", "Average")
    for k in (2, 3, 4)
    for s in (None, 1, 3)
    for padding in ("valid", "same")
    if (kind, k, padding) != ("Average", 4, "same")
]
POOLING += [
    (f"{kind}Pooling{rank}D", {"pool_size": 2, **kwargs}, shape)
    for kind in ("Max", "Average")
    for rank, kwargs, shape in [
        (1, {}, (2, 7, 3)),
        (1, {"strides": 1, "padding": "same"}, (2, 7, 3)),
        (1, {"padding": "same", **FIRST}, (2, 3, 7)),
        (2, {"pool_size": (3, 3), "strides": (3, 1), "padding": "same"}, (2, 7, 6, 3)),
        (2, {"pool_size": (3, 1), "strides": (2, 1), "padding": "same", **FIRST}, (2, 3, 7, 6)),
        (3, {}, (2, 4, 5, 6, 3)),
        (3, {"strides": (1, 2, 3), "padding": "same"}, (2, 4, 5, 6, 3)),
        (3, {"padding": "same", **FIRST}, (2, 3, 4, 5, 6)),
    ]
]
POOLING += [
    (f"Global{kind}Pooling{rank}D", kwargs, shape)
    for kind in ("Max", "Average")
    for rank, shape in [(1, (2, 7, 3)), (2, (2, 4, 5, 3)), (3, (2, 3, 4, 5, 2))]
    for kwargs in ({}, {"keepdims": True}, {"keepdims": True, **FIRST}, FIRST)
]
STEPS = np.array([[True, True, False, True], [True, False, False, False]])
POOLING += [
    ("GlobalAveragePooling1D", {}, (2, 4, 3), {"call_kwargs": {"mask": STEPS}}),
    ("GlobalAveragePooling1D", {"keepdims": True, **FIRST}, (2, 3, 4), {"call_kwargs": {"mask": STEPS}}),
    ("MaxPool2D", {"pool_size": 2}, (2, 4, 5, 3)),
    ("AvgPool2D", {"pool_size": 2}, (2, 4, 5, 3)),
    ("GlobalAvgPool2D", {}, (2, 4, 5, 3)),
    ("GlobalMaxPool2D", {}, (2, 4, 5, 3)),
]

# Keras adds 1e-7 to the number of positions that a mask leaves, to divide by.
MASKED = {"call_kwargs": {"mask": STEPS}, "rtol": 1e-6, "dtypes": ("float64",)}
NORMALIZATION: list[Case] = [
    ("BatchNormalization", {}, (6, 5)),
    ("BatchNormalization", {}, (4, 6, 5)),
    ("BatchNormalization", {}, (3, 5, 4, 6)),
    ("BatchNormalization", {}, (3, 2, 3, 4, 5)),
    ("BatchNormalization", {"axis": 1}, (3, 5, 4, 6)),
    ("BatchNormalization", {"axis": 1}, (3, 5, 4)),
    ("BatchNormalization", {"axis": 2}, (3, 2, 5, 4)),
    ("BatchNormalization", {"axis": -2}, (3, 2, 5, 4)),
    ("BatchNormalization", {"momentum": 0.8, "epsilon": 0.1, "center": False}, (3, 4, 4, 5)),
    ("BatchNormalization", {"scale": False}, (3, 4, 4, 5)),
    ("BatchNormalization", {"scale": False, "center": False}, (6, 5)),
    ("BatchNormalization", {"trainable": False}, (6, 5)),
    ("BatchNormalization", {}, (1, 5), {"rtol": 1e-3, "dtypes": ("float64",)}),
    ("BatchNormalization", {}, (2, 4, 3), MASKED),
    ("BatchNormalization", {"center": False, "scale": False}, (2, 4, 3), MASKED),
    (
        "BatchNormalization",
        {
            "moving_mean_initializer": "ones",
            "moving_variance_initializer": "zeros",
            **weight_options("beta", "gamma"),
        },
        (6, 5),
    ),
    ("LayerNormalization", {}, (4, 6, 5)),
    ("LayerNormalization", {"epsilon": 0.1, "center": False}, (4, 5)),
    ("LayerNormalization", {"scale": False}, (4, 5)),
    # Keras on torch fails for a single axis that is not the last: test_reference_a.py.
    ("LayerNormalization", {"axis": [1, 2]}, (4, 6, 5)),
    ("LayerNormalization", {"axis": [1, 3]}, (4, 6, 3, 5)),
    ("LayerNormalization", weight_options("beta", "gamma"), (4, 5)),
    ("GroupNormalization", {"groups": 2}, (4, 5, 3, 6)),
    ("GroupNormalization", {"groups": 3, "epsilon": 0.1, "center": False}, (4, 6)),
    ("GroupNormalization", {"groups": -1}, (4, 5, 6)),
    ("GroupNormalization", {"groups": 1, "scale": False}, (4, 2, 3, 2, 6)),
    ("GroupNormalization", {"groups": 2, "axis": 1}, (4, 6, 5, 3)),
    ("GroupNormalization", {"groups": 2, **weight_options("beta", "gamma")}, (4, 6)),
    ("RMSNormalization", {}, (4, 6, 5)),
    ("RMSNormalization", {"axis": -1, "epsilon": 0.1}, (4, 5)),
    ("RMSNormalization", {"axis": [1, 2]}, (4, 6, 5)),
    ("UnitNormalization", {}, (4, 6, 5)),
    ("UnitNormalization", {"axis": 1}, (4, 6, 5)),
    ("UnitNormalization", {"axis": [1, 2]}, (4, 6, 5)),
]

# What noise does in training is random: test_noise.py.
REGULARIZATION: list[Case] = [
    ("Dropout", {"rate": 0.3}, (4, 5), INFERENCE),
    ("Dropout", {"rate": 0}, (4, 5)),
    ("Dropout", {"rate": 1}, (4, 5)),
    ("Dropout", {"rate": 0.3, "noise_shape": (None, 1, 3), "seed": 7}, (4, 5, 3), INFERENCE),
    ("AlphaDropout", {"rate": 0.3, "noise_shape": (None, 1), "seed": 7}, (4, 5), INFERENCE),
    ("AlphaDropout", {"rate": 0.3}, (4, 5), INFERENCE),
    ("AlphaDropout", {"rate": 0}, (4, 5)),
    ("SpatialDropout1D", {"rate": 0.3}, (4, 5, 3), INFERENCE),
    ("SpatialDropout1D", {"rate": 0.3, "seed": 7}, (4, 5, 3), INFERENCE),
    ("SpatialDropout1D", {"rate": 0.0}, (4, 5, 3)),
    ("SpatialDropout2D", {"rate": 0.3}, (4, 5, 6, 3), INFERENCE),
    ("SpatialDropout2D", {"rate": 0.3, "seed": 7, **FIRST}, (4, 5, 6, 3), INFERENCE),
    ("SpatialDropout2D", {"rate": 0.0}, (4, 5, 6, 3)),
    ("SpatialDropout3D", {"rate": 0.3, **FIRST}, (4, 5, 6, 3, 2), INFERENCE),
    ("SpatialDropout3D", {"rate": 0.3, "seed": 7}, (4, 5, 6, 3, 2), INFERENCE),
    ("SpatialDropout3D", {"rate": 0.0}, (4, 5, 6, 3, 2)),
    ("GaussianNoise", {"stddev": 0.3}, (4, 5), INFERENCE),
    ("GaussianNoise", {"stddev": 0.3, "seed": 7}, (4, 5), INFERENCE),
    ("GaussianNoise", {"stddev": 0.0}, (4, 5)),
    ("GaussianDropout", {"rate": 0.3}, (4, 5), INFERENCE),
    ("GaussianDropout", {"rate": 0.3, "seed": 7}, (4, 5), INFERENCE),
    ("GaussianDropout", {"rate": 0.0}, (4, 5)),
    ("ActivityRegularization", {}, (4, 5)),
    ("ActivityRegularization", {"l1": 0.1}, (4, 5)),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (4, 5, 3)),
]

RESHAPING: list[Case] = [
    ("Flatten", {}, (2, 3, 4, 5)),
    ("Flatten", {}, (2,)),
    ("Flatten", FIRST, (2, 3, 4, 5)),
    ("Flatten", FIRST, (2, 3)),
    ("Reshape", {"target_shape": (4, 3)}, (2, 12)),
    ("Reshape", {"target_shape": (-1, 3)}, (2, 4, 6)),
    ("Reshape", {"target_shape": ()}, (2, 1)),
    ("Reshape", {"target_shape": (-1,)}, (2, 3, 4)),
    ("Permute", {"dims": (2, 1)}, (2, 3, 4)),
    ("Permute", {"dims": (3, 1, 2)}, (2, 3, 4, 5)),
    ("Permute", {"dims": (1,)}, (2, 3)),
    ("RepeatVector", {"n": 3}, (2, 4)),
    ("RepeatVector", {"n": 1}, (2, 4)),
    ("RepeatVector", {"n": 5}, (1, 1)),
    ("ZeroPadding1D", {}, (2, 5, 3)),
    ("ZeroPadding1D", {"padding": (2, 0)}, (2, 5, 3)),
    ("ZeroPadding1D", {"padding": 3, **FIRST}, (2, 5, 3)),
    ("ZeroPadding2D", {}, (2, 5, 4, 3)),
    ("ZeroPadding2D", {"padding": (2, 0)}, (2, 5, 4, 3)),
    ("ZeroPadding2D", {"padding": ((1, 2), (3, 0)), **FIRST}, (2, 5, 4, 3)),
    ("ZeroPadding3D", {}, (2, 5, 4, 3, 2)),
    ("ZeroPadding3D", {"padding": (2, 0, 1)}, (2, 5, 4, 3, 2)),
    ("ZeroPadding3D", {"padding": ((1, 2), (3, 0), (0, 1)), **FIRST}, (2, 5, 4, 3, 2)),
    ("Cropping1D", {}, (2, 5, 3)),
    ("Cropping1D", {"cropping": (2, 0)}, (2, 5, 3)),
    ("Cropping1D", {"cropping": 0}, (2, 5, 3)),
    ("Cropping2D", {}, (2, 5, 4, 3)),
    ("Cropping2D", {"cropping": 1}, (2, 5, 4, 3)),
    ("Cropping2D", {"cropping": ((1, 2), (0, 3)), **FIRST}, (2, 3, 5, 4)),
    ("Cropping3D", {}, (2, 5, 4, 3, 2)),
    ("Cropping3D", {"cropping": (2, 0, 1)}, (2, 5, 4, 3, 2)),
    ("Cropping3D", {"cropping": ((1, 2), (3, 0), (0, 1)), **FIRST}, (2, 2, 5, 4, 3)),
    ("UpSampling1D", {}, (2, 5, 3)),
    ("UpSampling1D", {"size": 3}, (2, 5, 3)),
    ("UpSampling1D", {"size": 1}, (2, 5, 3)),
    ("UpSampling2D", {}, (2, 5, 4, 3)),
    ("UpSampling2D", {"size": (3, 7)}, (2, 5, 4, 3)),
    ("UpSampling2D", {"size": (1, 2), **FIRST}, (2, 3, 5, 4)),
    ("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, (2, 5, 4, 3)),
    ("UpSampling2D", {"size": 3, "interpolation": "bicubic", **FIRST}, (2, 3, 5, 4)),
    ("UpSampling3D", {}, (2, 5, 4, 3, 2)),
    ("UpSampling3D", {"size": (1, 2, 3)}, (2, 5, 4, 3, 2)),
    ("UpSampling3D", {"size": 2, **FIRST}, (2, 2, 3, 4, 3)),
]

ACTIVATION: list[Case] = [
    ("Activation", {"activation": "relu"}, (4, 5)),
    ("Activation", {"activation": "softmax"}, (4, 5, 3)),
    ("Activation", {"activation": "gelu"}, (4,)),
    ("ReLU", {}, (4, 5)),
    ("ReLU", {"max_value": 0.5, "negative_slope": 0.2, "threshold": 0.1}, (4, 5)),
    ("ReLU", {"max_value": 0.5}, (4, 5)),
    ("ReLU", {"negative_slope": 0.2}, (4, 5)),
    ("ReLU", {"threshold": 0.3}, (4, 5)),
    ("LeakyReLU", {}, (4, 5)),
    ("LeakyReLU", {"negative_slope": 0.1}, (4, 5)),
    ("LeakyReLU", {"negative_slope": 0}, (4, 5, 3)),
    ("ELU", {}, (4, 5)),
    ("ELU", {"alpha": 0.5}, (4, 5)),
    ("ELU", {"alpha": 2.0}, (4, 5, 3)),
    ("PReLU", {}, (4, 5)),
    ("PReLU", {"shared_axes": [1, 2]}, (4, 5, 6, 3)),
    ("PReLU", {"shared_axes": 1}, (4, 5, 3)),
    ("PReLU", weight_options("alpha"), (4, 5)),
    ("Softmax", {}, (4, 5)),
    ("Softmax", {"axis": 1}, (4, 5, 3)),
    ("Softmax", {"axis": [1, 2]}, (4, 5, 3)),
    ("Softmax", {}, (2, 4), {"call_kwargs": {"mask": STEPS}}),
    ("Softmax", {"axis": [-1, -2]}, (3, 2, 4), {"call_kwargs": {"mask": STEPS}}),
    ("Softmax", {}, (2, 4), {"call_kwargs": {"mask": np.zeros((2, 4), "bool")}}),
    ("Softmax", {}, (2, 4), {"call_kwargs": {"mask": STEPS.astype("int32")}}),
]


@pytest.mark.parametrize("case", DENSE, ids=name)
def test_dense(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("case", CONV + DEPTHWISE + TRANSPOSE, ids=name)
def test_convolution(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("case", POOLING, ids=name)
def test_pooling(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("case", NORMALIZATION, ids=name)
def test_normalization(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("case", REGULARIZATION, ids=name)
def test_regularization(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("case", RESHAPING, ids=name)
def test_reshaping(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("case", ACTIVATION, ids=name)
def test_activation(case: Case) -> None:
    run(case)
