"""Configs as Keras wrote them: old words, functions by tables, hooks, and arguments that ask for a great deal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .payloads import LAMBDA, POISON, named
from .work_attacks import ESCAPES

Config = Callable[[], dict[str, Any]]

MANY = 10**9
HUGE = 2**62


def layer(class_name: str, name: str, *inputs: Any, **config: Any) -> dict[str, Any]:
    node = [[item, 0, 0, {}] if isinstance(item, str) else item for item in inputs]
    nodes = [node] if node else []
    return {"class_name": class_name, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def graph(*layers: dict[str, Any], version: str = "2.4.0", shape: Any = (4,), dtype: str = "float32") -> Config:
    """One input "x", then these, the last of which gives the output."""
    first = layer("InputLayer", "x", batch_input_shape=[None, *shape], dtype=dtype, sparse=False)
    config = {
        "name": "m", "layers": [first, *layers],
        "input_layers": [["x", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]],
    }  # fmt: skip
    return lambda: {"class_name": "Functional", "config": config, "keras_version": version}


def one(
    class_name: str, /, *, shape: Any = (4,), dtype: str = "float32", version: str = "2.4.0", **config: Any
) -> Config:
    """A model of one layer."""
    return graph(layer(class_name, "l", "x", **config), shape=shape, dtype=dtype, version=version)


def function(name: str, /, *first: Any, **named_: Any) -> Config:
    """A function of TensorFlow's, called on the input."""
    node = [["x", 0, 0, named_]] if not first else [["x", 0, 0, {"y": first[0], **named_}]]
    entry = {**layer("TFOpLambda", "f", "x", function=name, trainable=True), "inbound_nodes": node}
    return graph(entry)


def operation(op: str, constants: dict[str, Any] | None = None, **attributes: Any) -> Config:
    """An operation of TensorFlow's graphs."""
    node = {"name": "f", "op": op, "input": ["x", "y"], "attr": attributes}
    return graph(layer("TensorFlowOpLayer", "f", "x", node_def=node, constants=constants or {"1": 2.0}))


def _training(**config: Any) -> Config:
    made = one("Dense", units=2)()
    made["compile_config"] = config
    return lambda: made


def _sliced(index: Any) -> Config:
    entry = {**layer("SlicingOpLambda", "f", "x", function="__operators__.getitem"),
             "inbound_nodes": [["x", 0, 0, {"slice_spec": index}]]}  # fmt: skip
    return graph(entry)


def _wrapped(depth: int) -> Config:
    inner: Any = {"class_name": "Dense", "config": {"units": 2, "name": "d"}}
    for k in range(depth):
        inner = {"class_name": "TimeDistributed", "config": {"name": f"t{k}", "layer": inner}}
    return graph({**layer("TimeDistributed", "l", "x"), "config": inner["config"] | {"name": "l"}}, shape=(2, 4))


