"""TensorFlow's functions as layers, as tf.keras wrote them: each of the table against NumPy."""

from __future__ import annotations

import json
import math
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from lamina.models import load_model, model_from_json
from lamina.saving import LoadingError
from lamina.saving.keras_files.older import tf_functions, tf_graph
from tests.saving.keras.old_files import graph, layer, source, write_h5

X = np.random.default_rng(3).uniform(0.1, 0.9, (2, 3, 4)).astype("float32")
Y = np.random.default_rng(4).uniform(0.1, 0.9, (2, 3, 4)).astype("float32")
BOTH = X > 0.5


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


erf = np.vectorize(math.erf)
ONE: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs, "ceil": np.ceil, "cos": np.cos, "cosh": np.cosh, "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "erf": erf, "exp": np.exp, "expm1": np.expm1, "floor": np.floor, "log": np.log, "log1p": np.log1p,
    "log_sigmoid": lambda x: -np.log1p(np.exp(-x)), "negative": np.negative, "reciprocal": np.reciprocal,
    "relu": lambda x: np.maximum(x, 0), "relu6": lambda x: np.clip(x, 0, 6), "round": np.round,
    "rsqrt": lambda x: 1 / np.sqrt(x), "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "sign": np.sign, "sin": np.sin,
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "sinh": np.sinh, "softplus": lambda x: np.log1p(np.exp(x)), "softsign": lambda x: x / (1 + abs(x)),
    "sqrt": np.sqrt, "square": np.square, "swish": lambda x: x / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tan": np.tan, "tanh": np.tanh, "atan": np.arctan, "ones_like": np.ones_like, "zeros_like": np.zeros_like,
    "identity": np.array, "stop_gradient": np.array, "is_nan": np.isnan, "isnan": np.isnan,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
}  # fmt: skip
TWO: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "truediv": np.divide,
    "divide_no_nan": np.divide, "floordiv": np.floor_divide, "mod": np.mod, "floormod": np.mod, "pow": np.power,
    "maximum": np.maximum, "minimum": np.minimum, "equal": np.equal, "not_equal": np.not_equal, "greater": np.greater,
    "greater_equal": np.greater_equal, "less": np.less, "less_equal": np.less_equal, "atan2": np.arctan2,
    "squared_difference": lambda x, y: (x - y) ** 2, "bias_add": np.add,
}  # fmt: skip
FURTHER: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "reduce_sum": ({"axis": [1, 2], "keepdims": False}, lambda x: x.sum((1, 2))),
    "reduce_mean": ({"axis": 1, "keepdims": True}, lambda x: x.mean(1, keepdims=True)),
    "reduce_max": ({"axis": -1}, lambda x: x.max(-1)),
    "reduce_min": ({"axis": -1}, lambda x: x.min(-1)),
    "reduce_prod": ({"axis": [1]}, lambda x: x.prod(1)),
    "reduce_std": ({"axis": 1}, lambda x: x.std(1)),
    "reduce_variance": ({"axis": 1}, lambda x: x.var(1)),
    "reduce_logsumexp": ({"axis": 1}, lambda x: np.log(np.exp(x).sum(1))),
    "argmax": ({"axis": -1}, lambda x: x.argmax(-1)),
    "argmin": ({"axis": 1}, lambda x: x.argmin(1)),
    "cumsum": ({"axis": 1}, lambda x: x.cumsum(1)),
    "softmax": ({}, softmax),
    "log_softmax": ({"axis": -1}, lambda x: np.log(softmax(x))),
    "leaky_relu": ({}, lambda x: np.where(x > 0, x, 0.2 * x)),
    "gelu": ({"approximate": False}, lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    "l2_normalize": ({"axis": -1}, lambda x: x / np.sqrt((x**2).sum(-1, keepdims=True))),
    "matmul": ({"b": ["y", 0, 0], "transpose_b": True}, lambda x: x @ Y.transpose(0, 2, 1)),
    "reshape": ({"shape": [-1, 2, 6]}, lambda x: x.reshape(-1, 2, 6)),
    "expand_dims": ({"axis": 1}, lambda x: x[:, None]),
    "transpose": ({"perm": [0, 2, 1]}, lambda x: x.transpose(0, 2, 1)),
    "tile": ({"multiples": [1, 2, 1]}, lambda x: np.tile(x, [1, 2, 1])),
    "repeat": ({"repeats": 2, "axis": 1}, lambda x: x.repeat(2, 1)),
    "reverse": ({"axis": [1]}, lambda x: x[:, ::-1]),
    "pad": ({"paddings": [[0, 0], [1, 2], [0, 0]]}, lambda x: np.pad(x, [(0, 0), (1, 2), (0, 0)])),
    "cast": ({"dtype": "int32"}, lambda x: x.astype("int32")),
    "clip_by_value": ({"clip_value_min": 0.2, "clip_value_max": 0.4}, lambda x: np.clip(x, 0.2, 0.4)),
    "gather": ({"indices": [2, 0], "axis": 1}, lambda x: x[:, [2, 0]]),
    "unstack": ({"axis": 1}, lambda x: x[:, 0]),
    "split": ({"num_or_size_splits": [1, 3], "axis": -1}, lambda x: x[..., :1]),
}
# Told below, with arguments of other kinds.
ELSEWHERE = {"concat", "stack", "where", "add_n", "one_hot", "squeeze", "image.resize", "reduce_any", "reduce_all"}
LOGICAL = {"logical_not", "logical_and", "logical_or"}


