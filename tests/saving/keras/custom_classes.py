"""The same classes of a user's in Keras' namespace and in Lamina's, and models of them: they share their words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def shift(x: Any) -> Any:
    return x + 1.0


def layer_classes(k: Any) -> dict[str, Any]:
    """Class name -> class."""

    class Scale(k.layers.Layer):
        def __init__(self, by=2.0, reg=None, **kwargs):
            super().__init__(**kwargs)
            self.by, self.reg = by, k.regularizers.get(reg)

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", regularizer=self.reg, name="w")

        def call(self, x):
            return x * self.by * self.w

        def compute_output_shape(self, input_shape):
            return input_shape

        def get_config(self):  # with an object as it is
            return {**super().get_config(), "by": self.by, "reg": self.reg}

    class NoConfig(k.layers.Layer):
        def __init__(self, by):
            super().__init__()
            self.by = by

        def call(self, x):
            return x * self.by

    class Holder(k.layers.Layer):
        def __init__(self, inner, act, sizes=(), **kwargs):
            super().__init__(**kwargs)
            self.inner, self.act, self.sizes = inner, act, sizes

        def call(self, x):
            return self.act(self.inner(x))

        def get_config(self):
            return {**super().get_config(), "inner": self.inner, "act": self.act, "sizes": self.sizes}

        @classmethod
        def from_config(cls, config):
            for key in ("inner", "act"):
                config[key] = k.saving.deserialize_keras_object(config[key])
            return cls(**config)

    class Block(k.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first = k.layers.Dense(units, activation="relu")
            self.rest = [k.layers.Dense(units), k.layers.Dense(units)]

        def call(self, x):
            x = self.first(x)
            for layer in self.rest:
                x = x + layer(x)
            return x

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return {cls.__name__: cls for cls in (Scale, NoConfig, Holder, Block)}


def model_classes(k: Any, block: Any) -> dict[str, Any]:
    """Class name -> class."""

    class Trains(k.Model):
        def train_step(self, data):
            return super().train_step(data)

    class Times(k.Model):
        def __init__(self, *args, alpha=1.0, **kwargs):
            super().__init__(*args, **kwargs)
            self.alpha = alpha

        def call(self, x, training=None):
            return super().call(x, training=training) * self.alpha

        def get_config(self):
            return {**super().get_config(), "alpha": self.alpha}

    class Draws(k.Model):
        def __init__(self, width=8, **kwargs):
            x = k.layers.Input((4,))
            super().__init__(x, k.layers.Dense(2)(k.layers.Dense(width)(x)), **kwargs)
            self.width = width

        def get_config(self):
            return {"width": self.width, "name": self.name}

    class Coded(k.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.block, self.last, self.norm = block(units), k.layers.Dense(2), k.layers.BatchNormalization()

        def call(self, x, training=False):
            return self.last(self.norm(self.block(x), training=training))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class OfTwo(k.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = k.layers.Dense(3)

        def call(self, inputs, training=False):
            return self.dense(inputs[0]) + self.dense(inputs[1])

        def get_config(self):
            return super().get_config()

    class Chain(k.Sequential):
        def train_step(self, data):
            return super().train_step(data)

    return {cls.__name__: cls for cls in (Trains, Times, Draws, Coded, OfTwo, Chain)}


def objects(k: Any) -> dict[str, Any]:
    """Name -> what a reader has to be handed; one class is registered."""
    found = layer_classes(k)
    registered = type("Registered", (found["Scale"],), {"__module__": __name__})
    k.saving.register_keras_serializable("tests_custom")(registered)
    return {**found, **model_classes(k, found["Block"]), "shift": shift, "Registered": registered}


def between(k: Any, make: Callable[[Any], Any], cls: Any = None, shape: Any = (4,), **kwargs: Any) -> Any:
    x = k.layers.Input(shape)
    return (cls or k.Model)(x, make(x), **kwargs)


def called(model: Any, data: Any) -> Any:
    model(data)
    return model


X = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)

# Name -> (library, its classes) -> model.
MODELS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "object": lambda k, o: between(k, lambda x: k.layers.Dense(2)(o["Scale"](3.0, reg=k.regularizers.L2(0.1))(x))),
    "registered": lambda k, o: between(k, lambda x: o["Registered"](3.0, reg="l1")(x)),
    "arguments": lambda k, o: between(k, lambda x: o["NoConfig"](5.0)(x)),
    "layer_within": lambda k, o: between(k, lambda x: o["Holder"](k.layers.Dense(3), k.activations.relu, (1, 2))(x)),
    "custom_within": lambda k, o: between(k, lambda x: o["Holder"](o["Scale"](3.0), o["shift"])(x)),
    "block": lambda k, o: between(k, lambda x: o["Block"](3)(x)),
    "lambda": lambda k, o: between(k, lambda x: k.layers.Lambda(o["shift"])(x)),
    "function": lambda k, o: between(k, lambda x: k.layers.Dense(3, activation=o["shift"])(x)),
    "train_step": lambda k, o: between(k, lambda x: o["Block"](3)(x), o["Trains"]),
    "more_arguments": lambda k, o: between(k, lambda x: o["Block"](3)(x), o["Times"], alpha=3.0),
    "draws_itself": lambda k, o: o["Draws"](5),
    "coded": lambda k, o: called(o["Coded"](5), X),
    "of_two": lambda k, o: called(o["OfTwo"](), [X, X]),
    "chain": lambda k, o: o["Chain"]([k.layers.Input((4,)), k.layers.Dense(3), o["Scale"](2.0)]),
    "in_a_wrapper": lambda k, o: between(k, lambda x: k.layers.TimeDistributed(o["Scale"](3.0))(x), shape=(3, 4)),
    "nested": lambda k, o: between(
        k, lambda x: k.layers.Dense(2)(between(k, lambda y: o["Block"](3)(y), o["Trains"])(x))
    ),
    "model_in_a_wrapper": lambda k, o: between(
        k, lambda x: k.layers.TimeDistributed(between(k, k.layers.Dense(3)))(x), shape=(3, 4)
    ),
}

__all__ = ["MODELS", "X", "objects"]
