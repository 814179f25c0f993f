"""ConvNeXt: a convolutional network with what has made transformers of pictures good, and nothing of theirs else.

Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell, S. Xie: A ConvNet for the 2020s. CVPR 2022, arXiv:2201.03545.
A block looks around by 7 × 7 within each channel, then is a dense layer four times as wide and one back, one
normalization and one nonlinearity in all.

>>> from lamina.applications.convnext import ConvNeXtTiny
>>> ConvNeXtTiny(include_top=False, weights=None, pooling="avg", input_shape=(32, 32, 3)).output_shape
(None, 768)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lamina.config import image_data_format
from lamina.graph import ArgumentError
from lamina.layers import Activation, Conv2D, Dense, GlobalAveragePooling2D, LayerNormalization, Normalization
from lamina.layers.of_applications import LayerScale
from lamina.models import Model, Sequential
from lamina.public_names import names_of
from lamina.tracebacks import door

from .foreign import Foreign
from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import plain_pixels as preprocess_input
from .published import weights as published
from .variants import entitled

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)


def convnext(frame: Frame, depths: Sequence[int], width: int, preprocessed: bool) -> Any:
    """The network.

    Args:
        depths: how many blocks in each of its four stages.
        width: channels of the first stage; each has twice as many as the one before.
        preprocessed: its first layer makes the mean 0 and the deviation 1 of pixels from 0 to 255.
    """
    x, name = frame.image, frame.name
    if preprocessed and x.shape[frame.axis] == 3:
        x = _standardized(x, f"{name}_prestem_normalization")
    patches = Conv2D(width, 4, strides=4, name=f"{name}_stem_conv")
    x = Sequential([patches, normalization(f"{name}_stem_layernorm")], name=f"{name}_stem")(x)
    for stage, count in enumerate(depths):
        if stage:
            k = stage - 1
            halving = Conv2D(width << stage, 2, strides=2, name=f"{name}_downsampling_conv_{k}")
            before = normalization(f"{name}_downsampling_layernorm_{k}")
            x = Sequential([before, halving], name=f"{name}_downsampling_block_{k}")(x)
        for k in range(count):
            x = block(x, width << stage, f"{name}_stage_{stage}_block_{k}")
    if not frame.include_top:
        return normalization()(frame.pooled(x, named=False))
    x = normalization(f"{name}_head_layernorm")(GlobalAveragePooling2D(name=f"{name}_head_gap")(x))
    return frame.predictions(x, name=f"{name}_head_dense")


def block(x: Any, channels: int, name: str) -> Any:
    """Look around within each channel, then a wide and a narrow dense layer at each place; added to what came in."""
    found = Conv2D(channels, 7, padding="same", groups=channels, name=f"{name}_depthwise_conv")(x)
    found = Dense(4 * channels, name=f"{name}_pointwise_conv_1")(normalization(f"{name}_layernorm")(found))
    found = Dense(channels, name=f"{name}_pointwise_conv_2")(Activation("gelu", name=f"{name}_gelu")(found))
    found = LayerScale(1e-6, channels, name=f"{name}_layer_scale")(found)
    return x + Activation("linear", name=f"{name}_identity")(found)


def normalization(name: str | None = None) -> LayerNormalization:
    """That of all its places, over the channels."""
    return LayerNormalization(epsilon=1e-6, name=name)


def _standardized(x: Any, name: str) -> Any:
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    variance = [(255 * value) ** 2 for value in deviation]
    return Normalization(mean=[255 * value for value in mean], variance=variance, name=name)(x)


def _modules(layer: str) -> list[str]:
    """The names of a layer in torchvision's files and in timm's."""
    if found := re.search(r"_stage_(\d)_block_(\d+)_(\w+)$", layer):
        stage, k = int(found[1]), found[2]
        torchvision, timm = _IN_BLOCKS.get(found[3], ("", ""))
        return [f"features.{2 * stage + 1}.{k}.{torchvision}", f"stages.{stage}.blocks.{k}.{timm}"]
    if found := re.search(r"_downsampling_(layernorm|conv)_(\d)$", layer):
        stage, part = int(found[2]) + 1, 0 if found[1] == "layernorm" else 1
        return [f"features.{2 * stage}.{part}", f"stages.{stage}.downsample.{part}"]
    ends = {
        "stem_conv": ["features.0.0", "stem.0"],
        "stem_layernorm": ["features.0.1", "stem.1"],
        "head_layernorm": ["classifier.0", "head.norm"],
        "layer_normalization": ["classifier.0", "head.norm"],  # without the head
        "head_dense": ["classifier.2", "head.fc"],
    }
    return next((names for end, names in ends.items() if layer.endswith(end)), [])


_IN_BLOCKS = {
    "depthwise_conv": ("block.0", "conv_dw"),
    "layernorm": ("block.2", "norm"),
    "pointwise_conv_1": ("block.3", "mlp.fc1"),
    "pointwise_conv_2": ("block.5", "mlp.fc2"),
    "layer_scale": ("layer_scale", "gamma"),
}
_FOREIGN = Foreign(_modules, ("classifier", "head"))

_ARGUMENTS = """
        include_preprocessing: the model itself standardizes pixels from 0 to 255."""


def _variant(kind: str, depths: Sequence[int], width: int, hashes: tuple[str, str]) -> Callable[..., Model]:
    """The public function of one variant."""
    default = f"convnext_{kind.lower()}"

    def build(
        include_top: bool = True,
        include_preprocessing: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = default,
    ) -> Model:
        if image_data_format() == "channels_first":
            raise ArgumentError(
                "ConvNeXt takes pictures with the channels last: its dense layers work on the last axis.",
                got="image_data_format 'channels_first'",
                hint="config.set_image_data_format('channels_last')",
            )
        frame = Frame(
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )
        x = convnext(frame, depths, width, include_preprocessing)
        return frame.model(x, published(f"convnext/{default}", hashes), _FOREIGN)

    told = f"ConvNeXt {kind} (arXiv:2201.03545): {depths} blocks, {width} channels at first."
    made: Callable[..., Model] = door(entitled(build, f"ConvNeXt{kind}", __name__, told, _ARGUMENTS))
    return made


_DEPTHS = (3, 3, 27, 3)  # of all but the smallest
ConvNeXtTiny = _variant(
    "Tiny",
    (3, 3, 9, 3),
    96,
    (
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
)
ConvNeXtSmall = _variant(
    "Small",
    _DEPTHS,
    96,
    (
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
)
ConvNeXtBase = _variant(
    "Base",
    _DEPTHS,
    128,
    (
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
)
ConvNeXtLarge = _variant(
    "Large",
    _DEPTHS,
    192,
    (
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
)
ConvNeXtXLarge = _variant(
    "XLarge",
    _DEPTHS,
    256,
    (
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
)
