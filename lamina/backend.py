"""Keras' questions about the engine and about dtypes, as its code asks them of ``keras.backend``.

Defaults that can be set are those of `lamina.config`.
"""

from __future__ import annotations

import builtins
import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lamina.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_dtype_policy,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from lamina.defaults import defaults
from lamina.graph import SymbolicTensor
from lamina.graph.dtypes import HELD_BY, name_of, to_torch
from lamina.older_backend import *  # noqa: F403  all of Keras 2's names, and no others
from lamina.older_backend import __all__ as _older
from lamina.public_names import names_of

__all__ = [
    *_older,
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)


def clear_session(free_memory: bool = True) -> None:
    """Back to the first dtype policy, and `get_uid` begins anew; there is nothing else to clear.

    A model that nobody holds is gone, with its graph, by reference counts alone, and names are counted per model.
    `floatx`, `epsilon` and `image_data_format` stay as they were set, as in Keras.

    >>> clear_session()
    """
    set_dtype_policy(None)
    defaults.uids.clear()


def get_uid(prefix: str = "") -> int:
    """A number that is higher each time it is asked for the same prefix, from 1 on; `clear_session` begins anew.

    Names of layers need none: they are counted per model.

    >>> clear_session()
    >>> get_uid("dense"), get_uid("dense"), get_uid("conv")
    (1, 2, 1)
    """
    defaults.uids[prefix] += 1
    return defaults.uids[prefix]


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor.

    >>> is_keras_tensor(lamina.Input((3,))), is_keras_tensor(torch.ones(3))
    (True, False)
    """
    return isinstance(x, SymbolicTensor)


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype that is given by name, as a torch or NumPy dtype, or as a type of Python's.

    Raises:
        DtypeError: it is none.

    >>> standardize_dtype(torch.int8), standardize_dtype(float), standardize_dtype(None)
    ('int8', 'float32', 'float32')
    """
    if dtype is None or dtype is float:
        return floatx()
    if isinstance(dtype, type) and issubclass(dtype, np.generic):
        dtype = np.dtype(dtype)
    name = getattr(dtype, "name", dtype)
    return name if isinstance(name, str) and name in HELD_BY else name_of(to_torch(name))


def is_float_dtype(dtype: Any) -> bool:
    """Whether numbers of this dtype have a fraction part.

    >>> is_float_dtype("bfloat16"), is_float_dtype("int32")
    (True, False)
    """
    return to_torch(standardize_dtype(dtype)).is_floating_point


def is_int_dtype(dtype: Any) -> bool:
    """Whether numbers of this dtype are whole. Bools are none.

    >>> is_int_dtype("uint8"), is_int_dtype("bool")
    (True, False)
    """
    kind = to_torch(standardize_dtype(dtype))
    return not (kind.is_floating_point or kind.is_complex or kind == torch.bool)


def result_type(*dtypes: Any) -> str:
    """The dtype in which numbers of these dtypes meet. The types `bool`, `int` and `float` stand for Python's numbers.

    >>> result_type("int32", "float16"), result_type("int32", float), result_type("float16", float)
    ('float16', 'float32', 'float16')
    """
    plain = {bool: True, int: 1, float: 1.0}
    samples = [plain[dtype] for dtype in dtypes if dtype in plain]
    strong = [to_torch(standardize_dtype(dtype)) for dtype in dtypes if dtype not in plain]
    if not strong:
        widest = builtins.max((type(sample) for sample in samples), key=list(plain).index, default=None)
        return standardize_dtype(widest)
    kind = functools.reduce(torch.promote_types, strong)
    for sample in samples:
        if kind == torch.bool and type(sample) is int:
            kind = torch.int32  # where PyTorch has int64
        elif type(sample) is float and not (kind.is_floating_point or kind.is_complex):
            kind = to_torch(floatx())
        kind = torch.result_type(torch.empty(1, dtype=kind), sample)
    return name_of(kind)
