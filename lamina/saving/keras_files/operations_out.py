"""What PyTorch's functions and operators in a graph are called as operations of Keras.

A rule tells the class of the operation and the function's parameters: ``name:keras_name=default``. Those that Keras
calls the operation with (`names.operations`) are arguments of the call, the others stand in the config. A parameter in
(parentheses) must have its default. A function of a namespace of PyTorch's is told with it: ``linalg.det``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from lamina.graph import SymbolicTensor
from lamina.graph.node import Constant, Symbolic
from lamina.naming import snake_case
from lamina.saving.errors import SavingError
from lamina.saving.functions import name_of_function

from .operations import Operation, operations

_RULES = """
Absolute abs absolute: input:x
Angle angle: input:x
Arccos acos arccos: input:x
Arccosh acosh arccosh: input:x
Arcsin asin arcsin: input:x
Arcsinh asinh arcsinh: input:x
Arctanh atanh arctanh: input:x
BitwiseNot bitwise_not invert: input:x
Arctan atan arctan: input:x
Arctan2 atan2 arctan2: input:x1 other:x2
Ceil ceil: input:x
Conjugate conj: input:x
Copy clone contiguous: input:x (memory_format=None)
Copy resolve_conj: input:x
Cos cos: input:x
Cosh cosh: input:x
Deg2rad deg2rad: input:x
Erfc erfc: input:x
Erfinv erfinv: input:x
Exp exp: input:x
Exp2 exp2: input:x
Expm1 expm1: input:x
Floor floor: input:x
I0 i0: input:x
Imag imag: input:x
Isfinite isfinite: input:x
Isinf isinf: input:x
Isnan isnan: input:x
Isneginf isneginf: input:x
Isposinf isposinf: input:x
Isreal isreal: input:x
Log log: input:x
Log10 log10: input:x
Log1p log1p: input:x
Log2 log2: input:x
LogicalNot logical_not: input:x
Negative neg negative: input:x
Rad2deg rad2deg: input:x
Ravel ravel: input:x
Real real: input:x
Reciprocal reciprocal: input:x
Rsqrt rsqrt: input:x
Erf erf: input:x
Sign sign: input:x
Signbit signbit: input:x
Sinc sinc: input:x
Sin sin: input:x
Sinh sinh: input:x
Sqrt sqrt: input:x
Square square: input:x
Tan tan: input:x
Tanh tanh: input:x
Trunc trunc fix: input:x
StopGradient detach: input:variable
Round round: input:x decimals=0
Relu relu: input:x (inplace=False)
Relu6 relu6: input:x (inplace=False)
Sigmoid sigmoid expit: input:x
Softplus softplus: input:x (beta=1) (threshold=20)
Softsign softsign: input:x
SoftShrink softshrink: input:x lambd:threshold=0.5
HardShrink hardshrink: input:x lambd:threshold=0.5
TanhShrink tanhshrink: input:x
Silu silu: input:x (inplace=False)
LogSigmoid logsigmoid: input:x
LeakyRelu leaky_relu: input:x negative_slope=0.01 (inplace=False)
HardSigmoid hardsigmoid: input:x (inplace=False)
HardSilu hardswish: input:x (inplace=False)
Threshold threshold: input:x threshold value:default_value (inplace=False)
HardTanh hardtanh: input:x (min_val=-1.0) (max_val=1.0) (inplace=False)
Elu elu: input:x alpha=1.0 (inplace=False)
Celu celu: input:x alpha=1.0 (inplace=False)
Selu selu: input:x (inplace=False)
Glu glu: input:x dim:axis=-1
Softmax softmax: input:x dim:axis (_stacklevel=3) (dtype=None)
LogSoftmax log_softmax: input:x dim:axis (_stacklevel=3) (dtype=None)
Logsumexp logsumexp: input:x dim:axis keepdim:keepdims=False
Add add: input:x1 other:x2 (alpha=1)
Subtract sub subtract: input:x1 other:x2 (alpha=1)
Multiply mul multiply: input:x1 other:x2
Divide truediv true_divide: input:x1 other:x2
FloorDivide floordiv floor_divide: input:x1 other:x2
Mod mod remainder: input:x1 other:x2
Power pow: input:x1 exponent:x2
Matmul matmul bmm mm: input:x1 other:x2
Outer outer: input:x1 vec2:x2
Equal eq: input:x1 other:x2
NotEqual ne not_equal: input:x1 other:x2
Greater gt greater: input:x1 other:x2
GreaterEqual ge greater_equal: input:x1 other:x2
Less lt less: input:x1 other:x2
LessEqual le less_equal: input:x1 other:x2
LogicalAnd logical_and: input:x1 other:x2
LogicalOr logical_or: input:x1 other:x2
LogicalXor logical_xor: input:x1 other:x2
Logaddexp logaddexp: input:x1 other:x2
Logaddexp2 logaddexp2: input:x1 other:x2
BitwiseAnd bitwise_and and_: input:x other:y
BitwiseOr bitwise_or or_: input:x other:y
BitwiseXor bitwise_xor xor: input:x other:y
BitwiseLeftShift bitwise_left_shift __lshift__: input:x other:y
BitwiseRightShift bitwise_right_shift __rshift__: input:x other:y
Fmax fmax: input:x1 other:x2
Fmin fmin: input:x1 other:x2
Fmod fmod: input:x1 other:x2
Gcd gcd: input:x1 other:x2
Hypot hypot: input:x1 other:x2
Inner inner: input:x1 other:x2
Isclose isclose: input:x1 other:x2 rtol=1e-05 atol=1e-08 equal_nan=False
IsIn isin: elements:x1 test_elements:x2 assume_unique=False invert=False
Kron kron: input:x1 other:x2
Lcm lcm: input:x1 other:x2
Nextafter nextafter: input:x1 other:x2
Polar polar: abs:abs_ angle
Maximum maximum: input:x1 other:x2
Minimum minimum: input:x1 other:x2
Where where: condition input:x1 other:x2
Clip clamp clip: input:x min:x_min=None max:x_max=None
Amax amax: input:x dim:axis=None keepdim:keepdims=False
Amin amin: input:x dim:axis=None keepdim:keepdims=False
Argmax argmax: input:x dim:axis=None keepdim:keepdims=False
Argmin argmin: input:x dim:axis=None keepdim:keepdims=False
Mean mean: input:x dim:axis=None keepdim:keepdims=False (dtype=None)
All all: input:x dim:axis=None keepdim:keepdims=False
Any any: input:x dim:axis=None keepdim:keepdims=False
Cumsum cumsum: input:x dim:axis dtype=None
Cumprod cumprod: input:x dim:axis dtype=None
Diff diff: input:a n=1 dim:axis=-1 (prepend=None) (append=None)
Trapezoid trapezoid trapz: y (x=None) dx=1.0 dim:axis=-1
NanToNum nan_to_num: input:x nan=0.0 posinf=None neginf=None
ExpandDims unsqueeze: input:x dim:axis
Squeeze squeeze: input:x dim:axis=None
Swapaxes transpose swapaxes swapdims: input:x axis0:axis1 axis1:axis2
Moveaxis movedim moveaxis: input:x source destination
Flip flip: input:x dims:axis
Roll roll: input:x shifts:shift dims:axis=None
Tril tril: input:x diagonal:k=0
Triu triu: input:x diagonal:k=0
Rot90 rot90: input:array k dims:axes
Diag diag: input:x diagonal:k=0
Diagflat diagflat: input:x offset:k=0
Diagonal diagonal: input:x offset=0 dim1:axis1=0 dim2:axis2=1
Concatenate cat concat concatenate: tensors:xs dim:axis=0
Stack stack: tensors:x dim:axis=0
Dstack dstack: tensors:xs
Hstack hstack: tensors:xs
Vstack vstack: tensors:xs
Argsort argsort: input:x dim:axis=-1 (descending=False) (stable=True)
Digitize bucketize: input:x boundaries:bins (out_int32=True) (right=True)
SearchSorted searchsorted: sorted_sequence input:values side=left (out_int32=True) (right=False)
Sort sort: input:x dim:axis=-1 (descending=False) (stable=False)
TopK topk: input:x k (dim=-1) (largest=True) sorted=True
OnesLike ones_like: input:x dtype=None
ZerosLike zeros_like: input:x dtype=None
FullLike full_like: input:x fill_value dtype=None
ViewAsComplex view_as_complex: input:x
ViewAsReal view_as_real: input:x
CholeskyInverse cholesky_inverse: input:x upper=False
Logdet logdet: input:x
Cholesky linalg.cholesky: input:x upper=False
Det linalg.det: A:x
Eig linalg.eig: A:x
Eigh linalg.eigh: A:x (UPLO=L)
Inv linalg.inv: A:x
MatrixRank linalg.matrix_rank: A:x (tol=None) (hermitian=False) atol:tol=None (rtol=None)
Norm linalg.norm: A:x ord=None dim:axis=None keepdim:keepdims=False (dtype=None)
Pinv linalg.pinv: A:x (rcond=None) (hermitian=False) (atol=None) rtol:rcond=None
Qr linalg.qr: A:x mode=reduced
Slogdet linalg.slogdet: A:x
Solve linalg.solve: A:a B:b (left=True)
SVD linalg.svd: A:x full_matrices=True (driver=None)
"""

_PREFIXES = ("torch", "torch.Tensor", "torch.nn.functional", "torch.special", "operator")
_NAMESPACES = ("torch.linalg",)
_REVERSED = {"__radd__": "add", "__rsub__": "sub", "__rmul__": "mul", "__rtruediv__": "truediv", "__rpow__": "pow"}
_LOGICAL = {"and_": "LogicalAnd", "or_": "LogicalOr", "xor": "LogicalXor", "invert": "LogicalNot"}
_NEEDED = object()
# The dtype in which Keras sums and multiplies what is shorter.
_SUMMED_IN = dict.fromkeys((torch.bool, torch.int8, torch.int16, torch.uint8), torch.int32)
# These take no numbers: Keras asks both sides for their dtypes.
_OF_TENSORS = ("BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseLeftShift", "BitwiseRightShift")
# Of several results of PyTorch's, Keras gives the first.
_ONE_RESULT = ("Sort",)


class Call(NamedTuple):
    """An operation of Keras': its class, the config of it, what it is called with, and how many results it gives.

    `results` is told where Keras gives fewer than PyTorch.
    """

    class_name: str
    config: dict[str, Any]
    args: list[Any]
    kwargs: dict[str, Any] | None = None
    results: int | None = None


class _Parameter(NamedTuple):
    name: str
    keras_name: str
    default: Any
    fixed: bool


class NoWordError(SavingError):
    """Keras has no operation for a call; says why."""


def call_of(function: Any, args: list[Any], kwargs: dict[str, Any], output: Any) -> Call:
    """The operation of Keras' that computes what a call of a function in a graph does.

    Args:
        args, kwargs: as in the graph, with `Symbolic` at the leaves.
        output: what the call gives, symbolic.

    Raises:
        NoWordError: Keras has none.
    """
    name = name_of_function(function) or repr(function)
    prefix, _, short = name.rpartition(".")
    if prefix in ("lamina.ops", "lamina.ops.image"):
        return _of_ours(short, args, kwargs)
    if prefix in _NAMESPACES:
        short = f"{prefix.rpartition('.')[2]}.{short}"
    elif prefix not in _PREFIXES:
        raise NoWordError(f"Keras has no operation for {name}.")
    if short in _REVERSED:
        short, args = _REVERSED[short], args[::-1]
    if short in _LOGICAL and output.dtype == torch.bool:
        return Call(_LOGICAL[short], {}, args)
    if short in _SPECIAL:
        return _SPECIAL[short](args, kwargs, output)
    rule = _rules().get(short)
    if rule is None:
        raise NoWordError(f"Keras has no operation for {name}.")
    class_name, parameters = rule
    call = _by_rule(name, class_name, parameters, args, kwargs)
    if class_name in _OF_TENSORS and not all(isinstance(arg, (Symbolic, Constant)) for arg in call.args):
        raise NoWordError(f"Keras' {class_name} takes tensors only: ops.{snake_case(class_name)} makes them.")
    return call._replace(results=1) if class_name in _ONE_RESULT else call


@lru_cache(maxsize=1)
def _rules() -> Mapping[str, tuple[str, tuple[_Parameter, ...]]]:
    found = {}
    for line in _RULES.strip().splitlines():
        head, _, tail = line.partition(":")
        class_name, *names = head.split()
        parameters = tuple(_parameter(word) for word in tail.split())
        found.update(dict.fromkeys(names, (class_name, parameters)))
    return MappingProxyType(found)


def _parameter(word: str) -> _Parameter:
    fixed = word.startswith("(")
    names, has_default, default = word.strip("()").partition("=")
    name, _, keras_name = names.partition(":")
    return _Parameter(name, keras_name or name, _literal(default) if has_default else _NEEDED, fixed)


def _literal(text: str) -> Any:
    words = {"None": None, "True": True, "False": False}
    if text in words:
        return words[text]
    if text.isalpha():
        return text
    return float(text) if "." in text or "e" in text else int(text)


def _by_rule(
    name: str, class_name: str, parameters: tuple[_Parameter, ...], args: list[Any], kwargs: dict[str, Any]
) -> Call:
    positional = [p.name for p in parameters]
    if len(args) > len(positional):
        raise NoWordError(f"Keras' {class_name} takes fewer arguments than this call of {name} has.")
    given = dict(zip(positional, args, strict=False)) | kwargs
    bound = {}
    for parameter in parameters:
        value = given.pop(parameter.name, parameter.default)
        if value is _NEEDED:
            raise NoWordError(f"Keras' {class_name} needs {parameter.keras_name}.")
        if not parameter.fixed:
            bound[parameter.keras_name] = value
        elif isinstance(value, Symbolic) or value != parameter.default:
            raise NoWordError(f"Keras' {class_name} has no {parameter.name}={value!r}.")
    if given:
        raise NoWordError(f"Keras' {class_name} has no {', '.join(given)}.")
    return _split(class_name, operations()[class_name], bound)


def _of_ours(short: str, args: list[Any], kwargs: dict[str, Any]) -> Call:
    """A function of `lamina.ops` that is one node: Keras has the operation of that name."""
    for class_name, operation in operations().items():
        if operation.function.__name__ == short or snake_case(class_name) == short:
            bound = inspect.signature(operation.function).bind(*args, **kwargs).arguments
            return _split(class_name, operation, dict(bound))
    raise NoWordError(f"Keras has no operation for ops.{short}.")


def _split(class_name: str, operation: Operation, bound: dict[str, Any]) -> Call:
    """What the operation is called with, and what its config says."""
    kwargs = bound.pop(operation.named, {})
    if operation.any_number:
        args = list(bound.pop(operation.any_number))
    else:
        # All, also those that are left out: some of Keras' operations want a None.
        defaults = inspect.signature(operation.function).parameters
        args = [bound.pop(argument, defaults[argument].default) for argument in operation.plain]
    for key, value in bound.items():
        if isinstance(value, torch.dtype):
            bound[key] = str(value).removeprefix("torch.")
        elif not _plain(value):
            raise NoWordError(f"Keras' {class_name} keeps {key} in its config, so it cannot be a tensor.")
    return Call(class_name, bound, args, kwargs)


def _plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


# -- those that need more than a renaming


def _reshape(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    """Any function that gives the same values in another shape: the shape that it gives, one axis left to find."""
    if len(args) == 2 and isinstance(args[1], torch.dtype):  # the same memory as another dtype
        return Call("View", {"dtype": str(args[1]).removeprefix("torch.")}, args[:1])
    shape = [-1 if size is None else size for size in output.shape]
    if shape.count(-1) > 1:
        raise NoWordError("Keras' Reshape takes one unknown axis.")
    return Call("Reshape", {"newshape": shape}, [args[0] if args else kwargs["input"]])


def _permute(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    axes = kwargs.get("dims", args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:])
    return Call("Transpose", {"axes": [axis % len(output.shape) for axis in axes]}, [args[0]])


def _getitem(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    """Keras' GetItem takes no lists; one list among whole axes is a Take."""
    key = args[1] if isinstance(args[1], tuple) else (args[1],)
    lists = [axis for axis, part in enumerate(key) if isinstance(part, list)]
    if not lists:
        return Call("GetItem", {}, list(args))
    if len(lists) > 1 or any(part != slice(None) for axis, part in enumerate(key) if axis not in lists):
        raise NoWordError("Keras' GetItem takes no lists of places.")
    return Call("Take", {"axis": lists[0]}, [args[0], key[lists[0]]])


