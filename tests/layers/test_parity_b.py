"""Embedding, Masking, Lambda, Identity, EinsumDense, merging, recurrent and attention layers beside Keras'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lamina import layers
from tests.layers.parity import Sub, check

L2 = {"class_name": "L2", "config": {"l2": 0.01}}
NON_NEG = {"class_name": "NonNeg", "config": {}}
X = (2, 5, 3)


def case(name: str, shapes: Any, call: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    """One row of the table: layer, shapes, arguments of the call, of the layer, and (`test_...`) of `check`."""
    options = {key.removeprefix("test_"): kwargs.pop(key) for key in list(kwargs) if key.startswith("test_")}
    label = (
        f"{name}-{'-'.join(f'{k}={v}' for k, v in {**kwargs, **(call or {})}.items() if not isinstance(v, np.ndarray))}"
    )
    return pytest.param(name, kwargs, shapes, {"call_kwargs": call, **options}, id=label[:90])


def wrapped(name: str, shapes: Any, **kwargs: Any) -> list[Any]:
    """Rows for a layer around others, in both dtypes: the inner ones do not follow the outer one's."""

    def with_dtype(value: Any, dtype: str) -> Any:
        if isinstance(value, Sub):
            inner = {key: with_dtype(item, dtype) for key, item in value.kwargs.items()}
            return Sub(value.name, **inner, dtype=dtype)
        return [with_dtype(item, dtype) for item in value] if isinstance(value, list) else value

    made = []
    for dtype in ("float32", "float64"):
        inner = {key: with_dtype(value, dtype) for key, value in kwargs.items()}
        # Keras on torch remembers from its float32 layers to promote float64 states to float32 here and there.
        made.append(case(name, shapes, dtype=dtype, test_rtol=1e-4 if dtype == "float32" else 1e-6, **inner))
    return made


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape)


CORE = [
    case("Embedding", (3, 4), input_dim=5, output_dim=6, test_input_dtype="int32"),
    case("Embedding", (3, 4), input_dim=5, output_dim=6, mask_zero=True, test_input_dtype="int64"),
    case("Embedding", (3,), input_dim=5, output_dim=2, embeddings_initializer="ones", test_input_dtype="uint8"),
    case(
        "Embedding",
        (3, 4, 2),
        input_dim=5,
        output_dim=6,
        embeddings_regularizer=L2,
        embeddings_constraint=NON_NEG,
        activity_regularizer=L2,
        test_input_dtype="int64",
    ),
    case("Masking", X),
    case("Masking", X, mask_value=1.5),
    case("Masking", X, test_inputs=np.array([[[0.0, 0], [0, 1]], [[2, 3], [0, 0]]])),
    case("Identity", X),
    case("Identity", [X, (2, 3)]),
    case("Identity", (2, 3), test_input_dtype="int32"),
    case("EinsumDense", (4, 3), equation="ab,bc->ac", output_shape=6),
    case("EinsumDense", X, equation="abc,cde->abde", output_shape=(None, 2, 4), bias_axes="de", activation="relu"),
    case("EinsumDense", X, equation="abc,cde->abde", output_shape=(None, 2, 4), bias_axes="e"),
    case("EinsumDense", X, equation="abc,cde->abde", output_shape=(None, 2, 4), bias_axes="d"),
    case("EinsumDense", (2, 5, 3, 4), equation="abcd,cde->abe", output_shape=(None, 6), bias_axes="e"),
    case("EinsumDense", (2, 5, 3, 4), equation="abcd,dce->abe", output_shape=(None, 6), bias_axes="e"),
    case("EinsumDense", X, equation="...x,xy->...y", output_shape=4, bias_axes="y"),
    case("EinsumDense", X, equation="ab...,bc->ac...", output_shape=4, bias_axes="c"),
    case("EinsumDense", X, equation="abc,bd->adc", output_shape=(4, 3), bias_axes="dc"),
    case("EinsumDense", X, equation="abc,bcd->abd", output_shape=(5, 4), bias_axes="d"),
    case(
        "EinsumDense",
        (4, 3),
        equation="ab,bc->ac",
        output_shape=2,
        bias_axes="c",
        kernel_initializer="he_normal",
        bias_initializer="ones",
        kernel_regularizer=L2,
        bias_regularizer=L2,
        activity_regularizer=L2,
        kernel_constraint=NON_NEG,
        bias_constraint=NON_NEG,
    ),
]

