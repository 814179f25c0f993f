"""Inception-ResNet V2: blocks that look at several widths at once, each added to what came in, a fraction of it.

C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi: Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning. AAAI 2017, arXiv:1602.07261. 40 blocks of three kinds; what they find is made smaller before it is added, else
networks as wide as this one do not begin to learn.

>>> from lamina.applications.inception_resnet_v2 import InceptionResNetV2
>>> InceptionResNetV2(include_top=False, weights=None, pooling="avg", input_shape=(75, 75, 3)).output_shape
(None, 1536)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lamina.layers import Activation, BatchNormalization, Conv2D, MaxPooling2D
from lamina.layers.of_applications import CustomScaleLayer
from lamina.public_names import names_of

from .frame import Frame
from .imagenet_utils import decode_predictions
from .inception_v3 import Kernel, averaged, beside, chain, stem
from .modes import tf_pixels as preprocess_input
from .published import kernels
from .variants import application

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

Chain = tuple[tuple[int, Kernel], ...]


class Kind(NamedTuple):
    """One kind of block: its branches, each a chain of convolutions, and what fraction of their result is added."""

    name: str
    scale: float
    branches: tuple[Chain, ...]


# Figures 16, 17 and 19 of the paper.
BLOCK_35 = Kind("block35", 0.17, (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))))
BLOCK_17 = Kind("block17", 0.1, (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))))
BLOCK_8 = Kind("block8", 0.2, (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))))


def inception_resnet_v2(frame: Frame, counts: tuple[int, int, int]) -> Any:
    """The network, with so many blocks of each kind."""
    x = stem(frame)
    branches = [
        chain(frame, x, (96, 1)),
        chain(frame, x, (48, 1), (64, 5)),
        chain(frame, x, (64, 1), (96, 3), (96, 3)),
        averaged(frame, x, 64),
    ]
    x = beside(frame, branches, "mixed_5b")
    for k in range(1, counts[0] + 1):
        x = residual(frame, x, BLOCK_35, k)
    branches = [
        chain(frame, x, (384, 3), halves=True),
        chain(frame, x, (256, 1), (256, 3), (384, 3), halves=True),
        MaxPooling2D(3, strides=2)(x),
    ]
    x = beside(frame, branches, "mixed_6a")
    for k in range(1, counts[1] + 1):
        x = residual(frame, x, BLOCK_17, k)
    branches = [
        chain(frame, x, (256, 1), (384, 3), halves=True),
        chain(frame, x, (256, 1), (288, 3), halves=True),
        chain(frame, x, (256, 1), (288, 3), (320, 3), halves=True),
        MaxPooling2D(3, strides=2)(x),
    ]
    x = beside(frame, branches, "mixed_7a")
    for k in range(1, counts[2]):
        x = residual(frame, x, BLOCK_8, k)
    x = residual(frame, x, BLOCK_8._replace(scale=1.0), counts[2], last=True)
    x = Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = BatchNormalization(axis=frame.axis, scale=False, name="conv_7b_bn")(x)
    return frame.averaged_predictions(Activation("relu", name="conv_7b_ac")(x), named=False)


def residual(frame: Frame, x: Any, kind: Kind, k: int, last: bool = False) -> Any:
    """A block of that kind: all branches beside each other, mixed by a convolution, scaled, added.

    Args:
        k: its number among those of its kind, which names its layers.
        last: the result is not cut at zero.
    """
    name = f"{kind.name}_{k}"
    branches = [chain(frame, x, *convolutions) for convolutions in kind.branches]
    found = beside(frame, branches, f"{name}_mixed")
    found = Conv2D(x.shape[frame.axis], 1, padding="same", name=f"{name}_conv")(found)
    x = CustomScaleLayer(kind.scale)([x, found])
    return x if last else Activation("relu", name=f"{name}_ac")(x)


InceptionResNetV2 = application(
    "InceptionResNetV2",
    "Inception-ResNet V2 (arXiv:1602.07261, figure 15): 10, 20 and 10 blocks.",
    partial(inception_resnet_v2, counts=(10, 20, 10)),
    kernels(
        "inception_resnet_v2",
        "inception_resnet_v2",
        ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
    ),
    "theirs scale what they normalize",
    module=__name__,
    sizes=(299,),
    least=75,
    name="inception_resnet_v2",
)
