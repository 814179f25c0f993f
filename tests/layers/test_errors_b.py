"""What a person reads who misuses the layers of test_parity_b: the layer, what came, what was due, what to try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lamina import layers
from lamina.graph import ArgumentError, LaminaError, ShapeError, StructureError

X = torch.zeros(2, 5, 3)


class NoStateSize(layers.Layer):
    def call(self, inputs: Any, states: Any) -> Any:
        return inputs, states


def symbolic(*shape: int | None) -> Any:
    return layers.Input(shape)


Row = tuple[Callable[[], Any], type[Exception], list[str]]

ARGUMENTS: dict[str, Row] = {
    "embedding width": (lambda: layers.Embedding(10, 0), ArgumentError, ["Embedding", "output_dim", "positive"]),
    "embedding size": (lambda: layers.Embedding("10", 4), ArgumentError, ["input_dim", "'10'"]),
    "embedding keyword": (lambda: layers.Embedding(10, 4, mask=True), ArgumentError, ["Embedding", "'mask'"]),
    "masking value": (lambda: layers.Masking("0"), ArgumentError, ["Masking", "mask_value"]),
    "lambda of nothing": (lambda: layers.Lambda(3), ArgumentError, ["Lambda", "function", "3"]),
    "lambda of a module": (lambda: layers.Lambda(torch.nn.ReLU()), ArgumentError, ["TorchModule(ReLU(...))"]),
    "einsum form": (
        lambda: layers.EinsumDense("ab->a", 3)(X),
        ArgumentError,
        ["EinsumDense", "'ab->a'", "ab,bc->ac"],
    ),
    "einsum letter": (lambda: layers.EinsumDense("abc,cd->abz", (None, 3))(X), ArgumentError, ["'z'", "nowhere"]),
    "einsum kernel letter": (lambda: layers.EinsumDense("abc,cq->ab", (None,))(X), ArgumentError, ["'q'", "leads"]),
    "einsum rank": (lambda: layers.EinsumDense("ab,bc->ac", 3)(X), ArgumentError, ["'ab,bc->ac'", "2 axes", "3 axes"]),
    "einsum bias": (
        lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="q")(X),
        ArgumentError,
        ["bias_axes", "'q'", "'abd'"],
    ),
    "einsum sizes": (lambda: layers.EinsumDense("abc,cd->abd", 3)(X), ArgumentError, ["output_shape", "2 sizes"]),
    "einsum contradiction": (
        lambda: layers.EinsumDense("abc,cd->abd", (7, 3))(X),
        ArgumentError,
        ["'b'", "7 in output_shape", "5 in the input"],
    ),
    "concatenate axis": (lambda: layers.Concatenate(axis="last"), ArgumentError, ["axis", "'last'"]),
    "dot over the batch": (lambda: layers.Dot(axes=0), ArgumentError, ["Dot", "axes", "batch"]),
    "dot with three axes": (lambda: layers.Dot(axes=(1, 2, 3)), ArgumentError, ["Dot", "axes", "pair"]),
    "dot without integers": (lambda: layers.Dot(axes=1.5), ArgumentError, ["Dot", "axes", "1.5"]),
    "units": (lambda: layers.LSTM(0), ArgumentError, ["units", "positive"]),
    "units of a float": (lambda: layers.GRU(4.5), ArgumentError, ["units", "4.5"]),
    "dropout": (lambda: layers.LSTM(4, dropout=1.5), ArgumentError, ["dropout", "1.5"]),
    "unknown activation": (lambda: layers.SimpleRNN(4, activation="tahn"), ArgumentError, ["tahn", "'tanh'"]),
    "use_cudnn": (lambda: layers.LSTM(4, use_cudnn="yes"), ArgumentError, ["use_cudnn", "'yes'", '"auto"']),
    "use_cudnn that cannot be": (
        lambda: layers.GRU(4, reset_after=False, use_cudnn=True),
        ArgumentError,
        ["use_cudnn=True", "reset_after"],
    ),
    "recurrent keyword": (lambda: layers.LSTM(4, return_sequence=True), ArgumentError, ["'return_sequence'"]),
    "cell without state_size": (lambda: layers.RNN(NoStateSize()), ArgumentError, ["NoStateSize", "state_size"]),
    "cell that is a class": (lambda: layers.RNN(layers.LSTMCell), ArgumentError, ["LSTMCell", "cell"]),
    "no cells": (lambda: layers.RNN([]), ArgumentError, ["cells", "at least one"]),
    "bidirectional dense": (lambda: layers.Bidirectional(layers.Dense(3)), ArgumentError, ["Dense", "recurrent"]),
    "merge mode": (lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="add"), ArgumentError, ["'add'", "'sum'"]),
    "both ways the same": (
        lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.LSTM(3)),
        ArgumentError,
        ["go_backwards"],
    ),
    "both ways unlike": (
        lambda: layers.Bidirectional(
            layers.LSTM(3, return_sequences=True), backward_layer=layers.LSTM(3, go_backwards=True)
        ),
        ArgumentError,
        ["return_sequences=True and False"],
    ),
    "time distributed function": (lambda: layers.TimeDistributed(torch.relu), ArgumentError, ["layer", "Dense(8)"]),
    "heads": (lambda: layers.MultiHeadAttention(0, 4), ArgumentError, ["num_heads", "positive"]),
    "key_dim": (lambda: layers.MultiHeadAttention(2, "4"), ArgumentError, ["key_dim", "'4'"]),
    "value_dim": (lambda: layers.MultiHeadAttention(2, 4, value_dim=-1), ArgumentError, ["value_dim", "-1"]),
    "window": (lambda: layers.MultiHeadAttention(2, 4, sliding_window=0), ArgumentError, ["sliding_window"]),
    "flash with dropout": (
        lambda: layers.MultiHeadAttention(2, 4, dropout=0.1, flash_attention=True),
        ArgumentError,
        ["flash_attention", "dropout=0"],
    ),
    "attention axes": (
        lambda: layers.MultiHeadAttention(2, 4, attention_axes=2)(X, X),
        ArgumentError,
        ["attention_axes", "from 1 to 1"],
    ),
    "flash with scores": (
        lambda: layers.MultiHeadAttention(2, 4, flash_attention=True)(X, X, return_attention_scores=True),
        ArgumentError,
        ["return_attention_scores", "flash"],
    ),
    "score mode": (lambda: layers.Attention(score_mode="cosine"), ArgumentError, ["'cosine'", "'dot'"]),
}

CALLS: dict[str, Row] = {
    "a tensor to Add": (lambda: layers.Add()(symbolic(3)), StructureError, ["Add", "list", "Add()([a, b])"]),
    "a real tensor to Add": (lambda: layers.Add()(X), StructureError, ["Add", "one tensor of shape"]),
    "an empty list to Add": (lambda: layers.Add()([]), LaminaError, ["Add"]),
    "one to Subtract": (
        lambda: layers.Subtract()([symbolic(3)]),
        StructureError,
        ["Subtract", "2 tensors", "1 tensors"],
    ),
    "three to Dot": (lambda: layers.Dot(1)([symbolic(3)] * 3), StructureError, ["Dot", "3 tensors"]),
    "widths in Add": (
        lambda: layers.Add(name="join")([symbolic(3), symbolic(3), symbolic(4)]),
        ShapeError,
        ['Add "join" cannot merge input 2', "(None, 4)   input 2", "Dense"],
    ),
    "batches in Add": (lambda: layers.Add()([torch.zeros(2, 3), torch.zeros(5, 3)]), ShapeError, ["input 1", "(5, 3)"]),
    "lengths in Concatenate": (
        lambda: layers.Concatenate()([symbolic(5, 3), symbolic(6, 3)]),
        ShapeError,
        ["Concatenate", "input 1", "all but axis -1", "axis 1"],
    ),
    "ranks in Concatenate": (
        lambda: layers.Concatenate()([symbolic(5, 3), symbolic(3)]),
        ShapeError,
        ["input 1", "3 axes", "Flatten()"],
    ),
    "axis of Concatenate": (
        lambda: layers.Concatenate(axis=3)([symbolic(5, 3), symbolic(5, 3)]),
        ShapeError,
        ["Concatenate", "axis 3"],
    ),
    "axes of Dot": (
        lambda: layers.Dot(axes=1)([symbolic(3), symbolic(4)]),
        ShapeError,
        ["Dot", "input 1", "size 3", "not 4"],
    ),
    "flat input of LSTM": (lambda: layers.LSTM(4, name="read")(symbolic(3)), ShapeError, ['LSTM "read"', "3 axes"]),
    "unknown features": (lambda: layers.GRU(4)(symbolic(5, None)), ShapeError, ["GRU", "features"]),
    "number of states": (
        lambda: layers.LSTM(4)(X, initial_state=[torch.zeros(2, 4)]),
        StructureError,
        ["1: [.]", "2, of sizes [4, 4]"],
    ),
    "width of a state": (
        lambda: layers.GRU(4)(symbolic(5, 3), initial_state=symbolic(7)),
        ShapeError,
        ["GRU", "(48, 7)", "(48, 4)"],
    ),
    "batch of a stateful layer": (
        lambda: [layer := layers.GRU(4, stateful=True), layer(X), layer(X[:1])],
        ShapeError,
        ["stateful", "batch of 1", "batch of 2"],
    ),
    "flat input of TimeDistributed": (
        lambda: layers.TimeDistributed(layers.Dense(2))(symbolic(3)),
        ShapeError,
        ["TimeDistributed", "at least 3 axes"],
    ),
    "mask of TimeDistributed": (
        lambda: layers.TimeDistributed(layers.Dense(2))(X, mask=torch.ones(2, 4)),
        ShapeError,
        ["mask (2, 4)", "(2, 5, ...)"],
    ),
    "one tensor to Attention": (lambda: layers.Attention()(X), StructureError, ["[query, value]"]),
    "widths in Attention": (
        lambda: layers.Attention()([symbolic(5, 3), symbolic(5, 4)]),
        ShapeError,
        ["Attention", "query", "value"],
    ),
    "positions of key and value": (
        lambda: layers.MultiHeadAttention(2, 4)(X, torch.zeros(2, 6, 3), torch.zeros(2, 7, 3)),
        ShapeError,
        ["value (2, 6, 3)", "key (2, 7, 3)"],
    ),
    "flat query": (
        lambda: layers.MultiHeadAttention(2, 4)(symbolic(3), symbolic(3)),
        ShapeError,
        ["MultiHeadAttention", "query (B, T, D)"],
    ),
    "id outside": (
        lambda: layers.Embedding(5, 2, name="words")(torch.tensor([[1, 7]])),
        IndexError,
        ['Embedding "words"', "7", "[0, 5)", "input_dim"],
    ),
    "negative id": (lambda: layers.Embedding(5, 2)(torch.tensor([-1])), IndexError, ["-1", "[0, 5)"]),
    "code in a saved Lambda": (
        lambda: layers.Lambda(lambda t: t, name="mine").get_config(),
        ArgumentError,
        ['Lambda "mine"', "cannot be saved", "subclass of Layer"],
    ),
    "unknown function in a config": (
        lambda: layers.Lambda.from_config({"function": "os.system"}),
        ArgumentError,
        ["'os.system'", "torch.<name>"],
    ),
    "private function in a config": (
        lambda: layers.Lambda.from_config({"function": "torch.load"}),
        ArgumentError,
        ["'torch.load'"],
    ),
}


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in {**ARGUMENTS, **CALLS}.items()])
def test_says_what_is_wrong(row: Row) -> None:
    misuse, kind, texts = row
    with pytest.raises(kind) as caught:
        misuse()
    assert isinstance(caught.value, (LaminaError, IndexError))
    message = str(caught.value)
    missing = [text for text in texts if text not in message]
    assert not missing, f"{missing} not in:\n{message}"


@pytest.mark.parametrize(
    "layer, first, second",
    [
        (layers.LSTM(4), (symbolic(5, 3),), (symbolic(5, 4),)),
        (layers.EinsumDense("abc,cd->abd", (None, 2)), (symbolic(5, 3),), (symbolic(5, 4),)),
        (layers.MultiHeadAttention(2, 4), (symbolic(5, 3), symbolic(6, 3)), (symbolic(5, 3), symbolic(6, 4))),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else "",
)
def test_refuses_another_width_than_it_was_built_for(layer: layers.Layer, first: Any, second: Any) -> None:
    layer(*first)
    with pytest.raises(ShapeError) as caught:
        layer(*second)
    assert type(layer).__name__ in str(caught.value)
    assert "3" in str(caught.value)


def test_input_length_is_said_to_be_needless() -> None:
    with pytest.warns(UserWarning, match="drop input_length"):
        layers.Embedding(5, 2, input_length=10)
