"""Keras' questions about the engine, and the answers, which do not change: PyTorch, float32, channels last.

Keras' code asks these of ``keras.backend``. Lamina has no global settings: what Keras sets here for all that comes,
Lamina takes as an argument where it counts (``dtype=``, ``data_format=``, ``epsilon=``), and the setters say so.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, NoReturn

import torch

from lamina.graph import ArgumentError, SymbolicTensor
from lamina.graph.dtypes import name_of, to_torch

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
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


def backend() -> str:
    """The engine.

    >>> backend()
    'torch'
    """
    return "torch"


def floatx() -> str:
    """The dtype of numbers and weights, where none is said.

    >>> floatx()
    'float32'
    """
    return "float32"


def epsilon() -> float:
    """The small number that keeps divisors and logarithms away from 0.

    >>> epsilon()
    1e-07
    """
    return 1e-7


def image_data_format() -> str:
    """Where a picture's channels stand, if nothing is said.

    >>> image_data_format()
    'channels_last'
    """
    return "channels_last"


def set_floatx(value: str) -> None:
    """Only what is so anyway: Lamina has no global settings.

    Raises:
        ArgumentError: any other dtype.

    >>> set_floatx("float32")
    """
    if value != floatx():
        _refuse("floatx", value, floatx(), 'dtype="float64" of Input(...) and of the layers')


def set_epsilon(value: float) -> None:
    """Only what is so anyway: Lamina has no global settings.

    Raises:
        ArgumentError: any other number.

    >>> set_epsilon(1e-7)
    """
    if value != epsilon():
        _refuse("epsilon", value, epsilon(), "epsilon=... of the layer, loss or op")


def set_image_data_format(data_format: str) -> None:
    """Only what is so anyway: Lamina has no global settings.

    Raises:
        ArgumentError: any other order of axes.

    >>> set_image_data_format("channels_last")
    """
    if data_format != image_data_format():
        _refuse("image_data_format", data_format, image_data_format(), 'data_format="channels_first" of the layers')


def clear_session(free_memory: bool = True) -> None:
    """Nothing: there is no session. A model that nobody holds is gone, with its graph, by reference counts alone.

    >>> clear_session()
    """


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
    if dtype is None:
        return floatx()
    return name_of(to_torch(getattr(dtype, "name", dtype)))


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
        widest = max((type(sample) for sample in samples), key=list(plain).index, default=None)
        return standardize_dtype(widest)
    kind = reduce(torch.promote_types, strong)
    for sample in samples:
        if kind == torch.bool and type(sample) is int:
            kind = torch.int32  # where PyTorch has int64
        kind = torch.result_type(torch.empty(1, dtype=kind), sample)
    return name_of(kind)


def _refuse(name: str, value: Any, fixed: Any, hint: str) -> NoReturn:
    raise ArgumentError(
        f"Lamina has no global {name} to set.", got=repr(value), expected=f"{fixed!r}, which is fixed", hint=hint
    )
