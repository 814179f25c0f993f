"""What PyTorch's functions and operators in a graph are called as operations of Keras.

The registry of operations tells Keras' class and parameters where they differ by name; what needs more stands here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from lamina.graph import SymbolicTensor
from lamina.graph.node import Constant, Symbolic
from lamina.naming import snake_case
from lamina.operations import OPERATIONS
from lamina.saving.errors import SavingError
from lamina.saving.functions import name_of_function

from .operations import Operation, operations
from .rules import NEEDED, Rule, rule_of

# What Python's operators for bits are of booleans.
_LOGICAL = {
    "bitwise_and": "LogicalAnd", "bitwise_or": "LogicalOr", "bitwise_xor": "LogicalXor", "bitwise_not": "LogicalNot",
}  # fmt: skip
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
    facts = OPERATIONS.of(function)
    if function in facts.reversed:
        args = args[::-1]
    if facts.name in _LOGICAL and short != facts.name and output.dtype == torch.bool:
        return Call(_LOGICAL[facts.name], {}, args)
    special = _to if facts.casts else _SPECIAL.get(facts.name)
    if special is not None:
        return special(args, kwargs, output)
    if not facts.keras:
        raise NoWordError(f"Keras has no operation for {name}.")
    rule = rule_of(facts.keras)
    call = _by_rule(name, rule, args, kwargs)
    if rule.class_name in _OF_TENSORS and not all(isinstance(arg, (Symbolic, Constant)) for arg in call.args):
        raise NoWordError(f"Keras' {rule.class_name} takes tensors only: ops.{snake_case(rule.class_name)} makes them.")
    return call._replace(results=1) if rule.class_name in _ONE_RESULT else call


def _by_rule(name: str, rule: Rule, args: list[Any], kwargs: dict[str, Any]) -> Call:
    class_name, parameters = rule.class_name, (*rule.call, *rule.config)
    positional = [p.name for p in parameters]
    if len(args) > len(positional):
        raise NoWordError(f"Keras' {class_name} takes fewer arguments than this call of {name} has.")
    given = dict(zip(positional, args, strict=False)) | kwargs
    bound = {}
    for parameter in parameters:
        value = given.pop(parameter.name, parameter.default)
        if value is NEEDED:
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


# By the names of the registry; that of several words of one operation is its first.
_SPECIAL: Mapping[str, Callable[..., Call]] = MappingProxyType(
    {
        **dict.fromkeys("reshape view flatten unflatten".split(), _reshape),
        "permute": _permute,
        "div": _div,
        "einsum": _einsum,
        "torch.linalg.svdvals": _singular_values,
        "torch.linalg.solve_triangular": _triangular,
        "torch.Tensor.unfold": _sequences,
        "getitem": _getitem,
        "sum": _reduction("Sum"),
        "prod": _reduction("Prod"),
        "std": _spread("Std"),
        "var": _spread("Var"),
        "max": _extreme("Max"),
        "min": _extreme("Min"),
        "gelu": _gelu,
        **dict.fromkeys("chunk split tensor_split".split(), _parts),
        "unbind": _unbind,
        **dict.fromkeys("expand broadcast_to".split(), _expand),
        "repeat_interleave": _repeat,
        "new_full": _new_full,
        **dict.fromkeys("tile repeat".split(), _tile),
    }
)
