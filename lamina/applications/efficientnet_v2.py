"""EfficientNet V2: faster to train, since its first stages look around and widen in one convolution.

M. Tan, Q. V. Le: EfficientNetV2: Smaller Models and Faster Training. ICML 2021, arXiv:2104.00298. The deeper stages are
the blocks of EfficientNet. S, M and L were found by a search; B0 to B3 scale a smaller one as EfficientNet does.

>>> from lamina.applications.efficientnet_v2 import EfficientNetV2B0
>>> EfficientNetV2B0(include_top=False, weights=None, pooling="avg", input_shape=(32, 32, 3)).output_shape
(None, 1280)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from lamina.layers import DepthwiseConv2D, Normalization, Rescaling
from lamina.models import Model
from lamina.public_names import names_of
from lamina.tracebacks import door

from .efficientnet import convolution, head, kernel_values, normalized, squeeze_and_excite, with_shortcut
from .foreign import ASYMMETRIC
from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import plain_pixels as preprocess_input
from .published import weights as published
from .variants import entitled

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)


class Stage(NamedTuple):
    """A row of the paper's table 4. All kernels that look around are 3 × 3."""

    fused: bool
    blocks: int
    channels: int
    expansion: int
    stride: int


class Network(NamedTuple):
    """The channels of the first convolution, and the stages."""

    stem: int
    stages: tuple[Stage, ...]


class Scale(NamedTuple):
    """How much wider and deeper than the network, for pictures of which size."""

    width: float
    depth: float
    size: int


B = Network(
    32,
    (
        Stage(True, 1, 16, 1, 1),
        Stage(True, 2, 32, 4, 2),
        Stage(True, 2, 48, 4, 2),
        Stage(False, 3, 96, 4, 2),
        Stage(False, 5, 112, 6, 1),
        Stage(False, 8, 192, 6, 2),
    ),
)
_S = Network(
    24,
    (
        Stage(True, 2, 24, 1, 1),
        Stage(True, 4, 48, 4, 2),
        Stage(True, 4, 64, 4, 2),
        Stage(False, 6, 128, 4, 2),
        Stage(False, 9, 160, 6, 1),
        Stage(False, 15, 256, 6, 2),
    ),
)
_M = Network(
    24,
    (
        Stage(True, 3, 24, 1, 1),
        Stage(True, 5, 48, 4, 2),
        Stage(True, 5, 80, 4, 2),
        Stage(False, 7, 160, 4, 2),
        Stage(False, 14, 176, 6, 1),
        Stage(False, 18, 304, 6, 2),
        Stage(False, 5, 512, 6, 1),
    ),
)
_L = Network(
    32,
    (
        Stage(True, 4, 32, 1, 1),
        Stage(True, 7, 64, 4, 2),
        Stage(True, 7, 96, 4, 2),
        Stage(False, 10, 192, 4, 2),
        Stage(False, 19, 224, 6, 1),
        Stage(False, 25, 384, 6, 2),
        Stage(False, 7, 640, 6, 1),
    ),
)
_LEFT_OUT = 0.2  # how often the last block of the network is left out, before it is made deeper
_MOMENTUM = 0.9


def efficientnet_v2(frame: Frame, network: Network, scale: Scale, preprocessed: bool, standardized: bool) -> Any:
    """The network of that scale.

    Args:
        preprocessed: its first layers bring pixels from 0..255 to what it was trained on.
        standardized: which are the mean 0 and deviation 1 of ImageNet's channels, and not -1..1.
    """
    x = _preprocessed(frame, standardized) if preprocessed else frame.image
    x = convolution(x, _scaled(network.stem, scale), 3, "stem_conv", strides=2)
    x = normalized(frame, x, "stem_bn", "stem_activation", _MOMENTUM)
    done, unscaled = 0, sum(stage.blocks for stage in network.stages)
    for k, stage in enumerate(network.stages, 1):
        block = fused_mbconv if stage.fused else mbconv
        for place in range(math.ceil(scale.depth * stage.blocks)):
            stride = stage.stride if place == 0 else 1
            name = f"block{k}{chr(ord('a') + place)}_"
            given, channels = x, _scaled(stage.channels, scale)
            x = block(frame, x, stage.expansion, channels, stride, name)
            if stride == 1 and given.shape[frame.axis] == channels:
                x = with_shortcut(given, x, _LEFT_OUT * done / unscaled, name)
            done += 1
    return head(frame, x, _scaled(1280, scale), 0.2, _MOMENTUM)


