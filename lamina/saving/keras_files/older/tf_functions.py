"""TensorFlow's functions as layers of a graph, as tf.keras wrote ``x + y``, ``tf.concat(...)`` and ``x[:, 0]``.

``TFOpLambda`` and ``SlicingOpLambda`` (tf.keras 2.4 and later) tell the function's name; ``TensorFlowOpLayer`` (before)
the operation of TensorFlow's graph. Each name is looked up in a closed table; nothing else is known of TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from lamina import ops
from lamina.activations.functions import keras2_hard_sigmoid
from lamina.graph import Symbolic
from lamina.saving.errors import LoadingError
from lamina.saving.fields import field

from .tf_graph import MAX_AXES, graph_operation


class TfFunction(NamedTuple):
    """A function of TensorFlow's: what it is here, and the names of its arguments in their order."""

    name: str
    run: Callable[..., Any]
    arguments: tuple[str, ...]

    def call(self, args: list[Any], named: dict[str, Any]) -> Any:
        """The function's result.

        Raises:
            TypeError: an argument that it does not have, or one twice.
        """
        named = {key: value for key, value in named.items() if not _says_nothing(key, value)}
        if len(args) > len(self.arguments):
            raise TypeError(f"{self.name} takes {len(self.arguments)} arguments and got {len(args)}")
        given = dict(zip(self.arguments, args, strict=False))
        wrong = [key for key in named if key not in self.arguments or key in given]
        if wrong:
            raise TypeError(f"{self.name} was given {wrong[0]!r:.80}, which it does not take here, or takes once")
        values = {**given, **named}
        return self.run(*(values.get(key, _DEFAULTS.get(key)) for key in self.arguments))


# Arguments that say nothing with these values; None: with any.
_IDLE: Mapping[str, tuple[Any, ...] | None] = {
    "name": None,
    "var": (None,),
    "validate_indices": (None,),
    "batch_dims": (0,),
    "keep_dims": (None,),
    "reduction_indices": (None,),
    "adjoint_a": (False,),
    "adjoint_b": (False,),
    "a_is_sparse": (False,),
    "b_is_sparse": (False,),
    "output_type": (None,),
    "conjugate": (False,),
    "mode": ("CONSTANT",),
    "nan": (None,),
}
_DEFAULTS: Mapping[str, Any] = {
    "keepdims": False, "transpose_a": False, "transpose_b": False, "constant_values": 0, "paddings": None,
    "num": None, "perm": None, "alpha": 0.2, "approximate": False,
}  # fmt: skip


def _says_nothing(key: str, value: Any) -> bool:
    if key not in _IDLE or isinstance(value, (Symbolic, torch.Tensor)):
        return False
    values = _IDLE[key]
    return values is None or any(value is known or value == known for known in values)


