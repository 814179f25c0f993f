"""The workloads as an ordinary Keras user writes them: functional models, compile("adam"), fit, predict.

The same code is Keras 3's on each of its backends and Lamina's: only the imported module differs. All options that a
user would not set stay at their defaults, so Keras compiles with XLA on JAX, and runs eagerly on PyTorch.
"""

import random
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from workloads import BATCH_NORM, LAYER_NORM, SEED, WORKLOADS, Arrays

Hp = Mapping[str, Any]


def load_keras(backend: str) -> ModuleType:
    """Lamina, or Keras 3 on the backend that `peers.isolate` has chosen."""
    if backend == "lamina":
        import lamina as keras
    else:
        import keras

        if keras.backend.backend() != backend:
            raise RuntimeError(f"Keras runs on {keras.backend.backend()}, expected {backend}: was it imported before?")
    return keras


class Blocks:
    """The few groups of layers that several workloads share."""

    def __init__(self, keras: ModuleType) -> None:
        self.layers = keras.layers

    def conv_norm(self, x: Any, filters: int, kernel: int = 3, strides: int = 1) -> Any:
        x = self.layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
        return self.layers.BatchNormalization(**BATCH_NORM)(x)

    def conv_norm_relu(self, x: Any, filters: int, kernel: int = 3, strides: int = 1) -> Any:
        return self.layers.ReLU()(self.conv_norm(x, filters, kernel, strides))

    def add_norm(self, x: Any, y: Any) -> Any:
        return self.layers.LayerNormalization(**LAYER_NORM)(self.layers.Add()([x, y]))

    def classify(self, x: Any, classes: int) -> Any:
        return self.layers.Dense(classes)(self.layers.GlobalAveragePooling2D()(x))


def mlp(keras: ModuleType, hp: Hp) -> Any:
    inputs = x = keras.Input((hp["features"],))
    for units in hp["hidden"]:
        x = keras.layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(hp["classes"])(x))


def cnn(keras: ModuleType, hp: Hp) -> Any:
    blocks, layers = Blocks(keras), keras.layers
    inputs = x = keras.Input(hp["image"])
    for filters in hp["stages"]:
        x = blocks.conv_norm_relu(x, filters)
        x = layers.ReLU()(layers.Add()([x, blocks.conv_norm(x, filters)]))
        x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, blocks.classify(x, hp["classes"]))


def resnet20(keras: ModuleType, hp: Hp) -> Any:
    blocks, layers = Blocks(keras), keras.layers
    inputs = keras.Input(hp["image"])
    x = blocks.conv_norm_relu(inputs, hp["stages"][0])
    for stage, filters in enumerate(hp["stages"]):
        for block in range(hp["blocks"]):
            strides = 2 if stage > 0 and block == 0 else 1
            y = blocks.conv_norm_relu(x, filters, strides=strides)
            y = blocks.conv_norm(y, filters)
            shortcut = x if strides == 1 else blocks.conv_norm(x, filters, 1, strides)
            x = layers.ReLU()(layers.Add()([shortcut, y]))
    return keras.Model(inputs, blocks.classify(x, hp["classes"]))


def lstm(keras: ModuleType, hp: Hp) -> Any:
    inputs = keras.Input((hp["seq"],), dtype="int32")
    x = keras.layers.Embedding(hp["vocab"], hp["embed"])(inputs)
    x = keras.layers.LSTM(hp["units"])(x)
    return keras.Model(inputs, keras.layers.Dense(hp["classes"])(x))


