"""EfficientNet: a small network found by a search, made deeper, wider and sharper-eyed in a fixed proportion.

M. Tan, Q. V. Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks. ICML 2019, arXiv:1905.11946.
The blocks are the inverted residuals of MobileNet V2 with channels weighed by what is seen in all of the picture; in
training, a block is left out at times, the deeper it lies the oftener.

>>> from lamina.applications.efficientnet import EfficientNetB0
>>> EfficientNetB0(include_top=False, weights=None, pooling="avg", input_shape=(32, 32, 3)).output_shape
(None, 1280)
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lamina.initializers import VarianceScaling
from lamina.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from lamina.public_names import names_of

from .channels import rounded
from .foreign import ASYMMETRIC
from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import plain_pixels as preprocess_input
from .published import of_efficientnet
from .variants import application

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)


class Stage(NamedTuple):
    """A row of the paper's table 1, of the network before it is scaled."""

    kernel: int
    blocks: int
    channels: int
    expansion: int
    stride: int


STAGES = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 2, 24, 6, 2),
    Stage(5, 2, 40, 6, 2),
    Stage(3, 3, 80, 6, 2),
    Stage(5, 3, 112, 6, 1),
    Stage(5, 4, 192, 6, 2),
    Stage(3, 1, 320, 6, 1),
)
_LEFT_OUT = 0.2  # how often the last block is left out


class Scale(NamedTuple):
    """How much wider and deeper than B0, for pictures of which size, and how much the head drops."""

    width: float
    depth: float
    size: int
    dropout: float


def efficientnet(frame: Frame, scale: Scale, stages: tuple[Stage, ...] = STAGES) -> Any:
    """The network of that scale."""
    x = _preprocessed(frame)
    x = ZeroPadding2D(frame.halved(x, 3), name="stem_conv_pad")(x)
    x = convolution(x, rounded(32 * scale.width), 3, "stem_conv", strides=2, padding="valid")
    x = normalized(frame, x, "stem_bn", "stem_activation")
    counts = [math.ceil(scale.depth * stage.blocks) for stage in stages]
    done = 0
    for k, (stage, count) in enumerate(zip(stages, counts, strict=True), 1):
        for place in range(count):
            stride = stage.stride if place == 0 else 1
            rate = _LEFT_OUT * done / sum(counts)
            name = f"block{k}{chr(ord('a') + place)}_"
            x = mbconv(frame, x, stage, rounded(stage.channels * scale.width), stride, rate, name)
            done += 1
    return head(frame, x, rounded(1280 * scale.width), scale.dropout)


def _preprocessed(frame: Frame) -> Any:
    x = Normalization(axis=frame.axis)(Rescaling(1 / 255)(frame.image))
    if frame.pretrained:  # the published statistics are variances, where deviations are due
        x = Rescaling([deviation**-0.5 for deviation in (0.229, 0.224, 0.225)])(x)
    return x


