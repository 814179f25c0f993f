"""Wrong calls of every op and every layer on unknown axes: no message tells an example size of `lamina.sizes`."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any

import pytest

from lamina import Input, ops
from lamina.graph import LaminaError
from lamina.sizes.texts import without_examples
from tests.layers.build import layer_of
from tests.layers.cases.form import Case as LayerCase
from tests.layers.test_refusals import ONE, other_shapes
from tests.ops.case import Given
from tests.ops.test_errors import OPS, first_two, wrong

# Sizes of the worlds, and what is soon made of them: sums, halves, products.
EXAMPLES = {48, 192, 240, 1280, 5120, 6400, 24, 96, 9216, 47, 191, 49, 193, 229376, 917504, 48 * 80, 80, 320}


def told(error: LaminaError) -> str:
    """The message without lines of files."""
    return "\n".join(part for part in str(error).splitlines() if ".py:" not in part)


def test_numbers_of_messages_in_other_words_are_no_examples_for_each_other():
    assert without_examples("size 192 of 3", "axis 50 of 4", {192}) == "size None of 3"
    assert without_examples("size 192 of 3", "size 50 of 3", set()) == "size None of 3"
    assert without_examples("size 192", "size 50 of 3", {192}) == "size None"


def numbers_in(text: str) -> set[int]:
    return {int(n) for n in re.findall(r"\d+", text)}


def unknown_inputs(given: Given) -> list[Any]:
    """The batch unknown; every axis but the last; every axis."""
    rank = given.array.ndim
    shapes = [
        tuple(None if k < unknown else n for k, n in enumerate(given.array.shape)) for unknown in (1, rank - 1, rank)
    ]
    return [Input(batch_shape=shape, dtype=str(given.array.dtype)) for shape in shapes]


@pytest.mark.quick_cases(5)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", OPS[5::20])
def test_every_twentieth_op(op: str) -> None:
    assert_tells_no_example(op)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", OPS)
def test_every_op(op: str) -> None:
    assert_tells_no_example(op)


def assert_tells_no_example(op: str) -> None:
    for case in first_two(op)[:1]:
        own, messages = numbers_in(str(case)), []
        for what, call in wrong(case):
            for k in range(3):
                args, kwargs = call.filled(lambda given, k=k: unknown_inputs(given)[k])
                try:
                    attrgetter(call.op)(ops)(*args, **kwargs)
                except LaminaError as error:
                    messages.append(f"{what}: {told(error)}")
                except (TypeError, ValueError, RuntimeError, IndexError, KeyError):
                    continue  # of Python's, for an argument that is none
        assert [text for text in messages if EXAMPLES & (numbers_in(text) - own)] == []


OF_ONE = [c for c in ONE if not isinstance(c.shapes, list)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "case",
    [c if k % 4 == 0 else pytest.param(c, marks=pytest.mark.slow) for k, c in enumerate(OF_ONE)],
    ids=lambda case: case.layer,
)
def test_layers(case: LayerCase) -> None:
    own, messages = numbers_in(str(case)), []
    for shape in other_shapes(tuple(case.shapes)):
        for unknown in range(1, len(shape) + 1):
            x = Input(batch_shape=tuple(None if k < unknown else n for k, n in enumerate(shape)))
            try:
                layer_of(case)(x)
            except LaminaError as error:
                messages.append(told(error))
    assert [text for text in messages if EXAMPLES & (numbers_in(text) - own)] == []