def transformer(keras: ModuleType, hp: Hp) -> Any:
    blocks, layers = Blocks(keras), keras.layers
    inputs = keras.Input((hp["seq"],), dtype="int32")
    x = layers.Embedding(hp["vocab"], hp["width"])(inputs)
    for _ in range(hp["blocks"]):
        attention = layers.MultiHeadAttention(hp["heads"], hp["width"] // hp["heads"])
        x = blocks.add_norm(x, attention(x, x, use_causal_mask=True))
        y = layers.Dense(hp["hidden"], activation="gelu")(x)
        x = blocks.add_norm(x, layers.Dense(hp["width"])(y))
    return keras.Model(inputs, layers.Dense(hp["vocab"])(x))


def tickets(keras: ModuleType, hp: Hp) -> Any:
    layers = keras.layers
    title = keras.Input((hp["title"],), name="title", dtype="int32")
    body = keras.Input((hp["body"],), name="body", dtype="int32")
    tags = keras.Input((hp["tags"],), name="tags")
    title_words = layers.Embedding(hp["vocab"], hp["embed"])(title)
    title_state = layers.LSTM(hp["title_units"])(title_words)
    body_words = layers.Embedding(hp["vocab"], hp["embed"])(body)
    body_state = layers.LSTM(hp["body_units"])(body_words)
    x = layers.Concatenate()([title_state, body_state, tags])
    priority = layers.Dense(1, activation="sigmoid", name="priority")(x)
    department = layers.Dense(hp["departments"], activation="softmax", name="department")(x)
    return keras.Model([title, body, tags], {"priority": priority, "department": department})


def unet(keras: ModuleType, hp: Hp) -> Any:
    blocks, layers = Blocks(keras), keras.layers

    def pair(x: Any, filters: int) -> Any:
        return blocks.conv_norm_relu(blocks.conv_norm_relu(x, filters), filters)

    inputs = x = keras.Input(hp["image"])
    skips = []
    for filters in hp["levels"]:
        skips.append(pair(x, filters))
        x = layers.MaxPooling2D()(skips[-1])
    x = pair(x, hp["bottleneck"])
    for filters in reversed(hp["levels"]):
        x = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(x)
        x = pair(layers.Concatenate()([skips.pop(), x]), filters)
    return keras.Model(inputs, layers.Conv2D(hp["classes"], 1)(x))


BUILDERS: Mapping[str, Callable[[ModuleType, Hp], Any]] = {
    "mlp": mlp,
    "cnn": cnn,
    "resnet20": resnet20,
    "lstm": lstm,
    "transformer": transformer,
    "tickets": tickets,
    "unet": unet,
}


class KerasPeer:
    """Keras code as a `peers.Peer`; with backend "lamina" it is Lamina that runs it."""

    def __init__(self, backend: str) -> None:
        self.backend, self.keras = backend, load_keras(backend)

    def build(self, case: str, device: str) -> None:
        _seed()
        self.workload = WORKLOADS[case]
        self.model = BUILDERS[case](self.keras, self.workload.hp)
        if self.backend == "lamina" and device != "cpu":
            self.model.to(device)  # Keras chooses its device by itself
        wait_for_weights(self.backend, self.model)

    def compile(self) -> None:
        if len(self.workload.targets) > 1:
            losses = {"priority": "binary_crossentropy", "department": "categorical_crossentropy"}
            self.model.compile("adam", loss=losses, loss_weights=self.workload.hp["loss_weights"])
        else:
            self.model.compile("adam", loss=self.keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def fit(self, inputs: Arrays, targets: Arrays) -> float:
        history = self.model.fit(
            _bare_if_single(inputs), _bare_if_single(targets), batch_size=self.workload.batch_size, verbose=0
        )
        return float(history.history["loss"][-1])

    def predict(self, inputs: Arrays) -> list[np.ndarray]:
        result = self.model.predict(_bare_if_single(inputs), batch_size=self.workload.batch_size, verbose=0)
        return self._ordered(result)

    def call(self, inputs: Arrays) -> list[np.ndarray]:
        if self.backend not in ("torch", "lamina"):
            return [np.asarray(a) for a in self._ordered(self.model(_bare_if_single(inputs), training=False))]
        import torch

        device = next(self.model.parameters()).device
        tensors = {name: torch.from_numpy(a).to(device) for name, a in inputs.items()}
        with torch.inference_mode():
            return [t.cpu().numpy() for t in self._ordered(self.model(_bare_if_single(tensors), training=False))]

    def trainable_params(self) -> int:
        return sum(int(np.prod(v.shape)) for v in self.model.trainable_variables)

    def _ordered(self, result: Any) -> list[Any]:
        """The outputs in the workload's order; Keras sorts a dict of them by name."""
        return [result[name] for name in self.workload.targets] if isinstance(result, dict) else [result]


def wait_for_weights(backend: str, model: Any) -> None:
    """JAX draws the weights while Python goes on: a model is built when they are there."""
    if backend == "jax":
        import jax

        jax.block_until_ready([v.value for v in model.variables])


def _seed() -> None:
    """Keras draws its seeds from `random`; no framework is imported for the sake of its seed."""
    random.seed(SEED)
    np.random.seed(SEED)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(SEED)


def _bare_if_single(named: dict[str, Any]) -> Any:
    return named if len(named) > 1 else next(iter(named.values()))
