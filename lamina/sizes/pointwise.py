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

# Of these too it is plain which sizes of the result come from which sizes of the arguments: what they make of an axis
# that moves is a size of 0 or 1, or moves with it.
_BOTH = "matmul bmm softmax transpose permute movedim flatten sum mean amax amin reshape".split()
EXACT: frozenset[Callable[..., Any]] = KEEPS_POSITIONS | frozenset(
    [getattr(namespace, name) for name in _BOTH for namespace in (torch, torch.Tensor)]
    + [torch.cat, torch.stack, torch.concat, torch.Tensor.view, torch.Tensor.expand, torch.Tensor.size]
    + [F.softmax, F.log_softmax, F.embedding, F.scaled_dot_product_attention, operator.matmul, operator.getitem]
)


def pointwise_result(
    op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], shape_of: Callable[[Any], Any]
) -> tuple[tuple[int, ...], torch.dtype]:
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
    return broadcast(shapes), result.dtype


def broadcast(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that all of these broadcast to. PyTorch's own function loads its compiler before it refuses.

    >>> broadcast([(3, 1), (2, 1, 4)])
    (2, 3, 4)
    """
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    result = [1] * max(map(len, shapes))
    for shape in shapes:
        for axis in range(-len(shape), 0):
            if shape[axis] != 1 and result[axis] not in (1, shape[axis]):
                told = ", ".join(map(str, shapes))
                raise RuntimeError(
                    f"shapes that broadcast, not {told}: {result[axis]} and {shape[axis]} at axis {axis}"
                )
            if shape[axis] != 1:
                result[axis] = shape[axis]
    return tuple(result)
