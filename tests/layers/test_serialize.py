"""`layers.serialize` has Keras' four keys, and `deserialize` reads them."""

from __future__ import annotations

import json

import pytest

from lamina import layers


class Own(layers.Layer):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    "layer, module, registered",
    [
        (layers.Dense(3), "lamina.layers", None),
        (layers.TimeDistributed(layers.Dense(2)), "lamina.layers", None),
        (Own(), __name__, "Own"),
    ],
    ids=["ours", "a wrapper", "the user's"],
)
def test_it_has_the_keys_that_keras_has(layer, module, registered):
    told = layers.serialize(layer)
    assert told.keys() == {"module", "class_name", "config", "registered_name"}
    assert (told["module"], told["registered_name"]) == (module, registered)
    again = layers.deserialize(json.loads(json.dumps(told)), {"Own": Own})
    assert layers.serialize(again) == told
