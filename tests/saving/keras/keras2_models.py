"""The models of `fixtures/make_keras2.py`, in a library of one's choice; files of Keras 2 hold their weights."""

from __future__ import annotations

from typing import Any


def functional(keras: Any) -> Any:
    L = keras.layers
    x = L.Input((8, 8, 3), name="image")
    h = L.Conv2D(4, 3, padding="same", activation="relu", name="stem")(x)
    h = L.BatchNormalization(name="norm")(h)
    side = L.SeparableConv2D(4, 3, padding="same")(h)
    h = L.Add()([L.DepthwiseConv2D(3, padding="same")(h), side])
    h = L.MaxPooling2D()(h)
    h = L.Dropout(0.3)(h)
    h = L.LeakyReLU(0.2)(L.Dense(5)(L.Flatten()(h)))
    return keras.Model(x, L.Dense(2, activation="softmax", name="label")(h))


def sequential(keras: Any) -> Any:
    L = keras.layers
    return keras.Sequential(
        [L.Input((7,)), L.Dense(6, activation="elu"), L.Dense(5, use_bias=False), L.LayerNormalization(), L.Dense(1)]
    )


def recurrent(keras: Any) -> Any:
    L = keras.layers
    x = L.Input((6,), dtype="int32")
    h = L.Embedding(11, 4, mask_zero=True)(x)
    h = L.Bidirectional(L.LSTM(3, return_sequences=True))(h)
    h = L.GRU(4, return_sequences=True)(h)
    h = L.TimeDistributed(L.Dense(3))(h)
    return keras.Model(x, L.SimpleRNN(2)(h))


def nested(keras: Any) -> Any:
    L = keras.layers
    x = L.Input((5,))
    base = keras.Model(x, L.Dense(4)(L.BatchNormalization()(L.Dense(4, activation="relu")(x))), name="base")
    inputs = L.Input((5,))
    head = keras.Sequential([L.Input((4,)), L.Dense(3, activation="relu"), L.Dense(2)], name="head")
    return keras.Model(inputs, head(base(inputs)))


def attention(keras: Any) -> Any:
    L = keras.layers
    x = L.Input((5, 6))
    h = L.MultiHeadAttention(2, 3)(x, x)
    return keras.Model(x, L.Dense(2)(L.LayerNormalization(epsilon=1e-6)(L.Add()([x, h]))))
