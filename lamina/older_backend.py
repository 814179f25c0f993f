"""Keras 2's functions of ``keras.backend``, as older code calls them: `lamina.ops` by their old names and arguments.

New code uses `lamina.ops`, `lamina.random` and `lamina.Variable`; what is not here has a name there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lamina import ops, random
from lamina.defaults import defaults
from lamina.graph import ArgumentError
from lamina.graph.dtypes import name_of
from lamina.layers.variable import Variable
from lamina.ops import (
    abs,
    all,
    any,
    arange,
    argmax,
    argmin,
    cast,
    clip,
    concatenate,
    cos,
    cumprod,
    cumsum,
    elu,
    equal,
    exp,
    expand_dims,
    eye,
    greater,
    greater_equal,
    hard_sigmoid,
    less,
    less_equal,
    log,
    logsumexp,
    max,
    maximum,
    mean,
    min,
    minimum,
    moveaxis,
    ndim,
    not_equal,
    one_hot,
    ones,
    ones_like,
    prod,
    relu,
    reshape,
    round,
    shape,
    sigmoid,
    sign,
    sin,
    softmax,
    softplus,
    softsign,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    stop_gradient,
    sum,
    switch,
    tanh,
    tile,
    transpose,
    var,
    zeros,
    zeros_like,
)

__all__ = [
    "abs", "all", "any", "arange", "argmax", "argmin", "batch_dot", "batch_flatten", "batch_get_value",
    "batch_set_value", "bias_add", "binary_crossentropy", "cast", "cast_to_floatx", "categorical_crossentropy",
    "clip", "concatenate", "constant", "cos", "count_params", "cumprod", "cumsum", "dot", "dropout", "dtype", "elu",
    "equal", "eval", "exp", "expand_dims", "eye", "flatten", "gather", "get_value", "greater", "greater_equal",
    "hard_sigmoid", "in_train_phase", "int_shape", "l2_normalize", "less", "less_equal", "log", "logsumexp", "max",
    "maximum", "mean", "min", "minimum", "moveaxis", "ndim", "not_equal", "one_hot", "ones", "ones_like",
    "permute_dimensions", "pow", "prod", "random_normal", "random_uniform", "relu", "repeat", "repeat_elements",
    "reshape", "reverse", "round", "set_value", "shape", "sigmoid", "sign", "sin", "softmax", "softplus",
    "softsign", "sparse_categorical_crossentropy", "sqrt", "square", "squeeze", "stack", "std", "stop_gradient",
    "sum", "switch", "tanh", "tile", "transpose", "truncated_normal", "update", "update_add", "update_sub", "var",
    "variable", "zeros", "zeros_like",
]  # fmt: skip


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """A tensor of a value; of this shape throughout, if one is given."""
    made = ops.convert_to_tensor(value, dtype or defaults.floatx)
    return made if shape is None else ops.broadcast_to(made, shape)


def cast_to_floatx(x: Any) -> Any:
    """`x` as `lamina.config.floatx()`."""
    return ops.cast(x, defaults.floatx)


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The sizes of the axes, None where unknown."""
    return tuple(x.shape)


def flatten(x: Any) -> Any:
    """All values in a row."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """(B, ...) as (B, product of the others)."""
    return ops.reshape(x, (ops.shape(x)[0], -1))


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """The axes in another order."""
    return ops.transpose(x, pattern)


def gather(reference: Any, indices: Any) -> Any:
    """The rows that the indices name."""
    return ops.take(reference, indices, axis=0)


def reverse(x: Any, axes: Any) -> Any:
    """The values in reverse order along axes."""
    return ops.flip(x, axes)


def repeat(x: Any, n: int) -> Any:
    """(B, D) as (B, n, D)."""
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each slice along an axis several times in a row."""
    return ops.repeat(x, rep, axis=axis)


def pow(x: Any, a: Any) -> Any:
    """`x` to the power of `a`."""
    return ops.power(x, a)


