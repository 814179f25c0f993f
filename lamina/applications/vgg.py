"""VGG: nothing but 3 × 3 convolutions, 16 or 19 layers deep.

K. Simonyan, A. Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition. ICLR 2015,
arXiv:1409.1556. Two 3 × 3 convolutions see as much as one of 5 × 5, three as much as one of 7 × 7, with fewer weights
and more nonlinearities. Five blocks, each followed by a pooling that halves the picture, then three dense layers.

>>> from lamina.applications.vgg16 import VGG16
>>> VGG16(include_top=False, weights=None, input_shape=(64, 64, 3)).output_shape
(None, 2, 2, 512)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from lamina.layers import Conv2D, Dense, Flatten, MaxPooling2D

from .frame import Frame
from .published import kernels
from .variants import application

_FILTERS = (64, 128, 256, 512, 512)


def vgg(frame: Frame, convolutions: Sequence[int]) -> Any:
    """The network, with so many convolutions in each of its five blocks."""
    x = frame.image
    for block, (filters, count) in enumerate(zip(_FILTERS, convolutions, strict=True), 1):
        for k in range(1, count + 1):
            x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{k}")(x)
        x = MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if not frame.include_top:
        return frame.pooled(x, named=False)
    x = Flatten(name="flatten")(x)
    x = Dense(4096, activation="relu", name="fc1")(x)
    x = Dense(4096, activation="relu", name="fc2")(x)
    return frame.predictions(x)


VGG16 = application(
    "VGG16",
    "VGG of 13 convolutions and 3 dense layers (arXiv:1409.1556, column D).",
    partial(vgg, convolutions=(2, 2, 3, 3, 3)),
    kernels("vgg16", "vgg16", ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")),
    module="lamina.applications.vgg16",
)
VGG19 = application(
    "VGG19",
    "VGG of 16 convolutions and 3 dense layers (arXiv:1409.1556, column E).",
    partial(vgg, convolutions=(2, 2, 4, 4, 4)),
    kernels("vgg19", "vgg19", ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")),
    module="lamina.applications.vgg19",
)