MERGING = [
    *(
        case(name, shapes)
        for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")
        for shapes in ([X, X], [X, X, X], [X, (2, 3)], [X, (2, 5, 1)], [(2, 3), (2, 4, 5, 3)], [X])
    ),
    *(case("Subtract", shapes) for shapes in ([X, X], [X, (2, 3)], [(2, 1, 3), (2, 5, 1)])),
    case("Concatenate", [X, (2, 5, 4)]),
    case("Concatenate", [X, (2, 1, 3), X], axis=1),
    case("Concatenate", [X, (2, 5, 4)], axis=2),
    case("Concatenate", [X, (4, 5, 3)], axis=0, test_training=()),
    case("Concatenate", [X]),
    case("Dot", [(2, 4), (2, 4)], axes=1),
    case("Dot", [(2, 4), (2, 4)], axes=-1, normalize=True),
    case("Dot", [(2, 3, 4), (2, 5, 3)], axes=(1, 2)),
    case("Dot", [(2, 3, 4), (2, 5, 3)], axes=(1, 2), normalize=True),
    case("Dot", [(2, 3, 4), (2, 3)], axes=1),
    case("Dot", [(2, 3), (2, 4, 5, 3)], axes=(1, 3)),
    case("Dot", [(2, 3, 4, 5), (2, 5, 6)], axes=(3, 1)),
]

STATE = numbers(2, 4)
RUNS = [
    {},
    {"return_sequences": True},
    {"return_state": True, "return_sequences": True},
    {"return_state": True, "go_backwards": True},
    {"go_backwards": True, "return_sequences": True},
    {"use_bias": False},
    {"unroll": True},
    {"activation": "relu"},
    {"activation": "softsign", "return_sequences": True},
    {
        "kernel_initializer": "he_normal",
        "recurrent_initializer": "glorot_uniform",
        "bias_initializer": "ones",
        "kernel_regularizer": L2,
        "recurrent_regularizer": L2,
        "bias_regularizer": L2,
        "activity_regularizer": L2,
        "kernel_constraint": NON_NEG,
        "recurrent_constraint": NON_NEG,
        "bias_constraint": NON_NEG,
    },
    {"dropout": 0.5, "recurrent_dropout": 0.25, "seed": 3, "test_training": (False,)},
]
RECURRENT = [
    *(case(name, X, units=4, **options) for name in ("LSTM", "GRU") for options in RUNS),
    # Keras takes the activity_regularizer of a SimpleRNN and forgets it.
    *(case("SimpleRNN", X, units=4, **{k: v for k, v in o.items() if k != "activity_regularizer"}) for o in RUNS),
    *(
        case(name, X, units=4, recurrent_activation="hard_sigmoid", return_sequences=True, use_bias=bias)
        for name in ("LSTM", "GRU")
        for bias in (True, False)
    ),
    case("LSTM", X, units=4, unit_forget_bias=False),
    case("LSTM", X, units=4, use_cudnn=False),
    case("LSTM", X, {"initial_state": [STATE, STATE * 2]}, units=4, return_state=True),
    case("GRU", X, {"initial_state": [STATE]}, units=4, return_sequences=True),
    case("SimpleRNN", X, {"initial_state": [STATE]}, units=4),
    case("GRU", X, units=4, reset_after=False),
    case("GRU", X, units=4, reset_after=False, return_sequences=True, use_bias=False),
    case("GRU", X, units=4, reset_after=False, recurrent_activation="tanh", go_backwards=True),
    *(
        row
        for name in ("LSTM", "GRU", "SimpleRNN")
        for options in (RUNS[0], RUNS[2], RUNS[4])
        for row in wrapped("RNN", X, cell=Sub(f"{name}Cell", units=4), **options)
    ),
    *wrapped("RNN", X, cell=[Sub("LSTMCell", units=4), Sub("LSTMCell", units=6)], return_sequences=True),
    *wrapped("RNN", X, cell=[Sub("LSTMCell", units=4), Sub("GRUCell", units=6)], return_state=True),
    *wrapped("RNN", X, cell=Sub("StackedRNNCells", cells=[Sub("SimpleRNNCell", units=4), Sub("LSTMCell", units=2)])),
    *wrapped("Bidirectional", X, layer=Sub("LSTM", units=4)),
    *wrapped("Bidirectional", X, layer=Sub("LSTM", units=4, return_sequences=True), merge_mode="sum"),
    *wrapped("Bidirectional", X, layer=Sub("GRU", units=4, return_sequences=True), merge_mode="mul"),
    *wrapped("Bidirectional", X, layer=Sub("GRU", units=4, return_sequences=True, return_state=True), merge_mode="ave"),
    *wrapped("Bidirectional", X, layer=Sub("SimpleRNN", units=4), merge_mode=None),
    *wrapped("Bidirectional", X, layer=Sub("LSTM", units=4, return_state=True), merge_mode=None),
    *wrapped(
        "Bidirectional",
        X,
        layer=Sub("LSTM", units=4),
        backward_layer=Sub("LSTM", units=4, activation="relu", go_backwards=True),
    ),
    *wrapped("TimeDistributed", X, layer=Sub("Dense", units=4)),
    *wrapped("TimeDistributed", (2, 3, 6, 6, 2), layer=Sub("Conv2D", filters=3, kernel_size=3)),
    *wrapped("TimeDistributed", (2, 3, 4, 5), layer=Sub("LSTM", units=3)),
]

