"""What the comparison with Keras cannot tell of Lambda, the recurrent and the attention layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lamina import layers


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


def test_first_values_of_weights_are_taken() -> None:
    source = layers.Bidirectional(layers.GRU(3))
    x = torch.randn(2, 4, 5)
    expected = source(x)
    torch.testing.assert_close(layers.Bidirectional(layers.GRU(3), weights=source.get_weights())(x), expected)
    table = torch.randn(6, 4)
    for given in (table, table.numpy(), [table]):
        torch.testing.assert_close(layers.Embedding(6, 4, weights=given)(torch.tensor([5, 0])), table[[5, 0]])


def test_a_simple_rnn_has_its_activity_regularizer() -> None:
    layer = layers.SimpleRNN(3, return_sequences=True, activity_regularizer="l2")
    y = layer(torch.randn(2, 4, 5))
    torch.testing.assert_close(sum(layer.losses), 0.01 * y.square().sum() / 2)
