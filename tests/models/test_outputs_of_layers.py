"""`layer.output` and `layer.input` of a layer that was called several times: those of its first call."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import lamina
from lamina import layers


def test_a_decoder_made_from_the_last_layer() -> None:
    given = lamina.Input((8,))
    code = layers.Dense(3)(given)
    whole = lamina.Model(given, layers.Dense(8)(code))
    short = lamina.Input((3,))
    lamina.Model(short, whole.layers[-1](short))
    assert whole.layers[-1].output is whole.output
    assert whole.layers[-1].input is code
    x = np.ones((2, 8), "float32")
    again = lamina.Model(whole.input, whole.layers[-1].output)
    np.testing.assert_array_equal(again.predict(x, verbose=0), whole.predict(x, verbose=0))


def test_two_sides_of_one_layer() -> None:
    left, right = lamina.Input((8,)), lamina.Input((8,))
    shared = layers.Dense(4)
    one, other = shared(left), shared(right)
    assert (shared.output, shared.input) == (one, left)
    assert (shared.get_output_at(1), shared.get_input_at(1)) == (other, right)


def test_a_call_that_is_gone_is_no_first_call() -> None:
    layer, given = layers.Dense(4), lamina.Input((8,))
    layer(lamina.Input((8,)))
    gc.collect()
    kept = layer(given)
    assert layer.output is kept


def test_no_call() -> None:
    with pytest.raises(lamina.ArgumentError, match="has no output: it was never called"):
        print(layers.Dense(4).output)
    layer, given = layers.Dense(4), lamina.Input((8,))
    result = layer(given)
    with pytest.raises(lamina.ArgumentError, match="has no output 1"):
        layer.get_output_at(1)
    assert layer.get_output_at(-1) is result