def _div(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    given = dict(zip(("input", "other"), args, strict=False)) | kwargs
    rounding = given.get("rounding_mode")
    if rounding not in (None, "floor"):
        raise NoWordError(f"Keras' Divide has no rounding_mode={rounding!r}.")
    return Call("FloorDivide" if rounding else "Divide", {}, [given["input"], given["other"]])


def _einsum(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    operands = args[1] if isinstance(args[1], (list, tuple)) else args[1:]
    return Call("Einsum", {"subscripts": args[0]}, list(operands))


def _singular_values(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    return Call("SVD", {"full_matrices": True, "compute_uv": False}, args)


def _triangular(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    upper = kwargs.pop("upper")
    if kwargs or len(args) != 2:
        raise NoWordError("Keras' SolveTriangular takes two matrices and whether the first is lower.")
    return Call("SolveTriangular", {"lower": not upper}, args)


def _sequences(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    tensor, axis, size, step = (*args, *kwargs.values())
    if axis not in (-1, len(tensor.shape) - 1):
        raise NoWordError("Keras' ExtractSequences works on the last axis.")
    return Call("ExtractSequences", {"sequence_length": size, "sequence_stride": step}, [tensor])


def _reduction(class_name: str) -> Callable[..., Call]:
    """sum and prod, which also compute in another dtype: Keras does what Lamina's ops do for the usual ones."""

    def make(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
        given = dict(zip(("input", "dim", "keepdim"), args, strict=False)) | kwargs
        dtype = given.pop("dtype", None)
        if dtype not in (None, given["input"].dtype, _SUMMED_IN.get(given["input"].dtype)):
            raise NoWordError(f"Keras' {class_name} has no dtype.")
        return Call(class_name, {"axis": given.get("dim"), "keepdims": given.get("keepdim", False)}, [given["input"]])

    return make


def _spread(class_name: str) -> Callable[..., Call]:
    def make(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
        given = dict(zip(("input", "dim"), args, strict=False)) | kwargs
        unbiased = given.pop("correction", None if "unbiased" not in given else int(given.pop("unbiased")))
        if unbiased != 0:
            raise NoWordError(f"Keras' {class_name} divides by n: correction=0, not n - 1.")
        return Call(class_name, {"axis": given.get("dim"), "keepdims": given.get("keepdim", False)}, [given["input"]])

    return make


def _extreme(class_name: str) -> Callable[..., Call]:
    """max and min: of everything, or of two tensors; with a dim they give indices too, as Keras' do not."""

    def make(args: list[Any], kwargs: dict[str, Any], output: Any) -> Call:
        if len(args) == 1 and not kwargs:
            return Call(class_name, {"axis": None, "keepdims": False}, args)
        if len(args) == 2 and isinstance(args[1], SymbolicTensor):
            return Call(class_name + "imum", {}, args)
        raise NoWordError(f"Keras' {class_name} gives no indices: torch.a{class_name.lower()} does not either.")

    return make


def _gelu(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    return Call("Gelu", {"approximate": kwargs.get("approximate", "none") == "tanh"}, [args[0]])


def _to(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    return Call("Cast", {"dtype": str(output.dtype).removeprefix("torch.")}, [args[0] if args else kwargs["input"]])


def _parts(args: list[Any], kwargs: dict[str, Any], output: Any) -> Call:
    """chunk, split, tensor_split: cut where the parts that come out say."""
    tensor = args[0]
    dim = kwargs.get("dim", args[2] if len(args) > 2 else 0)
    sizes = [part.shape[dim] for part in output]
    if None in sizes:
        raise NoWordError("Keras' Split needs an axis of known size.")
    cuts = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return Call("Split", {"indices_or_sections": cuts, "axis": dim}, [tensor])


def _unbind(args: list[Any], kwargs: dict[str, Any], output: Any) -> Call:
    return Call("Unstack", {"num": len(output), "axis": kwargs.get("dim", args[1] if len(args) > 1 else 0)}, [args[0]])


def _expand(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    if None in output.shape:
        raise NoWordError("Keras' BroadcastTo needs a known shape.")
    return Call("BroadcastTo", {"shape": list(output.shape)}, [args[0]])


def _new_full(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    """A number as a tensor without axes, beside the tensor whose kind it took."""
    if len(args) != 3 or tuple(args[1]) != () or not isinstance(args[2], (int, float)):
        raise NoWordError("Keras makes such a tensor of known shape only.")
    return Call("FullLike", {"dtype": str(output.dtype).removeprefix("torch.")}, [args[0], args[2]])


def _repeat(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    given = dict(zip(("x", "repeats", "axis"), args, strict=False))
    given |= {{"dim": "axis"}.get(key, key): value for key, value in kwargs.items()}
    if not _plain(given.get("repeats")):
        raise NoWordError("Keras' Repeat keeps repeats in its config, so it cannot be a tensor.")
    return Call("Repeat", {"repeats": given["repeats"], "axis": given.get("axis")}, [given["x"]])


def _tile(args: list[Any], kwargs: dict[str, Any], output: SymbolicTensor) -> Call:
    counts = list(args[1]) if len(args) == 2 and isinstance(args[1], (tuple, list)) else list(args[1:])
    if not counts or not _plain(counts):
        raise NoWordError("Keras' Tile keeps repeats in its config.")
    return Call("Tile", {"repeats": counts}, [args[0]])


_SPECIAL: Mapping[str, Callable[..., Call]] = MappingProxyType(
    {
        **dict.fromkeys("reshape view flatten unflatten".split(), _reshape),
        "permute": _permute,
        **dict.fromkeys("div divide".split(), _div),
        "einsum": _einsum,
        "linalg.svdvals": _singular_values,
        "linalg.solve_triangular": _triangular,
        "unfold": _sequences,
        "getitem": _getitem,
        "sum": _reduction("Sum"),
        "prod": _reduction("Prod"),
        "std": _spread("Std"),
        "var": _spread("Var"),
        "max": _extreme("Max"),
        "min": _extreme("Min"),
        "gelu": _gelu,
        **dict.fromkeys("to float double half int long bool".split(), _to),
        **dict.fromkeys("chunk split tensor_split".split(), _parts),
        "unbind": _unbind,
        **dict.fromkeys("expand broadcast_to".split(), _expand),
        "repeat_interleave": _repeat,
        "new_full": _new_full,
        **dict.fromkeys("tile repeat".split(), _tile),
    }
)
