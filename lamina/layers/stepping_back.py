"""Calls of users that write ``x[:, ::-1]``: PyTorch's tensors refuse it, so such a call runs where they take it.

That is seen when the layer is drawn, or when its first call is refused. Every function of PyTorch's costs such a call a
microsecond more; no other layer notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamina.sizes.keys import StepsBack

_REFUSED = "step must be greater than zero"


@dataclass(frozen=True)
class _Call:
    """How the layer is called: as ``before``, with negative steps taken."""

    before: Any

    def __call__(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with StepsBack():
            return layer.call(*args, **kwargs) if self.before is None else self.before(layer, args, kwargs)


def steps_back(layer: Any) -> None:
    """From now on the layer's call may take negative steps."""
    if not isinstance(layer._remat, _Call):
        layer._remat = _Call(layer._remat)


def refused(layer: Any, error: Exception) -> bool:
    """Whether a call ended since it took a negative step, so that it is worth another time."""
    return isinstance(error, ValueError) and str(error) == _REFUSED and not isinstance(layer._remat, _Call)
