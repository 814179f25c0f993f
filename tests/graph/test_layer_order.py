"""The order of ``model.layers`` and of the weights is Keras' order, on random wirings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamina

keras = pytest.importorskip("keras")


@st.composite
def wirings(draw):
    """Steps (kind, first, second): a shared or fresh Dense, or an Add, of earlier tensors."""
    count = draw(st.integers(1, 3))
    steps = []
    for i in range(draw(st.integers(2, 10))):
        known = count + i
        steps.append(
            (
                draw(st.sampled_from(["dense", "shared", "add"])),
                draw(st.integers(0, known - 1)),
                draw(st.integers(0, known - 1)),
            )
        )
    return count, steps, draw(st.lists(st.integers(0, len(steps) - 1), min_size=1, max_size=3, unique=True))


def build(library, wiring):
    count, steps, outputs = wiring
    shared = library.layers.Dense(4, name="shared")
    tensors = [library.Input((4,), name=f"in_{i}") for i in range(count)]
    parents = {}
    for i, (kind, a, b) in enumerate(steps):
        parents[count + i] = {a, b} if kind == "add" else {a}
        if kind == "add":
            tensors.append(library.layers.Add(name=f"add_{i}")([tensors[a], tensors[b]]))
        else:
            layer = shared if kind == "shared" else library.layers.Dense(4, name=f"dense_{i}")
            tensors.append(layer(tensors[a]))
    used, stack = set(), [count + o for o in outputs]
    while stack:
        place = stack.pop()
        if place < count:
            used.add(place)
        stack.extend(parents.get(place, ()))
    return library.Model([tensors[i] for i in sorted(used)], [tensors[count + o] for o in outputs])


@settings(max_examples=60)
@given(wirings())
def test_layers_and_weights_stand_in_keras_order(wiring):
    ours, theirs = build(lamina, wiring), build(keras, wiring)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
