"""Symbolic tensors that are copied, alone or within what holds them, stay the tensors of their graph."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

import lamina
from lamina import layers


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_tensor(copied):
    x = lamina.Input((3,))
    size = x.shape, x.size(0)
    assert copied(x) is x
    assert copied([x, {"x": x}])[1]["x"] is x
    assert copied(size)[1] is size[1]
    assert lamina.Model(x, layers.Dense(2)(copied(x)))(np.zeros((4, 3))).shape == (4, 2)


def test_a_record_with_tensors_is_replaced():
    @dataclasses.dataclass
    class Heads:
        tensor: object
        name: str = "a"

    heads = Heads(lamina.Input((3,)))
    assert copy.copy(heads).tensor is heads.tensor
    assert dataclasses.replace(heads, name="b").tensor is heads.tensor
