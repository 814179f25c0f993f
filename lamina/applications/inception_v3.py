"""Inception V3: each block looks at several widths at once, and large kernels are taken apart into small ones.

C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna: Rethinking the Inception Architecture for Computer Vision.
CVPR 2016, arXiv:1512.00567. Two 3 × 3 convolutions stand for one of 5 × 5; one of 1 × 7 and one of 7 × 1 for one of
7 × 7.

>>> from lamina.applications.inception_v3 import InceptionV3
>>> InceptionV3(include_top=False, weights=None, pooling="avg", input_shape=(75, 75, 3)).output_shape
(None, 2048)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lamina.layers import Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D
from lamina.public_names import names_of

from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import tf_pixels as preprocess_input
from .published import kernels
from .variants import application

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

Kernel = int | tuple[int, int]


def convolution(frame: Frame, x: Any, channels: int, kernel: Kernel, strides: int = 1, padding: str = "same") -> Any:
    """A convolution without bias, normalized without scale, cut at zero."""
    x = Conv2D(channels, kernel, strides=strides, padding=padding, use_bias=False)(x)
    x = BatchNormalization(axis=frame.axis, scale=False)(x)
    return Activation("relu")(x)


def chain(frame: Frame, x: Any, *convolutions: tuple[int, Kernel], halves: bool = False) -> Any:
    """One convolution after the other.

    Args:
        convolutions: channels and kernel of each.
        halves: the last one leaves half of the picture.
    """
    for channels, kernel in convolutions[:-1]:
        x = convolution(frame, x, channels, kernel)
    channels, kernel = convolutions[-1]
    return convolution(frame, x, channels, kernel, *((2, "valid") if halves else ()))


def averaged(frame: Frame, x: Any, channels: int) -> Any:
    """The branch that each block has: averages of 3 × 3, mixed by a 1 × 1 convolution."""
    return convolution(frame, AveragePooling2D(3, strides=1, padding="same")(x), channels, 1)


def beside(frame: Frame, branches: list[Any], name: str | None = None) -> Any:
    """The channels of all branches."""
    return Concatenate(axis=frame.axis, name=name)(branches)


def stem(frame: Frame) -> Any:
    """The first layers, which leave an eighth of height and width."""
    x = convolution(frame, frame.image, 32, 3, 2, "valid")
    x = convolution(frame, x, 32, 3, padding="valid")
    x = convolution(frame, x, 64, 3)
    x = MaxPooling2D(3, strides=2)(x)
    x = convolution(frame, x, 80, 1, padding="valid")
    x = convolution(frame, x, 192, 3, padding="valid")
    return MaxPooling2D(3, strides=2)(x)


def block_35(frame: Frame, x: Any, pooled: int, name: str) -> Any:
    """Figure 5 of the paper, on pictures of 35 × 35, with a kernel of 5 × 5 that is left whole."""
    branches = [
        chain(frame, x, (64, 1)),
        chain(frame, x, (48, 1), (64, 5)),
        chain(frame, x, (64, 1), (96, 3), (96, 3)),
        averaged(frame, x, pooled),
    ]
    return beside(frame, branches, name)


def block_17(frame: Frame, x: Any, width: int, name: str) -> Any:
    """Figure 6, on pictures of 17 × 17: kernels of 7 × 7 taken apart."""
    across, down = (1, 7), (7, 1)
    branches = [
        chain(frame, x, (192, 1)),
        chain(frame, x, (width, 1), (width, across), (192, down)),
        chain(frame, x, (width, 1), (width, down), (width, across), (width, down), (192, across)),
        averaged(frame, x, 192),
    ]
    return beside(frame, branches, name)


def block_8(frame: Frame, x: Any, k: int) -> Any:
    """Figure 7, on pictures of 8 × 8: kernels of 3 × 3 taken apart, and both parts kept."""
    single = chain(frame, x, (320, 1))
    middle = _both_ways(frame, chain(frame, x, (384, 1)), f"mixed9_{k}")
    double = _both_ways(frame, chain(frame, x, (448, 1), (384, 3)))
    return beside(frame, [single, middle, double, averaged(frame, x, 192)], f"mixed{9 + k}")


def _both_ways(frame: Frame, x: Any, name: str | None = None) -> Any:
    return beside(frame, [convolution(frame, x, 384, (1, 3)), convolution(frame, x, 384, (3, 1))], name)


def inception_v3(frame: Frame, widths: tuple[int, ...]) -> Any:
    """The network, with a block of these widths for each where the picture is 17 × 17."""
    x = stem(frame)
    for k, pooled in enumerate((32, 64, 64)):
        x = block_35(frame, x, pooled, f"mixed{k}")
    branches = [
        chain(frame, x, (384, 3), halves=True),
        chain(frame, x, (64, 1), (96, 3), (96, 3), halves=True),
        MaxPooling2D(3, strides=2)(x),
    ]
    x = beside(frame, branches, "mixed3")
    for k, width in enumerate(widths, 4):
        x = block_17(frame, x, width, f"mixed{k}")
    branches = [
        chain(frame, x, (192, 1), (320, 3), halves=True),
        chain(frame, x, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3), halves=True),
        MaxPooling2D(3, strides=2)(x),
    ]
    x = beside(frame, branches, "mixed8")
    for k in range(2):
        x = block_8(frame, x, k)
    return frame.averaged_predictions(x, named=False)


InceptionV3 = application(
    "InceptionV3",
    "Inception V3 (arXiv:1512.00567, table 1): 11 blocks.",
    partial(inception_v3, widths=(128, 160, 160, 192)),
    kernels("inception_v3", "inception_v3", ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")),
    "theirs count the zeros around a picture in its averages, and scale what they normalize",
    module=__name__,
    sizes=(299,),
    least=75,
    name="inception_v3",
)
