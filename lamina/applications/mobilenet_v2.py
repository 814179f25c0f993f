"""MobileNet V2: blocks that are wide within and narrow between, and whose narrow ends are not cut at zero.

M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen: MobileNetV2: Inverted Residuals and Linear Bottlenecks.
CVPR 2018, arXiv:1801.04381. A 1 × 1 convolution widens, a depthwise one of 3 × 3 looks around, another of 1 × 1
narrows again; the shortcut runs between the narrow ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamina.graph import ArgumentError
from lamina.layers import Add, BatchNormalization, Conv2D, DepthwiseConv2D, GlobalAveragePooling2D, ReLU, ZeroPadding2D
from lamina.models import Model
from lamina.public_names import names_of
from lamina.tracebacks import door

from .channels import rounded
from .foreign import ASYMMETRIC
from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import tf_pixels as preprocess_input
from .published import weights as published

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_SIZES = (224, 192, 160, 128, 96)
_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
# (expansion, channels, blocks, stride of the first): table 2 of the paper.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@door
def MobileNetV2(
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNet V2 (arXiv:1801.04381, table 2): 17 inverted residual blocks.

    Args:
        alpha: factor on the channels of all layers; with "imagenet" 0.35, 0.5, 0.75, 1, 1.3 or 1.4.
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation: as in
            `lamina.applications.ResNet50`. "imagenet" has weights for pictures of 224, 192, 160, 128 and 96.
        name: of the model; by default made of alpha and the height of the pictures.

    Raises:
        ArgumentError: arguments that cannot be, or not together. DownloadError, LoadingError: as in `ResNet50`.

    >>> MobileNetV2(weights=None, alpha=0.35, input_shape=(32, 32, 3), classes=10).output_shape
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
        if alpha not in _ALPHAS:
            expected = ", ".join(map(str, _ALPHAS))
            raise ArgumentError(
                "There are no published weights for such a MobileNetV2.", got=f"alpha={alpha}", expected=expected
            )
        size = frame.published_size(_SIZES)
    x = Conv2D(rounded(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(frame.image)
    x = ReLU(6.0, name="Conv1_relu")(_normalized(frame, x, "bn_Conv1"))
    k = 0
    for expansion, channels, count, first in _STAGES:
        for place in range(count):
            stride = first if place == 0 else 1
            x = inverted_residual(frame, x, expansion, rounded(int(channels * alpha)), stride, k)
            k += 1
    x = Conv2D(rounded(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
    x = ReLU(6.0, name="out_relu")(_normalized(frame, x, "Conv_1_bn"))
    x = frame.predictions(GlobalAveragePooling2D()(x)) if frame.include_top else frame.pooled(x, named=False)
    stem = f"mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}"
    files = published(stem, (None, None), ends=(".h5", "_no_top.h5"))
    return frame.model(
        x, files, ASYMMETRIC, f"mobilenetv2_{alpha:.2f}_{size}".replace(".", "_") if name is None else name
    )


def inverted_residual(frame: Frame, x: Any, expansion: int, channels: int, stride: int, k: int) -> Any:
    """Widen, look around within each channel, narrow; and add what came in, where it has the same shape.

    Args:
        expansion: factor by which it widens.
        channels: that it gives.
        k: the block's number, which names its layers; the first one does not widen.
    """
    given = x
    prefix = f"block_{k}_" if k else "expanded_conv_"
    if k:
        x = Conv2D(expansion * x.shape[frame.axis], 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = ReLU(6.0, name=f"{prefix}expand_relu")(_normalized(frame, x, f"{prefix}expand_BN"))
    if stride == 2:
        x = ZeroPadding2D(frame.halved(x, 3), name=f"{prefix}pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=f"{prefix}depthwise")(x)
    x = ReLU(6.0, name=f"{prefix}depthwise_relu")(_normalized(frame, x, f"{prefix}depthwise_BN"))
    x = Conv2D(channels, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = _normalized(frame, x, f"{prefix}project_BN")
    if stride == 1 and given.shape[frame.axis] == channels:
        x = Add(name=f"{prefix}add")([given, x])
    return x


def _normalized(frame: Frame, x: Any, name: str) -> Any:
    return BatchNormalization(axis=frame.axis, epsilon=1e-3, momentum=0.999, name=name)(x)
