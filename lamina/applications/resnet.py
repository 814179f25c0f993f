"""ResNet: what a block computes is added to what came into it, so that 152 layers can be trained.

K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. CVPR 2016, arXiv:1512.03385. A bottleneck
narrows by a 1 × 1 convolution, looks around by one of 3 × 3, widens by another of 1 × 1. The first block of a stage
halves the picture in its first convolution, and its shortcut is a 1 × 1 convolution.

>>> from lamina.applications.resnet import ResNet50
>>> ResNet50(include_top=False, weights=None, pooling="avg", input_shape=(64, 64, 3)).output_shape
(None, 2048)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lamina.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from lamina.public_names import names_of

from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import caffe_pixels as preprocess_input
from .published import kernels
from .variants import application

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

EPSILON = 1.001e-5  # of the batch normalizations


def normalized(frame: Frame, x: Any, name: str) -> Any:
    """The batch normalization that all of these networks have."""
    return BatchNormalization(axis=frame.axis, epsilon=EPSILON, name=f"{name}_bn")(x)


def activated(frame: Frame, x: Any, name: str) -> Any:
    """Normalized, then cut at zero."""
    return Activation("relu", name=f"{name}_relu")(normalized(frame, x, name))


def stem(frame: Frame, preactivated: bool = False) -> Any:
    """The first layers, which leave a quarter of height and width.

    Args:
        preactivated: the blocks behind it normalize what they get.
    """
    x = ZeroPadding2D(3, name="conv1_pad")(frame.image)
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if not preactivated:
        x = activated(frame, x, "conv1")
    x = ZeroPadding2D(1, name="pool1_pad")(x)
    return MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def bottleneck(frame: Frame, x: Any, width: int, stride: int, project: bool, name: str) -> Any:
    """A block that narrows to ``width`` channels and gives four times as many.

    Args:
        project: the shortcut is a convolution, since the block gives another shape than it gets.
    """
    shortcut = x
    if project:
        shortcut = Conv2D(4 * width, 1, strides=stride, name=f"{name}_0_conv")(x)
        shortcut = normalized(frame, shortcut, f"{name}_0")
    x = activated(frame, Conv2D(width, 1, strides=stride, name=f"{name}_1_conv")(x), f"{name}_1")
    x = activated(frame, Conv2D(width, 3, padding="same", name=f"{name}_2_conv")(x), f"{name}_2")
    x = normalized(frame, Conv2D(4 * width, 1, name=f"{name}_3_conv")(x), f"{name}_3")
    x = Add(name=f"{name}_add")([shortcut, x])
    return Activation("relu", name=f"{name}_out")(x)


def resnet(frame: Frame, blocks: Sequence[int]) -> Any:
    """The network, with so many bottlenecks in each of its four stages."""
    x = stem(frame)
    for stage, count in enumerate(blocks):
        for k in range(count):
            stride = 2 if stage > 0 and k == 0 else 1
            x = bottleneck(frame, x, 64 << stage, stride, k == 0, f"conv{stage + 2}_block{k + 1}")
    return frame.averaged_predictions(x)


def _variant(layers: int, blocks: Sequence[int], hashes: tuple[str, str]) -> Any:
    return application(
        f"ResNet{layers}",
        f"ResNet of {layers} layers (arXiv:1512.03385, table 1): {blocks} bottlenecks.",
        partial(resnet, blocks=blocks),
        kernels("resnet", f"resnet{layers}", hashes),
        "theirs halve the picture in a block's 3 × 3 convolution, this one, as the paper, in the 1 × 1 before it",
        module=__name__,
    )


ResNet50 = _variant(50, (3, 4, 6, 3), ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"))
ResNet101 = _variant(101, (3, 4, 23, 3), ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"))
ResNet152 = _variant(152, (3, 8, 36, 3), ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"))
