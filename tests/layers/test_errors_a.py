"""Wrong arguments and wrong shapes of the layers of test_parity_a.py: what the error names, got and expected."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from lamina import layers
from lamina.graph.errors import ArgumentError, ShapeError

ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("Dense", {"units": 0}, "Dense: units cannot be 0.*expected  a positive integer"),
    ("Dense", {"units": 2.5}, "Dense: units cannot be 2.5.*got       2.5 of type float"),
    ("Dense", {"units": True}, "Dense: units cannot be True"),
    ("Dense", {"units": "8"}, "Dense: units cannot be '8'"),
    ("Dense", {"units": 3, "activation": "rellu"}, 'Unknown activation "rellu".*try .*relu'),
    ("Dense", {"units": 3, "kernel_initializer": "glorot"}, 'Unknown initializer "glorot"'),
    ("Dense", {"units": 3, "kernel_regularizer": "l3"}, 'Unknown regularizer "l3"'),
    ("Conv2D", {"filters": -1, "kernel_size": 3}, "Conv2D: filters cannot be -1.*a positive integer"),
    ("Conv2D", {"filters": 3, "kernel_size": 0}, "Conv2D: kernel_size cannot be 0"),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": (3, 3, 3)},
        r"Conv2D: kernel_size cannot be \(3, 3, 3\).*an integer or 2 integers",
    ),
    ("Conv2D", {"filters": 3, "kernel_size": "3"}, "Conv2D: kernel_size cannot be '3'"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": (1, 0)}, "Conv2D: strides cannot be 0"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": 1.5}, "Conv2D: dilation_rate cannot be 1.5"),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 3, "padding": "causal"},
        "padding cannot be 'causal'.*one of 'valid', 'same'",
    ),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": 1}, "Conv2D: padding cannot be 1"),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 3, "data_format": "nhwc"},
        "data_format cannot be 'nhwc'.*'channels_last'",
    ),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "groups": 2}, "Conv2D: groups cannot be 2.*a divisor of filters=3"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "groups": 0}, "Conv2D: groups cannot be 0"),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "full"}, "Conv1D: padding cannot be 'full'.*'causal'"),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 0}, "DepthwiseConv2D: depth_multiplier cannot be 0"),
    ("SeparableConv2D", {"filters": 0, "kernel_size": 3}, "SeparableConv2D: filters cannot be 0"),
    ("SeparableConv1D", {"filters": 2, "kernel_size": 3, "depth_multiplier": -1}, "depth_multiplier cannot be -1"),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 2},
        r"output_padding cannot be 2.*less than strides=\(2, 2\)",
    ),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "output_padding": (0,)}, r"output_padding cannot be \(0,\)"),
    ("Conv3DTranspose", {"filters": 3, "kernel_size": (3, 3)}, r"kernel_size cannot be \(3, 3\).*3 integers"),
    ("MaxPooling2D", {"pool_size": 0}, "MaxPooling2D: pool_size cannot be 0"),
    ("MaxPooling2D", {"strides": (1, 2, 3)}, r"MaxPooling2D: strides cannot be \(1, 2, 3\)"),
    ("AveragePooling1D", {"pool_size": 2, "padding": "causal"}, "AveragePooling1D: padding cannot be 'causal'"),
    ("GlobalMaxPooling2D", {"data_format": "last"}, "GlobalMaxPooling2D: data_format cannot be 'last'"),
    ("BatchNormalization", {"axis": [1, 2]}, r"BatchNormalization: axis cannot be \[1, 2\]"),
    ("BatchNormalization", {"momentum": 1.1}, "BatchNormalization: momentum cannot be 1.1.*a number from 0 to 1"),
    ("BatchNormalization", {"epsilon": -1e-3}, "BatchNormalization: epsilon cannot be -0.001.*a number >= 0"),
    ("BatchNormalization", {"renorm": True}, "BatchNormalization: renorm cannot be True.*GroupNormalization"),
    ("BatchNormalization", {"synchronized": True}, "BatchNormalization: synchronized cannot be True"),
    ("LayerNormalization", {"axis": "last"}, "LayerNormalization: axis cannot be 'last'.*a list of integers"),
    ("LayerNormalization", {"epsilon": None}, "LayerNormalization: epsilon cannot be None"),
    ("GroupNormalization", {"groups": 0}, "GroupNormalization: groups cannot be 0"),
    ("UnitNormalization", {"axis": 1.5}, "UnitNormalization: axis cannot be 1.5"),
    ("Dropout", {"rate": 1.5}, "Dropout: rate cannot be 1.5.*a number from 0 to 1"),
    ("Dropout", {"rate": "0.5"}, "Dropout: rate cannot be '0.5'"),
    ("Dropout", {"rate": 0.5, "noise_shape": "batch"}, "Dropout: noise_shape cannot be 'batch'"),
    ("Dropout", {"rate": 0.5, "noise_shape": (None, 0)}, "Dropout: noise_shape cannot be 0"),
    ("Dropout", {"rate": 0.5, "seed": 1.5}, "Dropout: seed cannot be 1.5"),
    ("SpatialDropout2D", {"rate": -0.1}, "SpatialDropout2D: rate cannot be -0.1"),
    ("GaussianNoise", {"stddev": -1}, "GaussianNoise: stddev cannot be -1"),
    ("GaussianDropout", {"rate": 1}, "GaussianDropout: rate cannot be 1"),
    ("ActivityRegularization", {"l1": -1.0}, "ActivityRegularization: l1 cannot be -1.0"),
    ("Reshape", {"target_shape": (-1, -1)}, r"Reshape: target_shape cannot be \(-1, -1\).*one unknown size"),
    ("Reshape", {"target_shape": (-2, 3)}, "Reshape: target_shape cannot be -2"),
    ("Reshape", {"target_shape": "flat"}, "Reshape: target_shape cannot be 'flat'"),
    ("Permute", {"dims": (0, 1)}, r"Permute: dims cannot be \(0, 1\).*each of 1..n once"),
    ("Permute", {"dims": 2}, "Permute: dims cannot be 2"),
    ("RepeatVector", {"n": 0}, "RepeatVector: n cannot be 0"),
    ("RepeatVector", {"n": 1.5}, "RepeatVector: n cannot be 1.5"),
    ("ZeroPadding2D", {"padding": -1}, "ZeroPadding2D: padding cannot be -1"),
    ("ZeroPadding2D", {"padding": (1, 2, 3)}, r"padding cannot be \(1, 2, 3\).*2 pairs of integers"),
    ("ZeroPadding1D", {"padding": (1, 2, 3)}, r"padding cannot be \(1, 2, 3\)"),
    ("Cropping2D", {"cropping": ((1, 2), (-1, 0))}, "Cropping2D: cropping cannot be -1"),
    ("UpSampling2D", {"size": 0}, "UpSampling2D: size cannot be 0"),
    ("UpSampling2D", {"interpolation": "cubic"}, "interpolation cannot be 'cubic'.*'nearest', 'bilinear', 'bicubic'"),
    ("ReLU", {"max_value": -1}, "ReLU: max_value cannot be -1"),
    ("ReLU", {"negative_slope": None}, "ReLU: negative_slope cannot be None"),
    ("ReLU", {"threshold": -0.5}, "ReLU: threshold cannot be -0.5"),
    ("LeakyReLU", {"negative_slope": -1}, "LeakyReLU: negative_slope cannot be -1"),
    ("ELU", {"alpha": "1"}, "ELU: alpha cannot be '1'"),
    ("PReLU", {"shared_axes": [0]}, "PReLU: shared_axes cannot be 0"),
    ("PReLU", {"shared_axes": "all"}, "PReLU: shared_axes cannot be 'all'"),
    ("Softmax", {"axis": None}, "Softmax: axis cannot be None"),
    ("Activation", {"activation": 3}, "cannot be used as activation"),
]

SHAPES: list[tuple[str, dict[str, Any], tuple[int | None, ...], str]] = [
    ("Dense", {"units": 3}, (None,), "expected  at least 2 axes"),
    (
        "Conv1D",
        {"filters": 3, "kernel_size": 3},
        (None, 8, 8, 3),
        r"got       shape \(None, 8, 8, 3\).*3 axes with the batch, not 4",
    ),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, (None, 8, 3), "4 axes with the batch, not 3"),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 5},
        (None, 4, 8, 3),
        "at least 5 x 5, the extent of one window.*padding='same'",
    ),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": 3}, (None, 6, None, 3), "at least 7 x 7"),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "groups": 2},
        (None, 8, 8, 3),
        "channels that 2 groups divide evenly, not 3",
    ),
    (
        "Conv3D",
        {"filters": 4, "kernel_size": 3, "data_format": "channels_first"},
        (None, 3, 8, 8, 2),
        "at least 3 x 3 x 3",
    ),
    ("DepthwiseConv2D", {"kernel_size": 3}, (None, 2, 2, 3), "at least 3 x 3"),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3}, (None, 8, 8), "4 axes with the batch, not 3"),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3}, (None, 8, 8), "4 axes with the batch, not 3"),
    ("MaxPooling2D", {"pool_size": 4}, (None, 3, 8, 2), "at least 4 x 4"),
    ("AveragePooling1D", {"pool_size": 4}, (None, 8), "3 axes with the batch, not 2"),
    ("GlobalAveragePooling2D", {}, (None, 8), "4 axes with the batch, not 2"),
    ("BatchNormalization", {"axis": 3}, (None, 8, 8), "an input that has an axis 3"),
    ("LayerNormalization", {"axis": [1, 4]}, (None, 8, 8), "an input that has an axis 4"),
    ("UnitNormalization", {"axis": -3}, (None, 8), "an input that has an axis -3"),
    ("Dropout", {"rate": 0.5, "noise_shape": (None, 1)}, (None, 3, 4), "2 axes with the batch, not 3"),
    (
        "Reshape",
        {"target_shape": (3, 4)},
        (None, 10),
        "12 values for each example, not 10.*a target_shape whose product is 10",
    ),
    ("Reshape", {"target_shape": (-1, 4)}, (None, 10), "4 or a multiple for each example, not 10"),
    ("Permute", {"dims": (2, 1)}, (None, 3), "3 axes with the batch, not 2"),
    ("RepeatVector", {"n": 2}, (None, 3, 4), "2 axes with the batch, not 3"),
    ("ZeroPadding2D", {}, (None, 3, 4), "4 axes with the batch, not 3"),
    ("Cropping2D", {"cropping": 2}, (None, 4, 9, 1), "at least 5 x 5.*a smaller cropping="),
    ("UpSampling1D", {}, (None, 3), "3 axes with the batch, not 2"),
]

BUILDS: list[tuple[str, dict[str, Any], tuple[int | None, ...], str]] = [
    ("Dense", {"units": 3}, (None, None), r"a known size of axis -1 \(the features\).*Input\(shape="),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, (None, 8, 8, None), r"a known size of axis -1 \(the channels\)"),
    ("Conv2D", {"filters": 3, "kernel_size": 9}, (None, 8, 8, 3), "at least 9 x 9"),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "data_format": "channels_first"},
        (None, None, 8, 8),
        "a known size of axis 1",
    ),
    ("BatchNormalization", {}, (None, 8, None), "a known size of axis -1"),
    ("LayerNormalization", {"axis": 1}, (None, None, 8), "a known size of axis 1"),
    ("GroupNormalization", {"groups": 4}, (None, 8, 6), "channels that 4 groups divide evenly, not 6.*a divisor of 6"),
    ("GroupNormalization", {"groups": 32}, (None, 8, 16), "channels that 32 groups divide evenly, not 16"),
    ("PReLU", {}, (None, None, 3), "a known size of axis 1"),
    ("PReLU", {"shared_axes": [3]}, (None, 4, 3), r"an input with the axes shared_axes=\[3\]"),
]


@pytest.mark.parametrize("name,kwargs,message", ARGUMENTS)
def test_argument(name: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=re.compile(message, re.DOTALL)):
        getattr(layers, name)(**kwargs)


@pytest.mark.parametrize("name,kwargs,shape,message", SHAPES)
def test_shape(name: str, kwargs: dict[str, Any], shape: tuple[int | None, ...], message: str) -> None:
    layer = getattr(layers, name)(**kwargs, name="it")
    pattern = re.compile(f'{name} "it" cannot take this input.*{message}', re.DOTALL)
    with pytest.raises(ShapeError, match=pattern):
        layer.compute_output_shape(shape)


@pytest.mark.parametrize("name,kwargs,shape,message", BUILDS)
def test_build(name: str, kwargs: dict[str, Any], shape: tuple[int | None, ...], message: str) -> None:
    layer = getattr(layers, name)(**kwargs, name="it")
    with pytest.raises(ShapeError, match=re.compile(f'{name} "it" cannot take this input.*{message}', re.DOTALL)):
        layer.build(shape)


@pytest.mark.parametrize("name,kwargs,shape,message", [*SHAPES, *BUILDS])
def test_drawing(name: str, kwargs: dict[str, Any], shape: tuple[int | None, ...], message: str) -> None:
    """On symbolic tensors the error also tells this file and line."""
    layer = getattr(layers, name)(**kwargs, name="it")
    with pytest.raises(ShapeError, match=r'(?s)"it" cannot take this input.*expected.*test_errors_a\.py'):
        layer(layers.Input(batch_shape=shape))


def test_a_built_layer_refuses_another_width() -> None:
    for layer, shape, other in [
        (layers.Dense(3), (None, 5), (6,)),
        (layers.Conv2D(3, 3), (None, 8, 8, 4), (8, 8, 5)),
        (layers.Conv2D(3, 3, data_format="channels_first"), (None, 4, 8, 8), (5, 8, 8)),
        (layers.BatchNormalization(), (None, 5), (6,)),
        (layers.GroupNormalization(1), (None, 5), (6,)),
        (layers.PReLU(), (None, 5), (6,)),
    ]:
        layer._build_once(shape)
        with pytest.raises(ShapeError, match=r"(?s)axis -?1 of size \d, not \d"):
            layer(layers.Input(other))


def test_batch_normalization_names_a_mask_of_another_rank() -> None:
    layer = layers.BatchNormalization(name="it")
    with pytest.raises(ShapeError, match=r'(?s)BatchNormalization "it".*a mask of 2 axes.*not 1'):
        layer(torch.zeros(2, 3, 4), training=True, mask=torch.ones(2, dtype=torch.bool))
