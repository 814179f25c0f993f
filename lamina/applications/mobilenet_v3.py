"""MobileNet V3: the blocks of V2, with channels weighed by what is seen in all of the picture, placed by a search.

A. Howard, M. Sandler, G. Chu, L.-C. Chen, B. Chen, M. Tan, W. Wang, Y. Zhu, R. Pang, V. Vasudevan, Q. V. Le, H. Adam:
Searching for MobileNetV3. ICCV 2019, arXiv:1905.02244. The nonlinearity of the deeper layers is x · relu6(x + 3) / 6.
A minimalistic one has no such weighing, kernels of 3 × 3 only, and cuts at zero everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lamina.graph import ArgumentError
from lamina.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)
from lamina.models import Model
from lamina.public_names import names_of
from lamina.tracebacks import door

from .channels import rounded
from .foreign import ASYMMETRIC
from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import plain_pixels as preprocess_input
from .published import Weights
from .published import weights as published
from .variants import entitled

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)


class _Block(NamedTuple):
    """A row of the paper's tables 1 and 2."""

    expansion: float
    channels: int
    wide: bool
    """A kernel of 5 × 5, not of 3 × 3."""
    stride: int
    weighed: bool
    """Channels are weighed by the whole picture."""
    hard_swish: bool


_SMALL = (
    _Block(1, 16, False, 2, True, False),
    _Block(72 / 16, 24, False, 2, False, False),
    _Block(88 / 24, 24, False, 1, False, False),
    _Block(4, 40, True, 2, True, True),
    *[_Block(6, 40, True, 1, True, True)] * 2,
    *[_Block(3, 48, True, 1, True, True)] * 2,
    _Block(6, 96, True, 2, True, True),
    *[_Block(6, 96, True, 1, True, True)] * 2,
)
_LARGE = (
    _Block(1, 16, False, 1, False, False),
    _Block(4, 24, False, 2, False, False),
    _Block(3, 24, False, 1, False, False),
    _Block(3, 40, True, 2, True, False),
    *[_Block(3, 40, True, 1, True, False)] * 2,
    _Block(6, 80, False, 2, False, True),
    _Block(2.5, 80, False, 1, False, True),
    *[_Block(2.3, 80, False, 1, False, True)] * 2,
    *[_Block(6, 112, False, 1, True, True)] * 2,
    _Block(6, 160, True, 2, True, True),
    *[_Block(6, 160, True, 1, True, True)] * 2,
)
# Of the files with and without the head, by what the file names say.
_HASHES = {
    "large_224_0.75": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}
_ARGUMENTS = """
        alpha: factor on the channels of all blocks; with "imagenet" 1 or 0.75.
        minimalistic: without weighing, wide kernels and hard swish; with "imagenet" only alpha 1.
        dropout_rate: before the last layer.
        include_preprocessing: the model itself brings pixels from 0..255 to -1..1."""


def _variant(title: str, told: str, blocks: Sequence[_Block], last: int) -> Callable[..., Model]:
    """The public function of one variant, whose head widens to ``last`` channels."""
    kind = title.removeprefix("MobileNetV3").lower()

    def build(
        input_shape: Any = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str = title,
    ) -> Model:
        frame = Frame(
            sizes=(),
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )
        files = _files(frame, kind, alpha, minimalistic)
        x = Rescaling(1 / 127.5, offset=-1.0)(frame.image) if include_preprocessing else frame.image
        x = _body(frame, x, [_minimal(block) for block in blocks] if minimalistic else blocks, alpha)
        swish = not minimalistic
        x = _convolution(frame, x, rounded(6 * x.shape[frame.axis]), swish, "conv_1")
        if not frame.include_top:
            return frame.model(frame.pooled(x), files, ASYMMETRIC)
        return frame.model(_head(frame, x, rounded(last * max(alpha, 1.0)), swish, dropout_rate), files, ASYMMETRIC)

    made: Callable[..., Model] = door(entitled(build, title, __name__, told, _ARGUMENTS))
    return made


def _files(frame: Frame, kind: str, alpha: float, minimalistic: bool) -> Weights:
    minimal = "_minimalistic" if minimalistic else ""
    said = f"{kind}{minimal}_224_{float(alpha)}"
    if frame.pretrained:
        if said not in _HASHES:
            raise ArgumentError(
                "There are no published weights for such a MobileNetV3.",
                got=f"alpha={alpha}, minimalistic={minimalistic}",
                expected="alpha 1 or 0.75; a minimalistic one with alpha 1",
                hint="weights=None",
            )
        frame.published_size((224,))
    stem = f"mobilenet_v3/weights_mobilenet_v3_{said}_float"
    return published(stem, _HASHES.get(said, (None, None)), ends=(".h5", "_no_top_v2.h5"))


