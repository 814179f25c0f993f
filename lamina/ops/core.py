"""Tensors as such: making them from other things, and asking what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.arrays import as_array
from lamina.graph import ArgumentError
from lamina.graph.dtypes import name_of, to_torch

from .eager_errors import tell
from .operands import refuse_symbolic, tensor


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as a tensor, or as the symbolic tensor that it is.

    Args:
        x: a tensor, a symbolic tensor, a NumPy array (shared, not copied, where that can be), a number, or a nesting of
            lists of these.
        dtype: of the result; by default an array's own, and int32, float32 or bool for Python's numbers.
        sparse, ragged: only False or None.

    Raises:
        ArgumentError: a sparse or ragged tensor is asked for.
        DtypeError: `x` holds no numbers.

    >>> convert_to_tensor([1, 2.5])
    tensor([1.0000, 2.5000])
    """
    if sparse or ragged:
        raise ArgumentError("ops.convert_to_tensor makes dense tensors only.", got=f"sparse={sparse}, ragged={ragged}")
    try:
        return tensor(x, dtype)
    except (RuntimeError, TypeError) as error:
        tell(error)
        raise


def array(x: Any, dtype: Any = None) -> Any:
    """`x` as a tensor; as `convert_to_tensor`.

    Args:
        x: what `convert_to_tensor` takes.
        dtype: of the result: a name such as "float32", or a torch dtype.

    >>> array([1, 2], dtype="float32")
    tensor([1., 2.])
    """
    return tensor(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """The values as a NumPy array: without gradient, from whatever device, bfloat16 and float8 as float32.

    Raises:
        ValueNeededError: `x` is symbolic.

    >>> convert_to_numpy(torch.ones(2, requires_grad=True))
    array([1., 1.], dtype=float32)
    """
    refuse_symbolic("convert_to_numpy", x, hint="model.predict(...), which returns arrays")
    if not isinstance(x, torch.Tensor):
        return np.array(tensor(x).numpy()) if isinstance(x, (list, tuple)) else np.array(x)
    return np.array(as_array(x))


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor with values: not a symbolic one, not an array.

    >>> is_tensor(torch.ones(2)), is_tensor(np.ones(2))
    (True, False)
    """
    return isinstance(x, torch.Tensor)


def cast(x: Any, dtype: Any) -> Any:
    """`x` with its values as this dtype: a name such as "float32", or a torch dtype.

    Args:
        x: any shape.
        dtype: of the result: a name such as "float32", or a torch dtype.

    >>> cast([0.5, -1.5], "int32")
    tensor([ 0, -1], dtype=torch.int32)
    """
    return tensor(tensor(x), dtype)


def dtype(x: Any) -> str:
    """The name of the dtype that `x` has, or would have as a tensor.

    >>> dtype(torch.ones(2)), dtype(1)
    ('float32', 'int32')
    """
    return name_of(tensor(x).dtype)


def shape(x: Any) -> tuple[Any, ...]:
    """Sizes of the axes. On a symbolic tensor, an unknown size is a number that arithmetic and `reshape` accept.

    >>> shape(torch.ones(2, 3))
    (2, 3)
    >>> b, t, c = shape(lamina.Input((None, 8)))
    >>> (t * c, c)
    (<SymbolicInt of operator.mul>, 8)
    """
    return tuple(tensor(x).size())


def ndim(x: Any) -> int:
    """How many axes there are.

    >>> ndim(torch.ones(2, 3))
    2
    """
    result: int = tensor(x).ndim
    return result


def size(x: Any) -> Any:
    """How many values there are: an integer, symbolic where an axis is unknown.

    >>> size(torch.ones(2, 3))
    6
    """
    return tensor(x).numel()


def stop_gradient(variable: Any) -> Any:
    """The same values; no gradient goes back through them.

    >>> stop_gradient(torch.ones(2, requires_grad=True)).requires_grad
    False
    """
    return tensor(variable).detach()


def copy(x: Any) -> Any:
    """The same values in memory of their own.

    >>> copy([1, 2])
    tensor([1, 2], dtype=torch.int32)
    """
    return torch.clone(tensor(x))


def view(x: Any, dtype: Any = None) -> Any:
    """The same bits read as another dtype; where that is wider or narrower, the last axis shrinks or grows.

    Args:
        x: any shape.
        dtype: of the result: a name such as "float32", or a torch dtype.

    >>> view(torch.ones(2), "int32")
    tensor([1065353216, 1065353216], dtype=torch.int32)
    """
    x = tensor(x)
    if dtype is None:
        return x
    if isinstance(dtype, type) and issubclass(dtype, np.generic):
        dtype = np.dtype(dtype)
    # The bits of larger unsigned integers are these, which PyTorch names without computing much with them.
    unsigned = getattr(torch, str(getattr(dtype, "name", dtype)), None) if "uint" in str(dtype) else None
    return x.view(unsigned or to_torch(dtype))
