"""A recurrent layer or cell starts from states of its own shape; others are refused, not broadcast."""

from __future__ import annotations

import pytest
import torch

from lamina import Input, LaminaError, Model, layers

SEQUENCES = torch.ones(2, 5, 4)
KINDS = {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}
WRONG = [(2, 1), (1, 3), (2, 4), (3, 3), (2, 3, 3), (1, 1), (3,), (2, 6)]


def ways(kind, shape):
    """Calls that start from states of this shape: (B, 3) is due."""
    count = KINDS[kind]
    layer, cell = getattr(layers, kind), getattr(layers, f"{kind}Cell")
    states = [torch.ones(shape) for _ in range(count)]
    yield lambda: layer(3)(SEQUENCES, initial_state=states)
    yield lambda: layer(3, return_sequences=True, recurrent_dropout=0.1)(SEQUENCES, initial_state=states, training=True)
    yield lambda: layers.RNN(cell(3))(SEQUENCES, initial_state=states)
    yield lambda: layers.RNN([cell(3), cell(3)])(SEQUENCES, initial_state=[states] * 2 if count > 1 else states * 2)
    yield lambda: layers.Bidirectional(layer(3))(SEQUENCES, initial_state=states * 2)
    yield lambda: cell(3)(SEQUENCES[:, 0], states)
    built = cell(3)
    built(SEQUENCES[:, 0], [torch.ones(2, 3)] * count)
    yield lambda: built(SEQUENCES[:, 0], states)
    x, given = Input((5, 4)), [Input((3,)) for _ in range(count)]
    model = Model([x, *given], layers.Bidirectional(layer(3))(x, initial_state=given * 2))
    yield lambda: model([SEQUENCES, *states])


@pytest.mark.parametrize("shape", WRONG, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_states_of_another_shape_are_refused(kind, shape):
    for call in ways(kind, shape):
        with pytest.raises(LaminaError, match=r"\w"):
            call()


@pytest.mark.parametrize("kind", KINDS)
def test_states_of_the_right_shape_are_taken(kind):
    for call in ways(kind, (2, 3)):
        call()


@pytest.mark.quick_cases(3)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [1, 4, 6])
def test_symbolic_states_of_another_width_are_refused(kind, width):
    layer, cell = getattr(layers, kind), getattr(layers, f"{kind}Cell")
    states = [Input((width,)) for _ in range(KINDS[kind])]
    for call in (
        lambda: layer(3)(Input((5, 4)), initial_state=states),
        lambda: layers.Bidirectional(layer(3))(Input((5, 4)), initial_state=states * 2),
        lambda: cell(3)(Input((4,)), states),
    ):
        with pytest.raises(LaminaError, match="cannot start from this state"):
            call()
