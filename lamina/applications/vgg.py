"""VGG: nothing but 3 × 3 convolutions, 16 or 19 layers deep.

K. Simonyan, A. Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition. ICLR 2015,
arXiv:1409.1556. Two 3 × 3 convolutions see as much as one of 5 × 5, three as much as one of 7 × 7, with fewer weights
and more nonlinearities. Five blocks, each followed by a pooling that halves the picture, then three dense layers.

>>> from lamina.applications.vgg16 import VGG16
>>> VGG16(include_top=False, weights=None, input_shape=(64, 64, 3)).output_shape
(None, 2, 2, 512)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from lamina.layers import Conv2D, Dense, Flatten, MaxPooling2D

from .foreign import Foreign
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


def _foreign(convolutions: Sequence[int]) -> Foreign:
    """In torchvision's and timm's files all layers of the blocks are counted, those without weights too."""

    def modules(layer: str) -> list[str]:
        found = re.fullmatch(r"block(\d)_conv(\d)", layer)
        if found is None:
            return _HEAD.get(layer, [])
        block, k = int(found[1]) - 1, int(found[2]) - 1
        return [f"features.{sum(2 * count + 1 for count in convolutions[:block]) + 2 * k}"]

    return Foreign(modules, ("classifier", "pre_logits", "head"), ("fc1", _FILTERS[-1]))


_HEAD = {
    "fc1": ["classifier.0", "pre_logits.fc1"],
    "fc2": ["classifier.3", "pre_logits.fc2"],
    "predictions": ["classifier.6", "head.fc"],
}
_16, _19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)
VGG16 = application(
    "VGG16",
    "VGG of 13 convolutions and 3 dense layers (arXiv:1409.1556, column D).",
    partial(vgg, convolutions=_16),
    kernels("vgg16", "vgg16", ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")),
    _foreign(_16),
    module="lamina.applications.vgg16",
)
VGG19 = application(
    "VGG19",
    "VGG of 16 convolutions and 3 dense layers (arXiv:1409.1556, column E).",
    partial(vgg, convolutions=_19),
    kernels("vgg19", "vgg19", ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")),
    _foreign(_19),
    module="lamina.applications.vgg19",
)
