"""Batch, time and space of unknown size: drawn once, run on two sizes, against the layer called by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers
from lamina.graph import LaminaError, Symbolic, tree
from tests.layers.build import arrays_of, layer_of, mapped, results, some_of_each, tensors_of
from tests.layers.cases.form import Case

# States of one batch are no other batch's; sizes that a user gave a Lambda are believed.
CASES = [
    case
    for case in some_of_each(3)
    if not case.arguments.get("stateful") and not (case.layer == "Lambda" and "output_shape" in case.arguments)
]
# Families whose layers slide over space or walk through time, whatever its size. Their channels must be known.
SLIDING = ("convolution", "pooling", "rnn")
# Cases of those that need their steps: each is a layer of its own there.
FIXED = {"unroll"}


def inputs_for(value: Any, unknown: tuple[int, ...]) -> Any:
    """Symbolic tensors for arrays, with these axes and the batch of unknown size."""

    def one(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        shape = [None if axis in (0, *unknown) else size for axis, size in enumerate(leaf.shape)]
        return layers.Input(batch_shape=shape, dtype=str(leaf.dtype).replace("float64", "float32"))

    return mapped(one, value)


def larger(value: Any, axes: tuple[int, ...]) -> Any:
    """The arrays with more along these axes: what lies there again, so that ids stay ids and masks masks."""

    def one(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray):
            for axis in axes:
                if axis < leaf.ndim and leaf.shape[axis] > 1:
                    leaf = np.concatenate([leaf, np.flip(leaf, axis).take(range(min(2, leaf.shape[axis])), axis)], axis)
        return leaf

    return mapped(one, value)


def drawn(layer: Any, case: Case, unknown: tuple[int, ...]) -> Model:
    args, call = inputs_for(arrays_of(case), unknown), inputs_for(dict(case.call), unknown)
    outputs = results(layer(args, **call))
    inputs = [leaf for leaf in tree.leaves([args, list(call.values())]) if isinstance(leaf, Symbolic)]
    return Model(inputs, outputs)


def can_be_unknown(case: Case) -> tuple[int, ...]:
    """Axes that the layer is drawn without and takes several sizes of, one by one, then together; refusals are ours."""
    rank = max(leaf.ndim for leaf in tree.leaves([arrays_of(case)]))
    free: tuple[int, ...] = ()
    for axis in range(1, rank):
        try:
            model = drawn(layer_of(case), case, (*free, axis))
        except LaminaError:
            continue
        if any(node.fixed for node in model.graph.nodes):
            continue
        free = (*free, axis)
    return free


@pytest.mark.parametrize("case", CASES, ids=str)
def test_runs_on_two_sizes(case: Case) -> None:
    free = can_be_unknown(case)
    family = type(layer_of(case)).__module__.split(".")[2]
    if family in SLIDING and not FIXED & set(case.arguments) and not isinstance(case.shapes, list) and not case.call:
        last = case.arguments.get("data_format") != "channels_first"
        channels = len(case.shapes) - 1 if last else 2 if family == "rnn" else 1
        missing = set(range(1, len(case.shapes))) - {channels} - set(free)
        assert not missing, f"axes {missing} have to be known"
    layer = layer_of(case)
    model = drawn(layer, case, free)
    for axes in ((), (0,), (0, *free)):
        arrays, call = larger(arrays_of(case), axes), larger(dict(case.call), axes)
        args, kwargs = tensors_of(arrays), tensors_of(call)
        alone = results(layer(args, **kwargs))
        given = [leaf for leaf in tree.leaves([args, list(kwargs.values())]) if isinstance(leaf, torch.Tensor)]
        through = results(model(given[0] if len(given) == 1 else given))
        torch.testing.assert_close(through, alone, rtol=1e-4, atol=1e-5)
        for tensor, symbol in zip(through, results(model.outputs), strict=True):
            assert len(symbol.shape) == tensor.ndim
            assert all(size in (None, real) for size, real in zip(symbol.shape, tensor.shape, strict=True))


def test_a_rule_of_shapes_that_leaves_axes_open_leaves_them_to_the_call() -> None:
    """Said as None, a size is not that of the batch: what the call makes of the sizes is what meets other tensors."""

    class LikeAnother(layers.Layer):
        def call(self, x: Any, other: Any) -> Any:
            size = lamina.ops.shape(other)
            return lamina.ops.image.resize(x, (size[1], size[2]))

        def compute_output_shape(self, x_shape: Any, other_shape: Any) -> Any:
            return (x_shape[0], None, None, x_shape[-1])

    picture = Input((None, None, 3))
    half = layers.Conv2D(3, 3, strides=2, padding="same")(picture)
    model = Model(picture, layers.Add()([picture, LikeAnother()(half, picture)]))
    assert model.output_shape == (None, None, None, 3)
    assert model(torch.ones(2, 13, 7, 3)).shape == (2, 13, 7, 3)
