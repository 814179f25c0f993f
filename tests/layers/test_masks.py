"""Masks: what makes them, what they do, where they go, each beside Keras."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch

from lamina import Model, layers
from lamina.graph import Graph
from lamina.layers import Input, Masking
from lamina.models import clone_model
from lamina.program import Program
from tests.layers.cases.form import Sub
from tests.layers.parity import check

# Right-padded, left-padded (what pad_sequences makes), with holes, one row wholly masked, nothing masked.
MASKS = {
    "right": [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]],
    "left": [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]],
    "holes": [[0, 1, 0, 1, 0], [1, 0, 0, 0, 1], [0, 1, 1, 0, 1]],
    "empty_row": [[0, 0, 0, 0, 0], [1, 1, 1, 1, 0], [0, 0, 0, 0, 0]],
    "all": [[1] * 5] * 3,
}
X = (3, 5, 4)


def mask_named(name: str) -> np.ndarray:
    return np.array(MASKS[name], dtype=bool)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(
    "name, kwargs",
    [
        ("LSTM", {}),
        ("LSTM", {"return_sequences": True, "return_state": True}),
        ("LSTM", {"go_backwards": True, "return_sequences": True, "return_state": True}),
        ("LSTM", {"activation": "softsign", "return_sequences": True, "return_state": True}),
        ("LSTM", {"zero_output_for_mask": True}),
        ("GRU", {"return_state": True}),
        ("GRU", {"return_sequences": True, "zero_output_for_mask": True}),
        ("GRU", {"reset_after": False, "return_sequences": True, "go_backwards": True}),
        ("SimpleRNN", {"return_sequences": True, "return_state": True}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_recurrent_layers_skip_masked_steps(name: str, kwargs: dict[str, Any], mask: str) -> None:
    check(
        name, {"units": 3, **kwargs}, X, call_kwargs={"mask": mask_named(mask)}, training=(True,), dtypes=("float32",)
    )


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_initial_states_survive_masked_steps(name: str, mask: str) -> None:
    states = [np.random.default_rng(i).normal(size=(3, 2)) for i in range(2 if name == "LSTM" else 1)]
    call = {"mask": mask_named(mask), "initial_state": states}
    check(name, {"units": 2, "return_state": True}, X, call_kwargs=call, training=(False,), dtypes=("float32",))


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(
    "name, kwargs",
    [
        ("RNN", {"cell": [Sub("LSTMCell", units=3), Sub("LSTMCell", units=2)], "return_sequences": True}),
        ("RNN", {"cell": [Sub("GRUCell", units=3), Sub("SimpleRNNCell", units=2)]}),
        ("Bidirectional", {"layer": Sub("LSTM", units=3, return_sequences=True)}),
        ("Bidirectional", {"layer": Sub("GRU", units=3)}),
        ("TimeDistributed", {"layer": Sub("Dense", units=3)}),
    ],
    ids=["stack-sequences", "stack-last", "both-ways-sequences", "both-ways-last", "time-distributed"],
)
def test_wrappers_pass_masks_on(name: str, kwargs: dict[str, Any], mask: str) -> None:
    check(name, kwargs, X, call_kwargs={"mask": mask_named(mask)}, dtypes=("float32",), training=(False,))


def test_a_nan_in_the_padding_reaches_nothing() -> None:
    x = torch.randn(2, 4, 3)
    x[0, 2:] = torch.nan
    mask = torch.tensor([[True, True, False, False], [True] * 4])
    layer = layers.LSTM(3, return_sequences=True, return_state=True)
    outputs, h, c = layer(x, mask=mask)
    assert all(torch.isfinite(result).all() for result in (outputs, h, c))
    (outputs.sum() + c.sum()).backward()
    assert all(torch.isfinite(weight.grad).all() for weight in layer.weights)


# -- what makes masks, and where they go


IDS = {"a": [[1, 2, 0], [3, 0, 0]], "b": [[1, 0, 0], [2, 4, 1]], "shifted": [[0, 1, 2], [0, 0, 3]]}
TABLE = np.random.default_rng(3).normal(size=(5, 4)).astype("float32")


def embedded(space: Any, ids: str, mask_zero: bool = True) -> torch.Tensor:
    return space.Embedding(5, 4, weights=[TABLE], mask_zero=mask_zero)(torch.tensor(IDS[ids]))


def two(space: Any) -> list[torch.Tensor]:
    return [embedded(space, "a"), embedded(space, "b")]


def one_of_two(space: Any) -> list[torch.Tensor]:
    return [embedded(space, "a"), embedded(space, "b", mask_zero=False)]


def three(space: Any) -> list[torch.Tensor]:
    return [*two(space), embedded(space, "shifted")]


FLOWS: dict[str, Callable[[Any], Any]] = {
    "embedding": lambda space: embedded(space, "a"),
    "embedding without": lambda space: embedded(space, "a", mask_zero=False),
    "masking": lambda space: space.Masking(2.0)(torch.tensor([[[2.0, 2], [2, 1]], [[2, 2], [2, 2]]])),
    "identity": lambda space: space.Identity()(embedded(space, "a")),
}
for _name in ("Add", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
    for _inputs in (two, one_of_two, three):
        FLOWS[f"{_name} of {_inputs.__name__}"] = lambda space, name=_name, inputs=_inputs: getattr(space, name)()(
            inputs(space)
        )
FLOWS |= {
    "Subtract": lambda space: space.Subtract()(two(space)),
    "Concatenate in time": lambda space: space.Concatenate(axis=1)(two(space)),
    "Concatenate in time, one mask": lambda space: space.Concatenate(axis=1)(one_of_two(space)),
    "Dot": lambda space: space.Dot(axes=2)(two(space)),
    "Attention": lambda space: space.Attention()(two(space)),
    "Attention, causal": lambda space: space.Attention()(two(space), use_causal_mask=True),
    "Attention with scores": lambda space: space.Attention(dropout=0.5)(two(space), return_attention_scores=True),
    "AdditiveAttention": lambda space: space.AdditiveAttention(use_scale=False)(two(space)),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_masks_flow_as_in_keras(flow: str) -> None:
    ours, theirs = FLOWS[flow](layers), FLOWS[flow](keras.layers)
    ours, theirs = (value if isinstance(value, tuple) else (value,) for value in (ours, theirs))
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right)
        masks = [getattr(value, "_keras_mask", None) for value in (left, right)]
        assert (masks[0] is None) == (masks[1] is None)
        if masks[0] is not None:
            assert torch.equal(*masks)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("options", [{}, {"use_causal_mask": True}, {"return_attention_scores": True}])
def test_multi_head_attention_heeds_the_masks_of_its_inputs(dropout: float, options: dict[str, Any]) -> None:
    """At every position, also those of the padding, which are masked for all that they could see."""
    made = [space.MultiHeadAttention(2, 3, dropout=dropout) for space in (keras.layers, layers)]
    results = []
    for layer, space in zip(made, (keras.layers, layers), strict=True):
        query, value = two(space)
        layer(query, value)
        if space is layers:
            layer.set_weights(made[0].get_weights())
        query, value = two(space)
        result = layer(query, value, **options)
        results.append(result if isinstance(result, tuple) else (result,))
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.equal(results[1][0]._keras_mask, results[0][0]._keras_mask)


def test_padding_gives_no_nan_gradients() -> None:
    for options in ({}, {"dropout": 0.5}):
        query, value = two(layers)
        layer = layers.MultiHeadAttention(2, 3, **options)
        layer(query, value, training=True).sum().backward()
        assert all(torch.isfinite(weight.grad).all() for weight in layer.weights)


@pytest.mark.parametrize("make", [lambda: layers.LSTM(3), lambda: layers.Bidirectional(layers.GRU(3))])
def test_masks_are_edges_of_a_graph(make: Callable[[], Any]) -> None:
    """Drawn once while building; the program then does what the layers do one by one."""
    ids = torch.tensor(IDS["a"])
    embedding, recurrent = layers.Embedding(5, 4, mask_zero=True), make()
    symbol = layers.Input((3,), dtype="int64")
    middle = embedding(symbol)
    assert middle.mask.shape == (None, 3)
    assert middle.mask.dtype == torch.bool
    program = Program(Graph(symbol, recurrent(middle)))
    by_hand = recurrent(embedding(ids))
    torch.testing.assert_close(program.run(ids), by_hand)
    unmasked = recurrent(embedding(ids).detach().clone())
    assert not torch.allclose(unmasked, by_hand)


def test_merging_masks_in_a_graph() -> None:
    first, second = layers.Input((3,), dtype="int64"), layers.Input((3,), dtype="int64")
    embedding = layers.Embedding(5, 4, mask_zero=True)
    for merge in (layers.Add(), layers.Maximum(), layers.Multiply(), layers.Concatenate(), layers.Concatenate(axis=1)):
        merged = merge([embedding(first), embedding(second)])
        output = layers.LSTM(3)(merged)
        program = Program(Graph([first, second], [output, merged.mask]))
        a, b = torch.tensor(IDS["a"]), torch.tensor(IDS["b"])
        by_hand = merge([embedding(a), embedding(b)])
        _, mask = program.run(a, b)
        assert torch.equal(mask, by_hand._keras_mask)


def test_a_function_of_masked_tensors_needs_all_of_their_masks() -> None:
    ids = [layers.Input((3,), dtype="int64") for _ in range(3)]
    a, b, c = map(layers.Embedding(5, 4, mask_zero=True), ids)
    program = Program(Graph(ids, (a + torch.where(b > c, b, c)).mask))
    given = torch.tensor([[[0, 1, 2]], [[3, 0, 4]], [[1, 2, 3]]])
    assert program.run(*given).tolist() == [[False, False, True]]
    assert program.run(*given.flip(0)).tolist() == [[False, False, True]]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), clone_model])
def test_copies_of_a_model_keep_its_masks(twin: Callable[[Any], Any]) -> None:
    x = layers.Input((3,), dtype="int64")
    copied = twin(Model(x, layers.Embedding(5, 4, mask_zero=True)(x) * 2.0))
    ids = torch.tensor(IDS["a"])
    assert torch.equal(copied(ids)._keras_mask, ids != 0)
    assert copied.output.mask is not None
    again = Program(Graph(x, copied(x).mask)).run(ids)
    assert torch.equal(again, ids != 0)


def test_a_mask_that_is_given_goes_before_that_of_the_input() -> None:
    x, given = layers.Input((3,), dtype="int64"), layers.Input((3,), dtype="bool")
    embedding, lstm = layers.Embedding(5, 4, mask_zero=True), layers.LSTM(2, return_sequences=True)
    y = lstm(embedding(x), mask=given)
    ids, mask = torch.tensor([[1, 2, 0], [3, 4, 1]]), torch.tensor([[True, False, True], [False, True, True]])
    values, found = Program(Graph([x, given], [y, y.mask])).run(ids, mask)
    eager = lstm(embedding(ids), mask=mask)
    expected = lstm(embedding(ids).detach().clone(), mask=mask)
    assert torch.equal(found, mask)
    assert torch.equal(eager._keras_mask, mask)
    for result in (values, eager):
        torch.testing.assert_close(result, expected)


def test_a_lambda_makes_the_mask_that_it_is_given() -> None:
    """By a function of inputs and mask, as in Keras, and as a tensor."""
    x = torch.tensor([[1.0, 0.0, 2.0]])
    for mask in (lambda inputs, mask: inputs > 0, torch.tensor([[True, False, True]])):
        y = layers.Lambda(torch.abs, mask=mask)(x)
        assert y._keras_mask.tolist() == [[True, False, True]]


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_the_mask_of_the_inputs_counts_beside_initial_states(name: str) -> None:
    """Keras heeds `mask=` there, and forgets a mask that came with the inputs."""
    layer, x = getattr(layers, name)(2, return_sequences=True), torch.randn(3, 5, 4)
    states = [torch.randn(3, 2) for _ in range(2 if name == "LSTM" else 1)]
    expected = layer(x, initial_state=states, mask=torch.tensor(mask_named("holes")))
    x._keras_mask = torch.tensor(mask_named("holes"))
    torch.testing.assert_close(layer(x, initial_state=states), expected)


def test_sizes_and_dropout_of_masked_tensors_lose_no_mask() -> None:
    """A warning that a mask is dropped would be an error here."""
    masked = Masking()(Input((None, 2)))
    assert torch.nn.functional.dropout(masked, 0.5, False).mask is not None
    assert (masked * masked.size(1)).mask is not None