def _minimal(block: _Block) -> _Block:
    return block._replace(wide=False, weighed=False, hard_swish=False)


def _body(frame: Frame, x: Any, blocks: Sequence[_Block], alpha: float) -> Any:
    swish = any(block.hard_swish for block in blocks)
    x = _convolution(frame, x, 16, swish, "conv", kernel=3, strides=2)
    for k, block in enumerate(blocks):
        x = inverted_residual(frame, x, block, rounded(block.channels * alpha), k)
    return x


def inverted_residual(frame: Frame, x: Any, block: _Block, channels: int, k: int) -> Any:
    """Widen, look around within each channel, weigh the channels, narrow; and add what came in, if it is of that shape.

    Args:
        channels: that it gives.
        k: the block's number, which names its layers; the first one does not widen.
    """
    given, prefix = x, f"expanded_conv_{k}_" if k else "expanded_conv_"
    wide = rounded(x.shape[frame.axis] * block.expansion)
    if k:
        x = _convolution(frame, x, wide, block.hard_swish, f"{prefix}expand")
    kernel = 5 if block.wide else 3
    if block.stride == 2:
        x = ZeroPadding2D(frame.halved(x, kernel), name=f"{prefix}depthwise_pad")(x)
    x = DepthwiseConv2D(
        kernel,
        strides=block.stride,
        padding="same" if block.stride == 1 else "valid",
        use_bias=False,
        name=f"{prefix}depthwise",
    )(x)
    x = _nonlinear(_normalized(frame, x, f"{prefix}depthwise"), block.hard_swish)
    if block.weighed:
        x = squeeze_and_excite(x, wide, f"{prefix}squeeze_excite")
    x = _normalized(
        frame, Conv2D(channels, 1, padding="same", use_bias=False, name=f"{prefix}project")(x), f"{prefix}project"
    )
    if block.stride == 1 and given.shape[frame.axis] == channels:
        x = Add(name=f"{prefix}add")([given, x])
    return x


def squeeze_and_excite(x: Any, channels: int, name: str) -> Any:
    """Each channel times a weight from 0 to 1 that two dense layers make of the averages of all channels."""
    weight = GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    weight = Conv2D(rounded(channels / 4), 1, padding="same", name=f"{name}_conv")(weight)
    weight = ReLU(name=f"{name}_relu")(weight)
    weight = Conv2D(channels, 1, padding="same", name=f"{name}_conv_1")(weight)
    weight = ReLU(6.0)(weight + 3.0) * (1 / 6)
    return Multiply(name=f"{name}_mul")([x, weight])


def _head(frame: Frame, x: Any, width: int, swish: bool, dropout: float) -> Any:
    x = GlobalAveragePooling2D(keepdims=True)(x)
    x = _nonlinear(Conv2D(width, 1, padding="same", name="conv_2")(x), swish)
    if dropout > 0:
        x = Dropout(dropout)(x)
    x = Conv2D(frame.classes, 1, padding="same", name="logits")(x)
    return frame.activated(Flatten()(x))


def _convolution(frame: Frame, x: Any, channels: int, swish: bool, name: str, kernel: int = 1, strides: int = 1) -> Any:
    x = Conv2D(channels, kernel, strides=strides, padding="same", use_bias=False, name=name)(x)
    return _nonlinear(_normalized(frame, x, name), swish)


def _normalized(frame: Frame, x: Any, name: str) -> Any:
    return BatchNormalization(axis=frame.axis, epsilon=1e-3, momentum=0.999, name=f"{name}_bn")(x)


def _nonlinear(x: Any, swish: bool) -> Any:
    return Activation("hard_swish")(x) if swish else ReLU()(x)


MobileNetV3Small = _variant(
    "MobileNetV3Small", "MobileNet V3 for the least resources (arXiv:1905.02244, table 2): 11 blocks.", _SMALL, 1024
)
MobileNetV3Large = _variant(
    "MobileNetV3Large", "MobileNet V3 for more resources (arXiv:1905.02244, table 1): 15 blocks.", _LARGE, 1280
)