VALUE = numbers(2, 7, 3)
KEY = numbers(2, 7, 3)
ATTENTION_MASK = np.random.default_rng(1).integers(0, 2, size=(2, 5, 7)).astype(bool) | np.eye(5, 7, dtype=bool)
HEADS = {"num_heads": 2, "key_dim": 4}
ATTENTION = [
    case("Attention", [X, (2, 7, 3)]),
    case("Attention", [X, (2, 7, 4), (2, 7, 3)], use_scale=True, dropout=0.3, seed=1, test_training=(False,)),
    case("Attention", [X, (2, 7, 3)], score_mode="concat"),
    case("Attention", [X, (2, 7, 3)], score_mode="concat", use_scale=True),
    case("Attention", [X, (2, 7, 3)], {"use_causal_mask": True}),
    case("AdditiveAttention", [X, (2, 7, 3)]),
    case("AdditiveAttention", [X, (2, 7, 3), (2, 7, 3)], use_scale=False),
    case("AdditiveAttention", [X, (2, 7, 3)], {"use_causal_mask": True}, dropout=0.5, test_training=(False,)),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS),
    case("MultiHeadAttention", X, {"value": VALUE, "key": KEY}, **HEADS, value_dim=5),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, use_bias=False, output_shape=6),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, output_shape=(2, 3)),
    case("MultiHeadAttention", X, {"value": VALUE, "use_causal_mask": True}, **HEADS),
    case("MultiHeadAttention", X, {"value": VALUE, "use_causal_mask": True}, **HEADS, sliding_window=2),
    case("MultiHeadAttention", X, {"value": VALUE, "attention_mask": ATTENTION_MASK}, **HEADS),
    case("MultiHeadAttention", X, {"value": VALUE, "attention_mask": ATTENTION_MASK, "use_causal_mask": True}, **HEADS),
    case("MultiHeadAttention", X, {"value": VALUE, "return_attention_scores": True}, **HEADS),
    case(
        "MultiHeadAttention",
        X,
        {"value": VALUE, "return_attention_scores": True, "attention_mask": ATTENTION_MASK, "use_causal_mask": True},
        **HEADS,
    ),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, use_gate=True, value_dim=3),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, dropout=0.2, seed=4, test_training=(False,)),
    case(
        "MultiHeadAttention",
        X,
        {"value": VALUE},
        **HEADS,
        kernel_initializer="he_normal",
        bias_initializer="ones",
        kernel_regularizer=L2,
        bias_regularizer=L2,
        activity_regularizer=L2,
        kernel_constraint=NON_NEG,
        bias_constraint=NON_NEG,
    ),
    case("MultiHeadAttention", (2, 3, 4, 5), {"value": numbers(2, 3, 6, 5)}, **HEADS, attention_axes=2),
    case("MultiHeadAttention", (2, 3, 4, 5), {"value": numbers(2, 2, 6, 5), "return_attention_scores": True}, **HEADS),
    case("MultiHeadAttention", (2, 3, 4, 5), {"value": numbers(2, 6, 4, 5)}, **HEADS, attention_axes=(1,)),
]


