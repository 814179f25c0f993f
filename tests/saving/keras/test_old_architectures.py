"""Architectures as people wrote them with Keras 1 and 2: their files, by hand, and their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina.models import load_model
from tests.saving.keras.old_files import graph, layer, sequential, source, write_h5
from tests.saving.keras.test_old_files import dense, draw, gated, loaded, lstm_of, same, sigmoid


def called(entry: dict[str, Any], *calls: Any) -> dict[str, Any]:
    """The entry of a layer that is called several times; each call is its inputs."""
    nodes = [[[name, number, 0, {}] for name, number in call] for call in calls]
    return {**entry, "inbound_nodes": nodes}


def after(x: np.ndarray, weights: Any) -> np.ndarray:
    kernel, bias = weights.values()
    return x @ kernel + bias


def relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


@pytest.mark.parametrize("within", ["Model", "Functional", "Sequential"])
def test_siamese(within: str, tmp_path: Path) -> None:
    """One model on two inputs: in Keras 2 the first call of a model in a graph is that of its own making."""
    inner = dense("d1", 3, 4) | dense("d2", 4, 2)
    if within == "Sequential":
        config: Any = {"name": "base", "layers": [
            {"class_name": "Dense", "config": {"name": "d1", "units": 4, "batch_input_shape": [None, 3]}},
            {"class_name": "Dense", "config": {"name": "d2", "units": 2}}]}  # fmt: skip
    else:
        config = graph(
            [source("i", 3), layer("Dense", "d1", "i", units=4), layer("Dense", "d2", "d1", units=2)], ["i"], ["d2"]
        )["config"] | {"name": "base"}
    base = {"class_name": within, "name": "base", "config": config}
    model = graph(
        [
            source("a", 3), source("b", 3),
            called(base, [("a", 0)], [("b", 0)]),
            called(layer("Subtract", "sub"), [("base", 1), ("base", 2)]),
        ],
        ["a", "b"], ["sub"],
    )  # fmt: skip
    arrays = {"base": {f"{name}_{key}": w for name, ws in inner.items() for key, w in ws.items()}}
    made = loaded(write_h5(tmp_path / "m.h5", model, arrays, "2.3.1"))
    a, b = draw(2, 3), draw(2, 3)
    one, other = (after(after(x, inner["d1"]), inner["d2"]) for x in (a, b))
    same(made, [a, b], one - other)


def test_hard_swish_of_mobilenet_v3(tmp_path: Path) -> None:
    """``x * relu6(x + 3) / 6``, as tf.keras wrote it: functions of TensorFlow's beside layers."""
    arrays = dense("d", 4, 4)
    model = graph(
        [
            source("x", 4),
            layer("Dense", "d", "x", units=4),
            {**layer("TFOpLambda", "tf.__operators__.add", function="__operators__.add"),
             "inbound_nodes": [["d", 0, 0, {"y": 3.0, "name": None}]]},
            layer("ReLU", "re_lu", "tf.__operators__.add", max_value=6.0, negative_slope=0.0, threshold=0.0),
            {**layer("TFOpLambda", "tf.math.multiply", function="math.multiply"),
             "inbound_nodes": [["re_lu", 0, 0, {"y": 1 / 6, "name": None}]]},
            layer("Multiply", "multiply", "d", "tf.math.multiply"),
            {**layer("TFOpLambda", "tf.nn.relu6", function="nn.relu6"),
             "inbound_nodes": [["multiply", 0, 0, {"name": None}]]},
        ],
        ["x"], ["tf.nn.relu6"], "Functional",
    )  # fmt: skip
    x = draw(5, 4)
    y = after(x, arrays["d"])
    same(loaded(write_h5(tmp_path / "m.h5", model, arrays, "2.8.0")), x, relu6(y * relu6(y + 3) / 6))


def test_a_block_of_mobilenet_with_its_own_relu6(tmp_path: Path) -> None:
    """Keras 2.1's MobileNet: DepthwiseConv2D and an activation handed over by its name."""
    arrays = {
        "dw": {"depthwise_kernel": draw(3, 3, 2, 1)},
        "bn": {k: np.abs(draw(2)) + 0.5 for k in ("gamma", "beta", "moving_mean", "moving_variance")},
    }
    entries = sequential(
        ("ZeroPadding2D", {"name": "pad", "padding": [[0, 1], [0, 1]], "batch_input_shape": [None, 4, 4, 2]}),
        ("DepthwiseConv2D", {"name": "dw", "kernel_size": [3, 3], "strides": [2, 2], "padding": "valid",
                             "use_bias": False, "depth_multiplier": 1}),
        ("BatchNormalization", {"name": "bn", "axis": -1, "epsilon": 1e-3, "momentum": 0.99}),
        ("Activation", {"name": "act", "activation": "relu6"}),
        ("GlobalAveragePooling2D", {"name": "pool", "data_format": "channels_last"}),
    )  # fmt: skip
    path = write_h5(tmp_path / "m.h5", entries, arrays, "2.1.6")
    x = draw(2, 4, 4, 2)
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    y = np.zeros((2, 2, 2, 2))
    for i in range(2):
        for j in range(2):
            window = padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            y[:, i, j] = (window * arrays["dw"]["depthwise_kernel"][None, ..., 0]).sum((1, 2))
    bn = arrays["bn"]
    y = (y - bn["moving_mean"]) / np.sqrt(bn["moving_variance"] + 1e-3) * bn["gamma"] + bn["beta"]
    own = {"relu6": lambda x: torch.nn.functional.relu6(x)}
    for options in ({"custom_objects": own}, {}):
        same(loaded(path, **options), x, relu6(y).mean((1, 2)))


