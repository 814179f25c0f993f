"""The activation functions as ops: those of `lamina.activations`, where their docs are, on arrays and numbers, too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lamina import activations
from lamina.graph import DtypeError, ShapeError

from .operands import floating, here, plain_axes, tensor


def _on_anything(function: Callable[..., Any]) -> Callable[..., Any]:
    """The activation function, on whatever can become a tensor."""

    @functools.wraps(function)
    def op(x: Any, *args: Any, **kwargs: Any) -> Any:
        return function(tensor(x), *args, **kwargs)

    return op


celu = _on_anything(activations.celu)
elu = _on_anything(activations.elu)
hard_shrink = _on_anything(activations.hard_shrink)
hard_sigmoid = _on_anything(activations.hard_sigmoid)
hard_silu = _on_anything(activations.hard_silu)
hard_swish = hard_silu
hard_tanh = _on_anything(activations.hard_tanh)
leaky_relu = _on_anything(activations.leaky_relu)
log_sigmoid = _on_anything(activations.log_sigmoid)
relu6 = _on_anything(activations.relu6)
selu = _on_anything(activations.selu)
sigmoid = _on_anything(activations.sigmoid)
silu = _on_anything(activations.silu)
soft_shrink = _on_anything(activations.soft_shrink)
softplus = _on_anything(activations.softplus)
softsign = _on_anything(activations.softsign)
sparse_plus = _on_anything(activations.sparse_plus)
sparse_sigmoid = _on_anything(activations.sparse_sigmoid)
sparsemax = _on_anything(activations.sparsemax)
squareplus = _on_anything(activations.squareplus)
swish = silu
tanh_shrink = _on_anything(activations.tanh_shrink)
threshold = _on_anything(activations.threshold)


def relu(x: Any) -> Any:
    """`x` where it is above 0, else 0.

    >>> relu([-1.0, 2.0])
    tensor([0., 2.])
    """
    return activations.relu(tensor(x))


def gelu(x: Any, approximate: bool = True) -> Any:
    """`x * P(Z <= x)` for a standard normal Z; by default by the formula made of tanh, unlike `activations.gelu`.

    Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415.

    Args:
        x: any shape.
        approximate: whether by the formula made of tanh.

    >>> gelu([-1.0, 2.0])
    tensor([-0.1588,  1.9546])
    """
    return activations.gelu(tensor(x), approximate)


def glu(x: Any, axis: int = -1) -> Any:
    """The first half along an axis times the sigmoid of the second: `a * sigmoid(b)`.

    Dauphin et al. 2016, https://arxiv.org/abs/1612.08083.

    Args:
        x: any shape; integers count as float32.
        axis: of an even size.

    Raises:
        ArgumentError: there is no such axis. ShapeError: its size is odd.

    >>> glu([4.0, 6.0, 0.0, 0.0])
    tensor([2., 3.])
    """
    x, axis = _along("glu", x, axis)
    size = x.shape[plain_axes(x, axis)[0]]
    if size is not None and size % 2:
        raise ShapeError("ops.glu halves an axis.", got=f"axis {axis} of shape {tuple(x.shape)}", where=here())
    return activations.glu(x, axis)


def softmax(x: Any, axis: Any = -1) -> Any:
    """`exp(x) / sum(exp(x))` along `axis`: values in (0, 1) that sum to 1.

    Args:
        x: any shape; integers count as float32.
        axis: one axis, several that share the sum, or None for all.

    Raises:
        ArgumentError: there is no such axis.

    >>> softmax([0.0, 0.0])
    tensor([0.5000, 0.5000])
    """
    return activations.softmax(*_along("softmax", x, axis))


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """`log(softmax(x, axis))`, without overflow; args and errors as in `softmax`.

    >>> log_softmax([0.0, 0.0])
    tensor([-0.6931, -0.6931])
    """
    return activations.log_softmax(*_along("log_softmax", x, axis))


def _along(name: str, x: Any, axis: Any) -> tuple[Any, Any]:
    x = floating(x)
    if x.dtype.is_complex:
        raise DtypeError(f"ops.{name} takes real numbers.", got=str(x.dtype), where=here(), hint="ops.abs(x)")
    plain_axes(x, axis)
    return x, axis
