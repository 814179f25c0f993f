"""Files of Keras 1 and 2, a minimal one for each thing that they say in other words; numbers by their mathematics."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import lamina
from lamina.models import load_model, model_from_json
from lamina.saving import LoadingError
from tests.saving.keras.old_files import graph, layer, sequential, source, write_h5

RNG = np.random.default_rng(7)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    """Of Keras 1 and 2."""
    return np.clip(0.2 * x + 0.5, 0, 1)


def same(model: Any, data: Any, expected: Any) -> None:
    with torch.no_grad():
        made = model([torch.tensor(x) for x in data] if isinstance(data, list) else torch.tensor(data))
    for ours, right in zip(*((v if isinstance(v, (list, tuple)) else [v]) for v in (made, expected)), strict=True):
        np.testing.assert_allclose(ours.numpy(), np.asarray(right), rtol=1e-4, atol=1e-5)


def dense(name: str, inputs: int, units: int) -> dict[str, dict[str, np.ndarray]]:
    return {name: {"kernel": draw(inputs, units), "bias": draw(units)}}


def loaded(path: Path, **options: Any) -> Any:
    """The model, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_model(path, **options)


# ---- objects within layers


INITIALIZERS = {
    "GlorotUniform": {"seed": None},
    "HeNormal": {"seed": 3},
    "VarianceScaling": {"scale": 1.0, "mode": "fan_avg", "distribution": "normal", "seed": None},
    "RandomNormal": {"mean": 0.0, "stddev": 0.05, "seed": None},
    "RandomUniform": {"minval": -0.05, "maxval": 0.05, "seed": None},
    "TruncatedNormal": {"mean": 0.0, "stddev": 0.05, "seed": None},
    "Orthogonal": {"gain": 1.0, "seed": None},
    "Identity": {"gain": 1.0},
    "Constant": {"value": 0.5},
    "Ones": {},
    "Zeros": {},
    "GlorotUniformV2": {"seed": None},
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_an_initializer_told_its_dtype(name: str, tmp_path: Path) -> None:
    config = {"class_name": name, "config": {**INITIALIZERS[name], "dtype": "float32"}}
    arrays = dense("d", 3, 3)
    first = {"name": "d", "units": 3, "batch_input_shape": [None, 3], "kernel_initializer": config}
    model = loaded(write_h5(tmp_path / "m.h5", sequential(("Dense", first)), arrays, "2.2.4-tf"))
    x = draw(2, 3)
    same(model, x, x @ arrays["d"]["kernel"] + arrays["d"]["bias"])


POLICIES = [
    "float32",
    {"class_name": "Policy", "config": {"name": "float32"}},
    {"class_name": "PolicyV1", "config": {"name": "float32", "loss_scale": None}},
]


@pytest.mark.parametrize("policy", POLICIES, ids=["word", "Policy", "PolicyV1"])
def test_policies(policy: Any, tmp_path: Path) -> None:
    arrays = dense("d", 3, 2)
    first = {"name": "d", "units": 2, "batch_input_shape": [None, 3], "dtype": policy}
    model = loaded(write_h5(tmp_path / "m.h5", sequential(("Dense", first), bare=False), arrays, "2.4.0"))
    assert model.layers[0].compute_dtype == "float32"


def steep(x: torch.Tensor) -> torch.Tensor:
    return 3 * x


class Halves(lamina.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> torch.Tensor:
        return torch.full(shape, 0.5)


class Firm(lamina.regularizers.Regularizer):
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return 0 * x.sum()

    def get_config(self) -> dict[str, Any]:
        return {}


def slip(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    return (y_true - y_pred).abs().mean(-1)


def test_what_is_the_callers_goes_by_its_plain_name(tmp_path: Path) -> None:
    arrays = dense("d", 3, 2)
    first = {
        "name": "d", "units": 2, "batch_input_shape": [None, 3], "activation": "steep",
        "kernel_initializer": {"class_name": "Halves", "config": {}},
        "kernel_regularizer": {"class_name": "Firm", "config": {}},
    }  # fmt: skip
    training = {
        "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.5, "momentum": 0.0, "decay": 0.0}},
        "loss": "slip", "metrics": ["slip"], "loss_weights": None, "sample_weight_mode": None,
    }  # fmt: skip
    path = write_h5(tmp_path / "m.h5", sequential(("Dense", first)), arrays, training=training)
    own = {"steep": steep, "Halves": Halves, "Firm": Firm, "slip": slip}
    model = loaded(path, custom_objects=own)
    x, y = draw(4, 3), draw(4, 2)
    right = 3 * (x @ arrays["d"]["kernel"] + arrays["d"]["bias"])
    same(model, x, right)
    assert model.evaluate(x, y, verbose=0, return_dict=True)["slip"] == pytest.approx(np.abs(right - y).mean(), 1e-4)
    with lamina.saving.custom_object_scope(own):
        same(load_model(path), x, right)
    with pytest.raises(LoadingError, match="steep"):
        load_model(path, custom_objects={"Halves": Halves, "Firm": Firm})


def test_an_unknown_loss_is_said_while_loading(tmp_path: Path) -> None:
    training = {"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.5}}, "loss": "slip", "metrics": []}
    first = {"name": "d", "units": 2, "batch_input_shape": [None, 3]}
    path = write_h5(tmp_path / "m.h5", sequential(("Dense", first)), dense("d", 3, 2), training=training)
    with pytest.warns(UserWarning, match="slip"):
        load_model(path)


# ---- what functions and defaults were


def lstm_of(x: np.ndarray, k: np.ndarray, r: np.ndarray, b: np.ndarray, gate: Any, state: Any = None) -> list[Any]:
    """All steps, and both states at the end."""
    units = r.shape[0]
    h, c = state or (np.zeros((len(x), units)), np.zeros((len(x), units)))
    steps = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ k + h @ r + b, 4, -1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
        steps.append(h)
    return [np.stack(steps, 1), h, c]


def gru_of(x: np.ndarray, k: np.ndarray, r: np.ndarray, b: np.ndarray, gate: Any) -> np.ndarray:
    """The last step. Two biases: the reset gate comes after the product; one: before it."""
    units = r.shape[0]
    h = np.zeros((len(x), units))
    for t in range(x.shape[1]):
        a = x[:, t] @ k + (b[0] if b.ndim == 2 else b)
        if b.ndim == 2:
            p = h @ r + b[1]
            z, s = gate(a[:, :units] + p[:, :units]), gate(a[:, units : 2 * units] + p[:, units : 2 * units])
            n = np.tanh(a[:, 2 * units :] + s * p[:, 2 * units :])
        else:
            z, s = (gate(v) for v in np.split(a[:, : 2 * units] + h @ r[:, : 2 * units], 2, -1))
            n = np.tanh(a[:, 2 * units :] + (s * h) @ r[:, 2 * units :])
        h = z * h + (1 - z) * n
    return h


def gated(name: str, inputs: int, units: int, gates: int, *bias: int) -> dict[str, Any]:
    return {
        name: {
            "kernel": draw(inputs, gates * units),
            "recurrent_kernel": draw(units, gates * units),
            "bias": draw(*bias),
        }
    }


@pytest.mark.parametrize("told", [True, False])
def test_gates_of_keras_2(told: bool, tmp_path: Path) -> None:
    """hard_sigmoid was another function, and where no file tells the gate, it was that."""
    word = {"recurrent_activation": "hard_sigmoid"} if told else {}
    arrays = {**gated("l", 3, 4, 4, 16), **gated("g", 4, 2, 3, 6)}
    config = sequential(
        ("LSTM", {"name": "l", "units": 4, "return_sequences": True, "batch_input_shape": [None, None, 3],
                  "implementation": 0, **word}),
        ("GRU", {"name": "g", "units": 2, **word}),
    )  # fmt: skip
    model = loaded(write_h5(tmp_path / "m.h5", config, arrays))
    x = 2 * draw(2, 5, 3)
    steps = lstm_of(x, *arrays["l"].values(), hard_sigmoid)[0]
    right = gru_of(steps, *arrays["g"].values(), hard_sigmoid)
    same(model, x, right)
    model.save(tmp_path / "m.lamina")
    same(load_model(tmp_path / "m.lamina"), x, right)


@pytest.mark.parametrize("version", ["1.2.2", "2.3.1", "2.15.0", None])
@pytest.mark.parametrize("activation", ["hard_sigmoid", {"class_name": "function", "config": "hard_sigmoid"}], ids=str)
def test_hard_sigmoid_wherever_it_stands(version: Any, activation: Any, tmp_path: Path) -> None:
    entries = ("Activation", {"name": "a", "batch_input_shape": [None, 5], "activation": activation})
    x = np.linspace(-4, 4, 5, dtype="float32")[None]
    same(loaded(write_h5(tmp_path / "m.h5", sequential(entries), {}, version)), x, hard_sigmoid(x))
    same(
        loaded(write_h5(tmp_path / "n.h5", sequential(entries, bare=False), {}, "3.1.0")), x, np.clip(x / 6 + 0.5, 0, 1)
    )


# ---- calls


def test_first_states_stand_behind_the_sequence(tmp_path: Path) -> None:
    arrays = {**gated("enc", 3, 4, 4, 16), **gated("dec", 2, 4, 4, 16)}
    config = graph(
        [
            source("a", None, 3),
            source("b", None, 2),
            layer("LSTM", "enc", "a", units=4, return_state=True, recurrent_activation="hard_sigmoid"),
            layer("LSTM", "dec", "b", ["enc", 0, 1], ["enc", 0, 2], units=4, return_sequences=True, return_state=True,
                  recurrent_activation="sigmoid"),
        ],
        ["a", "b"], ["dec"],
    )  # fmt: skip
    model = loaded(write_h5(tmp_path / "m.h5", config, arrays))
    a, b = draw(2, 3, 3), draw(2, 5, 2)
    states = lstm_of(a, *arrays["enc"].values(), hard_sigmoid)[1:]
    same(model, [a, b], lstm_of(b, *arrays["dec"].values(), sigmoid, states)[0])


@pytest.mark.parametrize("kind", ["Model", "Functional"])
def test_names_with_separators(kind: str, tmp_path: Path) -> None:
    arrays = {**dense("block/dense", 3, 3), **dense("block.dense", 3, 3), **dense("block_dense", 3, 3)}
    config = graph(
        [
            source("in/put", 3),
            layer("Dense", "block/dense", "in/put", units=3),
            layer("Dense", "block.dense", "block/dense", units=3),
            layer("Dense", "block_dense", "block.dense", units=3),
        ],
        ["in/put"], ["block_dense"], kind,
    )  # fmt: skip
    path = write_h5(tmp_path / "m.h5", config, arrays)
    with pytest.warns(UserWarning, match=r"'block/dense' is 'block_dense_1'"):
        model = load_model(path)
    x = draw(2, 3)
    right = x
    for weights in arrays.values():
        right = right @ weights["kernel"] + weights["bias"]
    same(model, x, right)


IDLE = {
    "SpatialDropout1D": ({"rate": 0.5, "noise_shape": None, "seed": None}, (4, 2)),
    "Dropout": ({"p": 0.5, "noise_shape": None}, (3,)),
    "GaussianDropout": ({"p": 0.5}, (3,)),
    "GaussianNoise": ({"sigma": 0.5}, (3,)),
    "Flatten": ({"data_format": "channels_last"}, (2, 3)),
    "ActivityRegularization": ({"l1": 0.0, "l2": 0.25}, (3,)),
}


@pytest.mark.parametrize("kind", IDLE)
def test_arguments_that_say_nothing(kind: str, tmp_path: Path) -> None:
    config, shape = IDLE[kind]
    entry = (kind, {"name": "d", "batch_input_shape": [None, *shape], "trainable": True, **config})
    x = draw(2, *shape)
    right = x.reshape(2, -1) if kind == "Flatten" else x
    same(loaded(write_h5(tmp_path / "m.h5", sequential(entry), {})), x, right)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64", "float16"])
def test_inputs_of_any_dtype(dtype: str, tmp_path: Path) -> None:
    config = graph([source("x", 3, dtype=dtype), layer("Flatten", "f", "x")], ["x"], ["f"])
    model = loaded(write_h5(tmp_path / "m.h5", config, {}))
    data = np.array([[1, 2, 3]], dtype)
    np.testing.assert_array_equal(np.asarray(model.predict(data, verbose=0)), data)


# ---- layers that are gone


def test_thresholded_relu(tmp_path: Path) -> None:
    config = sequential(("ThresholdedReLU", {"name": "t", "theta": 0.5, "batch_input_shape": [None, 4]}))
    model = loaded(write_h5(tmp_path / "m.h5", config, {}))
    x = np.array([[-1, 0.25, 0.5, 2]], "float32")
    same(model, x, np.array([[0, 0, 0, 2]]))
    model.save(tmp_path / "m.lamina")
    same(load_model(tmp_path / "m.lamina"), x, np.array([[0, 0, 0, 2]]))


@pytest.mark.parametrize("last", [True, False])
def test_locally_connected(last: bool, tmp_path: Path) -> None:
    form = "channels_last" if last else "channels_first"
    arrays = {"l": {"kernel": draw(2 * 4, 3 * 2 * 2, 3), "bias": draw(2, 4, 3)}}
    shape = [None, 4, 5, 2] if last else [None, 2, 4, 5]
    config = sequential(
        ("LocallyConnected2D", {"name": "l", "filters": 3, "kernel_size": [3, 2], "strides": [1, 1], "padding": "valid",
                                "data_format": form, "batch_input_shape": shape, "activation": "tanh"})
    )  # fmt: skip
    model = loaded(write_h5(tmp_path / "m.h5", config, arrays))
    x = draw(2, *shape[1:])
    image = x if last else x.transpose(0, 2, 3, 1)
    right = np.zeros((2, 2, 4, 3))
    for r in range(2):
        for c in range(4):
            window = image[:, r : r + 3, c : c + 2]
            flat = (window if last else window.transpose(0, 3, 1, 2)).reshape(2, -1)
            right[:, r, c] = flat @ arrays["l"]["kernel"][r * 4 + c] + arrays["l"]["bias"][r, c]
    right = np.tanh(right if last else right.transpose(0, 3, 1, 2))
    same(model, x, right)


def test_locally_connected_over_time(tmp_path: Path) -> None:
    arrays = {"l": {"kernel": draw(3, 2 * 2, 3), "bias": draw(3, 3)}}
    config = sequential(
        ("LocallyConnected1D", {"name": "l", "filters": 3, "kernel_size": [2], "strides": [2], "padding": "valid",
                                "batch_input_shape": [None, 6, 2]})
    )  # fmt: skip
    x = draw(2, 6, 2)
    right = np.stack(
        [x[:, 2 * t : 2 * t + 2].reshape(2, -1) @ arrays["l"]["kernel"][t] + arrays["l"]["bias"][t] for t in range(3)],
        1,
    )
    same(loaded(write_h5(tmp_path / "m.h5", config, arrays)), x, right)


def of_cudnn(kernel: np.ndarray, gates: int) -> np.ndarray:
    """Each gate's kernel as the library read it: (units, inputs) in the order of the memory."""
    parts = [p.copy() for p in np.split(kernel, gates, 1)]
    return np.concatenate([p.reshape(-1).reshape(p.shape[1], p.shape[0]).T for p in parts], 1)


@pytest.mark.parametrize("wrapped", [False, True])
def test_cudnn_layers(wrapped: bool, tmp_path: Path) -> None:
    lstm = {"kernel": draw(3, 16), "recurrent_kernel": draw(4, 16), "bias": draw(32)}
    gru = {"kernel": draw(8 if wrapped else 4, 6), "recurrent_kernel": draw(2, 6), "bias": draw(12)}
    first = {"name": "l", "units": 4, "return_sequences": True, "batch_input_shape": [None, None, 3]}
    entry: Any = ("CuDNNLSTM", first)
    arrays: dict[str, Any] = {"l": lstm, "g": gru}
    if wrapped:
        inner = {"class_name": "CuDNNLSTM", "config": first}
        entry = (
            "Bidirectional",
            {"name": "b", "layer": inner, "merge_mode": "concat", "batch_input_shape": [None, None, 3]},
        )
        back = {f"back_{key}": draw(*value.shape) for key, value in lstm.items()}
        arrays = {"b": {**{f"ahead_{key}": value for key, value in lstm.items()}, **back}, "g": gru}
    model = loaded(write_h5(tmp_path / "m.h5", sequential(entry, ("CuDNNGRU", {"name": "g", "units": 2})), arrays))
    x = draw(2, 5, 3)

    def steps(k: np.ndarray, r: np.ndarray, b: np.ndarray, data: np.ndarray) -> np.ndarray:
        return lstm_of(data, of_cudnn(k, 4), of_cudnn(r, 4), b[:16] + b[16:], sigmoid)[0]

    h = steps(*lstm.values(), x)
    if wrapped:
        h = np.concatenate([h, steps(*back.values(), x[:, ::-1])[:, ::-1]], -1)
    right = gru_of(
        h, of_cudnn(gru["kernel"], 3), of_cudnn(gru["recurrent_kernel"], 3), gru["bias"].reshape(2, -1), sigmoid
    )
    same(model, x, right)


# ---- Keras 1


def correlated(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """A convolution of pictures (B, H, W, C) with a kernel (h, w, C, F), without padding."""
    rows, columns = (x.shape[1 + k] - kernel.shape[k] + 1 for k in (0, 1))
    made = np.zeros((len(x), rows, columns, kernel.shape[3]))
    for r in range(rows):
        for c in range(columns):
            made[:, r, c] = np.einsum("bhwc,hwcf->bf", x[:, r : r + kernel.shape[0], c : c + kernel.shape[1]], kernel)
    return made


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_pictures_of_keras_1(backend: str, ordering: str, tmp_path: Path) -> None:
    first = ordering == "th"
    stored = draw(3, 3, 3, 3)  # whatever the axes are, the shapes agree: the version has to tell
    arrays = {
        "c": {"c_W": stored, "c_b": draw(3)},
        "n": {f"n_{k}": abs(draw(3)) for k in ("gamma", "beta", "mean", "std")},
    }
    shape = [None, 3, 5, 6] if first else [None, 5, 6, 3]
    config = sequential(
        ("Convolution2D", {"name": "c", "nb_filter": 3, "nb_row": 3, "nb_col": 3, "border_mode": "valid",
                           "subsample": [1, 1], "dim_ordering": ordering, "init": "glorot_uniform",
                           "activation": "relu", "bias": True,
                           "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
                           "b_regularizer": None, "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
                           "batch_input_shape": shape, "input_dtype": "float32", "trainable": True}),
        ("BatchNormalization", {"name": "n", "mode": 0, "axis": 1 if first else -1, "momentum": 0.99, "epsilon": 1e-3,
                                "gamma_regularizer": None, "beta_regularizer": None}),
        ("MaxPooling2D", {"name": "p", "pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid",
                          "dim_ordering": ordering}),
        ("Dropout", {"name": "d", "p": 0.5}),
    )  # fmt: skip
    model = loaded(write_h5(tmp_path / "m.h5", config, arrays, "1.2.2", backend))
    x = draw(2, *shape[1:])
    kernel = stored.transpose(2, 3, 1, 0) if first else stored
    kernel = kernel[::-1, ::-1] if backend == "theano" else kernel
    h = np.maximum(correlated(x.transpose(0, 2, 3, 1) if first else x, kernel) + arrays["c"]["c_b"], 0)
    gamma, beta, mean, variance = arrays["n"].values()
    h = (h - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    h = h[:, :2, :4].reshape(2, 1, 2, 2, 2, 3).max((2, 4))
    same(model, x, h.transpose(0, 3, 1, 2) if first else h)


def test_sequences_of_keras_1(tmp_path: Path) -> None:
    gates = {f"{kind}_{gate}": draw(*{"W": (4, 3), "U": (3, 3), "b": (3,)}[kind]) for gate in "icfo" for kind in "WUb"}
    more = {f"{kind}_{gate}": draw(*{"W": (3, 2), "U": (2, 2), "b": (2,)}[kind]) for gate in "zrh" for kind in "WUb"}
    arrays = {"e": {"e_W": draw(9, 4)}, "l": gates, "g": more, "d": {"d_W": draw(2, 2), "d_b": draw(2)}}
    words = {"init": "glorot_uniform", "inner_init": "orthogonal", "inner_activation": "hard_sigmoid",
             "activation": "tanh", "W_regularizer": None, "U_regularizer": None, "b_regularizer": None,
             "dropout_W": 0.1, "dropout_U": 0.1,
             "consume_less": "cpu", "input_length": None}  # fmt: skip
    config = sequential(
        ("Embedding", {"name": "e", "input_dim": 9, "output_dim": 4, "init": "uniform", "input_length": 5,
                       "mask_zero": False, "W_regularizer": None, "W_constraint": None, "activity_regularizer": None,
                       "batch_input_shape": [None, 5], "input_dtype": "int32"}),
        ("LSTM", {"name": "l", "output_dim": 3, "input_dim": 4, "return_sequences": True, "forget_bias_init": "one",
                  **words}),
        ("GRU", {"name": "g", "output_dim": 2, "input_dim": 3, **words}),
        ("Dense", {"name": "d", "output_dim": 2, "input_dim": 2, "activation": "softmax", "bias": True}),
    )  # fmt: skip
    model = loaded(write_h5(tmp_path / "m.h5", config, arrays, None))
    x = RNG.integers(0, 9, (2, 5))

    def joined(weights: dict[str, Any], kind: str, order: str) -> np.ndarray:
        return np.concatenate([weights[f"{kind}_{gate}"] for gate in order], -1)

    h = lstm_of(arrays["e"]["e_W"][x], *(joined(gates, kind, "ifco") for kind in "WUb"), hard_sigmoid)[0]
    h = gru_of(h, *(joined(more, kind, "zrh") for kind in "WUb"), hard_sigmoid)
    h = np.exp(h @ arrays["d"]["d_W"] + arrays["d"]["d_b"])
    same(model, x, h / h.sum(-1, keepdims=True))


def test_time_and_pictures_with_older_sizes(tmp_path: Path) -> None:
    arrays = {"c": {"c_W": draw(2, 1, 3, 4), "c_b": draw(4)}, "t": {"t_W": draw(4, 2), "t_b": draw(2)}}
    config = sequential(
        ("Convolution1D", {"name": "c", "nb_filter": 4, "filter_length": 2, "border_mode": "valid",
                           "subsample_length": 1, "input_dim": 3, "input_length": 7,
                           "batch_input_shape": [None, 7, 3]}),
        ("MaxPooling1D", {"name": "p", "pool_length": 2, "stride": 2, "border_mode": "valid"}),
        ("UpSampling1D", {"name": "u", "length": 2}),
        ("TimeDistributedDense", {"name": "t", "output_dim": 2}),
    )  # fmt: skip
    x = draw(2, 7, 3)
    kernel = arrays["c"]["c_W"][:, 0]
    h = sum(x[:, k : k + 6] @ kernel[k] for k in range(2)) + arrays["c"]["c_b"]
    h = h.reshape(2, 3, 2, 4).max(2).repeat(2, 1)
    same(loaded(write_h5(tmp_path / "m.h5", config, arrays, "1.0.8")), x, h @ arrays["t"]["t_W"] + arrays["t"]["t_b"])


MERGES = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "max": np.maximum,
    "concat": lambda a, b: np.concatenate([a, b], -1),
    "dot": lambda a, b: (a * b).sum(-1, keepdims=True),
}


@pytest.mark.parametrize("mode", MERGES)
@pytest.mark.parametrize("in_graph", [True, False])
def test_merge(mode: str, in_graph: bool, tmp_path: Path) -> None:
    arrays = {**dense("l", 3, 4), **dense("r", 2, 4)}
    merge = {"mode": mode, "concat_axis": -1, "dot_axes": [[1], [1]], "output_shape": None, "output_mask": None,
             "mode_type": "raw", "output_shape_type": "raw", "output_mask_type": "raw", "arguments": {}}  # fmt: skip
    left, right = ({"name": name, "units": 4, "batch_input_shape": [None, n]} for name, n in (("l", 3), ("r", 2)))
    if in_graph:
        config = graph(
            [source("a", 3), source("b", 2), layer("Dense", "l", "a", units=4), layer("Dense", "r", "b", units=4),
             layer("Merge", "m", "l", "r", **merge)], ["a", "b"], ["m"],
        )  # fmt: skip
    else:
        branches = [sequential(("Dense", entry)) for entry in (left, right)]
        config = sequential(
            ("Merge", {"name": "m", "layers": branches, **merge}), ("Activation", {"name": "t", "activation": "linear"})
        )
    model = loaded(write_h5(tmp_path / "m.h5", config, arrays, "2.0.6"))
    a, b = draw(2, 3), draw(2, 2)
    parts = [x @ w["kernel"] + w["bias"] for x, w in zip((a, b), arrays.values(), strict=True)]
    same(model, [a, b], MERGES[mode](*parts))


# ---- JSON alone, and weights by name


def test_json_and_weights(tmp_path: Path) -> None:
    arrays = {**dense("one", 3, 4), **dense("two", 4, 2)}
    told = {
        **sequential(
            ("Dense", {"name": "one", "units": 4, "batch_input_shape": [None, 3]}),
            ("Dense", {"name": "two", "units": 2}),
        ),
        "keras_version": "2.1.6",
        "backend": "tensorflow",
    }
    path = write_h5(tmp_path / "w.h5", None, arrays)
    x = draw(2, 3)
    right = (x @ arrays["one"]["kernel"] + arrays["one"]["bias"]) @ arrays["two"]["kernel"] + arrays["two"]["bias"]
    for model in (model_from_json(json.dumps(told)), lamina.Sequential.from_config(told["config"])):
        model.load_weights(path)
        same(model, x, right)
    functional = graph(
        [source("x", 3), layer("Dense", "one", "x", units=4), layer("Dense", "two", "one", units=2)], ["x"], ["two"]
    )
    for model in (model_from_json(json.dumps(functional)), lamina.Model.from_config(functional["config"])):
        model.load_weights(path, by_name=True)
        same(model, x, right)


def test_by_name(tmp_path: Path) -> None:
    arrays = {**dense("one", 3, 4), **dense("two", 4, 2), **dense("other", 2, 2)}
    path = write_h5(tmp_path / "w.h5", None, arrays)
    x = lamina.Input((3,))
    h = lamina.layers.Dense(4, name="one")(x)
    model = lamina.Model(x, lamina.layers.Dense(5, name="new")(h))
    before = [w.numpy().copy() for w in model.get_layer("new").weights]
    report = model.load_weights(path, by_name=True)
    assert set(report.loaded) == {"one.kernel", "one.bias"}
    np.testing.assert_array_equal(model.get_layer("one").kernel.detach().numpy(), arrays["one"]["kernel"])
    for old, new in zip(before, model.get_layer("new").weights, strict=True):
        np.testing.assert_array_equal(new.numpy(), old)
    head = lamina.Model(x, lamina.layers.Dense(5, name="two")(h))
    with pytest.raises(LoadingError, match=r"two\.kernel"):
        head.load_weights(path, by_name=True)
    with pytest.warns(UserWarning, match=r"two\.kernel"):
        report = head.load_weights(path, by_name=True, skip_mismatch=True)
    assert set(report.loaded) == {"one.kernel", "one.bias"}
    with pytest.raises(LoadingError, match="by_name"):
        head.load_weights(path)


# ---- code


BYTECODE = ["4wEAAAAAAAAA", None, None]


@pytest.mark.parametrize(
    "function", [BYTECODE, "steep", {"class_name": "__lambda__", "config": {"code": "4wEA"}}], ids=str
)
def test_a_lambda_by_the_name_of_its_layer(function: Any, tmp_path: Path) -> None:
    config = sequential(
        ("Lambda", {"name": "triple", "function": function, "function_type": "lambda", "output_shape": BYTECODE,
                    "output_shape_type": "lambda", "module": "__main__", "output_shape_module": None,
                    "arguments": {}, "batch_input_shape": [None, 2]})
    )  # fmt: skip
    path = write_h5(tmp_path / "m.h5", config, {})
    x = draw(2, 2)
    same(loaded(path, custom_objects={"triple": steep}), x, 3 * x)
    for options in ({}, {"safe_mode": False}):
        with pytest.raises(LoadingError, match="custom_objects="):
            load_model(path, **options)


@pytest.mark.parametrize("first", [False, True], ids=["channels_last", "channels_first"])
@pytest.mark.parametrize("version", ["2.2.4", "2.3.1", "2.2.4-tf", "2.4.0", "2.15.0", "3.1.0"])
def test_up_sampling_by_interpolation(version: str, first: bool, tmp_path: Path) -> None:
    """Before Keras was TensorFlow's: position i lies at i / size; since then (i + 1/2) / size - 1/2."""
    form = "channels_first" if first else "channels_last"
    entry = {"name": "u", "batch_input_shape": [None, *((2, 3, 4) if first else (3, 4, 2))], "size": [2, 3],
             "interpolation": "bilinear", "data_format": form}  # fmt: skip
    model = loaded(write_h5(tmp_path / "m.h5", sequential(("UpSampling2D", entry), bare=False), {}, version))
    corners = version in ("2.2.4", "2.3.1")

    def enlarged(x: np.ndarray, by: int, axis: int) -> np.ndarray:
        count = x.shape[axis]
        places = np.arange(count * by) / by if corners else (np.arange(count * by) + 0.5) / by - 0.5
        low = np.floor(places)
        share = (places - low).reshape([-1 if k == axis else 1 for k in range(4)])
        at = [np.take(x, np.clip(low + k, 0, count - 1).astype(int), axis) for k in (0, 1)]
        return at[0] * (1 - share) + at[1] * share

    x = draw(2, 3, 4, 2)
    right = enlarged(enlarged(x, 2, 1), 3, 2)
    turned = (lambda v: np.ascontiguousarray(v.transpose(0, 3, 1, 2))) if first else (lambda v: v)
    same(model, turned(x), turned(right))
    model.save(tmp_path / "m.lamina")
    same(load_model(tmp_path / "m.lamina"), turned(x), turned(right))


# ---- how it was trained


SGD = {"class_name": "SGD", "config": {"lr": 0.5, "momentum": 0.0, "decay": 0.25, "nesterov": False}}
NADAM = {
    "class_name": "Nadam",
    "config": {"lr": 0.002, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "schedule_decay": 0.004},
}


@pytest.mark.parametrize("optimizer", [SGD, NADAM], ids=["decay", "schedule_decay"])
def test_training_told_in_other_words(optimizer: Any, tmp_path: Path) -> None:
    loss = {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mean_squared_error"}}
    metric = {
        "class_name": "MeanMetricWrapper",
        "config": {"name": "gap", "dtype": "float32", "fn": "mean_absolute_error"},
    }
    training = {"optimizer_config": optimizer, "loss": loss, "metrics": [[metric]], "sample_weight_mode": None}
    arrays = dense("d", 3, 1)
    first = {"name": "d", "units": 1, "batch_input_shape": [None, 3]}
    model = loaded(write_h5(tmp_path / "m.h5", sequential(("Dense", first)), arrays, "2.3.0-tf", training=training))
    x, y = draw(8, 3), draw(8, 1)
    w, b = (v.astype("float64") for v in arrays["d"].values())
    assert model.evaluate(x, y, verbose=0, return_dict=True)["gap"] == pytest.approx(np.abs(x @ w + b - y).mean(), 1e-4)
    model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    if optimizer is SGD:
        for step in range(3):
            error = x @ w + b - y
            rate = 0.5 / (1 + 0.25 * step)
            w, b = w - rate * 2 * x.T @ error / 8, b - rate * 2 * error.mean(0)
        np.testing.assert_allclose(model.get_layer("d").kernel.detach().numpy(), w, rtol=1e-4)


@pytest.mark.parametrize(
    "told, speed",
    [({"schedule_decay": 0.004}, 0.004), ({"schedule_decay": 0.1}, 0.1), ({"decay": 0.004}, 0.004), ({}, 1.0),
     ({"decay": 0.0, "is_legacy_optimizer": False}, 1.0)],
)  # fmt: skip
@pytest.mark.parametrize("cache", ["momentum_cache", "m_schedule", None])
def test_nadam_goes_on_as_keras_2_had_it(told: dict[str, Any], speed: float, cache: Any, tmp_path: Path) -> None:
    """u_t = beta_1 (1 - 0.96^(0.004 t) / 2) up to 2.10, where tf.keras tells the 0.004 as "decay"; 0.96^t from 2.11."""
    arrays = dense("d", 2, 1)
    config = {"lr": 0.05, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, **told}
    training = {"optimizer_config": {"class_name": "Nadam", "config": config}, "loss": "mse", "metrics": []}
    first = {"name": "d", "units": 1, "batch_input_shape": [None, 2]}
    path = write_h5(tmp_path / "m.h5", sequential(("Dense", first)), arrays, "2.4.0", training=training)
    m, v = ({key: np.abs(draw(*w.shape)) for key, w in arrays["d"].items()} for _ in range(2))
    u = [0.9 * (1 - 0.5 * 0.96 ** (t * speed)) for t in range(1, 12)]
    state: dict[str, Any] = {"Nadam/iter": np.int64(7)}
    if cache:
        state[f"Nadam/{cache}"] = np.float32(np.prod(u[:7]))
    state |= {f"Nadam/m/{key}": value for key, value in m.items()} | {f"Nadam/v/{key}": x for key, x in v.items()}
    with h5py.File(path, "a") as file:
        group = file.create_group("optimizer_weights")
        group.attrs["weight_names"] = [np.bytes_(f"{name}:0") for name in state]
        for name, value in state.items():
            group[f"{name}:0"] = value
    model = loaded(path)
    assert model.optimizer.schedule_decay == speed
    x, y = draw(4, 2), draw(4, 1)
    w = {key: value.astype("float64") for key, value in arrays["d"].items()}
    for t in (8, 9):
        error = x @ w["kernel"] + w["bias"] - y
        for key, grad in {"kernel": 2 * x.T @ error / 4, "bias": 2 * error.mean(0)}.items():
            m[key], v[key] = 0.9 * m[key] + 0.1 * grad, 0.999 * v[key] + 0.001 * grad**2
            done, ahead = np.prod(u[:t]), np.prod(u[: t + 1])
            bar = (1 - u[t - 1]) * grad / (1 - done) + u[t] * m[key] / (1 - ahead)
            w[key] = w[key] - 0.05 * bar / (np.sqrt(v[key] / (1 - 0.999**t)) + 1e-7)
        model.train_on_batch(x, y)
    np.testing.assert_allclose(model.get_layer("d").kernel.detach().numpy(), w["kernel"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [{"schedule_decay": -0.1}, {"decay": "fast"}])
def test_a_setting_that_is_gone_is_named(config: Any, tmp_path: Path) -> None:
    training = {"optimizer_config": {"class_name": "Nadam", "config": {"lr": 0.1, **config}}, "loss": "mse"}
    first = {"name": "d", "units": 1, "batch_input_shape": [None, 3]}
    path = write_h5(tmp_path / "m.h5", sequential(("Dense", first)), dense("d", 3, 1), training=training)
    with pytest.warns(UserWarning, match="schedule_decay"):
        load_model(path)


@pytest.mark.parametrize("alternating", [True, False], ids=["2.11 and later", "before"])
def test_training_goes_on(alternating: bool, tmp_path: Path) -> None:
    """Adam's state: from 2.11 on the slots of each weight side by side, before it all of a name."""
    arrays = dense("d", 2, 2)
    slots = {f"{slot}/{key}": np.abs(draw(*value.shape)) for key, value in arrays["d"].items() for slot in "mv"}
    order = sorted(slots, key=lambda name: (0 if alternating else name[0], 0 if "kernel" in name else 1, name[0]))
    config = {"lr" if not alternating else "learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    adam = {"class_name": "Custom>Adam" if alternating else "Adam", "config": {**config, "amsgrad": False}}
    training = {"optimizer_config": adam, "loss": "mse", "metrics": []}
    first = {"name": "d", "units": 2, "batch_input_shape": [None, 2]}
    path = write_h5(tmp_path / "m.h5", sequential(("Dense", first)), arrays, "2.9.0", training=training)
    state = {
        "iteration" if alternating else "Adam/iter": np.int64(7),
        **{f"Adam/{name}": slots[name] for name in order},
    }
    with h5py.File(path, "a") as file:
        group = file.create_group("optimizer_weights")
        group.attrs["weight_names"] = [np.bytes_(f"{name}:0") for name in state]
        for name, value in state.items():
            group[f"{name}:0"] = value
    model = loaded(path)
    x, y = draw(4, 2), draw(4, 2)
    model.train_on_batch(x, y)
    w, b = (v.astype("float64") for v in arrays["d"].values())
    error = x @ w + b - y
    gradients = {"kernel": 2 * x.T @ error / error.size, "bias": 2 * error.sum(0) / error.size}
    for key, value in arrays["d"].items():
        m = 0.9 * slots[f"m/{key}"] + 0.1 * gradients[key]
        v = 0.999 * slots[f"v/{key}"] + 0.001 * gradients[key] ** 2
        rate = 0.1 * np.sqrt(1 - 0.999**8) / (1 - 0.9**8)
        right = value - rate * m / (np.sqrt(v) + 1e-7)
        np.testing.assert_allclose(getattr(model.get_layer("d"), key).detach().numpy(), right, rtol=1e-4)


def test_a_keras_file_of_an_old_model(tmp_path: Path) -> None:
    """Keras 3 opens it where it is given the function that it does not have; of layers it says which."""
    import keras

    arrays = gated("l", 3, 4, 4, 16)
    entry = (
        "LSTM",
        {"name": "l", "units": 4, "recurrent_activation": "hard_sigmoid", "batch_input_shape": [None, 5, 3]},
    )
    model = loaded(write_h5(tmp_path / "m.h5", sequential(entry), arrays))
    with pytest.warns(UserWarning, match="keras2_hard_sigmoid"):
        model.save(tmp_path / "m.keras")
    x = 2 * draw(2, 5, 3)
    right = lstm_of(x, *arrays["l"].values(), hard_sigmoid)[1]
    same(load_model(tmp_path / "m.keras"), x, right)
    own = {"keras2_hard_sigmoid": lambda x: keras.ops.clip(0.2 * x + 0.5, 0, 1)}
    theirs = keras.models.load_model(tmp_path / "m.keras", custom_objects=own)
    np.testing.assert_allclose(theirs.predict(x, verbose=0), right, rtol=1e-4, atol=1e-5)
    gone = sequential(("ThresholdedReLU", {"name": "t", "theta": 0.5, "batch_input_shape": [None, 4]}))
    with pytest.raises(lamina.saving.SavingError, match="ThresholdedReLU"):
        loaded(write_h5(tmp_path / "t.h5", gone, {})).save(tmp_path / "t.keras")


HOSTILE: dict[str, Any] = {
    "giant units": ("Dense", {"output_dim": 10**12, "batch_input_shape": [None, 3]}),
    "a giant at each position": (
        "LocallyConnected1D", {"filters": 10**9, "kernel_size": [1], "batch_input_shape": [None, 9, 9]}
    ),
    "sizes that are texts": (
        "Convolution2D", {"nb_filter": 2, "nb_row": "3", "nb_col": 3, "batch_input_shape": [None, 4, 4, 2]}
    ),
    "half a size": ("Convolution2D", {"nb_filter": 2, "nb_row": 3, "batch_input_shape": [None, 4, 4, 2]}),
    "a mode by code": ("Merge", {"mode": "4wEAAA==", "layers": []}),
    "no mode": ("Merge", {"layers": [], "mode": ["sum"]}),
    "a merge of nothing": ("Merge", {"mode": "sum", "layers": []}),
    "a merge without a Sequential": ("Merge", {"mode": "sum", "layers": [{"class_name": "os.system", "config": [{}]}]}),
    "another normalization": ("BatchNormalization", {"mode": 1, "batch_input_shape": [None, 3]}),
    "a class by a path": ("os.system", {"batch_input_shape": [None, 3]}),
    "an argument of none": ("Dense", {"output_dim": 2, "preexec": "x", "batch_input_shape": [None, 3]}),
    "an argument twice": ("Dense", {"output_dim": 2, "units": 3, "batch_input_shape": [None, 3]}),
    "an initializer by a path": (
        "Dense",
        {"units": 2, "kernel_initializer": {"class_name": "os.system", "config": {}}, "batch_input_shape": [None, 3]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_old_model_is_refused(name: str, tmp_path: Path) -> None:
    kind, config = HOSTILE[name]
    path = write_h5(tmp_path / "m.h5", sequential((kind, {"name": "d", **config})), dense("d", 3, 2))
    with pytest.raises(LoadingError):
        load_model(path)
