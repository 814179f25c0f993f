"""Operations of TensorFlow's graphs as layers: what tf.keras before 2.4 wrote for ``x + y``, as ``TensorFlowOpLayer``.

The entry tells the operation, its attributes, and the values of those inputs that are constants, by their places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from lamina import ops
from lamina.graph import Symbolic
from lamina.saving.errors import LoadingError
from lamina.saving.fields import field
from lamina.saving.keras_files.older.proto import node_def_of

Attributes = Mapping[str, Any]

MAX_AXES = 64


class GraphOperation(NamedTuple):
    """An operation, its attributes, and its constant inputs by their places."""

    name: str
    run: Callable[[list[Any], Attributes], Any]
    attributes: Attributes
    constants: Mapping[int, Any]

    def call(self, args: list[Any], named: dict[str, Any]) -> Any:
        """The operation's result for the inputs that are no constants.

        Raises:
            TypeError: arguments by name.
        """
        if named:
            raise TypeError(f"{self.name} takes no arguments by name")
        tensors = list(args[0]) if len(args) == 1 and isinstance(args[0], list) else list(args)
        inputs: list[Any] = []
        for place in range(len(tensors) + len(self.constants)):
            if place in self.constants:
                inputs.append(self.constants[place])
            else:
                inputs.append(tensors.pop(0))
        return self.run(inputs, self.attributes)


def graph_operation(config: dict[str, Any], where: str) -> GraphOperation:
    """The operation that the config of a ``TensorFlowOpLayer`` tells.

    Raises:
        LoadingError: malformed, or an operation that Lamina does not have.
    """
    told = config.get("node_def")
    node = node_def_of(told, where) if isinstance(told, str) else field(config, "node_def", dict, where)
    name = field(node, "op", str, where)
    if name not in _RUN:
        raise LoadingError(
            f"{where} runs an operation of TensorFlow's graphs that Lamina does not have.",
            got=repr(name)[:80],
            expected=", ".join(sorted(_RUN)),
            hint="a model without it, or with a layer of yours in its place, saved again",
        )
    constants = config.get("constants") or {}
    if type(constants) is not dict or not all(key.isascii() and key.isdigit() and len(key) < 5 for key in constants):
        raise LoadingError(f"{where} is malformed.", got=f"{constants!r}"[:80], expected="constants by their places")
    return GraphOperation(
        name,
        _RUN[name],
        {key: _attribute(value) for key, value in field(node, "attr", dict, where, {}).items()},
        {int(key): value for key, value in constants.items()},
    )


def _attribute(value: Any) -> Any:
    """``{"b": true}``, ``{"i": "3"}``, ``{"list": {"i": ["1", "2"]}}``, ``{"type": "DT_INT32"}``: the value alone."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    if kind == "list" and isinstance(content, dict):
        items: Any = next(iter(content.values()), [])
        return [_attribute({next(iter(content)): item}) for item in items] if isinstance(items, list) else None
    if kind == "i":
        return int(content) if str(content).lstrip("-").isdigit() and len(str(content)) < 20 else None
    return content


def _tensor(value: Any) -> Any:
    if isinstance(value, (Symbolic, torch.Tensor, bool)):
        return value
    return torch.tensor(value, device="cpu") if isinstance(value, list) else value


def _ints(value: Any) -> list[int]:
    found = value if isinstance(value, list) else [value]
    if not all(type(item) is int for item in found):
        raise TypeError(f"whole numbers were expected, not {value!r:.80}")
    return found