@pytest.mark.parametrize("version", ["1.2.2", "2.2.4"])
def test_u_net(version: str, tmp_path: Path) -> None:
    """Down, up and a concatenation across: ``merge`` in Keras 1, ``Concatenate`` in Keras 2."""
    first = version.startswith("1")
    kernels = {"c1": draw(1, 1, 2, 3), "c2": draw(1, 1, 3, 4), "c3": draw(1, 1, 7, 1)}
    arrays = {name: {"kernel": k, "bias": draw(k.shape[-1])} for name, k in kernels.items()}

    def conv(name: str, before: str) -> dict[str, Any]:
        count = kernels[name].shape[-1]
        words: dict[str, Any] = {"filters": count, "kernel_size": [1, 1], "padding": "same"}
        if first:
            words = {"nb_filter": count, "nb_row": 1, "nb_col": 1, "border_mode": "same", "dim_ordering": "tf"}
        return layer("Convolution2D" if first else "Conv2D", name, before, activation="relu", **words)

    across = layer("Merge", "m", "up", "c1", mode="concat", concat_axis=3, mode_type="raw", arguments={})
    model = graph(
        [
            source("x", 4, 4, 2), conv("c1", "x"),
            layer("MaxPooling2D", "p", "c1", pool_size=[2, 2], **({"dim_ordering": "tf"} if first else {})),
            conv("c2", "p"),
            layer("UpSampling2D", "up", "c2", size=[2, 2], **({"dim_ordering": "tf"} if first else {})),
            across if first else layer("Concatenate", "m", "up", "c1", axis=3),
            conv("c3", "m"),
        ],
        ["x"], ["c3"],
    )  # fmt: skip
    x = draw(2, 4, 4, 2)

    def step(name: str, x: np.ndarray) -> np.ndarray:
        return np.maximum(x @ kernels[name][0, 0] + arrays[name]["bias"], 0)

    c1 = step("c1", x)
    c2 = step("c2", c1.reshape(2, 2, 2, 2, 2, 3).max((2, 4)))
    up = c2.repeat(2, 1).repeat(2, 2)
    same(loaded(write_h5(tmp_path / "m.h5", model, arrays, version)), x, step("c3", np.concatenate([up, c1], -1)))


