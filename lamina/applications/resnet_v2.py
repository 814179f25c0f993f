"""ResNet V2: normalized and cut at zero before each convolution, so that the shortcut runs through untouched.

K. He, X. Zhang, S. Ren, J. Sun: Identity Mappings in Deep Residual Networks. ECCV 2016, arXiv:1603.05027. As in the
authors' own code, it is the last block of a stage that halves the picture.

>>> from lamina.applications.resnet_v2 import ResNet50V2
>>> ResNet50V2(include_top=False, weights=None, pooling="avg", input_shape=(64, 64, 3)).output_shape
(None, 2048)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lamina.layers import Add, Conv2D, MaxPooling2D, ZeroPadding2D
from lamina.public_names import names_of

from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import tf_pixels as preprocess_input
from .published import kernels
from .resnet import activated, stem
from .variants import application

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)


def bottleneck(frame: Frame, x: Any, width: int, stride: int, project: bool, name: str) -> Any:
    """A block whose three convolutions each work on what is normalized and cut at zero.

    Args:
        project: the shortcut is a convolution, since the block gives more channels than it gets.
    """
    active = activated(frame, x, f"{name}_preact")
    if project:
        shortcut = Conv2D(4 * width, 1, strides=stride, name=f"{name}_0_conv")(active)
    else:
        shortcut = MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = Conv2D(width, 1, use_bias=False, name=f"{name}_1_conv")(active)
    x = activated(frame, x, f"{name}_1")
    x = ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = Conv2D(width, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = activated(frame, x, f"{name}_2")
    x = Conv2D(4 * width, 1, name=f"{name}_3_conv")(x)
    return Add(name=f"{name}_out")([shortcut, x])


def resnet_v2(frame: Frame, blocks: Sequence[int]) -> Any:
    """The network, with so many bottlenecks in each of its four stages."""
    x = stem(frame, preactivated=True)
    for stage, count in enumerate(blocks):
        for k in range(count):
            stride = 2 if stage < 3 and k == count - 1 else 1
            x = bottleneck(frame, x, 64 << stage, stride, k == 0, f"conv{stage + 2}_block{k + 1}")
    return frame.averaged_predictions(activated(frame, x, "post"))


def _variant(layers: int, blocks: Sequence[int], hashes: tuple[str, str]) -> Any:
    return application(
        f"ResNet{layers}V2",
        f"ResNet V2 of {layers} layers (arXiv:1603.05027): {blocks} bottlenecks.",
        partial(resnet_v2, blocks=blocks),
        kernels("resnet", f"resnet{layers}v2", hashes),
        "theirs halve the picture in the first block of a stage, this one in the last",
        module=__name__,
    )


ResNet50V2 = _variant(50, (3, 4, 6, 3), ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"))
ResNet101V2 = _variant(101, (3, 4, 23, 3), ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"))
ResNet152V2 = _variant(152, (3, 8, 36, 3), ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"))
