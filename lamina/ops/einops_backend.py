"""einops on symbolic tensors: its functions find here how to reshape, permute and reduce one.

einops asks the subclasses of its ``AbstractBackend`` which of them knows a tensor. That class is not public, and einops
need not be installed: it is looked for where einops is imported, before or after Lamina, and never imported from here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any, NoReturn

import torch

from lamina.graph import SymbolicTensor, ValueNeededError
from lamina.graph.source import caller, warn

_BACKENDS = "einops._backends"
# What einops imports once its backends are there; the first of them tells that it is being imported.
_AFTERWARDS = ("einops.packing", "einops.layers")
_METHODS = "is_appropriate_type shape to_numpy reduce transpose reshape add_axes concat einsum".split()


class Sizes(tuple[Any, ...]):
    """A shape with symbolic sizes. It has no hash: einops keeps what it made of a shape, and with it these sizes."""

    __hash__ = None  # type: ignore[assignment]


class _Methods:
    """What einops asks of a backend."""

    framework_name = "lamina"

    def is_appropriate_type(self, tensor: Any) -> bool:
        return isinstance(tensor, SymbolicTensor)

    def shape(self, x: Any) -> Sizes:
        return Sizes(x.size())

    def to_numpy(self, x: Any) -> NoReturn:
        raise ValueNeededError(
            "einops.asnumpy needs the values of a tensor, which exist only when the model runs.",
            got=str(x),
            where=str(caller()),
            hint="model.predict(...)",
        )

    def arange(self, start: Any, stop: Any) -> Any:
        return torch.arange(start, stop)

    def reshape(self, x: Any, shape: Sequence[Any]) -> Any:
        return x.reshape(tuple(shape))

    def transpose(self, x: Any, axes: Sequence[int]) -> Any:
        return x.permute(tuple(axes))

    def reduce(self, x: Any, operation: str, axes: Sequence[int]) -> Any:
        if operation in ("any", "all", "prod"):  # of which PyTorch takes one axis at a time
            for axis in sorted(axes, reverse=True):
                x = getattr(x, operation)(dim=axis)
            return x
        return getattr(x, {"min": "amin", "max": "amax"}.get(operation, operation))(dim=tuple(axes))

    def stack_on_zeroth_dimension(self, tensors: list[Any]) -> Any:
        return torch.stack(tensors)

    def add_axis(self, x: Any, new_position: int) -> Any:
        return torch.unsqueeze(x, new_position)

    def add_axes(self, x: Any, n_axes: int, pos2len: dict[int, Any]) -> Any:
        for position in pos2len:
            x = torch.unsqueeze(x, position)
        return x.expand(tuple(pos2len.get(axis, -1) for axis in range(n_axes)))

    def tile(self, x: Any, repeats: Sequence[Any]) -> Any:
        return x.repeat(tuple(repeats))

    def concat(self, tensors: list[Any], axis: int) -> Any:
        return torch.cat(tensors, dim=axis)

    def is_float_type(self, x: Any) -> bool:
        return bool(x.dtype.is_floating_point)

    def einsum(self, pattern: str, *x: Any) -> Any:
        return torch.einsum(pattern, *x)


class _Watch(MetaPathFinder):
    """Is asked for each module that is imported; finds none, and acts where einops has come."""

    def __init__(self) -> None:
        self.done = False

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if not self.done and fullname.startswith(_AFTERWARDS):
            self.done = True
            register(sys.modules.get(_BACKENDS))


def register(backends: ModuleType | None) -> None:
    """Make symbolic tensors known to einops, given its module of backends.

    Warns where this release of einops has none such, or asks for more than is known here.
    """
    base = getattr(backends, "AbstractBackend", None)
    if isinstance(base, type) and all(hasattr(base, name) for name in _METHODS):
        # einops keeps no list: it looks for the classes under this one, which Python holds weakly.
        backends.LaminaBackend = type("LaminaBackend", (_Methods, base), {})  # type: ignore[union-attr]
        return
    warn(
        "This release of einops keeps its backends in another way than those known to Lamina, so its functions refuse "
        "symbolic tensors. einops 0.8 works; lamina.ops.rearrange and layers.TorchModule(Rearrange(...)) do with any."
    )


def watch() -> None:
    """Have symbolic tensors known to einops: at once if it has been imported, else as soon as it is."""
    if _BACKENDS in sys.modules:
        register(sys.modules[_BACKENDS])
    elif not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())
