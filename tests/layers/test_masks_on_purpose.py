"""Masked sequences of which steps are picked, or whose mask the user reads: no warning. Accidents are told of.

Warnings are errors in all tests.
"""

from __future__ import annotations

import pytest
import torch

from lamina import Input, Model, layers, ops


def ids_and_masked(layer=None):
    ids = Input((5,), dtype="int32")
    masked = layers.Embedding(9, 4, mask_zero=True)(ids)
    return ids, masked if layer is None else layer(masked)


def test_the_last_step_of_a_recurrent_layer_is_that_before_the_padding():
    ids, steps = ids_and_masked(layers.LSTM(4, return_sequences=True))
    model = Model(ids, steps[:, -1])
    padded = model(torch.tensor([[3, 4, 5, 0, 0]]))
    short = Model(ids, steps)(torch.tensor([[3, 4, 5, 0, 0]]))[:, 2]
    torch.testing.assert_close(padded, short)


PICKS = {
    "first": lambda x: x[:, 0],
    "last of several axes": lambda x: x[:, -1, :2],
    "kept axis": lambda x: x[:, -1:],
    "one from the front": lambda x: x[:, 1:2, :],
    "select": lambda x: x.select(1, -1),
    "torch.select": lambda x: torch.select(x, 1, 0),
    "take": lambda x: ops.take(x, -1, axis=1),
    "by lengths": lambda x: x[torch.arange(2), torch.tensor([1, 2])],
}


@pytest.mark.parametrize("pick", PICKS)
def test_a_step_that_is_picked(pick):
    _, masked = ids_and_masked()
    assert PICKS[pick](masked).mask is None


def weights_of(ids):
    return ops.cast(ops.not_equal(ids, 0), "float32")


BY_HAND = {
    "mean of what is there": lambda i, x: (
        ops.sum(x * weights_of(i)[:, :, None], 1) / ops.sum(weights_of(i), 1)[:, None]
    ),
    "operators": lambda i, x: (x * (i != 0).float().unsqueeze(-1)).sum(1),
    "the mask itself": lambda i, x: ops.sum(x * ops.expand_dims(ops.cast(x.mask, "float32"), -1), axis=1),
    "the highest": lambda i, x: ops.max(ops.where(ops.expand_dims(x.mask, -1), x, -1e9), axis=1),
    "taken away": lambda i, x: ops.max(x - 1e9 * (1 - weights_of(i))[..., None], axis=1),
    "filled": lambda i, x: x.masked_fill((i == 0)[:, :, None], 0.0).mean(1),
    "product of matrices": lambda i, x: ops.matmul(weights_of(i)[:, None, :], x),
    "einsum": lambda i, x: ops.einsum("btd,bt->bd", x, weights_of(i)),
    "then more": lambda i, x: ops.mean(ops.tanh(x * weights_of(i)[:, :, None]) + 1.0, axis=1),
    "lambda without the mask": lambda i, x: ops.sum(layers.Lambda(lambda t: t)(x), axis=1),
}


@pytest.mark.parametrize("how", BY_HAND)
def test_arithmetic_with_the_mask(how):
    ids, masked = ids_and_masked()
    Model(ids, BY_HAND[how](ids, masked))


ACCIDENTS = {
    "ops.sum": lambda x: ops.sum(x, axis=1),
    "torch.mean": lambda x: torch.mean(x, 1),
    "ops.mean": lambda x: ops.mean(x * 2.0, axis=1),
    "operator.getitem": lambda x: x[:, 1:],
    "ops.flip": lambda x: ops.flip(x, axis=1),
}


@pytest.mark.parametrize("name", ACCIDENTS)
def test_an_accident_is_named_as_it_was_written_with_a_way_to_be_silent(name):
    _, masked = ids_and_masked(layers.LSTM(4, return_sequences=True))
    with pytest.warns(UserWarning, match=rf"{name} .*drops the mask.*x\.mask.*layers\.Lambda") as told:
        ACCIDENTS[name](masked)
    assert told[0].filename == __file__
