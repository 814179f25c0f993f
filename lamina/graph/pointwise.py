"""Functions that treat every position alike: their shape is the broadcast of their inputs', their mask is kept."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from . import tree

_NAMES = (
    "abs neg exp expm1 log log1p sqrt rsqrt square sign sin cos tanh sigmoid relu erf floor ceil round reciprocal "
    "add sub mul div true_divide floor_divide remainder pow clamp clip where maximum minimum nan_to_num "
    "logical_and logical_or logical_not logical_xor lt le gt ge eq ne log2 log10 exp2 asin acos atan atan2 "
    "sinh cosh tan trunc isnan isinf isfinite logaddexp logaddexp2 asinh acosh atanh deg2rad rad2deg erfc erfinv i0 "
    "sinc signbit isneginf isposinf isclose ldexp nextafter hypot fmax fmin fmod copysign gcd lcm bitwise_and "
    "bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift angle conj resolve_conj isreal real "
    "imag polar threshold"
).split()
_METHODS_ONLY = "to type float double half bfloat16 int long bool contiguous clone detach masked_fill".split()
_ACTIVATIONS = (
    "relu gelu elu selu celu silu mish softplus softsign leaky_relu relu6 hardtanh hardsigmoid hardswish logsigmoid "
    "tanhshrink softshrink hardshrink threshold tanh sigmoid dropout"
).split()
_OPERATORS = "add sub mul truediv floordiv mod pow neg lt le gt ge eq ne and_ or_ xor invert".split()

POINTWISE: frozenset[Callable[..., Any]] = frozenset(
    [getattr(torch, name) for name in _NAMES]
    + [getattr(torch.Tensor, name) for name in (*_NAMES, *_METHODS_ONLY) if callable(getattr(torch.Tensor, name, None))]
    + [getattr(F, name) for name in _ACTIVATIONS]
    + [getattr(operator, name) for name in _OPERATORS]
)
# These mix features but not positions: a mask over positions goes through.
KEEPS_POSITIONS: frozenset[Callable[..., Any]] = POINTWISE | {
    F.layer_norm,
    F.linear,
    torch.zeros_like,
    torch.ones_like,
    torch.full_like,
}


def pointwise_result(
    op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], shape_of: Callable[[Any], Any]
) -> tuple[torch.Size, torch.dtype]:
    """Shape and dtype of a pointwise function's result, without PyTorch's slow path for shapes.

    The dtype is found by running it on one element of each argument; the shape by broadcasting.

    Args:
        shape_of: gives (shape, dtype) of a leaf that is a tensor, None for any other.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    shapes = []

    def one_element(leaf: Any) -> Any:
        known = shape_of(leaf)
        if known is None:
            return leaf
        shapes.append(known[0])
        return torch.ones((1,) * len(known[0]), dtype=known[1])

    small_args, small_kwargs = tree.map_leaves(one_element, (args, kwargs))
    with torch.no_grad():
        result = op(*small_args, **small_kwargs)
    return torch.broadcast_shapes(*shapes), result.dtype