def _reducing(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis, keepdims: function(x, axis=_axes(axis), keepdims=bool(keepdims))


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _tensor_of(value: Any) -> Any:
    """Lists of numbers stand for constant tensors."""
    return torch.tensor(value, device="cpu") if isinstance(value, list) and not _holds_symbols(value) else value


def _holds_symbols(value: Any) -> bool:
    return any(_holds_symbols(v) if isinstance(v, list) else isinstance(v, (Symbolic, torch.Tensor)) for v in value)


def _of_two(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: function(_tensor_of(x), _tensor_of(y))


def _softmax(x: Any, axis: Any) -> Any:
    return ops.softmax(x, axis=-1 if axis is None else axis)


def _log_softmax(x: Any, axis: Any) -> Any:
    return ops.log_softmax(x, axis=-1 if axis is None else axis)


def _matmul(a: Any, b: Any, transpose_a: Any, transpose_b: Any) -> Any:
    a, b = _tensor_of(a), _tensor_of(b)
    return ops.matmul(ops.swapaxes(a, -1, -2) if transpose_a else a, ops.swapaxes(b, -1, -2) if transpose_b else b)


def _split(value: Any, parts: Any, axis: Any) -> Any:
    if isinstance(parts, list):
        ends = [sum(parts[: k + 1]) for k in range(len(parts) - 1)]
        return ops.split(value, ends, axis=axis or 0)
    return ops.split(value, parts, axis=axis or 0)


def _pad(x: Any, paddings: Any, constant_values: Any) -> Any:
    return ops.pad(x, [tuple(pair) for pair in paddings], constant_values=constant_values or 0)


def _clip(x: Any, low: Any, high: Any) -> Any:
    return ops.clip(x, low, high)


def _l2_normalize(x: Any, axis: Any, epsilon: Any) -> Any:
    square = ops.sum(ops.square(x), axis=_axes(axis), keepdims=True)
    return x / ops.sqrt(ops.maximum(square, 1e-12 if epsilon is None else epsilon))


def _squeeze(x: Any, axis: Any) -> Any:
    return ops.squeeze(x, axis=_axes(axis))


def _getitem(x: Any, key: Any) -> Any:
    return x[_key(key)]


def _key(key: Any) -> Any:
    """What an index was: lists are its parts, ``{"start", "stop", "step"}`` slices."""
    if isinstance(key, list):
        if len(key) > MAX_AXES:
            raise LoadingError("An index has more parts than any tensor has axes.", got=str(len(key)))
        return tuple(_key(item) for item in key)
    if isinstance(key, dict) and key.keys() == {"start", "stop", "step"}:
        return slice(key["start"], key["stop"], key["step"])
    if key is None or key is ... or type(key) in (int, slice) or isinstance(key, (Symbolic, torch.Tensor)):
        return key
    raise LoadingError("An index holds what is none.", got=f"{key!r}"[:80])


def _stack(values: Any, axis: Any) -> Any:
    return ops.stack([_tensor_of(value) for value in values], axis=axis or 0)


def _concat(values: Any, axis: Any) -> Any:
    return ops.concatenate([_tensor_of(value) for value in values], axis=axis)


def _cast(x: Any, dtype: Any) -> Any:
    return ops.cast(x, dtype)


def _one_hot(indices: Any, depth: Any, on_value: Any, off_value: Any, axis: Any, dtype: Any) -> Any:
    made = ops.one_hot(indices, depth, axis=-1 if axis is None else axis, dtype=dtype or "float32")
    on, off = (1 if on_value is None else on_value), (off_value or 0)
    return made if (on, off) == (1, 0) else made * (on - off) + off


def _add_n(values: Any) -> Any:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _where(condition: Any, x: Any, y: Any) -> Any:
    return ops.where(condition, _tensor_of(x), _tensor_of(y))


def _gather(x: Any, indices: Any, axis: Any) -> Any:
    return ops.take(x, _tensor_of(indices), axis=axis or 0)


def _resize(images: Any, size: Any, method: Any) -> Any:
    return ops.image.resize(images, tuple(size), interpolation=method or "bilinear", data_format="channels_last")


# What takes one tensor, by its name in tf, tf.math or tf.nn.
_OF_ONE: Mapping[str, Any] = {
    "abs": ops.abs, "ceil": ops.ceil, "cos": ops.cos, "cosh": ops.cosh, "elu": ops.elu, "erf": ops.erf,
    "exp": ops.exp, "expm1": ops.expm1, "floor": ops.floor, "log": ops.log, "log1p": ops.log1p,
    "log_sigmoid": ops.log_sigmoid, "logical_not": ops.logical_not, "negative": ops.negative,
    "reciprocal": ops.reciprocal, "relu": ops.relu, "relu6": ops.relu6, "round": ops.round, "rsqrt": ops.rsqrt,
    "selu": ops.selu, "sigmoid": ops.sigmoid, "sign": ops.sign, "sin": ops.sin, "sinh": ops.sinh,
    "softplus": ops.softplus, "softsign": ops.softsign, "sqrt": ops.sqrt, "square": ops.square, "swish": ops.silu,
    "silu": ops.silu, "tan": ops.tan, "tanh": ops.tanh, "atan": ops.arctan, "ones_like": ops.ones_like,
    "zeros_like": ops.zeros_like, "identity": lambda x: x + 0, "stop_gradient": ops.stop_gradient,
    "is_nan": ops.isnan, "isnan": ops.isnan,
    "hard_sigmoid": keras2_hard_sigmoid,
}  # fmt: skip
# What takes two.
_OF_TWO: Mapping[str, Any] = {
    "add": ops.add, "subtract": ops.subtract, "multiply": ops.multiply, "divide": ops.divide,
    "truediv": ops.divide, "divide_no_nan": ops.divide_no_nan, "floordiv": ops.floor_divide, "mod": ops.mod,
    "floormod": ops.mod, "pow": ops.power, "maximum": ops.maximum, "minimum": ops.minimum, "equal": ops.equal,
    "not_equal": ops.not_equal, "greater": ops.greater, "greater_equal": ops.greater_equal, "less": ops.less,
    "less_equal": ops.less_equal, "logical_and": ops.logical_and, "logical_or": ops.logical_or,
    "squared_difference": lambda x, y: ops.square(ops.subtract(x, y)), "atan2": ops.arctan2,
    "bias_add": ops.add,
}  # fmt: skip
# Python's operators, of which "r..." take their arguments in the other order.
_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "div": "divide", "floordiv": "floordiv",
    "mod": "mod", "pow": "pow", "eq": "equal", "ne": "not_equal", "gt": "greater", "ge": "greater_equal",
    "lt": "less", "le": "less_equal", "and": "logical_and", "or": "logical_or",
}  # fmt: skip
_FURTHER: Mapping[str, tuple[Any, str]] = {
    "reduce_sum": (_reducing(ops.sum), "input_tensor axis keepdims"),
    "reduce_mean": (_reducing(ops.mean), "input_tensor axis keepdims"),
    "reduce_max": (_reducing(ops.max), "input_tensor axis keepdims"),
    "reduce_min": (_reducing(ops.min), "input_tensor axis keepdims"),
    "reduce_prod": (_reducing(ops.prod), "input_tensor axis keepdims"),
    "reduce_std": (_reducing(ops.std), "input_tensor axis keepdims"),
    "reduce_variance": (_reducing(ops.var), "input_tensor axis keepdims"),
    "reduce_logsumexp": (_reducing(ops.logsumexp), "input_tensor axis keepdims"),
    "reduce_any": (_reducing(ops.any), "input_tensor axis keepdims"),
    "reduce_all": (_reducing(ops.all), "input_tensor axis keepdims"),
    "argmax": (lambda x, axis: ops.argmax(x, axis=axis or 0), "input axis"),
    "argmin": (lambda x, axis: ops.argmin(x, axis=axis or 0), "input axis"),
    "cumsum": (lambda x, axis: ops.cumsum(x, axis=axis or 0), "x axis"),
    "softmax": (_softmax, "logits axis"),
    "log_softmax": (_log_softmax, "logits axis"),
    "leaky_relu": (lambda x, alpha: ops.leaky_relu(x, alpha), "features alpha"),
    "gelu": (lambda x, approximate: ops.gelu(x, approximate=bool(approximate)), "features approximate"),
    "l2_normalize": (_l2_normalize, "x axis epsilon"),
    "matmul": (_matmul, "a b transpose_a transpose_b"),
    "reshape": (lambda x, shape: ops.reshape(x, tuple(shape)), "tensor shape"),
    "expand_dims": (lambda x, axis: ops.expand_dims(x, axis), "input axis"),
    "squeeze": (_squeeze, "input axis"),
    "transpose": (lambda x, perm: ops.transpose(x, axes=perm), "a perm"),
    "concat": (_concat, "values axis"),
    "stack": (_stack, "values axis"),
    "unstack": (lambda x, num, axis: ops.unstack(x, num=num, axis=axis or 0), "value num axis"),
    "split": (_split, "value num_or_size_splits axis"),
    "tile": (lambda x, multiples: ops.tile(x, multiples), "input multiples"),
    "repeat": (lambda x, repeats, axis: ops.repeat(x, repeats, axis=axis), "input repeats axis"),
    "reverse": (lambda x, axis: ops.flip(x, axis=_axes(axis)), "tensor axis"),
    "pad": (_pad, "tensor paddings constant_values"),
    "cast": (_cast, "x dtype"),
    "clip_by_value": (_clip, "t clip_value_min clip_value_max"),
    "where": (_where, "condition x y"),
    "gather": (_gather, "params indices axis"),
    "add_n": (_add_n, "inputs"),
    "one_hot": (_one_hot, "indices depth on_value off_value axis dtype"),
    "image.resize": (_resize, "images size method"),
}
# Names under which the same functions went.
_ALSO = {
    "compat.v1.gather": "gather", "compat.v1.transpose": "transpose", "compat.v1.nn.softmax": "softmax",
    "clip": "clip_by_value", "split_v": "split", "concat_v2": "concat",
}  # fmt: skip
_ROOMS = ("math.", "nn.", "linalg.", "compat.v1.", "compat.v1.math.", "keras.activations.", "keras.backend.", "image.")


def function_of_tf(name: str) -> TfFunction | None:
    """The function that a name of TensorFlow's means, such as "math.add"; None for what Lamina does not have.

    >>> function_of_tf("__operators__.rsub").call([2.0, 3.0], {"name": None}).item()
    1.0
    """
    own = name.removeprefix("tf.")
    own = _ALSO.get(own, own)
    room, _, short = own.rpartition(".")
    if room == "__operators__":
        return _operator(name, short)
    if own in _FURTHER:
        run, arguments = _FURTHER[own]
        return TfFunction(name, run, tuple(arguments.split()))
    short = _ALSO.get(short, short)
    if room and f"{room}." not in _ROOMS:
        return None
    if short in _FURTHER:
        run, arguments = _FURTHER[short]
        return TfFunction(name, run, tuple(arguments.split()))
    if short in _OF_TWO:
        return TfFunction(name, _of_two(_OF_TWO[short]), ("x", "y"))
    if short in _OF_ONE:
        return TfFunction(name, _OF_ONE[short], ("x",))
    return None


def _operator(name: str, short: str) -> TfFunction | None:
    if short == "getitem":
        return TfFunction(name, _getitem, ("tensor", "slice_spec"))
    if short in ("neg", "abs", "invert"):
        run = {"neg": ops.negative, "abs": ops.abs, "invert": ops.logical_not}[short]
        return TfFunction(name, run, ("x",))
    if short == "matmul":
        return TfFunction(name, lambda x, y: _matmul(x, y, False, False), ("x", "y"))
    if short == "rmatmul":
        return TfFunction(name, lambda y, x: _matmul(x, y, False, False), ("y", "x"))
    turned = short not in _OPERATORS and short[:1] == "r" and short[1:] in _OPERATORS
    found = _OPERATORS.get(short[1:] if turned else short)
    if found is None:
        return None
    run = _of_two(_OF_TWO[found])
    return TfFunction(name, lambda y, x: run(x, y), ("y", "x")) if turned else TfFunction(name, run, ("x", "y"))


def function_of_layer(class_name: str, config: dict[str, Any], name: str) -> Any:
    """What stands in a graph for a layer of one of the `TF_KINDS`.

    Raises:
        LoadingError: a function of TensorFlow's that Lamina does not have.
    """
    where = f"The layer {name!r:.80}"
    if class_name == "TensorFlowOpLayer":
        return graph_operation(config, where)
    said = field(config, "function", str, where)
    found = function_of_tf(said)
    if found is None:
        raise LoadingError(
            f"{where} calls a function of TensorFlow's that Lamina does not have.",
            got=repr(said)[:80],
            expected="arithmetic, comparisons, reductions, changes of shape, activations",
            hint="a model without the call, or with a layer of yours in its place, saved again",
        )
    return found