@pytest.mark.parametrize("name, kwargs, shapes, options", [*CORE, *MERGING, *RECURRENT, *ATTENTION])
def test_does_what_keras_does(name: str, kwargs: dict[str, Any], shapes: Any, options: dict[str, Any]) -> None:
    check(name, kwargs, shapes, **options)


def small(layer: layers.Layer, *arguments: Any) -> Any:
    """A built layer and the arguments of its call."""
    layer(*arguments)
    return layer, arguments


def compiled_cases() -> list[Any]:
    x, ids = torch.randn(2, 5, 8), torch.randint(0, 9, (2, 5))
    made = [
        small(layers.Embedding(9, 4), ids),
        small(layers.Masking(), x),
        small(layers.Lambda(torch.tanh), x),
        small(layers.Identity(), x),
        small(layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"), x),
        *(small(getattr(layers, name)(), [x, x]) for name in ("Add", "Multiply", "Average", "Maximum", "Concatenate")),
        small(layers.Dot(axes=-1), [x, x]),
        *(small(getattr(layers, name)(4, return_sequences=True), x) for name in ("LSTM", "GRU", "SimpleRNN")),
        small(layers.LSTM(4, activation="relu", return_state=True), x),
        small(layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)]), x),
        small(layers.Bidirectional(layers.GRU(4)), x),
        small(layers.TimeDistributed(layers.Dense(4)), x),
        small(layers.MultiHeadAttention(2, 4), x, x),
        small(layers.Attention(), [x, x]),
        small(layers.AdditiveAttention(), [x, x]),
    ]
    return [pytest.param(layer, arguments, id=type(layer).__name__) for layer, arguments in made]


@pytest.mark.parametrize("layer, arguments", compiled_cases())
def test_compiles_as_one_graph(layer: layers.Layer, arguments: Any) -> None:
    torch._dynamo.reset()
    expected = layer(*arguments)
    torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend="eager")(*arguments), expected)


def test_lambda_does_what_its_function_does() -> None:
    x = torch.randn(3, 4)
    layer = layers.Lambda(lambda t, power: t**power, arguments={"power": 3})
    torch.testing.assert_close(layer(x), x**3)
    assert layer(layers.Input((4,))).shape == (None, 4)
    assert layers.Lambda(lambda t: t, output_shape=(4,)).compute_output_shape((None, 4)) == (None, 4)
    assert layers.Lambda(torch.sum, arguments={"dim": 1})(layers.Input((4,))).shape == (None,)
    flag = layers.Lambda(lambda t, training: t * 2 if training else t)
    torch.testing.assert_close(flag(x, training=True), x * 2)
    torch.testing.assert_close(flag(x), x)


@pytest.mark.parametrize("function", [torch.tanh, torch.nn.functional.gelu, torch.Tensor.relu])
def test_lambda_comes_back_from_its_config(function: Any) -> None:
    layer = layers.Lambda(function)
    clone = layers.Lambda.from_config(layer.get_config())
    assert clone.function is function
    assert clone.get_config() == layer.get_config()


def test_attention_of_a_sequence_to_itself_is_pytorch_own() -> None:
    """Against `nn.MultiheadAttention`, which stores the three projections as one matrix."""
    ours, theirs = layers.MultiHeadAttention(4, 4), torch.nn.MultiheadAttention(16, 4, batch_first=True)
    x = torch.randn(2, 5, 16)
    ours(x, x)
    with torch.no_grad():
        rows = theirs.in_proj_weight.chunk(3)
        for part, row in zip((ours.query, ours.key, ours.value), rows, strict=True):
            part.kernel.copy_(row.T.reshape(16, 4, 4))
        ours.attention_output.kernel.copy_(theirs.out_proj.weight.T.reshape(4, 4, 16))
    torch.testing.assert_close(ours(x, x), theirs(x, x, x, need_weights=False)[0])