def loaded(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_model(path)


def same(model: Any, right: Any) -> None:
    with torch.no_grad():
        made, *inputs = model([torch.tensor(X), torch.tensor(Y)])
    assert len(inputs) == 2  # outputs too, as an input has to lead somewhere
    np.testing.assert_allclose(made.to(torch.float64).numpy(), right, rtol=1e-4, atol=1e-5)


def called(path: Path, function: str, node: Any, kind: str = "TFOpLambda") -> Any:
    """A model of two inputs and one call, as tf.keras tells it."""
    call = {"class_name": kind, "name": f"tf.{function}", "inbound_nodes": [node]}
    call["config"] = {"name": f"tf.{function}", "trainable": True, "dtype": "float32", "function": function}
    config = graph([source("x", 3, 4), source("y", 3, 4), call], ["x", "y"], [f"tf.{function}", "x", "y"], "Functional")
    return loaded(write_h5(path / "m.h5", config, {}, "2.9.0"))


def test_every_function_of_the_table_is_tried() -> None:
    assert set(tf_functions._OF_ONE) == set(ONE) | {"logical_not"}
    assert set(tf_functions._OF_TWO) == set(TWO) | {"logical_and", "logical_or"}
    assert set(tf_functions._FURTHER) == set(FURTHER) | ELSEWHERE


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_tensor(name: str, tmp_path: Path) -> None:
    same(called(tmp_path, f"math.{name}", ["x", 0, 0, {"name": None}]), ONE[name](X))


@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_tensors(name: str, tmp_path: Path) -> None:
    same(called(tmp_path, f"math.{name}", ["x", 0, 0, {"y": ["y", 0, 0], "name": None}]), TWO[name](X, Y))
    same(called(tmp_path, f"math.{name}", ["x", 0, 0, {"y": 0.5, "name": None}]), TWO[name](X, np.float32(0.5)))


@pytest.mark.parametrize("name", FURTHER)
def test_further_functions(name: str, tmp_path: Path) -> None:
    kwargs, right = FURTHER[name]
    same(called(tmp_path, name, ["x", 0, 0, {**kwargs, "name": "mine"}]), right(X))


def test_lists_of_tensors(tmp_path: Path) -> None:
    both = [["x", 0, 0, {"axis": 1}], ["y", 0, 0, {"axis": 1}]]
    same(called(tmp_path, "concat", both), np.concatenate([X, Y], 1))
    same(called(tmp_path, "stack", both), np.stack([X, Y], 1))
    same(called(tmp_path, "concat", both[:1]), X)
    same(called(tmp_path, "math.add_n", [["x", 0, 0, {}], ["y", 0, 0, {}]]), X + Y)


def test_conditions(tmp_path: Path) -> None:
    a = {"class_name": "TFOpLambda", "name": "g", "config": {"name": "g", "function": "math.greater"},
         "inbound_nodes": [["x", 0, 0, {"y": 0.5, "name": None}]]}  # fmt: skip
    for function, kwargs, right in (
        ("where", {"x": ["x", 0, 0], "y": 0.0}, np.where(BOTH, X, 0)),
        ("math.logical_not", {}, ~BOTH),
        ("math.logical_and", {"y": ["g", 0, 0]}, BOTH),
        ("math.logical_or", {"y": ["g", 0, 0]}, BOTH),
        ("reduce_any", {"axis": 1}, BOTH.any(1)),
        ("reduce_all", {"axis": 1}, BOTH.all(1)),
        ("one_hot", {"depth": 2, "axis": -1}, np.eye(2)[BOTH.astype(int)]),
    ):
        node = [["g", 0, 0, kwargs]]
        of = (
            a
            if function != "one_hot"
            else {**a, "config": {"function": "cast"}, "inbound_nodes": [["x", 0, 0, {"dtype": "int32"}]]}
        )
        call = {
            "class_name": "TFOpLambda",
            "name": "w",
            "config": {"name": "w", "function": function},
            "inbound_nodes": node,
        }
        config = graph([source("x", 3, 4), source("y", 3, 4), of, call], ["x", "y"], ["w", "x", "y"], "Functional")
        model = loaded(write_h5(tmp_path / "m.h5", config, {}, "2.9.0"))
        same(model, right if function != "one_hot" else np.eye(2)[X.astype(int)])


def test_operators(tmp_path: Path) -> None:
    same(called(tmp_path, "__operators__.rsub", ["x", 0, 0, {"x": 1.0}]), 1 - X)
    same(called(tmp_path, "__operators__.rtruediv", ["x", 0, 0, {"x": 1.0}]), 1 / X)
    same(called(tmp_path, "__operators__.rpow", ["x", 0, 0, {"x": 2.0}]), 2**X)
    same(called(tmp_path, "math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["x", 0, 0], "name": None}]), 1 - X)
    same(called(tmp_path, "__operators__.add", ["x", 0, 0, {"y": [1.0, 2.0, 3.0, 4.0]}]), X + np.arange(1, 5))
    same(called(tmp_path, "__operators__.neg", ["x", 0, 0, {}]), -X)


SLICES = {
    "start and stop": ([{"start": None, "stop": None, "step": None}, {"start": 1, "stop": 3, "step": None}], X[:, 1:3]),
    "one": ([{"start": None, "stop": None, "step": None}, 0], X[:, 0]),
    "the last axis": ([{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": 2}], X[..., ::2]),
    "a new axis": ([{"class_name": "__ellipsis__"}, None], X[..., None]),
}


@pytest.mark.parametrize("name", SLICES)
def test_slices(name: str, tmp_path: Path) -> None:
    spec, right = SLICES[name]
    same(called(tmp_path, "__operators__.getitem", ["x", 0, 0, {"slice_spec": spec}], "SlicingOpLambda"), right)


# ---- before tf.keras 2.4


def operation(name: str, constants: Any, attributes: Any, inputs: str = "x") -> Any:
    node = {"name": "op", "op": name, "input": ["a", "b"], "attr": attributes}
    config = {"name": "op", "trainable": True, "dtype": "float32", "node_def": node, "constants": constants}
    call = {"class_name": "TensorFlowOpLayer", "name": "tf_op_layer_op", "config": config}
    call["inbound_nodes"] = [[[name, 0, 0, {}] for name in inputs]]
    return graph([source("x", 3, 4), source("y", 3, 4), call], ["x", "y"], ["tf_op_layer_op", "x", "y"])


T = {"T": {"type": "DT_FLOAT"}}
GRAPH_OPERATIONS = {
    "AddV2": ({"1": 2.0}, T, X + 2),
    "Sub": ({"0": 1.0}, T, 1 - X),
    "RealDiv": ({"0": [1.0, 2.0, 3.0, 4.0]}, T, [1, 2, 3, 4] / X),
    "Rsqrt": ({}, T, 1 / np.sqrt(X)),
    "Softmax": (None, T, softmax(X)),
    "Mean": ({"1": [1, 2]}, {**T, "keep_dims": {"b": True}}, X.mean((1, 2), keepdims=True)),
    "Sum": ({"1": -1}, T, X.sum(-1)),
    "ExpandDims": ({"1": 1}, T, X[:, None]),
    "Reshape": ({"1": [-1, 12]}, T, X.reshape(-1, 12)),
    "Transpose": ({"1": [0, 2, 1]}, T, X.transpose(0, 2, 1)),
    "Cast": ({}, {"SrcT": {"type": "DT_FLOAT"}, "DstT": {"type": "DT_INT32"}}, X.astype(int)),
    "ArgMax": ({"1": -1}, T, X.argmax(-1)),
    "Tile": ({"1": [1, 2, 1]}, T, np.tile(X, (1, 2, 1))),
    "Pad": ({"1": [[0, 0], [1, 0], [0, 0]]}, T, np.pad(X, [(0, 0), (1, 0), (0, 0)])),
    "GatherV2": ({"1": [2, 0], "2": 1}, T, X[:, [2, 0]]),
    "ReverseV2": ({"1": [1]}, T, X[:, ::-1]),
    "LeakyRelu": ({}, {**T, "alpha": {"f": 0.5}}, X),
    "Split": ({"0": 2}, {**T, "num_split": {"i": "2"}}, X[..., :2]),
    "Unpack": ({}, {**T, "axis": {"i": "1"}}, X[:, 0]),
    "MatMul": ({"1": np.eye(4).tolist()}, T, X),
    "StridedSlice": (
        {"1": [0, 1, 0], "2": [0, 2, 0], "3": [1, 1, 1]},
        {
            **T,
            "begin_mask": {"i": "1"},
            "end_mask": {"i": "1"},
            "ellipsis_mask": {"i": "4"},
            "shrink_axis_mask": {"i": "2"},
        },
        X[:, 1],
    ),
}


@pytest.mark.parametrize("name", GRAPH_OPERATIONS)
def test_operations_of_graphs(name: str, tmp_path: Path) -> None:
    constants, attributes, right = GRAPH_OPERATIONS[name]
    same(loaded(write_h5(tmp_path / "m.h5", operation(name, constants, attributes), {}, "2.3.0-tf")), right)


def test_operations_of_two_tensors(tmp_path: Path) -> None:
    for name, constants, attributes, right in (
        ("Mul", {}, T, X * Y),
        ("ConcatV2", {"2": 1}, T, np.concatenate([X, Y], 1)),
        ("Pack", {}, {**T, "axis": {"i": "1"}}, np.stack([X, Y], 1)),
        ("BatchMatMulV2", {}, {**T, "adj_y": {"b": True}}, X @ Y.transpose(0, 2, 1)),
    ):
        same(loaded(write_h5(tmp_path / "m.h5", operation(name, constants, attributes, "xy"), {}, "2.3.0-tf")), right)


def test_squeezed(tmp_path: Path) -> None:
    config = operation("Squeeze", {}, {**T, "squeeze_dims": {"list": {"i": ["1"]}}})
    config["config"]["layers"][0] = source("x", 1, 4)
    model = loaded(write_h5(tmp_path / "m.h5", config, {}, "2.3.0-tf"))
    assert model.output_shape[0] == (None, 4)


def test_an_operation_told_in_bytes(tmp_path: Path) -> None:
    """Until tf.keras 2.0: name 1, op 2, inputs 3, attributes 5 with key 1 and value 2, of which b is 5."""
    text = "\n\x02op\x12\x04Mean\x1a\x01x\x1a\x01a*\x0f\n\tkeep_dims\x12\x02(\x01"
    config = operation("Mean", {"1": [1, 2]}, {})
    config["config"]["layers"][2]["config"]["node_def"] = text  # type: ignore[index]
    same(loaded(write_h5(tmp_path / "m.h5", config, {}, "2.2.4-tf")), X.mean((1, 2), keepdims=True))


# ---- what is refused


ATTACKS: dict[str, Any] = {
    "a function that is none": ["TFOpLambda", {"function": "io.read_file"}],
    "a path to one": ["TFOpLambda", {"function": "keras.utils.get_file"}],
    "a method": ["TFOpLambda", {"function": "__operators__.__class__"}],
    "no function": ["TFOpLambda", {}],
    "an operation that is none": ["TensorFlowOpLayer", {"node_def": {"op": "PyFunc", "attr": {}}}],
    "bytes that are none": ["TensorFlowOpLayer", {"node_def": "\x12\x7fMean"}],
    "numbers without end": ["TensorFlowOpLayer", {"node_def": "\x12" + "\x7f" * 40}],
    "constants that are none": ["TensorFlowOpLayer", {"node_def": {"op": "AddV2", "attr": {}}, "constants": {"-1": 2}}],
    "constants far away": ["TensorFlowOpLayer", {"node_def": {"op": "AddV2", "attr": {}}, "constants": {"9": 2}}],
    "an axis that is a text": ["TensorFlowOpLayer", {"node_def": {"op": "Sum", "attr": {}}, "constants": {"1": "x"}}],
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_no_function_is_refused(name: str, tmp_path: Path) -> None:
    kind, config = ATTACKS[name]
    call = {"class_name": kind, "name": "f", "config": {"name": "f", **config}, "inbound_nodes": [["x", 0, 0, {}]]}
    path = write_h5(tmp_path / "m.h5", graph([source("x", 3, 4), call], ["x"], ["f"]), {}, "2.9.0")
    with pytest.raises(LoadingError):
        load_model(path)


NODES: dict[str, Any] = {
    "nothing": [],
    "deep": [],
    "a number": [[3]],
    "no call": [["x", 0]],
    "nowhere": [["z", 0, 0, {}]],
    "a constant alone": ["_CONSTANT_VALUE", -1, 3.0, {}],
    "an argument twice": ["x", 0, 0, {"y": 1.0, "x": 2.0}],
    "another argument": ["x", 0, 0, {"y": 1.0, "out": 2.0}],
}
for _ in range(300):
    NODES["deep"] = [NODES["deep"]]


@pytest.mark.parametrize("name", NODES)
def test_calls_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(LoadingError):
        called(tmp_path, "math.add", NODES[name])


def test_every_operation_of_graphs_is_a_name_alone() -> None:
    assert all(name.isalnum() for name in tf_graph._RUN)


# ---- .keras of tf_keras


def test_a_keras_file_of_keras_2(tmp_path: Path) -> None:
    """The zip of Keras 2.13 and tf_keras: Keras 3's entries and weights, Keras 2's calls and words."""
    weights = {
        name: np.random.default_rng(1).normal(size=size).astype("float32")
        for name, size in (("0", (4, 3)), ("1", (3,)))
    }
    entries = [source("x", 4), layer("Dense", "d/e", "x", units=3, activation="hard_sigmoid")]
    for entry in entries:
        entry |= {"module": "keras.layers", "registered_name": None}
    config = {
        **graph(entries, ["x"], ["d/e"], "Functional"),
        "module": "tf_keras.src.engine.functional",
        "registered_name": "Functional",
    }
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, value in weights.items():
            file[f"_layer_checkpoint_dependencies/dense/vars/{name}"] = value
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", (tmp_path / "w.h5").read_bytes())
    with pytest.warns(UserWarning, match="'d/e' is 'd_e'"):
        model = load_model(tmp_path / "m.keras")
    x = X[0]
    right = np.clip(0.2 * (x @ weights["0"] + weights["1"]) + 0.5, 0, 1)
    np.testing.assert_allclose(model.predict(x, verbose=0), right, rtol=1e-4)
    assert model_from_json(json.dumps({**config, "keras_version": "2.15.0"})).output_shape == (None, 3)