def _scaled(channels: int, scale: Scale) -> int:
    """The nearest multiple of 8."""
    return max(8, int(channels * scale.width + 4) // 8 * 8)


def _preprocessed(frame: Frame, standardized: bool) -> Any:
    if not standardized or frame.image.shape[frame.axis] != 3:
        return Rescaling(1 / 128, offset=-1.0)(frame.image)
    mean, deviation = [0.485, 0.456, 0.406], (0.229, 0.224, 0.225)
    x = Rescaling(1 / 255)(frame.image)
    return Normalization(axis=frame.axis, mean=mean, variance=[value**2 for value in deviation])(x)


def mbconv(frame: Frame, x: Any, expansion: int, channels: int, stride: int, name: str) -> Any:
    """Widen, look around within each channel, weigh the channels, narrow.

    Args:
        channels: that it gives.
        name: begins the names of its layers.
    """
    narrow = x.shape[frame.axis]
    if expansion != 1:
        x = convolution(x, narrow * expansion, 1, f"{name}expand_conv")
        x = normalized(frame, x, f"{name}expand_bn", f"{name}expand_activation", _MOMENTUM)
    x = DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=kernel_values(),
        name=f"{name}dwconv2",
    )(x)
    x = normalized(frame, x, f"{name}bn", f"{name}activation", _MOMENTUM)
    x = squeeze_and_excite(frame, x, max(1, narrow // 4), name)
    x = convolution(x, channels, 1, f"{name}project_conv")
    return normalized(frame, x, f"{name}project_bn", momentum=_MOMENTUM)


def fused_mbconv(frame: Frame, x: Any, expansion: int, channels: int, stride: int, name: str) -> Any:
    """Look around and widen in one convolution, narrow; or, where nothing is widened, the one convolution alone."""
    if expansion == 1:
        x = convolution(x, channels, 3, f"{name}project_conv", strides=stride)
        return normalized(frame, x, f"{name}project_bn", f"{name}project_activation", _MOMENTUM)
    x = convolution(x, x.shape[frame.axis] * expansion, 3, f"{name}expand_conv", strides=stride)
    x = normalized(frame, x, f"{name}expand_bn", f"{name}expand_activation", _MOMENTUM)
    x = convolution(x, channels, 1, f"{name}project_conv")
    return normalized(frame, x, f"{name}project_bn", momentum=_MOMENTUM)


_ARGUMENTS = """
        include_preprocessing: the model itself brings pixels from 0..255 to what it was trained on."""


def _variant(kind: str, told: str, network: Network, scale: Scale, hashes: tuple[str, str]) -> Callable[..., Model]:
    """The public function of one variant."""
    title, default = f"EfficientNetV2{kind}", f"efficientnetv2-{kind.lower()}"

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str = default,
    ) -> Model:
        frame = Frame(
            sizes=(scale.size,),
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )
        x = efficientnet_v2(frame, network, scale, include_preprocessing, standardized=network is B)
        return frame.model(x, published(f"efficientnet_v2/{default}", hashes), ASYMMETRIC)

    made: Callable[..., Model] = door(entitled(build, title, __name__, f"{told} (arXiv:2104.00298).", _ARGUMENTS))
    return made


EfficientNetV2B0 = _variant(
    "B0",
    "EfficientNet V2 B0",
    B,
    Scale(1.0, 1.0, 224),
    ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
)
EfficientNetV2B1 = _variant(
    "B1",
    "EfficientNet V2 B1: 1.1 times as deep as B0",
    B,
    Scale(1.0, 1.1, 240),
    ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
)
EfficientNetV2B2 = _variant(
    "B2",
    "EfficientNet V2 B2: 1.1 times as wide and 1.2 times as deep as B0",
    B,
    Scale(1.1, 1.2, 260),
    ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
)
EfficientNetV2B3 = _variant(
    "B3",
    "EfficientNet V2 B3: 1.2 times as wide and 1.4 times as deep as B0",
    B,
    Scale(1.2, 1.4, 300),
    ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
)
EfficientNetV2S = _variant(
    "S",
    "EfficientNet V2 S: 40 blocks",
    _S,
    Scale(1.0, 1.0, 384),
    ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
)
EfficientNetV2M = _variant(
    "M",
    "EfficientNet V2 M: 57 blocks",
    _M,
    Scale(1.0, 1.0, 480),
    ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
)
EfficientNetV2L = _variant(
    "L",
    "EfficientNet V2 L: 79 blocks",
    _L,
    Scale(1.0, 1.0, 480),
    ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
)
