"""KerasTensor: Keras' name for symbolic tensors, and its way to make one by shape."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any

from lamina.graph import SymbolicTensor

from .input_layer import InputLayer

if TYPE_CHECKING:
    KerasTensor = SymbolicTensor  # as a hint, it means any symbolic tensor: checkers do not know of `register`
else:

    class KerasTensor(ABC):  # noqa: B024  only for `register`, below: every symbolic tensor counts as one
        """A symbolic tensor of a shape with the batch axis. Every `SymbolicTensor` counts as a `KerasTensor`.

        ``KerasTensor(shape)`` is ``Input(batch_shape=shape)``: operations and layers take it, models can begin with it.

        Args:
            shape: sizes of all axes, ``None`` where only run time tells.
            dtype: name or ``torch.dtype``.
            sparse, ragged: False; tensors are dense here.
            record_history: every operation on a symbolic tensor is recorded, whatever this says.
            name: what dicts of data, error messages and pictures call it.

        Raises:
            ArgumentError: a shape that is none, or ``sparse`` or ``ragged``.
            DtypeError: no such dtype.

        >>> x = KerasTensor((None, 3), name="x")
        >>> x.shape, (x + 1).shape, isinstance(x + 1, KerasTensor)
        ((None, 3), (None, 3), True)
        """

        def __new__(  # what is made is a SymbolicTensor, which counts as one
            cls,
            shape: Any,
            dtype: Any = "float32",
            sparse: bool = False,
            ragged: bool = False,
            record_history: bool = True,
            name: str | None = None,
        ) -> SymbolicTensor:
            return InputLayer(batch_shape=shape, dtype=dtype, sparse=sparse, ragged=ragged, name=name).take()

    KerasTensor.register(SymbolicTensor)
