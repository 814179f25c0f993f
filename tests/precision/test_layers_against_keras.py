"""Layers under half-wide policies: outputs, gradients and their dtypes as in Keras on torch, with the same weights."""

from __future__ import annotations

import pytest

from tests.layers.parity import Pair, _random_inputs, keras_in

# Keras draws the orthogonal matrices of its recurrent layers in a dtype that has no QR decomposition.
PLAIN_START = {"recurrent_initializer": "glorot_uniform"}

# (layer, arguments, shapes of inputs, dtype of inputs)
LAYERS = [
    ("Dense", {"units": 3, "activation": "tanh"}, (4, 5), "float32"),
    ("Dense", {"units": 3, "activation": "softmax"}, (4, 6, 5), "float32"),
    ("Dense", {"units": 3, "activity_regularizer": "l2", "kernel_regularizer": "l2"}, (4, 5), "float32"),
    ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d"}, (2, 3, 5), "float32"),
    ("Embedding", {"input_dim": 6, "output_dim": 4}, (3, 5), "int32"),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal"}, (2, 8, 3), "float32"),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"}, (2, 6, 6, 3), "float32"),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2}, (2, 4, 4, 3), "float32"),
    ("DepthwiseConv2D", {"kernel_size": 3}, (2, 6, 6, 3), "float32"),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3}, (2, 6, 6, 3), "float32"),
    ("MaxPooling2D", {}, (2, 6, 6, 3), "float32"),
    ("AveragePooling2D", {"pool_size": 2}, (2, 6, 6, 3), "float32"),
    ("GlobalAveragePooling1D", {}, (2, 6, 3), "float32"),
    ("BatchNormalization", {}, (6, 5, 4), "float32"),
    ("BatchNormalization", {"axis": 1}, (6, 5, 4), "float32"),
    ("LayerNormalization", {}, (4, 8), "float32"),
    ("LayerNormalization", {"axis": [1, 2]}, (4, 8, 3), "float32"),
    ("GroupNormalization", {"groups": 2}, (4, 6, 8), "float32"),
    ("RMSNormalization", {}, (4, 8), "float32"),
    ("UnitNormalization", {}, (4, 8), "float32"),
    ("PReLU", {}, (4, 8), "float32"),
    ("Softmax", {}, (4, 8), "float32"),
    ("Activation", {"activation": "gelu"}, (4, 8), "float32"),
    ("Add", {}, [(4, 8), (4, 8)], "float32"),
    ("Dot", {"axes": 1}, [(4, 8), (4, 8)], "float32"),
    ("Concatenate", {}, [(4, 8), (4, 3)], "float32"),
    ("UpSampling2D", {"interpolation": "bilinear"}, (2, 4, 4, 3), "float32"),
    ("Reshape", {"target_shape": (2, 4)}, (3, 8), "float32"),
    ("Attention", {"use_scale": True}, [(2, 4, 6), (2, 5, 6)], "float32"),
    ("AdditiveAttention", {}, [(2, 4, 6), (2, 5, 6)], "float32"),
    ("SimpleRNN", {**PLAIN_START, "units": 4}, (3, 5, 2), "float32"),
    ("LSTM", {**PLAIN_START, "units": 4, "return_sequences": True}, (3, 5, 2), "float32"),
    ("LSTM", {**PLAIN_START, "units": 4, "return_state": True, "activation": "relu"}, (3, 5, 2), "float32"),
    ("GRU", {**PLAIN_START, "units": 4, "return_sequences": True}, (3, 5, 2), "float32"),
    ("GRU", {**PLAIN_START, "units": 4, "reset_after": False}, (3, 5, 2), "float32"),
]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
@pytest.mark.parametrize(
    "name, kwargs, shapes, input_dtype", LAYERS, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(LAYERS)]
)
def test_a_policy_does_what_it_does_in_keras(name, kwargs, shapes, input_dtype, policy):
    with keras_in("float32"):
        pair = Pair(name, {**kwargs, "dtype": policy}, "float32", 0.05 if "bfloat16" in policy else 0.01)
        pair.build(_random_inputs(shapes, input_dtype, "float32"), {})
        for training in (False, True):
            pair.compare_call(training)
        pair.compare_config()
