"""Keras' words and ours, in closed tables: operations in a graph, arguments renamed, arguments without meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from lamina import ops

# Keras' classes of operations by the arguments of their call; the rest of the arguments stands in their config. The
# function of ours has the same name in snake_case, and takes all of them by the same names.
_OPERATIONS = {
    ("x",): """Absolute Abs All Any Amax Amin Arccos Arcsin Arctan Argmax Argmin Argsort BroadcastTo Ceil Clip Copy Cos
        Cosh CountNonzero Cumprod Cumsum Diag Diagonal Exp Exp2 ExpandDims Expm1 Flip Floor Isfinite Isinf Isnan Log
        Log10 Log1p Log2 LogicalNot Max Mean Min NanToNum Negative OnesLike ZerosLike Prod Ravel Reciprocal Repeat
        Reshape Roll Round Rsqrt Erf Sign Sin Sinh Sort Split Sqrt Square Squeeze Stack Std Sum Swapaxes Tan Tanh Tile
        Trace Transpose Tril Triu Trunc Var Moveaxis Relu Relu6 Sigmoid SparseSigmoid Softplus Softsign SoftShrink
        SparsePlus Silu Squareplus LogSigmoid LeakyRelu HardSigmoid HardSilu Elu Selu Gelu Celu Glu TanhShrink HardTanh
        HardShrink Threshold Softmax LogSoftmax Sparsemax OneHot Moments Normalize TopK Logsumexp Unstack Cast Cholesky
        Det Eigh Inv Norm Qr SVD Pinv ConvertToTensor""",
    ("x1", "x2"): """Add Arctan2 Divide DivideNoNan Dot Equal FloorDivide Greater GreaterEqual Less LessEqual Logaddexp
        LogicalAnd LogicalOr LogicalXor Matmul Maximum Minimum Mod Multiply NotEqual Outer Power Subtract Tensordot
        TrueDivide""",
    ("xs",): "Concatenate Hstack Vstack",
    ("x", "key"): "GetItem",
    ("x", "constant_values"): "Pad",
    ("x", "indices"): "Take TakeAlongAxis",
    ("x", "fill_value"): "FullLike",
    ("condition", "x1", "x2"): "Where",
    ("inputs",): "MaxPool AveragePool",
    ("inputs", "kernel"): "Conv DepthwiseConv ConvTranspose",
    ("inputs", "depthwise_kernel", "pointwise_kernel"): "SeparableConv",
    ("target", "output"): "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy",
    ("targets", "predictions"): "InTopK",
    ("data", "segment_ids"): "SegmentSum SegmentMax",
    ("inputs", "start_indices"): "Slice",
    ("inputs", "start_indices", "updates"): "SliceUpdate",
    ("indices", "values"): "Scatter",
    ("inputs", "indices", "updates"): "ScatterUpdate",
    ("variable",): "StopGradient",
    ("a", "b"): "Solve SolveTriangular",
    ("images",): "Resize PadImages CropImages",
}

# Where Keras keeps the classes of operations; those that are not listed, with NumPy's.
_PLACES = {
    "nn": """Relu Relu6 Sigmoid SparseSigmoid Softplus Softsign SoftShrink SparsePlus Silu Squareplus LogSigmoid
        LeakyRelu HardSigmoid HardSilu Elu Selu Gelu Celu Glu TanhShrink HardTanh HardShrink Threshold Softmax
        LogSoftmax Sparsemax MaxPool AveragePool Conv DepthwiseConv SeparableConv ConvTranspose OneHot
        BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy Moments Normalize""",
    "math": "SegmentSum SegmentMax TopK InTopK Logsumexp Rsqrt Erf",
    "core": "Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack Cast ConvertToTensor",
    "linalg": "Cholesky Det Eigh Inv Norm Qr Solve SolveTriangular SVD Pinv",
    "image": "Resize PadImages CropImages",
}

# Functions that their class' name does not tell.
_FUNCTIONS = {"SVD": "svd"}

# Arguments that an operation's config may hold and that say nothing where they hold this.
OPERATION_DEFAULTS: Mapping[str, Any] = MappingProxyType({"sparse": False, "ragged": None, "synchronized": False})

MODEL_NAMES = ("Functional", "Model", "Sequential")

# Keras 2's names of arguments; "" means any class.
RENAMED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("ReLU", "alpha"): "negative_slope",
        ("LeakyReLU", "alpha"): "negative_slope",
        ("InputLayer", "batch_input_shape"): "batch_shape",
    }
)

# Arguments of layers that Lamina does not have -> the values with which they say nothing.
MEANINGLESS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "quantization_config": (None,),
        "quantization_mode": (None,),
        "lora_rank": (None,),
        "lora_alpha": (None,),
        "gptq_unpacked_column_size": (None,),
        "time_major": (False,),
        "implementation": (1, 2),
        "groups": (1,),
        "fused": (None, True, False),
        "virtual_batch_size": (None,),
        "adjustment": (None,),
        "renorm": (False,),
        "synchronized": (False,),
        "sparse": (False, None),
        "ragged": (False, None),
        "optional": (False,),
        "function_type": ("function",),
        "output_shape_type": ("raw",),
        "module": (None,),
        "output_shape_module": (None,),
        "rms_scaling": (False,),
        "softmax_robust_masking": (False,),
        "seed": (None,),
    }
)

# What Keras keeps in configs of layers though it is no argument, or one that only matters before the graph is drawn.
DROPPED = (
    "batch_input_shape", "input_length", "build_input_shape", "query_shape", "key_shape", "value_shape",
)  # fmt: skip

# Arguments of Keras 2's layers for weights that they do not have.
NO_SUCH_WEIGHT = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")


@lru_cache(maxsize=1)
def _modules() -> Mapping[str, str]:
    return MappingProxyType({name: place for place, names in _PLACES.items() for name in names.split()})


def module_of_operation(class_name: str) -> str:
    """The module that Keras writes beside the class of an operation.

    >>> module_of_operation("Softmax")
    'keras.src.ops.nn'
    """
    return f"keras.src.ops.{_modules().get(class_name, 'numpy')}"


class Operation(NamedTuple):
    """A function of `lamina.ops`, and the names of what Keras' operation of that kind is called with."""

    function: Callable[..., Any]
    arguments: tuple[str, ...]


def snake_case(name: str) -> str:
    """``"ExpandDims"`` -> ``"expand_dims"``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@lru_cache(maxsize=1)
def operations() -> Mapping[str, Operation]:
    """Exact class name of a Keras operation -> what it is here.

    >>> operations()["ExpandDims"].function is lamina.ops.expand_dims
    True
    """
    found = {}
    for arguments, names in _OPERATIONS.items():
        for name in names.split():
            own = _FUNCTIONS.get(name, snake_case(name))
            place = ops.image if arguments == ("images",) else ops
            found[name] = Operation(getattr(place, own), arguments)
    return MappingProxyType(found)


def leaves_in_order(structure: Any) -> Iterator[Any]:
    """The leaves as Keras numbers them: a dict's by its sorted keys.

    >>> list(leaves_in_order({"b": 1, "a": [2, (3,)]}))
    [2, 3, 1]
    """
    if isinstance(structure, dict):
        for key in sorted(structure):
            yield from leaves_in_order(structure[key])
    elif isinstance(structure, (list, tuple)):
        for item in structure:
            yield from leaves_in_order(item)
    else:
        yield structure
