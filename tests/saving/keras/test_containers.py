"""Layers in lists, tuples and dicts of several depths: Keras' files hold them where Keras puts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina

X = np.random.default_rng(0).normal(size=(3, 4)).astype("f4")


def one_after_the_other(library: Any, model: Any) -> None:
    """U-Net's idiom: two lists that grow together, both with names behind "layers", which Keras looks at first."""
    model.mids, model.ups = [], []
    for _ in range(3):
        model.mids.append(library.layers.Dense(4))
        model.ups.append(library.layers.Dense(4))


def in_two_rounds(library: Any, model: Any) -> None:
    model.a_list, model.z_list = [], []
    model.z_list.append(library.layers.Dense(4))
    model.middle = library.layers.Dense(4)
    model.a_list.append(library.layers.Dense(4))
    model.z_list.append(library.layers.Dense(4))


def lists_and_attributes(library: Any, model: Any) -> None:
    model.out = library.layers.Dense(4)
    model.blocks = [[library.layers.Dense(4), library.layers.Dense(4)], [library.layers.Dense(4)]]
    model.stem = library.layers.Dense(4)


def numbered_among_attributes(library: Any, model: Any) -> None:
    model.rest = [library.layers.Dense(4)]
    model.top = library.layers.Dense(4)


def three_deep(library: Any, model: Any) -> None:
    model.stages = [[[library.layers.Dense(4), library.layers.Dense(4)]], [[library.layers.Dense(4)]]]
    model.tail = library.layers.Dense(4)


def dicts_of_tuples(library: Any, model: Any) -> None:
    model.heads = {"z": (library.layers.Dense(4), library.layers.Dense(4)), "a": [library.layers.Dense(4)]}
    model.parts = ({"one": library.layers.Dense(4)}, [library.layers.Dense(4)])
    model.mix = library.layers.Dense(4)


def one_in_two_places(library: Any, model: Any) -> None:
    shared = library.layers.Dense(4)
    model.zs = [library.layers.Dense(4), shared]
    model.tail = shared
    model.ys = [shared, library.layers.Dense(4)]


MODELS = [
    one_after_the_other, in_two_rounds, lists_and_attributes, numbered_among_attributes, three_deep, dicts_of_tuples,
    one_in_two_places,
]  # fmt: skip


def held(value: Any, kind: type) -> Iterator[Any]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from held(item, kind)


def model_of(library: Any, parts: Callable[[Any, Any], None]) -> Any:
    class Chain(library.Model):  # type: ignore[name-defined,misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            parts(library, self)

        def chain(self) -> list[Any]:
            own = sorted(name for name in (*vars(self), *self.__dict__.get("_modules", ())) if name[0] != "_")
            values = [getattr(self, name) for name in own if not name.startswith(("blocks_", "a_list_"))]
            found = [layer for value in values for layer in held(value, library.layers.Dense)]
            return list({id(layer): layer for layer in found}.values())

        def call(self, x: Any) -> Any:
            for layer in self.chain():
                x = layer(x)
            return x

    model = Chain(name="chain")
    model(X)
    for number, layer in enumerate(model.chain()):
        rng = np.random.default_rng(number)
        layer.set_weights([0.5 * rng.normal(size=w.shape).astype("f4") for w in layer.get_weights()])
    return model


@pytest.mark.parametrize("parts", MODELS)
def test_weights_of_containers_go_both_ways(parts: Any, tmp_path: Path) -> None:
    theirs, ours, path = model_of(keras, parts), model_of(lamina, parts), tmp_path / "m.weights.h5"
    expected = theirs(X).detach().numpy()
    np.testing.assert_allclose(ours(X).detach().numpy(), expected, atol=1e-5)
    assert [w.shape for w in theirs.get_weights()] == [w.shape for w in ours.get_weights()]
    for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    theirs.save_weights(path)
    for weight in ours.parameters():
        torch.nn.init.zeros_(weight)
    ours.load_weights(path)
    np.testing.assert_allclose(ours(X).detach().numpy(), expected, atol=1e-5)
    back = tmp_path / "back.weights.h5"
    ours.save_weights(back)
    theirs.set_weights([np.zeros_like(w) for w in theirs.get_weights()])
    theirs.load_weights(back)
    np.testing.assert_allclose(theirs(X).detach().numpy(), expected, atol=1e-5)


class Cyclic(lamina.Model):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Any] = [lamina.layers.Dense(4)]
        self.blocks.append(self.blocks)

    def call(self, x: Any) -> Any:
        return self.blocks[0](x)


def test_a_list_that_holds_itself(tmp_path: Path) -> None:
    model, again = Cyclic(), Cyclic()
    expected = model(X)
    again(X)
    model.save_weights(tmp_path / "m.weights.h5")
    again.load_weights(tmp_path / "m.weights.h5")
    torch.testing.assert_close(again(X), expected)
