"""float64 data for a model that declares no inputs and holds modules of PyTorch's own.

NumPy and pandas make float64 by default. A graph says what its inputs are, and Lamina's layers cast by themselves, but
PyTorch's modules refuse another dtype than that of their weights. So such data are cast, as Keras casts them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import tree
from lamina.layers.mode import is_foreign


def without_doubles(model: torch.nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments of a call, those in float64 in the dtype of the model's weights where these share one.

    Nothing is cast where PyTorch's modules have no part in the model.

    >>> (x,), _ = without_doubles(torch.nn.ModuleList([torch.nn.Linear(2, 1)]), (np.ones((1, 2)),), {})
    >>> x.dtype
    torch.float32
    """
    if not kwargs and len(args) == 1 and type(args[0]) is torch.Tensor and args[0].dtype is not torch.float64:
        return args, kwargs  # at once: 2 us less of 25
    if torch.compiler.is_compiling() or not any(map(_is_double, tree.leaves((args, kwargs)))):
        return args, kwargs
    if not any(is_foreign(part) for part in model.modules() if part is not model):  # in a `TorchModule` too
        return args, kwargs
    dtypes = {weight.dtype for weight in model.parameters() if weight.is_floating_point()}
    if len(dtypes) != 1 or torch.float64 in dtypes:
        return args, kwargs
    (dtype,) = dtypes
    cast: Any = tree.map_leaves(
        lambda leaf: torch.as_tensor(leaf).to(dtype) if _is_double(leaf) else leaf, (args, kwargs)
    )
    return cast  # type: ignore[no-any-return]


def _is_double(leaf: Any) -> bool:
    return isinstance(leaf, (torch.Tensor, np.ndarray)) and leaf.dtype in (torch.float64, np.dtype("float64"))