def l2_normalize(x: Any, axis: int | None = None) -> Any:
    """`x` divided by its length along an axis."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


def dot(x: Any, y: Any) -> Any:
    """The last axis of `x` times the last but one of `y`."""
    return ops.dot(x, y)


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """For each sample the product of `x` and `y` over an axis of each: (B, T, D), (B, D, S) as (B, T, S).

    Args:
        x, y: at least two axes; a vector (B, D) counts as a matrix, and its axis goes again.
        axes: one number for both, or two; by default the last of `x` and the last but one of `y`.

    Raises:
        ArgumentError: the batch among the axes.
    """
    if axes is None:
        axes = (x.ndim - 1, y.ndim - 1 if y.ndim == 2 else y.ndim - 2)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % x.ndim, second % y.ndim
    if 0 in (first, second):
        raise ArgumentError("batch_dot sums over no batch.", got=f"axes={axes}", expected="axes from 1 on")
    letters = "bcdefghij"
    left = list(letters[: x.ndim])
    right = ["b", *"klmnopqrs"[: y.ndim - 1]]
    left[first] = right[second] = "z"
    kept = [letter for letter in (*left, *right[1:]) if letter != "z"]
    made = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", x, y)
    return made if len(kept) > 1 else ops.expand_dims(made, -1)


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers."""
    return random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers anywhere in a range alike."""
    return random.uniform(shape, minval, maxval, dtype, seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers without those beyond two standard deviations."""
    return random.truncated_normal(shape, mean, stddev, dtype, seed)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Each value 0 with this probability, else larger by as much."""
    return random.dropout(x, level, noise_shape, seed)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Position by position, as `ops.binary_crossentropy`."""
    return ops.binary_crossentropy(target, output, from_logits)


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Over an axis of classes, as `ops.categorical_crossentropy`."""
    return ops.categorical_crossentropy(target, output, from_logits, axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Of class numbers, as `ops.sparse_categorical_crossentropy`."""
    return ops.sparse_categorical_crossentropy(target, output, from_logits, axis)


def get_value(x: Any) -> Any:
    """The values as an array."""
    return ops.convert_to_numpy(x)


def set_value(x: Any, value: Any) -> None:
    """Give a variable other values."""
    x.assign(value)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Any:
    """A `Variable` of these values, as `set_value`, `update` and kin change it; of `floatx` by default.

    >>> weight = variable(0.0)
    >>> set_value(weight, 0.5)
    >>> float(get_value(weight))
    0.5
    """
    return Variable(value, dtype=dtype or defaults.floatx, name=name, constraint=constraint)


def update(x: Any, new_x: Any) -> Any:
    """Give a variable other values."""
    return x.assign(new_x)


def update_add(x: Any, increment: Any) -> Any:
    """Add to a variable."""
    return x.assign_add(increment)


def update_sub(x: Any, decrement: Any) -> Any:
    """Take from a variable."""
    return x.assign_sub(decrement)


def batch_get_value(tensors: Sequence[Any]) -> list[Any]:
    """The values of each as an array."""
    return [get_value(x) for x in tensors]


def batch_set_value(tuples: Sequence[tuple[Any, Any]]) -> None:
    """Give each variable of the pairs (variable, values) its values."""
    for x, value in tuples:
        set_value(x, value)


def eval(x: Any) -> Any:
    """The values as an array."""
    return get_value(x)


def count_params(x: Any) -> int:
    """How many numbers a variable or tensor of known shape holds."""
    return math.prod(x.shape)


def dtype(x: Any) -> str:
    """The name of the dtype, such as "float32"."""
    return name_of(x.dtype)


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """`x` (B, ..., C), or (B, C, ...) for "channels_first", plus the bias (C,)."""
    first = (data_format or defaults.image_data_format) == "channels_first"
    return ops.add(x, ops.reshape(bias, (-1, *(1,) * (len(x.shape) - 2))) if first else bias)


def in_train_phase(x: Any, alt: Any, training: bool | None = None) -> Any:
    """`x` where `training` is True, else `alt`; of functions what they give.

    Raises:
        ArgumentError: `training` is not said, or symbolic: no mode is ambient here.
    """
    if not isinstance(training, (bool, int)):
        raise ArgumentError(
            "in_train_phase needs training=True or False.", got=repr(training), hint="call(self, x, training=False)"
        )
    chosen = x if training else alt
    return chosen() if callable(chosen) and not hasattr(chosen, "shape") else chosen