def test_dropout_of_a_recurrent_layer_is_the_same_at_all_steps() -> None:
    """With an identity for a kernel and no recurrence the outputs show the dropped inputs themselves."""
    ones = torch.ones(4, 6, 8)
    for recurrent_dropout in (0.0, 0.5):  # the kernel of PyTorch, and the loop
        options = {"recurrent_dropout": recurrent_dropout, "return_sequences": True, "seed": 1}
        layer = layers.SimpleRNN(
            8, "relu", kernel_initializer="identity", recurrent_initializer="zeros", dropout=0.5, **options
        )
        outputs = layer(ones, training=True)
        assert set(outputs.unique().tolist()) == {0.0, 2.0}
        assert (outputs == outputs[:, :1]).all()
        torch.testing.assert_close(layer(ones, training=False), ones)


def test_dropout_of_attention_drops_in_training_only() -> None:
    x = torch.randn(2, 6, 8)
    for seed in (None, 3):
        layer = layers.MultiHeadAttention(2, 4, dropout=0.2, seed=seed)
        quiet = layer(x, x)
        assert not torch.allclose(layer(x, x, training=True), quiet)
        torch.testing.assert_close(layer(x, x), quiet)
        mean = torch.stack([layer(x, x, training=True) for _ in range(4000)]).mean(0)
        torch.testing.assert_close(mean, quiet, atol=0.05, rtol=0)


def test_a_stateful_layer_goes_on_where_it_ended() -> None:
    x = torch.randn(2, 6, 3)
    for make in (layers.LSTM, layers.GRU, layers.SimpleRNN):
        whole, halves = make(4, return_sequences=True), make(4, return_sequences=True, stateful=True)
        whole(x), halves(x)
        halves.set_weights(whole.get_weights())
        halves.reset_state()
        parts = torch.cat([halves(x[:, :3]), halves(x[:, 3:])], 1)
        torch.testing.assert_close(parts, whole(x))
        parts.sum().backward()
        halves.reset_state()
        torch.testing.assert_close(halves(x[:, :3]), whole(x)[:, :3])


class CountingCell(layers.Layer):
    """A cell of a user's: adds up its inputs; the output is not the state."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.state_size), "ones", name="kernel")

    def call(self, inputs: torch.Tensor, states: list[torch.Tensor]) -> Any:
        total = states[0] + inputs @ self.kernel
        return total * 2, [total]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.state_size}


def test_a_cell_of_the_users_runs_step_by_step() -> None:
    x = torch.randn(2, 5, 3)
    outputs, state = layers.RNN(CountingCell(4), return_sequences=True, return_state=True)(x)
    expected = x.sum(-1, keepdim=True).cumsum(1).expand(-1, -1, 4)
    torch.testing.assert_close(outputs, expected * 2)
    torch.testing.assert_close(state, expected[:, -1])
    layer = layers.RNN(CountingCell(4))
    assert layer(layers.Input((None, 3))).shape == (None, 4)
    clone = layers.RNN.from_config(layer.get_config(), {"CountingCell": CountingCell})
    torch.testing.assert_close(clone(x), layer(x))


class DoublingCell(layers.LSTMCell):
    """A subclass of a built-in cell that changes the step: its own `call` must be used."""

    def call(self, inputs: torch.Tensor, states: Any, training: bool = False) -> Any:
        output, states = super().call(inputs, states, training)
        return output * 2, states


def test_a_changed_step_of_a_built_in_cell_is_used() -> None:
    x = torch.randn(2, 5, 3)
    plain, doubled = layers.LSTM(4, return_sequences=True), layers.RNN(DoublingCell(4), return_sequences=True)
    plain(x), doubled(x)
    doubled.set_weights(plain.get_weights())
    torch.testing.assert_close(doubled(x), plain(x) * 2)


def test_fans_of_einsum_dense_follow_the_equation() -> None:
    """256 inputs feed 4 * 2 outputs: Glorot's limit is sqrt(6 / 264), not that of the last two axes."""
    layer = layers.EinsumDense("abc,cde->abde", (None, 4, 2))
    layer(torch.zeros(1, 1, 256))
    limit = (6 / 264) ** 0.5
    assert 0.95 * limit < layer.kernel.abs().max() <= limit