def _of_one(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda inputs, attributes: function(inputs[0])


def _of_two(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda inputs, attributes: function(_tensor(inputs[0]), _tensor(inputs[1]))


def _reducing(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda inputs, attributes: function(
        inputs[0], axis=tuple(_ints(inputs[1])), keepdims=bool(attributes.get("keep_dims"))
    )


def _matmul(inputs: list[Any], attributes: Attributes) -> Any:
    a, b = _tensor(inputs[0]), _tensor(inputs[1])
    if attributes.get("transpose_a") or attributes.get("adj_x"):
        a = ops.swapaxes(a, -1, -2)
    if attributes.get("transpose_b") or attributes.get("adj_y"):
        b = ops.swapaxes(b, -1, -2)
    return ops.matmul(a, b)


_SLICE_MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")


def _strided_slice(inputs: list[Any], attributes: Attributes) -> Any:
    """``x[begin:end:stride, ...]``; a bit of each mask tells for each axis what it is instead."""
    x, begin, end, strides = inputs[0], *(_ints(part) for part in inputs[1:4])
    if len(begin) > MAX_AXES:
        raise ValueError(f"an index of {len(begin)} parts")
    masks = {name: attributes.get(f"{name}_mask") or 0 for name in _SLICE_MASKS}
    key: list[Any] = []
    for place, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        told = {name for name, mask in masks.items() if mask >> place & 1}
        if "ellipsis" in told:
            key.append(...)
        elif "new_axis" in told:
            key.append(None)
        elif "shrink_axis" in told:
            key.append(first)
        else:
            key.append(slice(None if "begin" in told else first, None if "end" in told else last, step))
    return x[tuple(key)]


def _squeeze(inputs: list[Any], attributes: Attributes) -> Any:
    return ops.squeeze(inputs[0], axis=tuple(attributes.get("squeeze_dims") or ()) or None)


_DTYPES = {
    "DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_INT32": "int32", "DT_INT64": "int64",
    "DT_BOOL": "bool", "DT_UINT8": "uint8", "DT_INT8": "int8", "DT_INT16": "int16",
}  # fmt: skip


def _pad(inputs: list[Any], attributes: Attributes) -> Any:
    pairs = [tuple(_ints(pair)) for pair in inputs[1]]
    return ops.pad(inputs[0], pairs, constant_values=inputs[2] if len(inputs) > 2 else 0)


_RUN: Mapping[str, Callable[[list[Any], Attributes], Any]] = {
    **{name: _of_two(function) for name, function in {
        "Add": ops.add, "AddV2": ops.add, "BiasAdd": ops.add, "Div": ops.divide, "DivNoNan": ops.divide_no_nan,
        "FloorDiv": ops.floor_divide, "FloorMod": ops.mod, "Maximum": ops.maximum, "Minimum": ops.minimum,
        "Mul": ops.multiply, "Pow": ops.power, "RealDiv": ops.divide, "Sub": ops.subtract, "Equal": ops.equal,
        "Greater": ops.greater, "GreaterEqual": ops.greater_equal, "Less": ops.less, "LessEqual": ops.less_equal,
        "LogicalAnd": ops.logical_and, "LogicalOr": ops.logical_or, "NotEqual": ops.not_equal,
        "SquaredDifference": lambda x, y: ops.square(ops.subtract(x, y)),
    }.items()},
    **{name: _of_one(function) for name, function in {
        "Abs": ops.abs, "Ceil": ops.ceil, "Cos": ops.cos, "Elu": ops.elu, "Erf": ops.erf, "Exp": ops.exp,
        "Expm1": ops.expm1, "Floor": ops.floor, "Log": ops.log, "Log1p": ops.log1p, "LogSoftmax": ops.log_softmax,
        "LogicalNot": ops.logical_not, "Neg": ops.negative, "Reciprocal": ops.reciprocal, "Relu": ops.relu,
        "Relu6": ops.relu6, "Round": ops.round, "Rsqrt": ops.rsqrt, "Selu": ops.selu, "Sigmoid": ops.sigmoid,
        "Sign": ops.sign, "Sin": ops.sin, "Softmax": ops.softmax, "Softplus": ops.softplus, "Softsign": ops.softsign,
        "Sqrt": ops.sqrt, "Square": ops.square, "Tan": ops.tan, "Tanh": ops.tanh, "OnesLike": ops.ones_like,
        "ZerosLike": ops.zeros_like, "Identity": lambda x: x + 0, "StopGradient": ops.stop_gradient,
    }.items()},
    **{name: _reducing(function) for name, function in {
        "Mean": ops.mean, "Sum": ops.sum, "Max": ops.max, "Min": ops.min, "Prod": ops.prod, "All": ops.all,
        "Any": ops.any,
    }.items()},
    "MatMul": _matmul, "BatchMatMul": _matmul, "BatchMatMulV2": _matmul, "StridedSlice": _strided_slice,
    "Squeeze": _squeeze, "Pad": _pad, "PadV2": _pad,
    "ArgMax": lambda inputs, attributes: ops.argmax(inputs[0], axis=_ints(inputs[1])[0]),
    "ArgMin": lambda inputs, attributes: ops.argmin(inputs[0], axis=_ints(inputs[1])[0]),
    "Cast": lambda inputs, attributes: ops.cast(inputs[0], _DTYPES[attributes["DstT"]]),
    "ConcatV2": lambda inputs, attributes: ops.concatenate(list(map(_tensor, inputs[:-1])), axis=_ints(inputs[-1])[0]),
    "ExpandDims": lambda inputs, attributes: ops.expand_dims(inputs[0], _ints(inputs[1])[0]),
    "GatherV2": lambda inputs, attributes: ops.take(inputs[0], _tensor(inputs[1]), axis=_ints(inputs[2])[0]),
    "LeakyRelu": lambda inputs, attributes: ops.leaky_relu(inputs[0], float(attributes.get("alpha") or 0.2)),
    "Pack": lambda inputs, attributes: ops.stack(list(map(_tensor, inputs)), axis=attributes.get("axis") or 0),
    "Reshape": lambda inputs, attributes: ops.reshape(inputs[0], tuple(_ints(inputs[1]))),
    "ReverseV2": lambda inputs, attributes: ops.flip(inputs[0], axis=tuple(_ints(inputs[1]))),
    "SelectV2": lambda inputs, attributes: ops.where(*map(_tensor, inputs)),
    "Split": lambda inputs, attributes: ops.split(inputs[1], attributes["num_split"], axis=_ints(inputs[0])[0]),
    "Tile": lambda inputs, attributes: ops.tile(inputs[0], _ints(inputs[1])),
    "Transpose": lambda inputs, attributes: ops.transpose(inputs[0], axes=_ints(inputs[1])),
    "Unpack": lambda inputs, attributes: ops.unstack(inputs[0], axis=attributes.get("axis") or 0),
}  # fmt: skip
