"""Xception: Inception taken to its end, every convolution but the first two taken apart into space and channels.

F. Chollet: Xception: Deep Learning with Depthwise Separable Convolutions. CVPR 2017, arXiv:1610.02357. Four blocks that
halve the picture, eight in the middle that leave it, one more that halves it; shortcuts around each.

>>> from lamina.applications.xception import Xception
>>> Xception(include_top=False, weights=None, pooling="avg", input_shape=(71, 71, 3)).output_shape
(None, 2048)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lamina.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, SeparableConv2D
from lamina.public_names import names_of

from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import tf_pixels as preprocess_input
from .published import kernels
from .variants import application

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_MIDDLE = 728  # channels


def xception(frame: Frame, middle: int) -> Any:
    """The network, with so many blocks in its middle."""
    x = frame.image
    for k, (channels, strides) in enumerate(((32, 2), (64, 1)), 1):
        x = Conv2D(channels, 3, strides=strides, use_bias=False, name=f"block1_conv{k}")(x)
        x = _activated(_normalized(frame, x, f"block1_conv{k}"), f"block1_conv{k}")
    x = halving(frame, x, (128, 128), 2, begins_active=False)
    x = halving(frame, x, (256, 256), 3)
    x = halving(frame, x, (_MIDDLE, _MIDDLE), 4)
    for block in range(5, 5 + middle):
        given = x
        for k in (1, 2, 3):
            x = _activated(x, f"block{block}_sepconv{k}")
            x = separable(frame, x, _MIDDLE, f"block{block}_sepconv{k}")
        x = Add()([x, given])
    last = 5 + middle
    x = halving(frame, x, (_MIDDLE, 1024), last)
    for k, channels in enumerate((1536, 2048), 1):
        name = f"block{last + 1}_sepconv{k}"
        x = _activated(separable(frame, x, channels, name), name)
    return frame.averaged_predictions(x, named=False)


def halving(frame: Frame, x: Any, channels: tuple[int, int], block: int, begins_active: bool = True) -> Any:
    """Two separable convolutions and a pooling that halves the picture; the shortcut is a convolution that halves it.

    Args:
        channels: that either convolution gives.
        begins_active: cut at zero before the first of them; what comes in is so already, where not.
    """
    shortcut = Conv2D(channels[-1], 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = BatchNormalization(axis=frame.axis)(shortcut)
    for k, count in enumerate(channels, 1):
        if k > 1 or begins_active:
            x = _activated(x, f"block{block}_sepconv{k}")
        x = separable(frame, x, count, f"block{block}_sepconv{k}")
    x = MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return Add()([x, shortcut])


def separable(frame: Frame, x: Any, channels: int, name: str) -> Any:
    """Look around within each channel, then mix the channels; normalized."""
    x = SeparableConv2D(channels, 3, padding="same", use_bias=False, name=name)(x)
    return _normalized(frame, x, name)


def _normalized(frame: Frame, x: Any, name: str) -> Any:
    return BatchNormalization(axis=frame.axis, name=f"{name}_bn")(x)


def _activated(x: Any, name: str) -> Any:
    return Activation("relu", name=f"{name}_act")(x)


Xception = application(
    "Xception",
    "Xception (arXiv:1610.02357, figure 5): 36 convolutions, 34 of them separable.",
    partial(xception, middle=8),
    kernels("xception", "xception", ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97")),
    "theirs add zeros on both sides before a pooling of stride 2, this one below and at the right of even sizes",
    module=__name__,
    sizes=(299,),
    least=71,
)