# (hole, name, config): what no such config says, or what would be computed while it is read.
CONFIGS: list[tuple[str, str, Config]] = [
    ("S2", "function_by_path", function("os.system")),
    ("S2", "function_by_dunder", function("__class__.__mro__")),
    ("S2", "function_of_poison", function(f"{POISON}.run")),
    ("S2", "operation_by_path", operation("PyFunc", token="pyfunc_0")),
    ("S2", "read_file", operation("ReadFile")),
    ("S1", "lambda_in_a_wrapper", one("TimeDistributed", shape=(2, 4), layer=named("Lambda", {"function": ["4wE="]}))),
    ("S1", "lambda_as_an_argument", function("math.add", LAMBDA)),
    ("S1", "lambda_as_output_shape", one("Lambda", function=["4wE=", None, None], output_shape=["4wE=", None, None])),
    ("S1", "merge_by_code", one("Merge", mode=["4wE=", None, None], version="1.2.2")),
    ("S2", "old_module", one("Lambda", function="run", module=POISON, function_type="function")),
    ("S2", "custom_by_registered_name", one("Dense", units=2, kernel_initializer=named("Poison", {}, POISON))),
    ("S19", "function_fill", function("fill", dims=[MANY, MANY], value=1.0)),
    ("S19", "function_zeros", function("zeros", shape=[MANY])),
    ("S19", "function_one_hot", function("one_hot", depth=MANY)),
    ("S19", "function_tile", function("tile", multiples=[1, MANY])),
    ("S19", "function_repeat", function("repeat", repeats=MANY, axis=1)),
    ("S19", "function_pad", function("pad", paddings=[[0, 0], [MANY, MANY]])),
    ("S19", "function_split", function("split", num_or_size_splits=MANY, axis=1)),
    ("S19", "function_unstack", function("unstack", num=MANY, axis=0)),
    ("S19", "function_reshape", function("reshape", shape=[HUGE, HUGE])),
    ("S19", "function_resize", function("image.resize", size=[MANY, MANY])),
    ("S19", "function_pow", function("math.pow", 10**30)),
    ("S19", "function_shift", function("__operators__.pow", -(10**18))),
    ("S19", "function_stack", graph(
        {**layer("TFOpLambda", "f", "x", function="stack"), "inbound_nodes": [[["x", 0, 0, {"axis": 0}]] * 5_000]})),
    ("S19", "operation_fill", operation("Fill", {"0": [MANY], "1": 1.0})),
    ("S19", "operation_tile", operation("Tile", {"1": [1, MANY]})),
    ("S19", "operation_place", operation("Mul", {"9999": 1.0})),
    ("S19", "operation_slice", operation("StridedSlice", {"1": [0] * 10**5, "2": [1] * 10**5, "3": [1] * 10**5})),
    ("S19", "slice_of_slices", _sliced([{"start": 0, "stop": HUGE, "step": 0}] * 50)),
    ("S19", "slice_by_code", _sliced(LAMBDA)),
    ("S21", "wrappers_in_wrappers", _wrapped(300)),
    ("S21", "names_alike", graph(*(layer("Dense", "d/" * k, "x", units=1) for k in range(1, 30)))),
    ("S21", "names_outside", graph(layer("Dense", "../../evil", "x", units=1))),
    ("S20", "loud_names", graph(layer("Dense", f"{ESCAPES}/d", "x", units=-1))),
    ("S20", "loud_words", one("Dense", units=2, **{ESCAPES * 1000: 1})),
    ("S20", "loud_version", lambda: {**one("Dense", units=-1)(), "keras_version": f"2{ESCAPES * 1000}"}),
    ("S20", "loud_initializer", one("Dense", units=2, kernel_initializer=named(ESCAPES * 1000, {}))),
    ("S20", "deep_training", _training(loss=[[[[["mse"] * 1000] * 10]]] * 100)),
    ("S21", "build_config", lambda: {**one("Dense", units=2)(), "build_config": {"input_shape": [HUGE] * 1000}}),
    ("S19", "compile_config", _training(optimizer=named("Adam", {"learning_rate": named("Poison", {}, POISON)}))),
    ("S19", "schedule", _training(optimizer=named("SGD", {"learning_rate": named(
        "PiecewiseConstantDecay", {"boundaries": [1] * 10**5, "values": [0.1] * (10**5 + 1)})}), loss="mse")),
]  # fmt: skip

_TEXTS = {"shape": (1,), "dtype": "string"}
_IMAGE = {"shape": (8, 8, 3)}
_STEPS = {"shape": (4, 3)}

