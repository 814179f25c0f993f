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

_OPERATIONS: Mapping[str, Mapping[tuple[str, ...], str]] = {
    "core": {
        ("x",): "Cast ConvertToTensor SaturateCast Unstack",
        ("variable",): "StopGradient",
        ("indices", "values"): "Scatter",
        ("inputs", "indices", "updates"): "ScatterUpdate",
        ("inputs", "start_indices"): "Slice",
        ("inputs", "start_indices", "updates"): "SliceUpdate",
    },
    "einops": {("tensor", "pattern", "**axes_lengths"): "Rearrange"},
    "image": {
        ("images",): """CropImages ElasticTransform ExtractPatches GaussianBlur HSVToRGB PadImages RGBToGrayscale
            RGBToHSV Resize SobelEdges""",
        ("images", "transform"): "AffineTransform",
        ("images", "start_points", "end_points"): "PerspectiveTransform",
        ("images", "output_shape", "scale", "translation"): "ScaleAndTranslate",
        ("inputs", "coordinates"): "MapCoordinates",
        ("image1", "image2"): "SSIM",
    },
    "linalg": {
        ("x",): "Cholesky CholeskyInverse Det Eig Eigh Inv LuFactor MatrixRank Norm Pinv Qr SVD",
        ("a", "b"): "Lstsq Solve SolveTriangular",
    },
    "math": {
        ("x",): """Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT Logdet Logsumexp RFFT Rsqrt STFT TopK
            ViewAsComplex ViewAsReal""",
        ("x", "y"): "CDist",
        ("targets", "predictions"): "InTopK",
        ("data", "segment_ids"): "SegmentMax SegmentMin SegmentProd SegmentSum",
    },
    "nn": {
        ("x",): """Celu DepthToSpace Elu Fold Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid
            LogSoftmax Moments Normalize OneHot Relu Relu6 Selu Sigmoid Silu SoftShrink Softmax Softplus Softsign
            SpaceToDepth SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold Unfold""",
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
        ("abs_", "angle"): "Polar",
    },
    "numpy": {
        ("x",): """Abs Absolute All Amax Amin Angle Any Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Argmax Argmin
            Argpartition Argsort Array ArraySplit Bincount BitwiseInvert BitwiseNot BroadcastTo Cbrt Ceil Clip Conj
            Conjugate Copy Corrcoef Cos Cosh CountNonzero Cumprod Cumsum Deg2rad Diag Diagflat Diagonal Dsplit EmptyLike
            Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr Flipud Floor Histogram Hsplit I0 Imag Isfinite Isinf Isnan
            Isneginf Isposinf Isreal Log Log10 Log1p Log2 LogicalNot Max Mean Median Min Moveaxis NanToNum Nanargmax
            Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanprod Nanstd Nansum Nanvar Negative
            OnesLike Prod Ptp Rad2deg Ravel Real Reciprocal Repeat Reshape Roll Round Sign Signbit Sin Sinc Sinh Slogdet
            Sort Split Sqrt Square Squeeze Stack Std Sum Swapaxes Tan Tanh Tile Trace Transpose Tril Triu Trunc Unique
            Vander Var View Vsplit ZerosLike""",
        ("x1", "x2"): """Add AllClose Append Arctan2 Correlate Cross Divide DivideNoNan Dot Equal FloorDivide Fmax Fmin
            Fmod Gcd Greater GreaterEqual Heaviside Hypot Inner IsIn Kron Lcm Ldexp Less LessEqual Logaddexp Logaddexp2
            LogicalAnd LogicalOr LogicalXor Matmul Maximum Minimum Mod Multiply Nextafter NotEqual Outer Power Subtract
            Tensordot TrueDivide Vdot""",
        ("x1", "x2", "rtol", "atol"): "Isclose",
        ("x", "y"): "BitwiseAnd BitwiseLeftShift BitwiseOr BitwiseRightShift BitwiseXor LeftShift RightShift",
        ("*operands", "**kwargs"): "Einsum",
        ("*x",): "Meshgrid",
        ("xs",): "Concatenate Dstack Hstack Vstack",
        ("a",): "Diff",
        ("array",): "Rot90",
        ("fill_value",): "Full",
        ("indices",): "UnravelIndex",
        ("y",): "Trapezoid",
        ("x", "bins"): "Digitize",
        ("x", "constant_values"): "Pad",
        ("x", "fill_value"): "FullLike",
        ("x", "indices"): "Take TakeAlongAxis",
        ("x", "key"): "GetItem",
        ("x", "q"): "Nanpercentile Nanquantile Percentile Quantile",
        ("x", "weights"): "Average",
        ("condition", "x1", "x2"): "Where",
        ("condlist", "choicelist", "default"): "Select",
        ("sorted_sequence", "values"): "SearchSorted",
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
    for place, kinds in _OPERATIONS.items():
        space = ops.image if place == "image" else ops
        for arguments, names in kinds.items():
            for name in names.split():
                found[name] = Operation(getattr(space, _FUNCTIONS.get(name, snake_case(name))), arguments)
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def _places() -> Mapping[str, str]:
    pairs = ((place, names) for place, kinds in _OPERATIONS.items() for names in kinds.values())
    return MappingProxyType({name: place for place, names in pairs for name in names.split()})


def module_of_operation(class_name: str) -> str:
    """The module that Keras writes beside the class of an operation.

    >>> module_of_operation("Softmax")
    'keras.src.ops.nn'
    """
    return f"keras.src.ops.{_places()[class_name]}"
