"""Every layer of Keras 1 with all the arguments that its files tell: drawn with their shapes, and called."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from lamina.models import model_from_json

N = None
REG: dict[str, Any] = {"W_regularizer": N, "b_regularizer": N, "activity_regularizer": N, "W_constraint": N,
                       "b_constraint": N, "bias": True}  # fmt: skip
RNN: dict[str, Any] = {
    "output_dim": 2,
    "init": "glorot_uniform",
    "inner_init": "orthogonal",
    "activation": "tanh",
    "W_regularizer": N,
    "U_regularizer": N,
    "b_regularizer": N,
    "dropout_W": 0.0,
    "dropout_U": 0.0,
    "return_sequences": False,
    "go_backwards": False,
    "stateful": False,
    "unroll": False,
    "consume_less": "cpu",
    "input_dim": 3,
    "input_length": N,
}
LAYERS: list[tuple[str, list[int], dict[str, Any]]] = [
    (
        "Embedding",
        [4],
        {
            "input_dtype": "int32",
            "input_dim": 5,
            "output_dim": 3,
            "init": "uniform",
            "input_length": 4,
            "mask_zero": False,
            "activity_regularizer": N,
            "W_regularizer": N,
            "W_constraint": N,
            "dropout": 0.0,
        },
    ),
    ("LSTM", [4, 3], dict(RNN, forget_bias_init="one", inner_activation="hard_sigmoid")),
    ("GRU", [4, 3], dict(RNN, inner_activation="hard_sigmoid")),
    ("SimpleRNN", [4, 3], dict(RNN)),
    (
        "Convolution1D",
        [6, 3],
        dict(
            REG,
            nb_filter=2,
            filter_length=2,
            init="glorot_uniform",
            activation="relu",
            border_mode="valid",
            subsample_length=1,
            input_dim=3,
            input_length=N,
        ),
    ),
    ("MaxPooling1D", [6, 3], {"stride": 2, "pool_length": 2, "border_mode": "valid"}),
    ("AveragePooling1D", [6, 3], {"stride": 2, "pool_length": 2, "border_mode": "valid"}),
    (
        "Convolution2D",
        [4, 4, 2],
        dict(
            REG,
            nb_filter=2,
            nb_row=2,
            nb_col=2,
            init="glorot_uniform",
            activation="linear",
            border_mode="same",
            subsample=[1, 1],
            dim_ordering="tf",
        ),
    ),
    (
        "Convolution3D",
        [4, 4, 4, 1],
        dict(
            REG,
            nb_filter=2,
            kernel_dim1=2,
            kernel_dim2=2,
            kernel_dim3=2,
            init="glorot_uniform",
            activation="linear",
            border_mode="same",
            subsample=[1, 1, 1],
            dim_ordering="tf",
        ),
    ),
    (
        "AtrousConvolution2D",
        [4, 4, 2],
        dict(
            REG,
            nb_filter=2,
            nb_row=2,
            nb_col=2,
            init="glorot_uniform",
            activation="linear",
            border_mode="same",
            subsample=[1, 1],
            atrous_rate=[2, 2],
            dim_ordering="tf",
        ),
    ),
    (
        "SeparableConvolution2D",
        [4, 4, 2],
        {
            "nb_filter": 2,
            "nb_row": 2,
            "nb_col": 2,
            "init": "glorot_uniform",
            "activation": "linear",
            "border_mode": "same",
            "subsample": [1, 1],
            "dim_ordering": "tf",
            "depth_multiplier": 1,
            "depthwise_regularizer": N,
            "pointwise_regularizer": N,
            "b_regularizer": N,
            "activity_regularizer": N,
            "depthwise_constraint": N,
            "pointwise_constraint": N,
            "b_constraint": N,
            "bias": True,
        },
    ),
    (
        "Deconvolution2D",
        [4, 4, 2],
        dict(
            REG,
            nb_filter=2,
            nb_row=3,
            nb_col=3,
            init="glorot_uniform",
            activation="linear",
            border_mode="valid",
            subsample=[1, 1],
            dim_ordering="tf",
            output_shape=[N, 6, 6, 2],
        ),
    ),
    ("MaxPooling2D", [4, 4, 2], {"pool_size": [2, 2], "border_mode": "valid", "strides": [2, 2], "dim_ordering": "tf"}),
    (
        "AveragePooling2D",
        [4, 4, 2],
        {"pool_size": [2, 2], "border_mode": "valid", "strides": [2, 2], "dim_ordering": "tf"},
    ),
    ("GlobalMaxPooling2D", [4, 4, 2], {"dim_ordering": "tf"}),
    ("GlobalAveragePooling1D", [4, 3], {}),
    ("ZeroPadding2D", [4, 4, 2], {"padding": [1, 1], "dim_ordering": "tf"}),
    ("ZeroPadding1D", [4, 2], {"padding": 1}),
    ("Cropping2D", [4, 4, 2], {"cropping": [[1, 1], [1, 1]], "dim_ordering": "tf"}),
    ("UpSampling2D", [4, 4, 2], {"size": [2, 2], "dim_ordering": "tf"}),
    ("UpSampling1D", [4, 2], {"length": 2}),
    ("UpSampling3D", [2, 2, 2, 1], {"size": [2, 2, 2], "dim_ordering": "tf"}),
    (
        "BatchNormalization",
        [4],
        {"epsilon": 1e-3, "mode": 0, "axis": -1, "momentum": 0.99, "gamma_regularizer": N, "beta_regularizer": N},
    ),
    ("Dropout", [4], {"p": 0.5}),
    ("SpatialDropout1D", [4, 3], {"p": 0.5}),
    ("SpatialDropout2D", [4, 4, 2], {"p": 0.5, "dim_ordering": "tf"}),
    ("GaussianNoise", [4], {"sigma": 0.1}),
    ("GaussianDropout", [4], {"p": 0.1}),
    ("LeakyReLU", [4], {"alpha": 0.3}),
    ("ELU", [4], {"alpha": 1.0}),
    ("PReLU", [4], {"init": "zero"}),
    ("ThresholdedReLU", [4], {"theta": 1.0}),
    ("Masking", [4, 3], {"mask_value": 0.0}),
    ("RepeatVector", [4], {"n": 3}),
    ("Permute", [4, 3], {"dims": [2, 1]}),
    ("Reshape", [4], {"target_shape": [2, 2]}),
    ("Flatten", [4, 3], {}),
    ("ActivityRegularization", [4], {"l1": 0.1, "l2": 0.0}),
    (
        "TimeDistributedDense",
        [4, 3],
        dict(REG, output_dim=2, init="glorot_uniform", activation="linear", input_dim=3, input_length=4),
    ),
    (
        "LocallyConnected2D",
        [4, 4, 2],
        dict(
            REG,
            nb_filter=2,
            nb_row=2,
            nb_col=2,
            init="glorot_uniform",
            activation="linear",
            border_mode="valid",
            subsample=[1, 1],
            dim_ordering="tf",
        ),
    ),
    (
        "LocallyConnected1D",
        [6, 2],
        dict(
            REG,
            nb_filter=2,
            filter_length=2,
            init="glorot_uniform",
            activation="linear",
            border_mode="valid",
            subsample_length=1,
            input_dim=2,
            input_length=6,
        ),
    ),
    (
        "ConvLSTM2D",
        [3, 4, 4, 1],
        {
            "nb_filter": 2,
            "nb_row": 2,
            "nb_col": 2,
            "init": "glorot_uniform",
            "inner_init": "orthogonal",
            "forget_bias_init": "one",
            "activation": "tanh",
            "inner_activation": "hard_sigmoid",
            "dim_ordering": "tf",
            "border_mode": "same",
            "subsample": [1, 1],
            "return_sequences": False,
            "go_backwards": False,
            "stateful": False,
            "W_regularizer": N,
            "U_regularizer": N,
            "b_regularizer": N,
            "dropout_W": 0.0,
            "dropout_U": 0.0,
            "consume_less": "cpu",
        },
    ),
    (
        "Bidirectional",
        [4, 3],
        {
            "merge_mode": "concat",
            "layer": {
                "class_name": "LSTM",
                "config": dict(
                    RNN,
                    name="l",
                    trainable=True,
                    forget_bias_init="one",
                    inner_activation="hard_sigmoid",
                    return_sequences=True,
                ),
            },
        },
    ),
    (
        "TimeDistributed",
        [4, 3],
        {
            "layer": {
                "class_name": "Dense",
                "config": dict(
                    REG, name="d", trainable=True, output_dim=2, init="glorot_uniform", activation="linear", input_dim=3
                ),
            }
        },
    ),
    (
        "MaxPooling3D",
        [4, 4, 4, 1],
        {"pool_size": [2, 2, 2], "border_mode": "valid", "strides": [2, 2, 2], "dim_ordering": "tf"},
    ),
]


@pytest.mark.parametrize("kind, shape, config", LAYERS, ids=[kind for kind, *_ in LAYERS])
def test_a_layer_of_keras_1(kind: str, shape: list[int], config: dict[str, Any]) -> None:
    entry = {"class_name": kind, "config": {"name": "n", "trainable": True, "batch_input_shape": [N, *shape], **config}}
    text = json.dumps({"class_name": "Sequential", "keras_version": "1.2.2", "config": [entry]})
    model = model_from_json(text, report=None)
    data = torch.ones(2, *shape, dtype=torch.int32 if kind == "Embedding" else torch.float32)
    with torch.no_grad():
        made = model(data)
    assert [None, *made.shape[1:]] == list(model.output_shape)