# Layers whose arguments ask for tables, paddings and repetitions; nothing of that may be made while a file is read.
CONSTANTS: list[tuple[str, str, Config]] = [
    ("S19", f"constant_{name}", config) for name, config in {
        "repeat": one("RepeatVector", n=MANY),
        "upsampling_1d": one("UpSampling1D", size=MANY, **_STEPS),
        "upsampling_2d": one("UpSampling2D", size=[MANY, MANY], interpolation="bilinear", **_IMAGE),
        "upsampling_3d": one("UpSampling3D", size=[MANY] * 3, shape=(2, 2, 2, 1)),
        "padding_1d": one("ZeroPadding1D", padding=MANY, **_STEPS),
        "padding_2d": one("ZeroPadding2D", padding=[[MANY, MANY], [HUGE, HUGE]], **_IMAGE),
        "cropping": one("Cropping2D", cropping=MANY, **_IMAGE),
        "reshape": one("Reshape", target_shape=[HUGE, 4, -1]),
        "resizing": one("Resizing", height=MANY, width=MANY, interpolation="lanczos3", **_IMAGE),
        "center_crop": one("CenterCrop", height=MANY, width=MANY, **_IMAGE),
        "random_crop": one("RandomCrop", height=MANY, width=MANY, **_IMAGE),
        "category_encoding": one("CategoryEncoding", num_tokens=MANY, output_mode="one_hot", dtype="int64"),
        "hashing": one("Hashing", num_bins=HUGE, output_mode="one_hot", dtype="int64", version="3.0.0"),
        "hashed_crossing": one("HashedCrossing", num_bins=HUGE, output_mode="one_hot"),
        "discretization_bins": one("Discretization", num_bins=MANY, epsilon=1e-300, output_mode="one_hot"),
        "discretization_table": one("Discretization", bin_boundaries=[0.0] * 10**5, output_mode="multi_hot"),
        "lookup_idf": one("IntegerLookup", max_tokens=MANY, output_mode="tf_idf", pad_to_max_tokens=True,
                          vocabulary=[1, 2], idf_weights=[0.5, 0.5], dtype="int64"),
        "lookup_pad": one("IntegerLookup", max_tokens=MANY, output_mode="multi_hot", pad_to_max_tokens=True,
                          vocabulary=[1, 2], dtype="int64"),
        "lookup_oov": one("IntegerLookup", num_oov_indices=MANY, vocabulary=[1, 2], output_mode="count", dtype="int64"),
        "string_oov": one("StringLookup", num_oov_indices=MANY, vocabulary=["a"], output_mode="count", **_TEXTS),
        "string_idf": one("StringLookup", max_tokens=MANY, output_mode="tf_idf", pad_to_max_tokens=True,
                          vocabulary=["a"], idf_weights=[0.5], **_TEXTS),
        "texts_idf": one("TextVectorization", max_tokens=MANY, output_mode="tf_idf", pad_to_max_tokens=True,
                         vocabulary=["a"], idf_weights=[0.5], **_TEXTS),
        "texts_length": one("TextVectorization", output_sequence_length=MANY, vocabulary=["a"], **_TEXTS),
        "texts_ngrams": one("TextVectorization", ngrams=MANY, vocabulary=["a"], **_TEXTS),
        "mel": one("MelSpectrogram", fft_length=2**34, num_mel_bins=MANY, sequence_stride=1, shape=(64,)),
        "stft": one("STFTSpectrogram", fft_length=2**30, frame_length=2**30, shape=(64,)),
        "normalization": one("Normalization", axis=None, mean=[0.0] * 10**5, variance=[1.0] * 10**5),
        "dense": one("Dense", units=MANY),
        "embedding": one("Embedding", input_dim=MANY, output_dim=MANY),
        "conv": one("Conv2D", filters=MANY, kernel_size=[MANY, MANY], **_IMAGE),
        "depthwise": one("DepthwiseConv2D", kernel_size=3, depth_multiplier=MANY, **_IMAGE),
        "locally_connected": one("LocallyConnected2D", filters=MANY, kernel_size=[1, 1], **_IMAGE),
        "conv_lstm": one("ConvLSTM2D", filters=MANY, kernel_size=[3, 3], shape=(2, 4, 4, 1)),
        "pooling": one("MaxPooling2D", pool_size=[MANY, MANY], padding="same", **_IMAGE),
        "adaptive": one("AdaptiveAveragePooling2D", output_size=[MANY, MANY], **_IMAGE),
        "heads": one("MultiHeadAttention", num_heads=MANY, key_dim=MANY, **_STEPS),
        "attention_axes": one("MultiHeadAttention", num_heads=2, key_dim=2, attention_axes=list(range(10**5)),
                              **_STEPS),
        "maxout": one("MaxoutDense", units=2, nb_feature=MANY, version="1.2.2"),
        "lstm": one("LSTM", units=MANY, **_STEPS),
        "unrolled": one("LSTM", units=2, unroll=True, shape=(MANY, 2)),
        "unrolled_a_little": one("SimpleRNN", units=2, unroll=True, shape=(20_000, 2)),
        "stacked_cells": one("RNN", cell=named("StackedRNNCells", {
            "cells": [named("GRUCell", {"units": MANY, "name": f"g{k}"}) for k in range(300)]}), **_STEPS),
        "einsum": one("EinsumDense", equation="ab,bc->ac", output_shape=[MANY], bias_axes="c"),
        "einsum_long": one("EinsumDense", equation="ab," * 10**5 + "bc->ac", output_shape=2),
        "permute": one("Permute", dims=list(range(1, 10**5))),
        "spectral": one("SpectralNormalization", power_iterations=MANY,
                        layer=named("Dense", {"units": 2, "name": "d"}, "keras.layers", registered_name=None)),
        "groups": one("GroupNormalization", groups=HUGE, shape=(4, 8)),
        "dropout_noise": one("Dropout", rate=0.5, noise_shape=[MANY, MANY]),
        "identity_initializer": one("Dense", units=4, kernel_initializer=named("Identity", {"gain": 1e308})),
        "constant_initializer": one("Dense", units=4, kernel_initializer=named("Constant", {"value": [1.0] * 10**5})),
        "orthogonal": one("Dense", units=MANY, kernel_initializer=named("Orthogonal", {}), shape=(5_000,)),
        "lookup_twice": one("IntegerLookup", vocabulary=[1, 2] * 10**5, dtype="int64"),
        "stft_initializer": one("Dense", units=4, kernel_initializer=named("STFT", {"side": "real", "window": "hann"})),
        "input": graph(layer("Flatten", "l", "x"), shape=(HUGE, HUGE)),
        "input_axes": graph(layer("Flatten", "l", "x"), shape=(1,) * 10**4),
    }.items()
]  # fmt: skip
