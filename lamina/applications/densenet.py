"""DenseNet: each layer sees what all layers before it in its block have found.

G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger: Densely Connected Convolutional Networks. CVPR 2017,
arXiv:1608.06993. A layer adds only 32 channels to those that there are. Between blocks, half of the channels are left,
and half of height and width.

>>> from lamina.applications.densenet import DenseNet121
>>> DenseNet121(include_top=False, weights=None, pooling="avg", input_shape=(32, 32, 3)).output_shape
(None, 1024)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lamina.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from lamina.public_names import names_of

from .foreign import Foreign
from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import torch_pixels as preprocess_input
from .published import kernels
from .resnet import EPSILON, activated
from .variants import application

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_GROWTH = 32


def densenet(frame: Frame, layers: Sequence[int]) -> Any:
    """The network, with so many layers in each of its four blocks."""
    x = ZeroPadding2D(3)(frame.image)
    x = activated(frame, Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x), "conv1")
    x = MaxPooling2D(3, strides=2, name="pool1")(ZeroPadding2D(1)(x))
    for block, count in enumerate(layers, 2):
        if block > 2:
            x = transition(frame, x, f"pool{block - 1}")
        for k in range(1, count + 1):
            x = dense_layer(frame, x, f"conv{block}_block{k}")
    x = BatchNormalization(axis=frame.axis, epsilon=EPSILON, name="bn")(x)
    return frame.averaged_predictions(Activation("relu", name="relu")(x))


def dense_layer(frame: Frame, x: Any, name: str) -> Any:
    """What came in, and beside it the channels that a bottleneck finds in it."""
    found = activated(frame, x, f"{name}_0")
    found = Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(found)
    found = activated(frame, found, f"{name}_1")
    found = Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(found)
    return Concatenate(axis=frame.axis, name=f"{name}_concat")([x, found])


def transition(frame: Frame, x: Any, name: str) -> Any:
    """Half of the channels, half of height and width."""
    x = activated(frame, x, name)
    x = Conv2D(x.shape[frame.axis] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _modules(layer: str) -> list[str]:
    """The name of a layer in torchvision's and timm's files."""
    if found := re.fullmatch(r"conv(\d)_block(\d+)_([012])_(bn|conv)", layer):
        place = {"0_bn": "norm1", "1_conv": "conv1", "1_bn": "norm2", "2_conv": "conv2"}[f"{found[3]}_{found[4]}"]
        return [f"features.denseblock{int(found[1]) - 1}.denselayer{found[2]}.{place}"]
    if found := re.fullmatch(r"pool(\d)_(bn|conv)", layer):
        return [f"features.transition{int(found[1]) - 1}.{'norm' if found[2] == 'bn' else 'conv'}"]
    ends = {"conv1_conv": "features.conv0", "conv1_bn": "features.norm0", "bn": "features.norm5"}
    return [{**ends, "predictions": "classifier"}.get(layer, "")]


def _variant(layers: int, blocks: Sequence[int], hashes: tuple[str, str]) -> Any:
    return application(
        f"DenseNet{layers}",
        f"DenseNet of {layers} layers (arXiv:1608.06993, table 1): {blocks} in its blocks.",
        partial(densenet, layers=blocks),
        kernels("densenet", f"densenet{layers}", hashes),
        Foreign(_modules, ("classifier",)),
        module=__name__,
    )


DenseNet121 = _variant(121, (6, 12, 24, 16), ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"))
DenseNet169 = _variant(169, (6, 12, 32, 32), ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"))
DenseNet201 = _variant(201, (6, 12, 48, 32), ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"))
