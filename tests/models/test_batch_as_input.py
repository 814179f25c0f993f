"""`self.network(data)` in a step of one's own, where a batch is ``((a, b, c),)``: the Siamese networks of guides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lamina
from lamina import StructureError

PARTS = [np.full((4, 2), value, "float32") for value in (1, 2, 4)]


def three() -> Any:
    a, b, c = (lamina.Input((2,), name=name) for name in "abc")
    return lamina.Model([a, b, c], a - b * c)


@pytest.mark.parametrize("wrap", [lambda p: (tuple(p),), lambda p: [list(p)], lambda p: ([tuple(p)],)])
def test_inputs_in_a_batch_of_one_part(wrap: Any) -> None:
    np.testing.assert_array_equal(three()(wrap(PARTS)).numpy(), three()(PARTS).numpy())


def test_inputs_by_name_in_such_a_batch() -> None:
    batch = ({"c": PARTS[2], "a": PARTS[0], "b": PARTS[1]},)
    np.testing.assert_array_equal(three()(batch).numpy(), three()(PARTS).numpy())


def test_another_number_of_inputs_is_refused_as_before() -> None:
    with pytest.raises(StructureError, match="takes 3 inputs"):
        three()((PARTS[:2],))


def test_a_step_of_ones_own_hands_on_its_batch() -> None:
    class Network(lamina.Model):
        def __init__(self) -> None:
            super().__init__()
            self.network = three()

        def call(self, inputs: Any) -> Any:
            return self.network(inputs)

        def test_step(self, data: Any) -> Any:
            return {"loss": lamina.ops.mean(self.network(data))}

    class Batches(lamina.utils.PyDataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return (tuple(part[index * 2 : index * 2 + 2] for part in PARTS),)

    model = Network()
    model.compile("sgd")
    assert model.evaluate(Batches(), verbose=0) == -7
