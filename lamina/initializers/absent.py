"""What stands for an initializer of the user's that was not at hand when a file was read."""

from __future__ import annotations

from typing import Any, Self

from lamina.registry import Absent

from .base import Initializer
from .constant import Zeros
from .variance_scaling import GlorotUniform


class AbsentInitializer(Absent, Initializer):
    """Fills as most layers do: a kernel with `GlorotUniform`, what has one axis or none with zeros.

    >>> AbsentInitializer({"class_name": "Mine", "config": {}})((2,))
    tensor([0., 0.])
    """

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return (GlorotUniform() if len(tuple(shape)) > 1 else Zeros())(shape, dtype=dtype, **kwargs)

    def clone(self) -> Self:
        return self
