"""Keras' operations in a graph: where it keeps their classes, what they are called with, what each is here.

The function has the same name in snake_case, unless told below, and takes all arguments by the same names: those of the
call, which are told here, and the rest, which stands in the operation's config.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from lamina import ops
from lamina.naming import snake_case
from lamina.operations import OPERATIONS

from .rules import rule_of

# Those that are more than one function of PyTorch's by other names; of the others the registry tells.
_FURTHER: Mapping[str, Mapping[tuple[str, ...], str]] = {
    "core": {
        ("x",): "Cast ConvertToTensor SaturateCast Unstack",
        ("indices", "values"): "Scatter",
        ("inputs", "indices", "updates"): "ScatterUpdate",
        ("inputs", "start_indices"): "Slice",
        ("inputs", "start_indices", "updates"): "SliceUpdate",
    },
    "einops": {
        ("tensor", "pattern", "**axes_lengths"): "Rearrange",
    },
    "image": {
        (
            "images",
        ): """CropImages ElasticTransform ExtractPatches GaussianBlur HSVToRGB PadImages RGBToGrayscale RGBToHSV
            Resize SobelEdges""",
        ("images", "transform"): "AffineTransform",
        ("images", "start_points", "end_points"): "PerspectiveTransform",
        ("images", "output_shape", "scale", "translation"): "ScaleAndTranslate",
        ("inputs", "coordinates"): "MapCoordinates",
        ("image1", "image2"): "SSIM",
    },
    "linalg": {
        ("x",): "LuFactor",
        ("a", "b"): "Lstsq SolveTriangular",
    },
    "math": {
        ("x",): "ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT RFFT STFT",
        ("x", "y"): "CDist",
        ("targets", "predictions"): "InTopK",
        ("data", "segment_ids"): "SegmentMax SegmentMin SegmentProd SegmentSum",
    },
    "nn": {
        ("x",): """DepthToSpace Fold Gelu Moments Normalize OneHot SpaceToDepth SparsePlus SparseSigmoid Sparsemax
            Squareplus Unfold""",
        ("inputs",): "AdaptiveAveragePool AdaptiveMaxPool AveragePool MaxPool MultiHot",
        ("inputs", "kernel"): "Conv ConvTranspose DepthwiseConv",
        ("inputs", "depthwise_kernel", "pointwise_kernel"): "SeparableConv",
        ("inputs", "sequence_lengths"): "CTCDecode",
        ("target", "output"): "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy",
        ("target", "output", "target_length", "output_length"): "CTCLoss",
        ("query", "key", "value", "bias", "mask", "scale"): "DotProductAttention",
        ("x", "mean", "variance", "offset", "scale"): "BatchNorm",
        ("x", "gamma", "beta"): "LayerNorm",
        ("x", "scale"): "RMSNorm",
        ("x1", "x2"): "PSNR",
    },
    "numpy": {
        ("x",): """Abs Argpartition Array ArraySplit Bincount BitwiseInvert BroadcastTo Cbrt Conj Corrcoef CountNonzero
            Dsplit EmptyLike Fabs Fliplr Flipud Histogram Hsplit Max Median Min Nanargmax Nanargmin Nancumprod
            Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanprod Nanstd Nansum Nanvar Prod Ptp Repeat Reshape Split
            Std Sum Tile Trace Transpose Unique Vander Var View Vsplit""",
        ("x1", "x2"): "AllClose Append Correlate Cross DivideNoNan Dot Heaviside Ldexp Tensordot TrueDivide Vdot",
        ("x", "y"): "LeftShift RightShift",
        ("*operands", "**kwargs"): "Einsum",
        ("*x",): "Meshgrid",
        ("fill_value",): "Full",
        ("indices",): "UnravelIndex",
        ("x", "constant_values"): "Pad",
        ("x", "indices"): "Take TakeAlongAxis",
        ("x", "key"): "GetItem",
        ("x", "q"): "Nanpercentile Nanquantile Percentile Quantile",
        ("x", "weights"): "Average",
        ("condlist", "choicelist", "default"): "Select",
        ("start", "stop"): "Geomspace Linspace Logspace",
    },
}

# Functions that their class' name does not tell.
_FUNCTIONS: Mapping[str, str] = {
    "AllClose": "allclose",
    "CDist": "cdist",
    "BatchNorm": "batch_normalization",
    "IsIn": "isin",
    "LayerNorm": "layer_normalization",
    "RMSNorm": "rms_normalization",
    "SearchSorted": "searchsorted",
}

# Arguments that an operation's config may hold and that say nothing where they hold this.
OPERATION_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {"sparse": False, "ragged": None, "synchronized": False, "rms_scaling": False}
)


class Operation(NamedTuple):
    """A function of `lamina.ops`, and the names of what Keras' operation of that kind is called with.

    A name with a star stands for any number of arguments, as in ``meshgrid(*x)``; one with two, of those by name.
    """

    function: Callable[..., Any]
    arguments: tuple[str, ...]

    @property
    def plain(self) -> tuple[str, ...]:
        return tuple(name for name in self.arguments if not name.startswith("*"))

    @property
    def any_number(self) -> str:
        """The argument with one star, without it; "" if there is none."""
        return next((name[1:] for name in self.arguments if name.startswith("*") and name[1] != "*"), "")

    @property
    def named(self) -> str:
        """The argument with two stars, without them; "" if there is none."""
        return next((name[2:] for name in self.arguments if name.startswith("**")), "")

    def call(self, args: list[Any], named: dict[str, Any]) -> Any:
        """The function's result for the arguments of a call and, by name, for the others.

        Raises:
            TypeError: too many arguments, or one twice, or one that the function does not have.
        """
        if self.any_number:
            parameters = inspect.signature(self.function).parameters.values()
            before = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name in named]
            return self.function(*(named.pop(name) for name in before), *args, **named)
        if len(args) > len(self.plain):
            raise TypeError(f"takes {len(self.plain)} arguments and got {len(args)}")
        given = dict(zip(self.plain, args, strict=False))
        if given.keys() & named.keys():
            raise TypeError(f"got {min(given.keys() & named.keys())!r} twice")
        if isinstance(given.get("key"), list):  # the parts of a key, of which PyTorch would make an index
            given["key"] = tuple(given["key"])
        return self.function(**given, **named)


@lru_cache(maxsize=1)
def operations() -> Mapping[str, Operation]:
    """Exact class name of a Keras operation -> what it is here.

    >>> operations()["ExpandDims"].function is lamina.ops.expand_dims
    True
    """
    found = {}
    for name, (place, arguments) in _classes().items():
        space = ops.image if place == "image" else ops
        found[name] = Operation(getattr(space, _FUNCTIONS.get(name, snake_case(name))), arguments)
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def _classes() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Class name -> the module where Keras keeps it, the arguments of its call."""
    rules = (rule_of(facts.keras) for facts in OPERATIONS if facts.keras)
    found = {rule.class_name: (rule.place, tuple(p.keras_name for p in rule.call)) for rule in rules}
    for place, kinds in _FURTHER.items():
        found |= {name: (place, arguments) for arguments, names in kinds.items() for name in names.split()}
    return MappingProxyType(found)


def module_of_operation(class_name: str) -> str:
    """The module that Keras writes beside the class of an operation.

    >>> module_of_operation("Softmax")
    'keras.src.ops.nn'
    """
    return f"keras.src.ops.{_classes()[class_name][0]}"
