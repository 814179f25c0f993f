"""Another cell in a recurrent layer is what runs and what is saved, or it is an error."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lamina import ArgumentError, Input, Model, layers, saving

X = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0))


def around(layer: Any) -> Model:
    x = Input((6, 4))
    return Model(x, layer(x))


def write(target: str, make: Callable[[], Any]) -> Callable[[Model], None]:
    def exchange(model: Model) -> None:
        path, _, name = target.rpartition(".")
        setattr(model.get_submodule(path), name, make())

    return exchange


def into_the_list(model: Model) -> None:
    model.get_layer("rnn").cell.cells[0] = layers.GRUCell(3)


CASES: dict[str, tuple[Callable[[], Any], Callable[[Model], None]]] = {
    "cell": (lambda: layers.RNN(layers.LSTMCell(3), name="rnn"), write("rnn.cell", lambda: layers.LSTMCell(3))),
    "another kind and width": (
        lambda: layers.RNN(layers.LSTMCell(3), name="rnn"),
        write("rnn.cell", lambda: layers.GRUCell(5)),
    ),
    "cell of a layer": (lambda: layers.LSTM(3, name="rnn"), write("rnn.cell", lambda: layers.LSTMCell(5))),
    "cell of a stateful layer": (
        lambda: layers.RNN(layers.LSTMCell(3), return_sequences=True, name="rnn"),
        write("rnn.cell", lambda: layers.SimpleRNNCell(4)),
    ),
    "cells": (
        lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], name="rnn"),
        write("rnn.cell.cells_0", lambda: layers.SimpleRNNCell(3)),
    ),
    "cells in the list": (lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], name="rnn"), into_the_list),
    "a direction": (
        lambda: layers.Bidirectional(layers.LSTM(3), name="both"),
        write("both.forward_layer", lambda: layers.LSTM(3)),
    ),
    "the cell of a direction": (
        lambda: layers.Bidirectional(layers.GRU(3), name="both"),
        write("both.backward_layer.cell", lambda: layers.GRUCell(3)),
    ),
    "over time": (
        lambda: layers.TimeDistributed(layers.Dense(3), name="steps"),
        write("steps.layer", lambda: layers.Dense(5)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_runs_and_is_saved(case: str, tmp_path: Path) -> None:
    make, exchange = CASES[case]
    model = around(make())
    before = model(X)
    exchange(model)
    after = model(X)
    assert before.shape != after.shape or not torch.allclose(before, after)
    assert after.shape[1:] == torch.Size(model.output_shape[1:])
    model.save(tmp_path / "model.lamina")
    for other in (saving.load_model(tmp_path / "model.lamina"), copy.deepcopy(model)):
        torch.testing.assert_close(other(X), after)
    after.sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_the_states_of_another_cell_are_forgotten() -> None:
    layer = layers.LSTM(3, stateful=True)
    layer(X)
    layer.cell = layers.LSTMCell(5)
    assert layer(X).shape == (3, 5)


def test_a_layer_of_one_cell_takes_no_other() -> None:
    model = around(layers.LSTM(3, name="rnn"))
    before = model(X)
    with pytest.raises(ArgumentError, match="runs a LSTMCell"):
        model.get_layer("rnn").cell = layers.GRUCell(3)
    torch.testing.assert_close(model(X), before)
    with pytest.raises(ArgumentError, match="cannot be the cell"):
        around(layers.RNN(layers.GRUCell(3), name="rnn")).rnn.cell = torch.nn.Linear(4, 3)
