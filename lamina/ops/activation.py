"""The activation functions as ops: those of `lamina.activations`, where their docs are, on arrays and numbers, too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lamina import activations

from .operands import tensor


def _on_anything(function: Callable[..., Any]) -> Callable[..., Any]:
    """The activation function, on whatever can become a tensor."""

    @functools.wraps(function)
    def op(x: Any, *args: Any, **kwargs: Any) -> Any:
        return function(tensor(x), *args, **kwargs)

    return op


celu = _on_anything(activations.celu)
elu = _on_anything(activations.elu)
glu = _on_anything(activations.glu)
hard_shrink = _on_anything(activations.hard_shrink)
hard_sigmoid = _on_anything(activations.hard_sigmoid)
hard_silu = _on_anything(activations.hard_silu)
hard_swish = hard_silu
hard_tanh = _on_anything(activations.hard_tanh)
leaky_relu = _on_anything(activations.leaky_relu)
log_sigmoid = _on_anything(activations.log_sigmoid)
log_softmax = _on_anything(activations.log_softmax)
relu6 = _on_anything(activations.relu6)
selu = _on_anything(activations.selu)
sigmoid = _on_anything(activations.sigmoid)
silu = _on_anything(activations.silu)
soft_shrink = _on_anything(activations.soft_shrink)
softmax = _on_anything(activations.softmax)
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

    >>> gelu([-1.0, 2.0])
    tensor([-0.1588,  1.9546])
    """
    return activations.gelu(tensor(x), approximate)
