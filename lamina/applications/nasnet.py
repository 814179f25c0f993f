"""NASNet: two cells found by a search on small pictures, repeated for large ones.

B. Zoph, V. Vasudevan, J. Shlens, Q. V. Le: Learning Transferable Architectures for Scalable Image Recognition.
CVPR 2018, arXiv:1707.07012, figure 4: NASNet-A. A normal cell leaves the size of the picture, a reduction cell halves
it. Either reads what the two cells before it gave.

>>> from lamina.applications.nasnet import NASNetMobile
>>> NASNetMobile(include_top=False, weights=None, pooling="avg", input_shape=(32, 32, 3)).output_shape
(None, 1056)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from lamina.config import image_data_format
from lamina.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from lamina.models import Model
from lamina.public_names import names_of
from lamina.tracebacks import door

from .foreign import ASYMMETRIC
from .frame import Frame
from .imagenet_utils import decode_predictions
from .modes import tf_pixels as preprocess_input
from .published import Weights
from .published import weights as published
from .variants import entitled

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)


class Settings(NamedTuple):
    """What makes one NASNet larger than another.

    Args:
        channels: of the normal cells of the first stage; each stage has twice as many as the one before.
        cells: normal cells in a stage.
        stem: channels of the first convolution.
        skips: behind a reduction, a cell reads what came into the cell before the reduction, not into the reduction.
    """

    channels: int
    cells: int
    stem: int
    skips: bool


def nasnet(frame: Frame, settings: Settings) -> Any:
    """The network: two reductions, then three stages of normal cells with a reduction between."""
    x = Conv2D(settings.stem, 3, strides=2, use_bias=False, name="stem_conv1", kernel_initializer="he_normal")(
        frame.image
    )
    x = _normalized(frame, x, "stem_bn1")
    x, before = reduction_cell(frame, x, None, settings.channels // 4, "stem_1"), x
    x, before = reduction_cell(frame, x, before, settings.channels // 2, "stem_2", halved=True), x
    for stage in range(3):
        channels, done = settings.channels << stage, stage * settings.cells
        if stage:
            given, x = x, reduction_cell(frame, x, before, channels, f"reduce_{done}")
            before = before if settings.skips else given
        for k in range(settings.cells):
            name = str(done + k + min(stage, 1))
            x, before = normal_cell(frame, x, before, channels, name, halved=k == 0), x
    x = _cut(frame, x)
    if not frame.include_top:
        return frame.pooled(x, named=False)
    return frame.predictions(GlobalAveragePooling2D()(x))


def normal_cell(frame: Frame, x: Any, before: Any, channels: int, name: str, halved: bool) -> Any:
    """The cell that leaves the size: five pairs of branches, beside each other and what was before.

    Args:
        x, before: what the last cell gave, and the one before it.
        channels: of each branch; the cell gives six times as many.
        name: ends the names of its layers.
        halved: x is half as large as what was before.
    """
    before = adjusted(frame, before, channels, name, halved)
    x = _squeezed(frame, x, channels, "normal", name)
    left, right = f"normal_left{{}}_{name}", f"normal_right{{}}_{name}"
    pairs = [
        (separable(frame, x, channels, 5, left.format(1)), separable(frame, before, channels, 3, right.format(1))),
        (separable(frame, before, channels, 5, left.format(2)), separable(frame, before, channels, 3, right.format(2))),
        (_around(x, left.format(3)), before),
        (_around(before, left.format(4)), _around(before, right.format(4))),
        (separable(frame, x, channels, 3, left.format(5)), x),
    ]
    sums = [Add(name=f"normal_add_{k}_{name}")([*pair]) for k, pair in enumerate(pairs, 1)]
    return Concatenate(axis=frame.axis, name=f"normal_concat_{name}")([before, *sums])


def reduction_cell(frame: Frame, x: Any, before: Any, channels: int, name: str, halved: bool = False) -> Any:
    """The cell that halves the size.

    Args:
        x, before: what the last cell gave, and the one before it; None where there is none.
        channels: of each branch; the cell gives four times as many.
        name: ends the names of its layers.
        halved: x is half as large as what was before.
    """
    before = x if before is None else adjusted(frame, before, channels, name, halved)
    x = _squeezed(frame, x, channels, "reduction", name)
    padded = ZeroPadding2D(frame.halved(x, 3), name=f"reduction_pad_1_{name}")(x)
    left, right = f"reduction_left{{}}_{name}", f"reduction_right{{}}_{name}"

    def halving(x: Any, kernel: int, name: str) -> Any:
        return separable(frame, x, channels, kernel, name, halves=True)

    first = Add(name=f"reduction_add_1_{name}")([halving(x, 5, left.format(1)), halving(before, 7, right.format(1))])
    second = Add(name=f"reduction_add_2_{name}")(
        [MaxPooling2D(3, strides=2, name=left.format(2))(padded), halving(before, 7, right.format(2))]
    )
    third = Add(name=f"reduction_add3_{name}")(
        [AveragePooling2D(3, strides=2, name=left.format(3))(padded), halving(before, 5, right.format(3))]
    )
    fourth = Add(name=frame.numbered("add"))([second, _around(first, left.format(4))])
    fifth = Add(name=f"reduction_add4_{name}")(
        [
            separable(frame, first, channels, 3, left.format(4)),
            MaxPooling2D(3, strides=2, name=right.format(5))(padded),
        ]
    )
    return Concatenate(axis=frame.axis, name=f"reduction_concat_{name}")([second, third, fourth, fifth])


def adjusted(frame: Frame, before: Any, channels: int, name: str, halved: bool) -> Any:
    """What was before, with so many channels, and as large as what came after it.

    Args:
        halved: half of its height and width are left: every second place, half of the channels from each of both
            diagonals.
    """
    if halved:
        before = Activation("relu", name=f"adjust_relu_1_{name}")(before)
        shifted = ZeroPadding2D(((0, 1), (0, 1)), name=frame.numbered("zero_padding2d"))(before)
        shifted = Cropping2D(((1, 0), (1, 0)), name=frame.numbered("cropping2d"))(shifted)
        halves = []
        for k, picture in enumerate((before, shifted), 1):
            half = AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{k}_{name}")(picture)
            halves.append(_mixed(half, channels // 2, f"adjust_conv_{k}_{name}"))
        both = Concatenate(axis=frame.axis, name=frame.numbered("concatenate"))(halves)
        return _normalized(frame, both, f"adjust_bn_{name}")
    if before.shape[frame.axis] == channels:
        return before
    before = _mixed(_cut(frame, before), channels, f"adjust_conv_projection_{name}")
    return _normalized(frame, before, f"adjust_bn_{name}")


def separable(frame: Frame, x: Any, channels: int, kernel: int, name: str, halves: bool = False) -> Any:
    """Twice: cut at zero, look around within each channel, mix the channels; normalized.

    Args:
        halves: the first time halves the picture.
    """
    for k in (1, 2):
        x = _cut(frame, x)
        if halves and k == 1:
            x = ZeroPadding2D(frame.halved(x, kernel), name=f"separable_conv_1_pad_{name}")(x)
        strides, padding = (2, "valid") if halves and k == 1 else (1, "same")
        x = SeparableConv2D(
            channels, kernel, strides=strides, padding=padding, use_bias=False, name=f"separable_conv_{k}_{name}"
        )(x)
        x = _normalized(frame, x, f"separable_conv_{k}_bn_{name}")
    return x


def _cut(frame: Frame, x: Any) -> Any:
    return Activation("relu", name=frame.numbered("activation"))(x)


def _squeezed(frame: Frame, x: Any, channels: int, kind: str, name: str) -> Any:
    x = _mixed(_cut(frame, x), channels, f"{kind}_conv_1_{name}")
    return _normalized(frame, x, f"{kind}_bn_1_{name}")


def _mixed(x: Any, channels: int, name: str) -> Any:
    return Conv2D(channels, 1, padding="same", use_bias=False, name=name, kernel_initializer="he_normal")(x)


def _around(x: Any, name: str) -> Any:
    return AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def _normalized(frame: Frame, x: Any, name: str) -> Any:
    return BatchNormalization(axis=frame.axis, momentum=0.9997, epsilon=1e-3, name=name)(x)


def _variant(title: str, told: str, settings: Settings, size: int, files: Weights) -> Callable[..., Model]:
    """The public function of one variant."""
    default = f"nasnet_{title.removeprefix('NASNet').lower()}"

    def build(
        input_shape: Any = None,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = default,
    ) -> Model:
        if input_shape is None and input_tensor is None:  # zeros at the edges hang on the size
            input_shape = (3, size, size) if image_data_format() == "channels_first" else (size, size, 3)
        frame = Frame(
            sizes=(size,),
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )
        return frame.model(nasnet(frame, settings), files, ASYMMETRIC)

    made: Callable[..., Model] = door(entitled(build, title, __name__, f"{told} (arXiv:1707.07012)."))
    return made


def _files(kind: str, hashes: tuple[str, str]) -> Weights:
    return published(f"nasnet/NASNet-{kind}", hashes, ends=(".h5", "-no-top.h5"), kept_as=f"nasnet_{kind}")


NASNetMobile = _variant(
    "NASNetMobile",
    "NASNet-A of 12 normal cells, for the least resources",
    Settings(channels=44, cells=4, stem=32, skips=False),
    224,
    _files("mobile", ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63")),
)
NASNetLarge = _variant(
    "NASNetLarge",
    "NASNet-A of 18 normal cells",
    Settings(channels=168, cells=6, stem=96, skips=True),
    331,
    _files("large", ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5")),
)
