"""Nested plain values with tensors and arrays at the leaves, as JSON types beside a list of tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from .errors import LoadingError
from .values import decode, encode, no_word


class TensorsAside:
    """Takes tensors and arrays out of trees, and remembers them by number.

    Attributes:
        tensors: number -> tensor; the very tensors, not copies.

    >>> aside = TensorsAside()
    >>> aside.pack({"best": 0.5, "weights": [torch.ones(2)]})
    {'best': 0.5, 'weights': [{'$tensor': '0'}]}
    >>> unpack({"weights": [{"$tensor": "0"}]}, aside.tensors)
    {'weights': [tensor([1., 1.])]}
    """

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}

    def pack(self, tree: Any) -> Any:
        """The tree as JSON types.

        Raises:
            SavingError: a leaf that is neither plain, nor a tensor, nor an array of numbers.
        """
        return encode(tree, self._take)

    def _take(self, leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor):
            return {"$tensor": self._numbered(leaf)}
        if isinstance(leaf, np.ndarray):
            try:
                return {"$array": self._numbered(torch.from_numpy(np.ascontiguousarray(leaf)).reshape(leaf.shape))}
            except TypeError:  # no numbers
                return no_word(leaf)
        return no_word(leaf)

    def _numbered(self, tensor: torch.Tensor) -> str:
        number = str(len(self.tensors))
        self.tensors[number] = tensor
        return number


def unpack(data: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """Reverse of `TensorsAside.pack`.

    Raises:
        LoadingError: not what it wrote, or a tensor that is not there.
    """

    def find(number: Any) -> torch.Tensor:
        if type(number) is not str or number not in tensors:
            raise LoadingError("A state asks for a tensor that is not there.", got=f"{number!r}"[:80])
        return tensors[number]

    return decode(data, {"$tensor": find, "$array": lambda number: find(number).numpy()})
