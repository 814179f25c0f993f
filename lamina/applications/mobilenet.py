"""MobileNet: a convolution taken apart, into one that looks around within each channel and one that mixes channels.

A. G. Howard, M. Zhu, B. Chen, D. Kalenichenko, W. Wang, T. Weyand, M. Andreetto, H. Adam: MobileNets: Efficient
Convolutional Neural Networks for Mobile Vision Applications. 2017, arXiv:1704.04861. That takes an eighth of the
multiplications; ``alpha`` makes all layers narrower on top of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamina.graph import ArgumentError
from lamina.layers import (
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from lamina.models import Model
from lamina.public_names import names_of
from lamina.tracebacks import door

from .foreign import ASYMMETRIC
from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import tf_pixels as preprocess_input
from .published import weights as published

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_SIZES = (224, 192, 160, 128)
# As file names say the factors for which there are published weights.
_ALPHAS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
# (channels, stride) of each separable block: table 1 of the paper.
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


@door
def MobileNet(
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNet (arXiv:1704.04861, table 1): 13 separable convolutions behind a common one.

    Args:
        alpha: factor on the channels of all layers; with "imagenet" 1, 0.75, 0.5 or 0.25.
        depth_multiplier: channels that a depthwise convolution makes of each one; with "imagenet" 1.
        dropout: rate before the last layer.
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation: as in
            `lamina.applications.ResNet50`. "imagenet" has weights for pictures of 224, 192, 160 and 128.
        name: of the model; by default made of alpha and the height of the pictures.

    Raises:
        ArgumentError: arguments that cannot be, or not together. DownloadError, LoadingError: as in `ResNet50`.

    >>> MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=10).output_shape
    (None, 10)
    """
    frame = Frame(
        sizes=_SIZES,
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
    size = frame.height
    if frame.pretrained:
        _refuse_unpublished(alpha, depth_multiplier)
        size = frame.published_size(_SIZES)
    x = _activated(
        frame, Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(frame.image), "conv1"
    )
    for k, (channels, stride) in enumerate(_BLOCKS, 1):
        x = separable(frame, x, int(channels * alpha), stride, depth_multiplier, k)
    stem = f"mobilenet/mobilenet_{_ALPHAS.get(alpha)}_{size}_tf"
    files = published(stem, (None, None), ends=(".h5", "_no_top.h5"))
    return frame.model(
        _head(frame, x, dropout),
        files,
        ASYMMETRIC,
        f"mobilenet_{alpha:.2f}_{size}".replace(".", "_") if name is None else name,
    )


def _refuse_unpublished(alpha: float, depth_multiplier: int) -> None:
    if depth_multiplier != 1 or alpha not in _ALPHAS:
        raise ArgumentError(
            "There are no published weights for such a MobileNet.",
            got=f"alpha={alpha}, depth_multiplier={depth_multiplier}",
            expected="alpha 1, 0.75, 0.5 or 0.25; depth_multiplier 1",
            hint="weights=None",
        )


def separable(frame: Frame, x: Any, channels: int, stride: int, multiplier: int, k: int) -> Any:
    """Look around within each channel, then mix the channels at each place; either is normalized and cut to 0..6.

    Args:
        stride: 2 halves the picture, which then gets zeros below and at the right only.
        multiplier: channels that are made of each one.
        k: the block's number, which names its layers.
    """
    if stride == 2:
        x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{k}")(x)
    x = DepthwiseConv2D(
        3,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        depth_multiplier=multiplier,
        use_bias=False,
        name=f"conv_dw_{k}",
    )(x)
    x = _activated(frame, x, f"conv_dw_{k}")
    x = Conv2D(channels, 1, padding="same", use_bias=False, name=f"conv_pw_{k}")(x)
    return _activated(frame, x, f"conv_pw_{k}")


def _activated(frame: Frame, x: Any, name: str) -> Any:
    x = BatchNormalization(axis=frame.axis, name=f"{name}_bn")(x)
    return ReLU(6.0, name=f"{name}_relu")(x)


def _head(frame: Frame, x: Any, dropout: float) -> Any:
    if not frame.include_top:
        return frame.pooled(x, named=False)
    x = Dropout(dropout, name="dropout")(GlobalAveragePooling2D(keepdims=True)(x))
    x = Conv2D(frame.classes, 1, padding="same", name="conv_preds")(x)
    return frame.activated(Reshape((frame.classes,), name="reshape_2")(x))
