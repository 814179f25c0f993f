"""Layers in lists and dicts have their weights where Keras has them: where the layer came to its owner."""

from __future__ import annotations

import copy
import pickle
from typing import NamedTuple

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers


def owners(k, dense):
    """Layers of one library that keep others in containers; ``order`` is how they are called."""

    class Base(k.layers.Layer):
        def call(self, x):
            for layer in self.order():
                x = layer(x)
            return x

    class ListFirst(Base):
        def __init__(self):
            super().__init__()
            self.blocks = [dense(2), dense(3)]
            self.out = dense(4)

        def order(self):
            return [self.out, *self.blocks]

    class Mixed(Base):
        def __init__(self):
            super().__init__()
            self.heads = {"b": dense(2), "a": dense(3)}
            self.out = dense(4)
            self.pair = (dense(5), [dense(6), {"k": dense(7)}])
            self.last = dense(8)

        def order(self):
            first, (second, third) = self.pair
            return [self.last, self.heads["a"], self.heads["b"], self.out, first, second, third["k"]]

    class Appended(Base):
        def __init__(self):
            super().__init__()
            self.first, self.blocks = dense(7), []
            self.out = dense(9)
            self.blocks += [dense(2), dense(3)]
            self.more = dense(8)
            self.blocks.insert(0, dense(5))
            self.blocks.extend([dense(6)])
            self.table = {}
            self.table["q"] = dense(4)
            self.end = dense(3)

        def order(self):
            return [self.first, *self.blocks, self.out, self.more, self.table["q"], self.end]

    class InBuild(Base):
        def __init__(self):
            super().__init__()
            self.head, self.given = dense(2), []

        def build(self, input_shape):
            self.given.append(dense(7))
            self.blocks = [dense(3), dense(4)]
            self.scale = self.add_weight(shape=(11,), name="scale")
            self.out = dense(5)
            self.built = True

        def order(self):
            return [self.head, *self.blocks, self.out, *self.given]

    class SetAgain(Base):
        def __init__(self):
            super().__init__()
            self.blocks = [dense(2)]
            self.out = dense(5)
            self.blocks = [*self.blocks, dense(3), dense(4)]

        def order(self):
            return [*self.blocks, self.out]

    class Shared(Base):
        def __init__(self):
            super().__init__()
            self.x = dense(2)
            self.blocks = [self.x, dense(3)]
            self.named = dense(4)
            self.again = self.blocks[1]
            self.all = [self.named, *self.blocks, dense(6)]

        def order(self):
            return [*self.all]

    class Private(Base):
        def __init__(self):
            super().__init__()
            self._blocks = [dense(2)]
            self.out = dense(5)
            self._more = {"a": dense(4)}

        def order(self):
            return [*self._blocks, self.out, self._more["a"]]

    class Before(Base):
        def __init__(self):
            super().__init__()
            self.inner = [ListFirst(), Appended()]
            self.out = dense(3)
            self.models = [k.Sequential([dense(2), dense(3)]), k.Sequential([dense(4)])]
            self.norms = [k.layers.BatchNormalization()]
            self.end = dense(2)

        def order(self):
            return [*self.inner, self.out, *self.models, *self.norms, self.end]

    class Removed(Base):
        def __init__(self):
            super().__init__()
            self.blocks = [dense(2), dense(3)]
            self.out = dense(4)
            self.blocks.pop(0)
            self.end = dense(5)

        def order(self):
            return [*self.blocks, self.out, self.end]

    class AsModel(k.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [dense(2), dense(3)]
            self.out = dense(4)
            self.table = {"x": dense(5)}

        def call(self, x):
            for layer in (self.out, *self.blocks, self.table["x"]):
                x = layer(x)
            return x

    kinds = (ListFirst, Mixed, Appended, InBuild, SetAgain, Shared, Private, Before, Removed, AsModel)
    return {kind.__name__: kind for kind in kinds}


OURS = owners(lamina, lambda units: lamina.layers.Dense(units, use_bias=False))
THEIRS = owners(keras, lambda units: keras.layers.Dense(units, use_bias=False))


@pytest.mark.parametrize("drawn", [False, True], ids=["called", "drawn"])
@pytest.mark.parametrize("name", OURS)
def test_weights_stand_in_keras_order(name, drawn):
    x = np.random.default_rng(0).normal(size=(2, 1)).astype("float32")
    ours, theirs = OURS[name](), THEIRS[name]()
    ours(lamina.Input((1,)) if drawn else torch.tensor(x))
    expected = theirs(x)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(
        ours(torch.tensor(x)).detach(), keras.ops.convert_to_numpy(expected), rtol=1e-5, atol=1e-6
    )
    assert len(set(ours.state_dict())) == len(ours.get_weights())


def test_names_follow_the_places_and_what_leaves_a_list_is_no_child():
    layer = OURS["Appended"]()
    assert [*dict(layer.named_children())] == [
        "first", "out", "blocks_1", "blocks_2", "more", "blocks_0", "blocks_3", "table_q", "end",
    ]  # fmt: skip
    layer.blocks.pop(0)
    order = ["first", "out", "blocks_0", "blocks_1", "more", "blocks_2", "table_q", "end"]
    assert [*dict(layer.named_children())] == order
    layer.blocks[0] = new = lamina.layers.Dense(1)
    children = dict(layer.named_children())
    assert [*children] == order
    assert children["blocks_0"] is new


def test_a_new_list_comes_last():
    layer = OURS["SetAgain"]()
    layer.blocks = [lamina.layers.Dense(1)]
    assert [*dict(layer.named_children())] == ["out", "blocks_0"]


class Pair(NamedTuple):
    left: torch.nn.Module
    right: torch.nn.Module


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_containers_of_a_layer_of_the_library_are_looked_through_whenever_something_came_to_them(copied):
    """Such a layer notes which of its attributes are containers; what is in them may come much later."""
    layer = layers.Activation("relu")
    layer.empty, layer.table, layer.sizes, layer.pair, layer._private = [], {}, (1, 2), None, []
    layer = copied(layer)
    layer._private.append(layers.Dense(1))  # where layers of the library keep what is no part of them
    assert list(layer.children()) == []
    layer.empty.append(layers.Dense(2))
    layer.table["a"] = layers.Dense(3)
    layer.pair = Pair(layers.Dense(4), layers.Dense(5))
    layer.sizes = (6, layers.Dense(6))
    assert [child.units for child in layer.children()] == [2, 3, 4, 5, 6]
    del layer.empty
    assert [child.units for child in layer.children()] == [3, 4, 5, 6]