def mbconv(frame: Frame, x: Any, stage: Stage, channels: int, stride: int, rate: float, name: str) -> Any:
    """An inverted residual block: widen, look around within each channel, weigh the channels, narrow.

    Args:
        channels: that it gives.
        rate: how often it is left out in training.
        name: begins the names of its layers.
    """
    given, narrow = x, x.shape[frame.axis]
    if stage.expansion != 1:
        x = convolution(x, narrow * stage.expansion, 1, f"{name}expand_conv")
        x = normalized(frame, x, f"{name}expand_bn", f"{name}expand_activation")
    if stride == 2:
        x = ZeroPadding2D(frame.halved(x, stage.kernel), name=f"{name}dwconv_pad")(x)
    x = DepthwiseConv2D(
        stage.kernel,
        strides=stride,
        padding="valid" if stride == 2 else "same",
        use_bias=False,
        depthwise_initializer=kernel_values(),
        name=f"{name}dwconv",
    )(x)
    x = normalized(frame, x, f"{name}bn", f"{name}activation")
    x = squeeze_and_excite(frame, x, max(1, narrow // 4), name)
    x = normalized(frame, convolution(x, channels, 1, f"{name}project_conv"), f"{name}project_bn")
    return with_shortcut(given, x, rate, name) if stride == 1 and narrow == channels else x


# ---- parts that V2 has too


def convolution(x: Any, channels: int, kernel: int, name: str, strides: int = 1, padding: str = "same") -> Any:
    """A convolution without bias."""
    return Conv2D(
        channels,
        kernel,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer=kernel_values(),
        name=name,
    )(x)


def kernel_values() -> VarianceScaling:
    """What the kernels of convolutions begin with."""
    return VarianceScaling(2.0, "fan_out", "truncated_normal")


def normalized(frame: Frame, x: Any, name: str, activation: str | None = None, momentum: float = 0.99) -> Any:
    """Normalized; and where the activation has a name, ``x * sigmoid(x)`` of that."""
    x = BatchNormalization(axis=frame.axis, momentum=momentum, name=name)(x)
    return x if activation is None else Activation("swish", name=activation)(x)


def squeeze_and_excite(frame: Frame, x: Any, squeezed: int, name: str) -> Any:
    """Each channel times a weight from 0 to 1 that two dense layers make of the averages of all channels.

    Args:
        squeezed: width between the two.
    """
    channels = x.shape[frame.axis]
    options: dict[str, Any] = {"padding": "same", "kernel_initializer": kernel_values()}
    weight = GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    weight = Reshape((channels, 1, 1) if frame.axis == 1 else (1, 1, channels), name=f"{name}se_reshape")(weight)
    weight = Conv2D(squeezed, 1, activation="swish", name=f"{name}se_reduce", **options)(weight)
    weight = Conv2D(channels, 1, activation="sigmoid", name=f"{name}se_expand", **options)(weight)
    return Multiply(name=f"{name}se_excite")([x, weight])


def with_shortcut(given: Any, x: Any, rate: float, name: str) -> Any:
    """What a block gives, added to what came in; left out for some pictures of a batch in training."""
    if rate > 0:
        x = Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return Add(name=f"{name}add")([x, given])


def head(frame: Frame, x: Any, channels: int, dropout: float, momentum: float = 0.99) -> Any:
    """The last convolution, and what follows it."""
    x = convolution(x, channels, 1, "top_conv")
    x = normalized(frame, x, "top_bn", "top_activation", momentum)
    if not frame.include_top:
        return frame.pooled(x)
    x = GlobalAveragePooling2D(name="avg_pool")(x)
    x = Dropout(dropout, name="top_dropout")(x)
    return frame.predictions(x, kernel_initializer=VarianceScaling(1 / 3, "fan_out", "uniform"))


def _variant(number: int, scale: Scale, hashes: tuple[str, str]) -> Any:
    return application(
        f"EfficientNetB{number}",
        f"EfficientNet B{number} (arXiv:1905.11946): {scale.width} times as wide, {scale.depth} times as deep as B0.",
        partial(efficientnet, scale=scale),
        of_efficientnet(f"efficientnetb{number}", hashes),
        ASYMMETRIC,
        module=__name__,
        sizes=(scale.size,),
    )


EfficientNetB0 = _variant(
    0, Scale(1.0, 1.0, 224, 0.2), ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d")
)
EfficientNetB1 = _variant(
    1, Scale(1.0, 1.1, 240, 0.2), ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432")
)
EfficientNetB2 = _variant(
    2, Scale(1.1, 1.2, 260, 0.3), ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39")
)
EfficientNetB3 = _variant(
    3, Scale(1.2, 1.4, 300, 0.3), ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226")
)
EfficientNetB4 = _variant(
    4, Scale(1.4, 1.8, 380, 0.4), ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba")
)
EfficientNetB5 = _variant(
    5, Scale(1.6, 2.2, 456, 0.4), ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f")
)
EfficientNetB6 = _variant(
    6, Scale(1.8, 2.6, 528, 0.5), ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743")
)
EfficientNetB7 = _variant(
    7, Scale(2.0, 3.1, 600, 0.5), ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a")
)
