"""The words of Keras 1 and 2 for layers and their arguments, and what stands for them in Keras 3, in tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class OldClass(NamedTuple):
    """What a class that Keras 3 does not have is there.

    Attributes:
        name: the class of today.
        joined: argument of today -> the arguments that hold its parts.
        added: arguments of today with what the old class always did.
    """

    name: str
    joined: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    added: Mapping[str, Any] = MappingProxyType({})


_ROWS = {"kernel_size": ("nb_row", "nb_col")}
_CUBE = {"kernel_size": ("kernel_dim1", "kernel_dim2", "kernel_dim3")}
# What NVIDIA's library computes: no other activations, and a GRU that resets after its product.
_CUDNN = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}

CLASSES: Mapping[str, OldClass] = MappingProxyType(
    {
        "AtrousConvolution1D": OldClass("Conv1D", {"kernel_size": ("filter_length",)}),
        "AtrousConvolution2D": OldClass("Conv2D", _ROWS),
        "Convolution1D": OldClass("Conv1D", {"kernel_size": ("filter_length",)}),
        "Convolution2D": OldClass("Conv2D", _ROWS),
        "Convolution3D": OldClass("Conv3D", _CUBE),
        "Deconvolution2D": OldClass("Conv2DTranspose", _ROWS),
        "SeparableConvolution2D": OldClass("SeparableConv2D", _ROWS),
        "ConvLSTM2D": OldClass("ConvLSTM2D", _ROWS),
        "LocallyConnected1D": OldClass("LocallyConnected1D", {"kernel_size": ("filter_length",)}),
        "LocallyConnected2D": OldClass("LocallyConnected2D", _ROWS),
        "CuDNNGRU": OldClass("GRU", added={**_CUDNN, "reset_after": True}),
        "CuDNNLSTM": OldClass("LSTM", added=_CUDNN),
        "BatchNormalizationV1": OldClass("BatchNormalization"),
        "BatchNormalizationV2": OldClass("BatchNormalization"),
        "GRUV1": OldClass("GRU"),
        "GRUV2": OldClass("GRU"),
        "LSTMV1": OldClass("LSTM"),
        "LSTMV2": OldClass("LSTM"),
        "SyncBatchNormalization": OldClass("BatchNormalization"),
    }
)

# Old argument -> that of today, in any class; where a class means something else by the word, it is told below.
_ANYWHERE = {
    "border_mode": "padding", "dim_ordering": "data_format", "bias": "use_bias", "init": "kernel_initializer",
    "inner_init": "recurrent_initializer", "inner_activation": "recurrent_activation", "nb_filter": "filters",
    "p": "rate", "subsample": "strides", "subsample_length": "strides", "atrous_rate": "dilation_rate",
    "dropout_W": "dropout", "dropout_U": "recurrent_dropout", "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer", "b_regularizer": "bias_regularizer", "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint", "b_constraint": "bias_constraint", "batch_input_shape": "batch_shape",
}  # fmt: skip

_OF_A_CLASS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("Dense", "output_dim"): "units",
        ("GRU", "output_dim"): "units",
        ("LSTM", "output_dim"): "units",
        ("SimpleRNN", "output_dim"): "units",
        ("Embedding", "dropout"): "",  # of whole rows, in training
        ("Embedding", "init"): "embeddings_initializer",
        ("Embedding", "W_regularizer"): "embeddings_regularizer",
        ("Embedding", "W_constraint"): "embeddings_constraint",
        ("PReLU", "init"): "alpha_initializer",
        ("GaussianNoise", "sigma"): "stddev",
        ("InputLayer", "input_dtype"): "dtype",
        ("MaxPooling1D", "pool_length"): "pool_size",
        ("MaxPooling1D", "stride"): "strides",
        ("AveragePooling1D", "pool_length"): "pool_size",
        ("AveragePooling1D", "stride"): "strides",
        ("UpSampling1D", "length"): "size",
        ("BatchNormalization", "beta_init"): "beta_initializer",
        ("BatchNormalization", "gamma_init"): "gamma_initializer",
        ("SeparableConv2D", "depthwise_init"): "depthwise_initializer",
        ("SeparableConv2D", "pointwise_init"): "pointwise_initializer",
    }
)

# Old arguments of any class that say nothing about what it computes: how fast, in what order, or how it began.
_IDLE = ("input_dtype", "consume_less", "forget_bias_init", "return_full_logits", "weights")
# Those that say nothing but in the classes named.
_IDLE_BUT = {"input_dim": ("Embedding",), "input_length": (), "output_shape": ("Lambda",)}


def todays_word(class_name: str, key: str) -> str:
    """The argument of today; "" where the old one says nothing.

    >>> todays_word("Dense", "W_regularizer"), todays_word("Dense", "units"), todays_word("Dense", "input_dim")
    ('kernel_regularizer', 'units', '')
    """
    own = _OF_A_CLASS.get((class_name, key))
    if own is not None:
        return own
    if key in _IDLE or class_name not in _IDLE_BUT.get(key, (class_name,)):
        return ""
    if key == "batch_input_shape" and class_name != "InputLayer":
        return key
    return _ANYWHERE.get(key, key)


# (argument, old value) -> the value of today.
VALUES: Mapping[tuple[str, Any], Any] = MappingProxyType(
    {
        ("data_format", "th"): "channels_first",
        ("data_format", "tf"): "channels_last",
        ("data_format", "default"): None,
    }
)

# Functions that were other ones, or had other names, before Keras 3.
OLD_HARD_SIGMOID = "keras2_hard_sigmoid"
FUNCTIONS: Mapping[str, str] = MappingProxyType({"hard_sigmoid": OLD_HARD_SIGMOID, "softmax_v2": "softmax"})

# (class, argument) that a file of an older Keras does not have -> what that Keras did.
BEFORE_IT_WAS: Mapping[tuple[str, str], Any] = MappingProxyType(
    {("GRU", "reset_after"): False, ("GRUCell", "reset_after"): False}
)
# (class, argument) that stood in no config, since it was the default -> the default of Keras 1 and 2.
OLD_DEFAULTS: Mapping[tuple[str, str], Any] = MappingProxyType(
    {
        ("GRU", "recurrent_activation"): "hard_sigmoid",
        ("GRUCell", "recurrent_activation"): "hard_sigmoid",
        ("LSTM", "recurrent_activation"): "hard_sigmoid",
        ("LSTMCell", "recurrent_activation"): "hard_sigmoid",
        ("ConvLSTM2D", "recurrent_activation"): "hard_sigmoid",
    }
)

# Merge's modes -> the class, and its arguments by Merge's words.
MERGES: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, Any]]] = MappingProxyType(
    {
        "sum": ("Add", {}, {}),
        "mul": ("Multiply", {}, {}),
        "ave": ("Average", {}, {}),
        "max": ("Maximum", {}, {}),
        "concat": ("Concatenate", {"axis": "concat_axis"}, {}),
        "dot": ("Dot", {"axes": "dot_axes"}, {}),
    }
)
MERGE_WORDS = (
    "mode", "concat_axis", "dot_axes", "layers", "mode_type", "output_shape", "output_shape_type", "output_mask",
    "output_mask_type", "arguments", "node_indices", "tensor_indices",
)  # fmt: skip
