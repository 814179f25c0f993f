"""ResNet-50 for 224x224 images as a plain Keras functional model, with the convolution biases that Keras' own has."""

from types import ModuleType
from typing import Any

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # bottleneck width, blocks
EPSILON = 1.001e-5
VALUES = 25_636_712  # all weights, the statistics of BatchNormalization included


def build(keras: ModuleType, classes: int = 1000) -> Any:
    """(B, 224, 224, 3) -> class probabilities (B, classes)."""
    layers = keras.layers

    def conv_norm(x: Any, filters: int, kernel: int, strides: int = 1, padding: str = "same") -> Any:
        x = layers.Conv2D(filters, kernel, strides=strides, padding=padding)(x)
        return layers.BatchNormalization(epsilon=EPSILON)(x)

    def bottleneck(x: Any, width: int, strides: int, project: bool) -> Any:
        shortcut = conv_norm(x, 4 * width, 1, strides) if project else x
        y = layers.Activation("relu")(conv_norm(x, width, 1, strides))
        y = layers.Activation("relu")(conv_norm(y, width, 3))
        y = conv_norm(y, 4 * width, 1)
        return layers.Activation("relu")(layers.Add()([shortcut, y]))

    inputs = keras.Input((224, 224, 3))
    x = conv_norm(layers.ZeroPadding2D(3)(inputs), 64, 7, 2, "valid")
    x = layers.ZeroPadding2D(1)(layers.Activation("relu")(x))
    x = layers.MaxPooling2D(3, strides=2)(x)
    for stage, (width, blocks) in enumerate(STAGES):
        for block in range(blocks):
            x = bottleneck(x, width, strides=2 if stage > 0 and block == 0 else 1, project=block == 0)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