class Crf(lamina.layers.Layer):
    """Stands for a CRF of an add-on: scores of each step, with a matrix of transitions as its weight."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.chain = self.add_weight((self.units, self.units), name="chain_kernel")

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.chain

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize("registered", ["CRF", "Addons>CRF"])
def test_a_tagger_with_a_layer_of_an_add_on(registered: str, tmp_path: Path) -> None:
    halves = {**gated("forward_l", 3, 2, 4, 8), **gated("backward_l", 3, 2, 4, 8)}
    arrays = {
        "emb": {"embeddings": draw(7, 3)},
        "bi": {f"{half}/{key}": w for half, ws in halves.items() for key, w in ws.items()},
        "crf": {"chain_kernel": draw(4, 4)},
    }
    inner = {"class_name": "LSTM", "config": {"name": "l", "units": 2, "return_sequences": True,
                                              "recurrent_activation": "sigmoid", "implementation": 1}}  # fmt: skip
    entries = sequential(
        ("Embedding", {"name": "emb", "input_dim": 7, "output_dim": 3, "batch_input_shape": [None, 5],
                       "input_length": 5, "mask_zero": False, "dtype": "float32"}),
        ("Bidirectional", {"name": "bi", "layer": inner, "merge_mode": "concat"}),
        (registered, {"name": "crf", "units": 4}),
    )  # fmt: skip
    path = write_h5(tmp_path / "m.h5", entries, arrays, "2.2.4")
    ids = np.array([[1, 2, 3, 4, 5], [6, 0, 1, 2, 3]])
    x = arrays["emb"]["embeddings"][ids]
    ahead = lstm_of(x, *halves["forward_l"].values(), sigmoid)[0]
    back = lstm_of(x[:, ::-1], *halves["backward_l"].values(), sigmoid)[0][:, ::-1]
    right = np.concatenate([ahead, back], -1) @ arrays["crf"]["chain_kernel"]
    same(loaded(path, custom_objects={"CRF": Crf}), ids, right)
    with pytest.raises(lamina.saving.LoadingError, match="CRF"):
        load_model(path)
    assert [one.name for one in lamina.saving.inspect_file(path).needed] == [registered]


@pytest.mark.parametrize("version", ["1.2.2", "2.0.8"])
def test_wave_net(version: str, tmp_path: Path) -> None:
    """Gated convolutions with growing dilation, causal in Keras 2, with a residual and skips."""
    first = version.startswith("1")
    arrays, layers, x0 = {}, [source("x", 8, 2)], draw(2, 8, 2)
    x, skip, before = x0.astype("float64"), 0.0, "x"
    for n, rate in enumerate([1, 2, 4]):
        parts = {}
        for kind, act in (("f", "tanh"), ("g", "sigmoid")):
            name = f"{kind}{n}"
            kernel, bias = draw(2, 2, 2), draw(2)
            arrays[name] = {"kernel": kernel[:, None] if first else kernel, "bias": bias}
            words: dict[str, Any] = {"filters": 2, "kernel_size": [2], "padding": "causal", "dilation_rate": [rate]}
            if first:
                words = {"nb_filter": 2, "filter_length": 2, "border_mode": "same", "atrous_rate": rate}
            kind_of = "AtrousConvolution1D" if first else "Conv1D"
            layers.append(layer(kind_of, name, before, activation=act, **words))
            left = rate // 2 if first else rate  # "same" pads on both sides, one more behind
            padded = np.pad(x, ((0, 0), (left, rate - left), (0, 0)))
            y = padded[:, :8] @ kernel[0] + padded[:, rate : rate + 8] @ kernel[1] + bias
            parts[kind] = np.tanh(y) if act == "tanh" else sigmoid(y)
        merge = ("Merge", {"mode": "mul"}) if first else ("Multiply", {})
        add = ("Merge", {"mode": "sum"}) if first else ("Add", {})
        layers.append(layer(merge[0], f"m{n}", f"f{n}", f"g{n}", **merge[1]))
        layers.append(layer(add[0], f"r{n}", f"m{n}", before, **add[1]))
        skip, x, before = skip + parts["f"] * parts["g"], x + parts["f"] * parts["g"], f"r{n}"
    kind, words = ("Merge", {"mode": "sum"}) if first else ("Add", {})
    layers.append(layer(kind, "s", "m0", "m1", "m2", **words))
    path = write_h5(tmp_path / "m.h5", graph(layers, ["x"], ["s"]), arrays, version)
    same(loaded(path), x0, skip)


def test_a_model_saved_from_several_gpus(tmp_path: Path) -> None:
    """multi_gpu_model: a Lambda takes each part of the batch, one model runs on all, and a layer joins them."""
    inner = dense("d", 3, 2)
    base = graph([source("i", 3), layer("Dense", "d", "i", units=2)], ["i"], ["d"])["config"] | {"name": "base"}
    parts = [
        layer("Lambda", f"lambda_{i}", "x", function=["4wE=", None, None], function_type="lambda",
              output_shape=[3], output_shape_type="raw", arguments={"i": i, "parts": 2})
        for i in range(2)
    ]  # fmt: skip
    model = graph(
        [
            source("x", 3), *parts,
            called({"class_name": "Model", "name": "base", "config": base}, [("lambda_0", 0)], [("lambda_1", 0)]),
            called(layer("Concatenate", "d", axis=0), [("base", 1), ("base", 2)]),
        ],
        ["x"], ["d"],
    )  # fmt: skip
    path = write_h5(tmp_path / "m.h5", model, {"base": inner["d"]}, "2.2.4")

    def part(x: torch.Tensor, i: int, parts: int) -> torch.Tensor:
        size = x.shape[0] // parts
        return x[i * size :] if i == parts - 1 else x[i * size : (i + 1) * size]

    with pytest.raises(lamina.saving.LoadingError, match="lambda_0"):
        load_model(path)
    x = draw(4, 3)
    same(loaded(path, custom_objects={"lambda_0": part, "lambda_1": part}), x, after(x, inner["d"]))


def test_models_in_models(tmp_path: Path) -> None:
    """A Sequential in a graph in a TimeDistributed: an autoencoder of each step."""
    inner = dense("e", 3, 2) | dense("o", 2, 3)
    encoder = {"class_name": "Sequential", "name": "enc", "config": {"name": "enc", "layers": [
        {"class_name": "Dense", "config": {"name": "e", "units": 2, "activation": "tanh",
                                           "batch_input_shape": [None, 3]}}]}}  # fmt: skip
    auto = graph(
        [source("i", 3), called(encoder, [("i", 0)]), called(layer("Dense", "o", units=3), [("enc", 1)])], ["i"], ["o"]
    )
    auto["config"]["name"] = "auto"
    model = graph([source("x", 4, 3), layer("TimeDistributed", "t", "x", layer=auto)], ["x"], ["t"])
    arrays = {"t": {f"{name}/{key}": w for name, ws in inner.items() for key, w in ws.items()}}
    x = draw(2, 4, 3)
    right = after(np.tanh(after(x, inner["e"])), inner["o"])
    same(loaded(write_h5(tmp_path / "m.h5", model, arrays, "2.4.0")), x, right)
